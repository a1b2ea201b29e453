package letsencrypt

import (
	"fmt"
	"strings"
)

// settings are the key = value lines of a file in the form of Python's
// ConfigObj, which certbot writes. The keys of a section have its name and a
// slash before them: renewalparams/server, renewalparams/webroot_map/NAME.
type settings map[string]string

func (s settings) get(key string) string { return s[key] }

// is reports whether a Python truth value is set.
func (s settings) is(key string) bool { return strings.EqualFold(s[key], "true") }

// parseSettings reads a file. Errors begin with the line's number.
func parseSettings(text []byte) (settings, error) {
	values := make(settings)
	var sections []string
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			name := strings.Trim(line, "[]")
			depth := len(line) - len(strings.TrimLeft(line, "["))
			if closing := len(line) - len(strings.TrimRight(line, "]")); closing != depth || name == "" || depth > len(sections)+1 {
				return nil, fmt.Errorf("line %d: %q is not a section", number, line)
			}
			sections = append(sections[:depth-1], strings.TrimSpace(name))
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok {
				return nil, fmt.Errorf("line %d: %q is not of the form key = value", number, line)
			}
			path := append(sections[:len(sections):len(sections)], unquoted(strings.TrimSpace(key)))
			values[strings.Join(path, "/")] = unquoted(withoutComment(strings.TrimSpace(value)))
		}
	}
	return values, nil
}

// withoutComment cuts what follows a # outside of quotes.
func withoutComment(value string) string {
	var quote rune
	for i, r := range value {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case (r == '"' || r == '\'') && i == 0:
			quote = r
		case r == '#' && (i == 0 || value[i-1] == ' ' || value[i-1] == '\t'):
			return strings.TrimSpace(value[:i])
		}
	}
	return value
}

func unquoted(value string) string {
	if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
		return value[1 : len(value)-1]
	}
	return value
}
