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
	"sync"
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
	err := json.Unmarshal(body, into) // says first whether it is JSON at all
	if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
		return malformed("The body is not JSON: %v.", err)
	}
	check := checker{rest: body}
	if err := check.value(reflect.TypeOf(into).Elem(), nil, 0); err != nil {
		return err
	}
	if len(check.violations) > 0 {
		return &orders.InvalidError{Violations: check.violations}
	}
	if err != nil {
		return malformed("The body does not fit: %v.", err)
	}
	return nil
}

// checker walks a valid JSON text beside the Go type that it is meant for. A nil
// type accepts anything, below a violation that is already reported.
type checker struct {
	rest       []byte // from the next value on
	violations []orders.Violation
}

// place is where a value is: a name or an index below another place. The whole text is at nil.
type place struct {
	above *place
	name  string
	index int
}

// pointer is the place as a JSON Pointer (RFC 6901).
func (p *place) pointer() string {
	if p == nil {
		return ""
	}
	if p.name == "" && p.index >= 0 {
		return p.above.pointer() + "/" + strconv.Itoa(p.index)
	}
	return p.above.pointer() + "/" + pointerEscaper.Replace(p.name)
}

func (c *checker) report(at *place, detail string) {
	c.violations = append(c.violations, orders.Violation{Pointer: at.pointer(), Detail: detail})
}

// next returns the first byte of what comes next, without the white space before it.
func (c *checker) next() byte {
	c.rest = bytes.TrimLeft(c.rest, " \t\r\n")
	return c.rest[0]
}

// more steps over the bracket or comma before a part of an object or array and
// reports true, or over the bracket after the last one.
func (c *checker) more(end byte) bool {
	found := c.next()
	c.rest = c.rest[1:]
	if found != end && found != ',' && c.next() == end { // it is empty
		c.rest = c.rest[1:]
		return false
	}
	return found != end
}

// text steps over a string, and returns it with its quotes and escapes.
func (c *checker) text() []byte {
	c.next()
	for i := 1; ; i++ {
		switch c.rest[i] {
		case '\\':
			i++
		case '"':
			text := c.rest[:i+1]
			c.rest = c.rest[i+1:]
			return text
		}
	}
}

// word steps over a number, true, false or null.
func (c *checker) word() []byte {
	end := bytes.IndexAny(c.rest, ",]} \t\r\n")
	if end < 0 {
		end = len(c.rest)
	}
	word := c.rest[:end]
	c.rest = c.rest[end:]
	return word
}

// value checks the next value. It stops at one that is too deep.
func (c *checker) value(want reflect.Type, at *place, depth int) error {
	if depth > maxDepth {
		return malformed("The body nests deeper than %d levels.", maxDepth)
	}
	if want != nil && want.Kind() == reflect.Pointer {
		want = want.Elem()
	}
	switch c.next() {
	case '{':
		return c.object(c.expect(want, at, "an object", reflect.Struct, reflect.Map), at, depth)
	case '[':
		return c.array(c.expect(want, at, "an array", reflect.Slice), at, depth)
	case '"':
		c.text()
		c.expect(want, at, "a string", reflect.String)
	case 't', 'f':
		c.word()
		c.expect(want, at, "a boolean", reflect.Bool)
	case 'n': // null stands for a member that is not there
		c.word()
	default:
		number := c.word()
		if c.expect(want, at, "a number", reflect.Int64) == nil {
			return nil
		}
		if _, err := strconv.ParseInt(string(number), 10, 64); err != nil {
			c.report(at, "must be a whole number")
		}
	}
	return nil
}

func (c *checker) object(want reflect.Type, above *place, depth int) error {
	seen := make(map[string]bool)
	for c.more('}') {
		at := &place{above, unquote(c.text()), -1}
		c.next()
		c.rest = c.rest[1:] // the colon
		if seen[at.name] {
			c.report(at, "is given more than once")
		}
		seen[at.name] = true
		if err := c.value(c.member(want, at), at, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// unquote reads a valid JSON string.
func unquote(quoted []byte) (text string) {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	_ = json.Unmarshal(quoted, &text) // it is valid
	return text
}

func (c *checker) array(want reflect.Type, above *place, depth int) error {
	if want != nil {
		want = want.Elem()
	}
	for i := 0; c.more(']'); i++ {
		if err := c.value(want, &place{above, "", i}, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// names says what a client calls the types that bodies are made of.
var names = map[reflect.Kind]string{
	reflect.Struct: "an object", reflect.Map: "an object", reflect.Slice: "an array",
	reflect.String: "a string", reflect.Int64: "a whole number", reflect.Bool: "true or false",
}

// expect returns want if it is of one of the kinds, and otherwise reports what it should have been.
func (c *checker) expect(want reflect.Type, at *place, found string, kinds ...reflect.Kind) reflect.Type {
	if want == nil {
		return nil
	}
	for _, kind := range kinds {
		if want.Kind() == kind {
			return want
		}
	}
	c.report(at, fmt.Sprintf("must be %s, not %s", names[want.Kind()], found))
	return nil
}

// member returns the type of an object's member.
func (c *checker) member(object reflect.Type, at *place) reflect.Type {
	if object == nil {
		return nil
	}
	if object.Kind() == reflect.Map {
		return object.Elem()
	}
	member := membersOf(object)[at.name]
	if member == nil {
		c.report(at, "is unknown")
	}
	return member
}

var knownMembers sync.Map // reflect.Type of a struct → map[string]reflect.Type; a program has few

// membersOf are the types of a struct's members by their names.
func membersOf(object reflect.Type) map[string]reflect.Type {
	if known, ok := knownMembers.Load(object); ok {
		return known.(map[string]reflect.Type)
	}
	members := make(map[string]reflect.Type)
	for field := range object.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		members[name] = field.Type
	}
	knownMembers.Store(object, members)
	return members
}

// pointerEscaper makes a name a part of a JSON Pointer (RFC 6901).
var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")
