package apacheadapter

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/expression"
)

func init() { registerHandler[If]("apache_if", httpcaddyfile.After, "vars") }

// If evaluates an expression of Apache, as <If> does once for a request, and
// keeps what it says in a variable: true or false.
//
//	apache_if [<matcher>] <variable> <expression>
type If struct {
	// Variable gets the answer.
	Variable string `json:"variable"`
	// Expression is one of Apache's.
	Expression string `json:"expression"`

	condition *expression.Expression
}

// CaddyModule returns the Caddy module information.
func (*If) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_if", New: func() caddy.Module { return new(If) }}
}

// Provision parses the expression.
func (h *If) Provision(caddy.Context) (err error) {
	h.condition, err = expression.Parse(h.Expression)
	return err
}

func (h *If) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	asked := r
	if caddyhttp.GetVar(r.Context(), subrequestVariable) == true && r.Method != http.MethodHead {
		asked = r.Clone(r.Context()) // Apache asks itself for an index file with GET
		asked.Method = http.MethodGet
	}
	result := h.condition.Evaluate(subject{Request: asked})
	noteVary(r, result.Vary)
	caddyhttp.SetVar(r.Context(), h.Variable, result.Holds)
	return next.ServeHTTP(w, r)
}

// UnmarshalCaddyfile reads the directive.
func (h *If) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	args := d.RemainingArgs()
	if len(args) != 2 || strings.TrimSpace(args[1]) == "" {
		return d.ArgErr()
	}
	h.Variable, h.Expression = args[0], unescape(args[1])
	if err := h.Provision(caddy.Context{}); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

func init() { registerHandler[Vary]("apache_vary", httpcaddyfile.Before, "reverse_proxy") }

// Vary says in the answer of a FastCGI server which headers of the request
// Apache's expressions have asked about, as Apache does there and not for other
// backends.
//
//	apache_vary [<matcher>]
type Vary struct{}

// CaddyModule returns the Caddy module information.
func (*Vary) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_vary", New: func() caddy.Module { return new(Vary) }}
}

func (*Vary) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	names, _ := caddyhttp.GetVar(r.Context(), varyVariable).([]string)
	if len(names) == 0 {
		return next.ServeHTTP(w, r)
	}
	return next.ServeHTTP(&varyWriter{&caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, names}, r)
}

type varyWriter struct {
	*caddyhttp.ResponseWriterWrapper
	names []string
}

func (w *varyWriter) WriteHeader(status int) {
	if status >= http.StatusOK {
		addVary(w.Header(), w.names)
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

// UnmarshalCaddyfile reads the directive.
func (*Vary) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*If)(nil)
	_ caddyhttp.MiddlewareHandler = (*If)(nil)
	_ caddyfile.Unmarshaler       = (*If)(nil)
	_ caddyhttp.MiddlewareHandler = (*Vary)(nil)
	_ caddyfile.Unmarshaler       = (*Vary)(nil)
)
