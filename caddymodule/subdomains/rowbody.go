package subdomains

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aditechsphere/fairway/backends/subdomain"
	"github.com/aditechsphere/fairway/caddymodule/internal/adminapi"
)

// readTarget reads the target of one row.
func readTarget(w http.ResponseWriter, r *http.Request) (json.RawMessage, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return nil, adminapi.Error(http.StatusBadRequest, fmt.Errorf("reading the target: %w", err))
	}
	if !json.Valid(body) {
		return nil, adminapi.Error(http.StatusBadRequest,
			errors.New(`the target is not JSON: write "orders" or "127.0.0.1:8000", with the quotes`))
	}
	return compact(body)
}

func compact(target []byte) (json.RawMessage, error) {
	var buffer bytes.Buffer
	err := json.Compact(&buffer, target)
	return buffer.Bytes(), err
}

// readRows reads rows by label; null removes. It reads token by token, because
// decoding into a map would not tell that a label is there twice.
func readRows(w http.ResponseWriter, r *http.Request) (put []subdomain.Row, remove []string, err error) {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	fail := func(err error) ([]subdomain.Row, []string, error) {
		return nil, nil, adminapi.Error(http.StatusBadRequest, err)
	}
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return fail(errors.New(`the body is not a JSON object: write {"blog": "127.0.0.1:8000"}`))
	}
	seen := make(map[string]bool)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return fail(err)
		}
		written, _ := token.(string) // it is an object's key
		label, err := subdomain.Label(written)
		if err != nil {
			return fail(err)
		}
		if seen[label] {
			return fail(fmt.Errorf("the label %q is given twice", label))
		}
		seen[label] = true
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return fail(fmt.Errorf("row %q: %w", label, err))
		}
		if string(value) == "null" {
			remove = append(remove, label)
			continue
		}
		target, err := compact(value)
		if err != nil {
			return fail(err)
		}
		put = append(put, subdomain.Row{Label: label, Target: target})
	}
	if _, err := decoder.Token(); err != nil {
		return fail(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fail(errors.New("there is something after the JSON object"))
	}
	return put, remove, nil
}
