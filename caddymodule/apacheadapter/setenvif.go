package apacheadapter

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/expression"
	"github.com/aditechsphere/fairway/migrate/pcre"
)

func init() { registerHandler[SetEnv]("apache_env", httpcaddyfile.After, "vars") }

// SetEnv sets variables of a request as Apache's SetEnv, UnsetEnv, SetEnvIf and
// BrowserMatch do, line by line. Each is also a Caddy variable with the prefix
// "apache_env.", for placeholders and the matcher vars.
//
// The attribute of "if" is a header, or Remote_Addr, Server_Addr,
// Request_Method, Request_Protocol, Request_URI, or a variable set before. What
// a request does not have is compared as an empty text. A variable without a
// value is "1"; $0 to $9 in a value are what the expression matched; "!" before
// a name removes the variable.
//
//	apache_env [<matcher>] {
//		set   <name> [<value>]
//		unset <name>
//		if        <attribute> <regexp> [!]<name>[=<value>]...
//		if_nocase <attribute> <regexp> [!]<name>[=<value>]...
//		if_expr   <expression of Apache> [!]<name>[=<value>]...
//	}
type SetEnv struct {
	// Lines in order.
	Lines []SetEnvLine `json:"lines,omitempty"`
}

// SetEnvLine sets or removes variables, always or where an attribute of the
// request fits.
type SetEnvLine struct {
	// Attribute and Regexp are empty for lines that always hold.
	Attribute  string `json:"attribute,omitempty"`
	Regexp     string `json:"regexp,omitempty"`
	IgnoreCase bool   `json:"ignore_case,omitempty"`
	// Expression is one of Apache's that has to hold, instead of an attribute.
	Expression string `json:"expression,omitempty"`
	// Variables are "name", "name=value" or "!name".
	Variables []string `json:"variables"`

	expression *pcre.Regexp
	condition  *expression.Expression
}

// CaddyModule returns the Caddy module information.
func (*SetEnv) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_env", New: func() caddy.Module { return new(SetEnv) }}
}

// Provision compiles the expressions.
func (h *SetEnv) Provision(caddy.Context) error {
	for i := range h.Lines {
		line := &h.Lines[i]
		var err error
		if line.Expression != "" {
			if line.condition, err = expression.Parse(line.Expression); err != nil {
				return fmt.Errorf("apache_env: %w", err)
			}
			continue
		}
		if line.Attribute == "" {
			continue
		}
		if line.expression, err = pcre.Compile(line.Regexp, line.IgnoreCase); err != nil {
			return fmt.Errorf("apache_env: %w", err)
		}
	}
	return nil
}

func (h *SetEnv) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	environment := maps.Clone(Environment(r))
	if environment == nil {
		environment = make(map[string]string)
	}
	for i := range h.Lines {
		h.Lines[i].apply(r, environment)
	}
	setEnvironment(r, environment)
	return next.ServeHTTP(w, r)
}

func (l *SetEnvLine) apply(r *http.Request, environment map[string]string) {
	var match *pcre.Match
	if l.condition != nil {
		result := l.condition.Evaluate(environmentSubject{subject{Request: r}, environment})
		noteVary(r, result.Vary)
		if !result.Holds {
			return
		}
		match = result.Match
	}
	if l.expression != nil {
		if match = l.expression.Find(attributeOf(r, l.Attribute, environment)); match == nil {
			return
		}
	}
	for _, variable := range l.Variables {
		if name, removed := strings.CutPrefix(variable, "!"); removed {
			delete(environment, name)
			continue
		}
		name, value, given := strings.Cut(variable, "=")
		switch {
		case l.expression == nil && l.condition == nil:
		case !given:
			value = "1"
		default:
			value = substitute(value, match)
		}
		environment[name] = value
	}
}

// environmentSubject is a request whose environment is being made.
type environmentSubject struct {
	subject
	environment map[string]string
}

// Environment implements expression.Request.
func (s environmentSubject) Environment(name string) string { return s.environment[name] }

// attributeOf is what SetEnvIf compares.
func attributeOf(r *http.Request, attribute string, environment map[string]string) string {
	switch strings.ToLower(attribute) {
	case "remote_addr", "remote_host":
		return clientAddress(r)
	case "server_addr":
		if address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			host, _, _ := net.SplitHostPort(address.String())
			return host
		}
		return ""
	case "request_method":
		return r.Method
	case "request_protocol":
		return r.Proto
	case "request_uri":
		return locationPath(r)
	case "host":
		return r.Host
	}
	if values := r.Header.Values(attribute); len(values) > 0 {
		return strings.Join(values, ", ")
	}
	return environment[attribute]
}

// UnmarshalCaddyfile reads the directive.
func (h *SetEnv) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		name, args := d.Val(), d.RemainingArgs()
		for i := range args {
			args[i] = unescape(args[i])
		}
		line, err := unmarshalSetEnvLine(d, name, args)
		if err != nil {
			return err
		}
		h.Lines = append(h.Lines, line)
	}
	if len(h.Lines) == 0 {
		return d.Err("apache_env needs at least one line")
	}
	if err := h.Provision(caddy.Context{}); err != nil {
		return d.WrapErr(err)
	}
	return nil
}

func unmarshalSetEnvLine(d *caddyfile.Dispenser, name string, args []string) (SetEnvLine, error) {
	switch {
	case name == "set" && len(args) == 1:
		return SetEnvLine{Variables: []string{args[0] + "="}}, nil
	case name == "set" && len(args) == 2:
		return SetEnvLine{Variables: []string{args[0] + "=" + args[1]}}, nil
	case name == "unset" && len(args) == 1:
		return SetEnvLine{Variables: []string{"!" + args[0]}}, nil
	case (name == "if" || name == "if_nocase") && len(args) > 2:
		return SetEnvLine{Attribute: args[0], Regexp: args[1], IgnoreCase: name == "if_nocase", Variables: args[2:]}, nil
	case name == "if_expr" && len(args) > 1:
		return SetEnvLine{Expression: args[0], Variables: args[1:]}, nil
	case name == "set", name == "unset", name == "if", name == "if_nocase", name == "if_expr":
		return SetEnvLine{}, d.ArgErr()
	}
	return SetEnvLine{}, d.Errf("unknown option %q: apache_env has set, unset, if, if_nocase and if_expr", name)
}

// Interface guards
var (
	_ caddy.Provisioner           = (*SetEnv)(nil)
	_ caddyhttp.MiddlewareHandler = (*SetEnv)(nil)
	_ caddyfile.Unmarshaler       = (*SetEnv)(nil)
)
