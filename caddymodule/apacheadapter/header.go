package apacheadapter

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/expression"
	"github.com/aditechsphere/fairway/migrate/pcre"
)

func init() { registerHandler[Header]("apache_header", httpcaddyfile.After, "header") }

// Header changes headers as Apache's mod_headers does, line by line in order.
//
// Lines of the table always are carried out at once, so that answers made by
// Caddy itself, errors and redirects included, have those headers; a header of
// the same name from a backend stays beside them. Lines of the table onsuccess
// are carried out on the answer of what follows. Lines with "request" change
// the request.
//
// Values may hold %{NAME}e for a variable of the environment, %{NAME}s for one
// of TLS, %t for when the request came, %D for how long it took, and %%.
//
//	apache_header [<matcher>] {
//		[always|request] set|append|merge|add|setifempty <name> <value> [env=[!]<name>|expr=<expression>]
//		[always|request] unset <name> [env=…|expr=…]
//		[always|request] edit|edit* <name> <regexp> <value> [env=…|expr=…]
//		[always] echo <regexp> [env=…|expr=…]
//	}
type Header struct {
	// Lines in order.
	Lines []HeaderLine `json:"lines,omitempty"`
}

// HeaderLine is one change.
type HeaderLine struct {
	// Table is "onsuccess" (the default), "always" or "request".
	Table string `json:"table,omitempty"`
	// Action is set, append, merge, add, setifempty, unset, edit, edit* or echo.
	Action string `json:"action"`
	// Name is the header's; of echo it is an expression for names.
	Name string `json:"name"`
	// Regexp is what edit looks for.
	Regexp string `json:"regexp,omitempty"`
	Value  string `json:"value,omitempty"`
	// Environment is the name of a variable that has to be set; with a "!"
	// before it, one that must not.
	Environment string `json:"environment,omitempty"`
	// Expression is one of Apache's that has to hold.
	Expression string `json:"expression,omitempty"`

	condition  *expression.Expression
	expression *pcre.Regexp
	value      valueFormat
}

// CaddyModule returns the Caddy module information.
func (*Header) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_header", New: func() caddy.Module { return new(Header) }}
}

// Provision compiles the lines.
func (h *Header) Provision(caddy.Context) error {
	for i := range h.Lines {
		if err := h.Lines[i].provision(); err != nil {
			return fmt.Errorf("apache_header %s %s: %w", h.Lines[i].Action, h.Lines[i].Name, err)
		}
	}
	return nil
}

func (l *HeaderLine) provision() (err error) {
	switch {
	case !slices.Contains([]string{"", "onsuccess", "always", "request"}, l.Table):
		return fmt.Errorf("the table is %q; it is onsuccess, always or request", l.Table)
	case l.Name == "":
		return errors.New("the name of the header is missing")
	}
	switch l.Action {
	case "edit", "edit*":
		l.expression, err = pcre.Compile(l.Regexp, false)
	case "echo":
		l.expression, err = pcre.Compile(l.Name, true)
	case "set", "append", "merge", "add", "setifempty", "unset":
	default:
		return fmt.Errorf("the action %q is not known", l.Action)
	}
	if err != nil {
		return err
	}
	if l.Expression != "" {
		if l.condition, err = expression.Parse(l.Expression); err != nil {
			return err
		}
		if l.condition.AsksForResponse() && (l.Table == "always" || l.Table == "request") {
			return errors.New("the expression asks about the answer before there is one")
		}
	}
	l.value, err = parseValueFormat(l.Value)
	return err
}

func (h *Header) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	started := time.Now()
	if replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		if at, ok := replacer.Get("http.request.time"); ok {
			if at, ok := at.(time.Time); ok {
				started = at
			}
		}
	}
	always, later := make(http.Header), false
	for i := range h.Lines {
		line := &h.Lines[i]
		switch line.Table {
		case "always":
			line.apply(w.Header(), always, r, started)
		case "request":
			line.apply(w.Header(), r.Header, r, started)
			if host := r.Header.Get("Host"); host != "" && http.CanonicalHeaderKey(line.Name) == "Host" {
				r.Host = host
				r.Header.Del("Host")
			}
		default:
			later = true
		}
	}
	for name, values := range always {
		w.Header()[name] = append(w.Header()[name], values...)
	}
	if !later {
		return next.ServeHTTP(w, r)
	}
	return next.ServeHTTP(&headerWriter{
		ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w},
		handler:               h, request: r, always: always, started: started,
	}, r)
}

// headerWriter carries out the lines of the table onsuccess.
type headerWriter struct {
	*caddyhttp.ResponseWriterWrapper
	handler *Header
	request *http.Request
	always  http.Header // already in the header, and not to be touched
	started time.Time
	done    bool
}

func (w *headerWriter) WriteHeader(status int) {
	if !w.done && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.done = true
		w.change(w.Header())
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

func (w *headerWriter) Write(p []byte) (int, error) {
	if !w.done {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriterWrapper.Write(p)
}

// ReadFrom lets the kernel copy a file where the connection can.
func (w *headerWriter) ReadFrom(from io.Reader) (int64, error) {
	if !w.done {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriterWrapper.ReadFrom(from)
}

// change applies the lines to what is not of the table always.
func (w *headerWriter) change(header http.Header) {
	for name, values := range w.always {
		for _, value := range values {
			if i := slices.Index(header[name], value); i >= 0 {
				header[name] = slices.Delete(slices.Clone(header[name]), i, i+1)
			}
		}
		if len(header[name]) == 0 {
			delete(header, name)
		}
	}
	for i := range w.handler.Lines {
		if line := &w.handler.Lines[i]; line.Table == "" || line.Table == "onsuccess" {
			line.apply(header, header, w.request, w.started)
		}
	}
	for name, values := range w.always {
		header[name] = append(header[name], values...)
	}
}

// apply carries out the line on a table of headers. In answer it says what of
// the request the answer depends on.
func (l *HeaderLine) apply(answer, header http.Header, r *http.Request, started time.Time) {
	if l.condition != nil {
		result := l.condition.Evaluate(subject{Request: r, response: header})
		addVary(answer, result.Vary)
		if !result.Holds {
			return
		}
	}
	if name, negated := strings.CutPrefix(l.Environment, "!"); name != "" {
		if _, set := Environment(r)[name]; set == negated {
			return
		}
	}
	value := func() string { return l.value.String(r, started) }
	switch l.Action {
	case "set":
		header.Set(l.Name, value())
	case "add":
		header.Add(l.Name, value())
	case "setifempty":
		if len(header.Values(l.Name)) == 0 {
			header.Set(l.Name, value())
		}
	case "append", "merge":
		l.join(header, value())
	case "unset":
		header.Del(l.Name)
	case "edit", "edit*":
		for i, old := range header[http.CanonicalHeaderKey(l.Name)] {
			header[http.CanonicalHeaderKey(l.Name)][i] = l.edit(old, value())
		}
	case "echo":
		for name, values := range r.Header {
			if l.expression.MatchString(name) {
				header[name] = append(header[name], values...)
			}
		}
	}
}

// join appends to the list that the header has; merge only what is not in it.
func (l *HeaderLine) join(header http.Header, value string) {
	prior := header.Values(l.Name)
	if l.Action == "merge" && slices.ContainsFunc(prior, func(list string) bool { return listHas(list, value) }) {
		return
	}
	header.Set(l.Name, strings.Join(append(slices.Clone(prior), value), ", "))
}

func listHas(list, value string) bool {
	for item := range strings.SplitSeq(list, ",") {
		if strings.TrimSpace(item) == strings.TrimSpace(value) {
			return true
		}
	}
	return false
}

// edit replaces the first match in old, or with edit* all of them.
func (l *HeaderLine) edit(old, replacement string) string {
	match := l.expression.Find(old)
	if match == nil {
		return old
	}
	start, end := match.Span()
	rest := old[end:]
	if l.Action == "edit*" && end > 0 && rest != "" {
		rest = l.edit(rest, replacement)
	}
	return old[:start] + substitute(replacement, match) + rest
}

// valueFormat is the text of a value, in pieces.
type valueFormat []valuePiece

type valuePiece struct {
	text string
	kind byte // 0 for text, else the letter of the format: e, s, t or D
}

// parseValueFormat reads the formats of mod_headers.
func parseValueFormat(value string) (valueFormat, error) {
	var format valueFormat
	for value != "" {
		text, rest, found := strings.Cut(value, "%")
		if text != "" {
			format = append(format, valuePiece{text: text})
		}
		if !found {
			break
		}
		name := ""
		if strings.HasPrefix(rest, "{") {
			var closed bool
			if name, rest, closed = strings.Cut(rest[1:], "}"); !closed {
				return nil, fmt.Errorf("the value %q has an open brace", value)
			}
		}
		switch {
		case rest == "" && name == "":
			return append(format, valuePiece{text: "%"}), nil
		case rest == "":
			return nil, fmt.Errorf("%%{%s} needs an e or s behind it", name)
		case rest[0] == '%' && name == "":
			format = append(format, valuePiece{text: "%"})
		case (rest[0] == 'e' || rest[0] == 's') && name != "", (rest[0] == 't' || rest[0] == 'D') && name == "":
			format = append(format, valuePiece{text: name, kind: rest[0]})
		default:
			return nil, fmt.Errorf("the format %%%c has no equivalent", rest[0])
		}
		value = rest[1:]
	}
	return format, nil
}

// String is the value for a request.
func (f valueFormat) String(r *http.Request, started time.Time) string {
	var out strings.Builder
	for _, piece := range f {
		switch piece.kind {
		case 'e':
			out.WriteString(environmentText(r, piece.text))
		case 's':
			out.WriteString(orNull(sslVariable(r, piece.text)))
		case 't':
			out.WriteString("t=" + strconv.FormatInt(started.UnixMicro(), 10))
		case 'D':
			out.WriteString("D=" + strconv.FormatInt(time.Since(started).Microseconds(), 10))
		default:
			out.WriteString(piece.text)
		}
	}
	return out.String()
}

// environmentText is a variable of the request's environment.
func environmentText(r *http.Request, name string) string {
	if value, set := Environment(r)[name]; set {
		return value
	}
	switch name {
	case "HTTPS":
		if r.TLS != nil {
			return "on"
		}
	case "REMOTE_ADDR":
		return clientAddress(r)
	case "REMOTE_USER":
		if replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
			user, _ := replacer.GetString("http.auth.user.id")
			return orNull(user)
		}
	case "HOSTNAME":
		if name, err := os.Hostname(); err == nil {
			return name
		}
	}
	return "(null)"
}

func orNull(value string) string {
	if value == "" {
		return "(null)" // as Apache writes what is not set
	}
	return value
}

// UnmarshalCaddyfile reads the directive.
func (h *Header) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		line, err := unmarshalHeaderLine(d, append([]string{d.Val()}, d.RemainingArgs()...))
		if err != nil {
			return err
		}
		h.Lines = append(h.Lines, line)
	}
	if len(h.Lines) == 0 {
		return d.Err("apache_header needs at least one line")
	}
	return nil
}

func unmarshalHeaderLine(d *caddyfile.Dispenser, words []string) (line HeaderLine, err error) {
	for i := range words {
		words[i] = unescape(words[i])
	}
	if words[0] == "always" || words[0] == "request" {
		line.Table, words = words[0], words[1:]
	}
	if len(words) < 2 {
		return line, d.ArgErr()
	}
	line.Action, line.Name = words[0], words[1]
	words = words[2:]
	if n := len(words); n > 0 {
		if name, found := strings.CutPrefix(words[n-1], "env="); found {
			line.Environment, words = name, words[:n-1]
		} else if text, found := strings.CutPrefix(words[n-1], "expr="); found {
			line.Expression, words = text, words[:n-1]
		}
	}
	wanted := map[string]int{"unset": 0, "echo": 0, "edit": 2, "edit*": 2}
	count, ok := wanted[line.Action]
	if !ok {
		count = 1
	}
	if len(words) != count {
		return line, d.ArgErr()
	}
	switch count {
	case 1:
		line.Value = words[0]
	case 2:
		line.Regexp, line.Value = words[0], words[1]
	}
	if err := line.provision(); err != nil {
		return line, d.WrapErr(err)
	}
	return line, nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Header)(nil)
	_ caddyhttp.MiddlewareHandler = (*Header)(nil)
	_ caddyfile.Unmarshaler       = (*Header)(nil)
	_ http.ResponseWriter         = (*headerWriter)(nil)
)
