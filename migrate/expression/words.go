package expression

import (
	"crypto/md5"  //nolint:gosec // what Apache's function md5 is
	"crypto/sha1" //nolint:gosec // likewise
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/modssl"
	"github.com/aditechsphere/fairway/migrate/urlpath"
)

// Request is what an expression may ask about.
type Request interface {
	// Variable is the value of one of Variables, or of a variable of modssl.
	Variable(name string) string
	// Header is a header of the request, several joined by a comma and a space.
	Header(name string) string
	// ResponseHeader is one of the answer.
	ResponseHeader(name string) string
	// Environment is a variable of the request's environment.
	Environment(name string) string
}

// Variables are those that a Request has to know.
var Variables = []string{
	"REQUEST_METHOD", "REQUEST_SCHEME", "REQUEST_URI", "QUERY_STRING", "THE_REQUEST", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL",
	"REMOTE_ADDR", "REMOTE_PORT", "REMOTE_USER", "HTTPS", "IPV6",
}

// headerVariables are headers of the request with names of their own.
var headerVariables = map[string]string{
	"HTTP_ACCEPT": "Accept", "HTTP_COOKIE": "Cookie", "HTTP_FORWARDED": "Forwarded", "HTTP_HOST": "Host",
	"HTTP_PROXY_CONNECTION": "Proxy-Connection", "HTTP_REFERER": "Referer", "HTTP_USER_AGENT": "User-Agent",
}

// word is what has a text for a request.
type word interface{ value(r *evaluation) string }

type (
	constant string
	joined   []word
	named    struct{ name string }
	// lookup asks a table: "req", "req_novary", "resp" or "env".
	lookup struct {
		table    string
		argument word
	}
	changed struct {
		by       func(string) string
		argument word
	}
)

func (w constant) value(*evaluation) string { return string(w) }

func (w joined) value(r *evaluation) string {
	var out strings.Builder
	for _, one := range w {
		out.WriteString(one.value(r))
	}
	return out.String()
}

func (w named) value(r *evaluation) string { return r.Variable(w.name) }

func (w lookup) value(r *evaluation) string {
	name := w.argument.value(r)
	switch w.table {
	case "resp":
		return r.ResponseHeader(name)
	case "env":
		return r.Environment(name)
	case "req":
		if !strings.EqualFold(name, "Host") { // a part of the URL
			r.vary = append(r.vary, name)
		}
	}
	return r.Header(name)
}

func (w changed) value(r *evaluation) string { return w.by(w.argument.value(r)) }

// newVariable is %{NAME} or %{function:argument}.
func newVariable(name string) (word, error) {
	if function, argument, ok := strings.Cut(name, ":"); ok {
		return newFunction(function, constant(argument))
	}
	upper := strings.ToUpper(name)
	if header, ok := headerVariables[upper]; ok {
		return lookup{"req", constant(header)}, nil
	}
	if upper == "CONTENT_TYPE" {
		return lookup{"resp", constant("Content-Type")}, nil
	}
	if slices.Contains(Variables, upper) || strings.HasPrefix(upper, "SSL_") && modssl.Known(upper) {
		return named{upper}, nil
	}
	return nil, fmt.Errorf("the variable %%{%s} has no equivalent", name)
}

var changes = map[string]func(string) string{
	"tolower": lower,
	"toupper": upper,
	"escape":  urlpath.Escape,
	"base64":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"md5":     func(s string) string { sum := md5.Sum([]byte(s)); return hex.EncodeToString(sum[:]) },  //nolint:gosec // as above
	"sha1":    func(s string) string { sum := sha1.Sum([]byte(s)); return hex.EncodeToString(sum[:]) }, //nolint:gosec // as above
}

func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func upper(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

func newFunction(name string, argument word) (word, error) {
	fixed, isFixed := argument.(constant)
	switch lowered := strings.ToLower(name); lowered {
	case "http", "req", "req_novary", "resp":
		if lowered == "http" {
			lowered = "req"
		}
		if lowered == "resp" && (!isFixed || strings.HasPrefix(lower(string(fixed)), "content-")) {
			return nil, fmt.Errorf("resp(%q) has no equivalent: Apache keeps such headers elsewhere", string(fixed))
		}
		return lookup{lowered, argument}, nil
	case "env", "reqenv":
		if !isFixed || fixed == "" {
			return nil, fmt.Errorf("%s() of a name that is not written out has no equivalent", name)
		}
		return lookup{"env", argument}, nil
	default:
		if by, ok := changes[lowered]; ok {
			return changed{by, argument}, nil
		}
	}
	return nil, fmt.Errorf("the function %s has no equivalent", name)
}
