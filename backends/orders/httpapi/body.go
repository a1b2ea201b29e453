package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/backends/orders"
)

const (
	maxBody  = 64 << 10 // bytes
	maxDepth = 16       // objects and arrays inside each other
)

// bodyError says why a body could not be read as JSON at all.
type bodyError struct {
	status int
	kind   string // last part of the problem's type
	detail string
}

func (e *bodyError) Error() string { return e.detail }

func malformed(format string, args ...any) error {
	return &bodyError{http.StatusBadRequest, "malformed-json", fmt.Sprintf(format, args...)}
}

// readBody returns the JSON text that a request carries; one without a body
// stands for an empty object.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	contentType := r.Header.Get("Content-Type")
	if r.ContentLength == 0 && contentType == "" {
		return []byte("{}"), nil
	}
	if mediaType, _, err := mime.ParseMediaType(contentType); err != nil || mediaType != "application/json" {
		return nil, &bodyError{http.StatusUnsupportedMediaType, "unsupported-media-type",
			fmt.Sprintf("The body has the Content-Type %q; send application/json.", contentType)}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return nil, &bodyError{http.StatusRequestEntityTooLarge, "body-too-large",
			fmt.Sprintf("The body is larger than %d bytes.", maxBody)}
	}
	if err != nil {
		return nil, malformed("The body could not be read to its end.")
	}
	return body, nil
}

// decode reads one JSON value into a pointer to a struct, strictly: member
// names must be known, spelt exactly and given once, values must have the
// right type. All violations are reported together as *orders.InvalidError.
func decode(body []byte, into any) error {
	if !utf8.Valid(body) {
		return malformed("The body is not UTF-8.")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return malformed("The body is not JSON: %v.", err)
	}
	check := checker{json.NewDecoder(bytes.NewReader(body)), nil}
	check.UseNumber()
	if err := check.value(reflect.TypeOf(into).Elem(), "", 0); err != nil {
		return err
	}
	if len(check.violations) > 0 {
		return &orders.InvalidError{Violations: check.violations}
	}
	if err := json.Unmarshal(body, into); err != nil {
		return malformed("The body does not fit: %v.", err)
	}
	return nil
}

// checker walks a JSON text beside the Go type that it is meant for. A nil
// type accepts anything, below a violation that is already reported.
type checker struct {
	*json.Decoder
	violations []orders.Violation
}

func (c *checker) report(pointer, detail string) {
	c.violations = append(c.violations, orders.Violation{Pointer: pointer, Detail: detail})
}

// value checks the next value. Its error means the text cannot be walked further.
func (c *checker) value(want reflect.Type, pointer string, depth int) error {
	if depth > maxDepth {
		return malformed("The body nests deeper than %d levels.", maxDepth)
	}
	token, err := c.Token()
	if err != nil {
		return malformed("The body is not JSON: %v.", err)
	}
	if want != nil && want.Kind() == reflect.Pointer {
		want = want.Elem()
	}
	switch token {
	case json.Delim('{'):
		return c.object(c.expect(want, pointer, "an object", reflect.Struct, reflect.Map), pointer, depth)
	case json.Delim('['):
		return c.array(c.expect(want, pointer, "an array", reflect.Slice), pointer, depth)
	case nil:
		return nil // null stands for a member that is not there
	}
	c.scalar(token, want, pointer)
	return nil
}

func (c *checker) object(want reflect.Type, pointer string, depth int) error {
	seen := make(map[string]bool)
	for c.More() {
		token, err := c.Token()
		if err != nil {
			return malformed("The body is not JSON: %v.", err)
		}
		name, _ := token.(string) // the decoder gives nothing else for a name
		at := pointer + "/" + pointerEscaper.Replace(name)
		if seen[name] {
			c.report(at, "is given more than once")
		}
		seen[name] = true
		if err := c.value(c.member(want, name, at), at, depth+1); err != nil {
			return err
		}
	}
	_, err := c.Token() // the closing brace
	return err
}

func (c *checker) array(want reflect.Type, pointer string, depth int) error {
	if want != nil {
		want = want.Elem()
	}
	for i := 0; c.More(); i++ {
		if err := c.value(want, pointer+"/"+strconv.Itoa(i), depth+1); err != nil {
			return err
		}
	}
	_, err := c.Token() // the closing bracket
	return err
}

func (c *checker) scalar(token json.Token, want reflect.Type, pointer string) {
	switch value := token.(type) {
	case string:
		c.expect(want, pointer, "a string", reflect.String)
	case bool:
		c.expect(want, pointer, "a boolean", reflect.Bool)
	case json.Number:
		if c.expect(want, pointer, "a number", reflect.Int64) == nil {
			return
		}
		if _, err := strconv.ParseInt(value.String(), 10, 64); err != nil {
			c.report(pointer, "must be a whole number")
		}
	}
}

// names says what a client calls the types that bodies are made of.
var names = map[reflect.Kind]string{
	reflect.Struct: "an object", reflect.Map: "an object", reflect.Slice: "an array",
	reflect.String: "a string", reflect.Int64: "a whole number", reflect.Bool: "true or false",
}

// expect returns want if it is of one of the kinds, and otherwise reports what it should have been.
func (c *checker) expect(want reflect.Type, pointer, found string, kinds ...reflect.Kind) reflect.Type {
	if want == nil {
		return nil
	}
	for _, kind := range kinds {
		if want.Kind() == kind {
			return want
		}
	}
	c.report(pointer, fmt.Sprintf("must be %s, not %s", names[want.Kind()], found))
	return nil
}

// member returns the type of an object's member.
func (c *checker) member(object reflect.Type, name, pointer string) reflect.Type {
	if object == nil {
		return nil
	}
	if object.Kind() == reflect.Map {
		return object.Elem()
	}
	for field := range object.Fields() {
		if tag, _, _ := strings.Cut(field.Tag.Get("json"), ","); tag == name {
			return field.Type
		}
	}
	c.report(pointer, "is unknown")
	return nil
}

// pointerEscaper makes a name a part of a JSON Pointer (RFC 6901).
var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")
