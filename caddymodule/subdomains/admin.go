package subdomains

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/aditechsphere/fairway/backends/subdomain"
)

func init() {
	caddy.RegisterModule(new(adminAPI))
}

// adminAPI lists, adds and removes rows without a reload:
//
//	GET    /fairway/subdomains          a page of the rows: ?limit=100&after=LABEL
//	PUT    /fairway/subdomains          {"LABEL": target, …}: these are all the added rows
//	PATCH  /fairway/subdomains          {"LABEL": target or null, …}: add, change, remove
//	GET    /fairway/subdomains/LABEL    one row
//	PUT    /fairway/subdomains/LABEL    target: add or change
//	DELETE /fairway/subdomains/LABEL    remove
//
// A target is written as in the configuration. When the configuration has
// tables of several domains, ?domain= says which. Rows of the configuration
// are shown, but only the configuration changes them.
type adminAPI struct{}

const (
	adminPath    = "/fairway/subdomains"
	defaultLimit = 100
	maxLimit     = 1000
	maxBody      = 64 << 20
)

// CaddyModule returns the Caddy module information.
func (*adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.fairway_subdomains",
		New: func() caddy.Module { return new(adminAPI) },
	}
}

// Routes implements [caddy.AdminRouter].
func (*adminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: adminPath, Handler: caddy.AdminHandlerFunc(handleTable)},
		{Pattern: adminPath + "/", Handler: caddy.AdminHandlerFunc(handleRow)},
	}
}

// rowView is a row as the admin endpoint shows it.
type rowView struct {
	Label  string          `json:"label"`
	Name   string          `json:"name"`
	Kind   string          `json:"kind,omitempty"` // service, upstream, redirect or handler
	Target json.RawMessage `json:"target"`
	Source string          `json:"source"` // configuration or added

	// Why an added row is not served, and its target when another row is
	// served in its place.
	Problem  string          `json:"problem,omitempty"`
	Shadowed json.RawMessage `json:"shadowed,omitempty"`
}

func handleTable(w http.ResponseWriter, r *http.Request) error {
	switch r.Method {
	case http.MethodGet:
		return withTable(r, func(t *table) error { return list(w, r, t) })
	case http.MethodPut, http.MethodPatch:
		put, remove, err := readRows(w, r)
		if err != nil {
			return err
		}
		if r.Method == http.MethodPut {
			return replaceRows(w, r, put, remove)
		}
		return withTable(r, func(t *table) error {
			err := t.ledger.change(r.Context(), t, put, remove)
			return writeChange(w, t, len(put), len(remove), err)
		})
	}
	return methodNotAllowed(w, "GET, PUT, PATCH")
}

func replaceRows(w http.ResponseWriter, r *http.Request, put []subdomain.Row, remove []string) error {
	if len(remove) > 0 {
		return apiError(http.StatusBadRequest, fmt.Errorf("row %q is null: leave it out, PUT replaces all added rows", remove[0]))
	}
	return withTable(r, func(t *table) error {
		removed, err := t.ledger.replace(r.Context(), t, put)
		return writeChange(w, t, len(put), removed, err)
	})
}

func writeChange(w http.ResponseWriter, t *table, put, removed int, err error) error {
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, map[string]any{"domain": t.rows.Domain(), "put": put, "removed": removed})
}

func handleRow(w http.ResponseWriter, r *http.Request) error {
	label, err := subdomain.Label(strings.TrimPrefix(r.URL.Path, adminPath+"/"))
	if err != nil {
		return apiError(http.StatusBadRequest, err)
	}
	switch r.Method {
	case http.MethodGet:
		return withTable(r, func(t *table) error { return showRow(w, http.StatusOK, t, label) })
	case http.MethodPut:
		target, err := readTarget(w, r)
		if err != nil {
			return err
		}
		return withTable(r, func(t *table) error {
			added, err := t.ledger.put(r.Context(), t, subdomain.Row{Label: label, Target: target})
			switch {
			case err != nil:
				return err
			case added:
				return showRow(w, http.StatusCreated, t, label)
			}
			return showRow(w, http.StatusOK, t, label)
		})
	case http.MethodDelete:
		return withTable(r, func(t *table) error {
			if err := t.ledger.remove(r.Context(), t, label); err != nil {
				return err
			}
			w.WriteHeader(http.StatusNoContent)
			return nil
		})
	}
	return methodNotAllowed(w, "GET, PUT, DELETE")
}

// withTable has do work on the table that a request is about; again, when a
// reload replaced it meanwhile.
func withTable(r *http.Request, do func(*table) error) error {
	for {
		t, err := tableFor(r)
		if err != nil {
			return err
		}
		if err := do(t); !errors.Is(err, errReplaced) {
			return changeError(err)
		}
	}
}

// tableFor returns the table that a request is about, once it is loaded.
func tableFor(r *http.Request) (*table, error) {
	app, err := runningApp()
	if err != nil && !errors.Is(err, caddy.ErrNotConfigured) {
		return nil, err
	}
	var tables []*table
	if app != nil {
		tables = app.all()
	}
	t, err := choose(tables, r.URL.Query().Get("domain"))
	if err != nil {
		return nil, err
	}
	select {
	case <-t.loaded:
		return t, nil
	case <-r.Context().Done():
		return nil, apiError(http.StatusServiceUnavailable, errors.New("the rows are being loaded"))
	}
}

func choose(tables []*table, domain string) (*table, error) {
	domains := make([]string, len(tables))
	for i, t := range tables {
		domains[i] = t.rows.Domain()
	}
	slices.Sort(domains)
	switch {
	case len(tables) == 0:
		return nil, apiError(http.StatusNotFound, errors.New("the running configuration has no subdomains table"))
	case domain == "" && len(tables) == 1:
		return tables[0], nil
	case domain == "":
		return nil, apiError(http.StatusBadRequest, fmt.Errorf("which table? Add ?domain= and one of %s", strings.Join(domains, ", ")))
	}
	wanted, err := subdomain.Domain(domain)
	if err != nil {
		return nil, apiError(http.StatusBadRequest, err)
	}
	for _, t := range tables {
		if t.rows.Domain() == wanted {
			return t, nil
		}
	}
	return nil, apiError(http.StatusNotFound, fmt.Errorf("no table of %s; there are %s", wanted, strings.Join(domains, ", ")))
}

// list writes a page of the rows, sorted by label, the domain itself first.
func list(w http.ResponseWriter, r *http.Request, t *table) error {
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	t.ledger.mu.Lock()
	defer t.ledger.mu.Unlock()
	labels := t.allLabels()
	from := 0
	if after := r.URL.Query().Get("after"); after != "" {
		at, found := slices.BinarySearchFunc(labels, after, compareLabels)
		if from = at; found {
			from++
		}
	}
	page := labels[from:min(from+limit, len(labels))]
	answer := struct {
		Domain string    `json:"domain"`
		Total  int       `json:"total"`
		Rows   []rowView `json:"rows"`
		Next   string    `json:"next,omitempty"` // what to ask for with ?after=
	}{Domain: t.rows.Domain(), Total: len(labels), Rows: make([]rowView, len(page))}
	for i, label := range page {
		if answer.Rows[i], err = t.view(label); err != nil {
			return err
		}
	}
	if from+limit < len(labels) {
		answer.Next = page[len(page)-1]
	}
	return writeJSON(w, http.StatusOK, answer)
}

func limitOf(r *http.Request) (int, error) {
	written := r.URL.Query().Get("limit")
	if written == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(written)
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, apiError(http.StatusBadRequest, fmt.Errorf("limit %q is not a number from 1 to %d", written, maxLimit))
	}
	return limit, nil
}

// allLabels returns the labels of all rows, served or not, sorted.
func (t *table) allLabels() []string {
	labels := t.rows.Labels()
	unserved := 0
	for label := range t.inactive {
		if _, ok := t.rows.Get(label); !ok {
			labels = append(labels, label)
			unserved++
		}
	}
	if unserved > 0 {
		slices.SortFunc(labels, compareLabels)
	}
	return labels
}

func compareLabels(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == subdomain.Apex:
		return -1
	case b == subdomain.Apex:
		return 1
	}
	return cmp.Compare(a, b)
}

// view returns a row as it is shown; its error is errNoRow when there is none.
func (t *table) view(label string) (rowView, error) {
	name, err := subdomain.Join(label, t.rows.Domain())
	if err != nil {
		return rowView{}, err
	}
	shown := rowView{Label: label, Name: name, Source: "added"}
	unserved, isInactive := t.inactive[label]
	current, isServed := t.rows.Get(label)
	switch {
	case isServed:
		target := current.target()
		shown.Kind = target.Kind()
		if shown.Target, err = json.Marshal(target); err != nil {
			return rowView{}, err
		}
		if !current.added {
			shown.Source = "configuration"
		}
		shown.Shadowed = unserved.target
	case isInactive:
		shown.Target, shown.Problem = unserved.target, unserved.problem
	default:
		return rowView{}, errNoRow
	}
	return shown, nil
}

func showRow(w http.ResponseWriter, status int, t *table, label string) error {
	t.ledger.mu.Lock()
	defer t.ledger.mu.Unlock()
	shown, err := t.view(label)
	if errors.Is(err, errNoRow) {
		return apiError(http.StatusNotFound, fmt.Errorf("no row %q in the table of %s", label, t.rows.Domain()))
	}
	if err != nil {
		return err
	}
	return writeJSON(w, status, shown)
}

// put adds or changes one row, and tells whether it is new.
func (l *ledger) put(ctx context.Context, t *table, row subdomain.Row) (added bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	added = !t.hasAdded(row.Label)
	return added, l.changeLocked(ctx, t, []subdomain.Row{row}, nil)
}

// remove removes one added row.
func (l *ledger) remove(ctx context.Context, t *table, label string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !t.hasAdded(label) {
		if _, ok := t.rows.Get(label); ok {
			return fmt.Errorf("row %q: %w", label, errConfigured)
		}
		return fmt.Errorf("row %q: %w", label, errNoRow)
	}
	return l.changeLocked(ctx, t, nil, []string{label})
}

// hasAdded reports whether there is an added row, served or not.
func (t *table) hasAdded(label string) bool {
	if _, ok := t.inactive[label]; ok {
		return true
	}
	current, ok := t.rows.Get(label)
	return ok && current.added
}

func readTarget(w http.ResponseWriter, r *http.Request) (json.RawMessage, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return nil, apiError(http.StatusBadRequest, fmt.Errorf("reading the target: %w", err))
	}
	if !json.Valid(body) {
		return nil, apiError(http.StatusBadRequest,
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
		return nil, nil, apiError(http.StatusBadRequest, err)
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

// changeError maps an error to an answer.
func changeError(err error) error {
	var answered caddy.APIError
	switch {
	case err == nil, errors.As(err, &answered):
		return err
	case errors.Is(err, errConfigured):
		return apiError(http.StatusConflict, err)
	case errors.Is(err, errNoRow):
		return apiError(http.StatusNotFound, err)
	case errors.Is(err, subdomain.ErrName), errors.Is(err, subdomain.ErrTarget):
		return apiError(http.StatusBadRequest, err)
	}
	return apiError(http.StatusInternalServerError, err)
}

func apiError(status int, err error) error {
	return caddy.APIError{HTTPStatus: status, Err: err}
}

func methodNotAllowed(w http.ResponseWriter, allowed string) error {
	w.Header().Set("Allow", allowed)
	return apiError(http.StatusMethodNotAllowed, fmt.Errorf("there are %s", allowed))
}

func writeJSON(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	return err
}

var _ caddy.AdminRouter = (*adminAPI)(nil)
