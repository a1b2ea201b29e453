package httpapi

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What a form may hold at most.
const (
	maxPairs = 1000
	maxDepth = 5   // of brackets
	maxName  = 512 // bytes, brackets included
)

// form is a parsed parameter: text, or further parameters by name. A list is
// parameters named "0", "1" and so on.
type form struct {
	text   string
	fields map[string]*form // nil for text
	order  []string         // the names of fields as they came
}

// errForm is what a malformed form is refused with.
type errForm struct {
	param  string
	reason string
}

// Error implements error.
func (e *errForm) Error() string {
	if e.param == "" {
		return e.reason
	}
	return fmt.Sprintf("%s: %s", e.param, e.reason)
}

// parseForm reads application/x-www-form-urlencoded text whose names nest in
// brackets: a[b]=1, a[0]=1, a[]=1. A parameter that is given twice is refused,
// because one of the two would have to be ignored.
func parseForm(encoded string) (*form, error) {
	root := &form{fields: make(map[string]*form)}
	if strings.Count(encoded, "&") >= maxPairs {
		return nil, &errForm{reason: fmt.Sprintf("more than %d parameters", maxPairs)}
	}
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		name, value, err := unescapePair(pair)
		if err != nil {
			return nil, &errForm{reason: err.Error()}
		}
		path, err := splitName(name)
		if err != nil {
			return nil, &errForm{reason: err.Error()}
		}
		if err := root.set(path, value); err != nil {
			return nil, &errForm{param: name, reason: err.Error()}
		}
	}
	return root, nil
}

func unescapePair(pair string) (name, value string, err error) {
	name, value, _ = strings.Cut(pair, "=")
	if name, err = url.QueryUnescape(name); err != nil {
		return "", "", errors.New("a parameter's name is not percent-encoded correctly")
	}
	if value, err = url.QueryUnescape(value); err != nil {
		return "", "", errors.New("a parameter's value is not percent-encoded correctly")
	}
	for _, text := range []string{name, value} {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return "", "", errors.New("parameters must be UTF-8 without NUL")
		}
	}
	return name, value, nil
}

// splitName divides a[b][] into "a", "b" and "".
func splitName(name string) ([]string, error) {
	if len(name) > maxName {
		return nil, fmt.Errorf("a parameter's name is longer than %d bytes", maxName)
	}
	base, rest, nested := strings.Cut(name, "[")
	if base == "" || strings.Contains(base, "]") {
		return nil, errors.New("a parameter has no name, or one with misplaced brackets")
	}
	path := []string{base}
	for nested {
		segment, after, closed := strings.Cut(rest, "]")
		if !closed || strings.Contains(segment, "[") {
			return nil, errors.New("a parameter's name has misplaced brackets")
		}
		path = append(path, segment)
		if len(path) > maxDepth+1 {
			return nil, fmt.Errorf("a parameter is nested deeper than %d levels", maxDepth)
		}
		if after == "" {
			return path, nil
		}
		if after[0] != '[' {
			return nil, errors.New("a parameter's name has misplaced brackets")
		}
		rest = after[1:]
	}
	return path, nil
}

// set puts value under path.
func (f *form) set(path []string, value string) error {
	for n, name := range path {
		if f.fields == nil {
			return errors.New("is given both as a value and as a hash")
		}
		if n > 0 && name == "" {
			name = strconv.Itoa(len(f.fields)) // the next of a list
		}
		child, exists := f.fields[name]
		last := n == len(path)-1
		switch {
		case exists && last:
			return errors.New("is given more than once")
		case exists:
		case last:
			child = &form{text: value}
		default:
			child = &form{fields: make(map[string]*form)}
		}
		if !exists {
			f.fields[name] = child
			f.order = append(f.order, name)
		}
		f = child
	}
	return nil
}

// isEmpty reports whether f is the empty text, which unsets a parameter.
func (f *form) isEmpty() bool { return f.fields == nil && f.text == "" }

// each calls fn for every text in the form with its full name.
func (f *form) each(fn func(name, text string)) { f.walk("", fn) }

func (f *form) walk(name string, fn func(name, text string)) {
	if f.fields == nil {
		fn(name, f.text)
		return
	}
	for _, child := range f.order {
		f.fields[child].walk(nest(name, child), fn)
	}
}

// canonical is the same text for forms that say the same, in whatever order.
func (f *form) canonical() string {
	var pairs []string
	f.each(func(name, text string) {
		pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(text))
	})
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// nest names a field of the parameter outer, which is "" at the top.
func nest(outer, name string) string {
	if outer == "" {
		return name
	}
	return outer + "[" + name + "]"
}
