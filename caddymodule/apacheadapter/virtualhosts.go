package apacheadapter

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
	"go.uber.org/zap"

	"github.com/aditechsphere/fairway/caddymodule/internal/lognames"
	"github.com/aditechsphere/fairway/migrate/wildcard"
)

func init() {
	caddy.RegisterModule(new(VirtualHosts))
	httpcaddyfile.RegisterHandlerDirective("virtual_hosts", parseVirtualHosts)
	httpcaddyfile.RegisterDirectiveOrder("virtual_hosts", httpcaddyfile.Before, "respond")
	httpcaddyfile.RegisterDirective("apache_certificate", parseCertificate)
}

// VirtualHosts answers for many sites on one address, as Apache's name-based
// virtual hosts do: the first host in order that has the name of the request
// answers, and the first of all when none has it. Names without wildcards are
// looked up in a map, so that a thousand sites are as fast as ten.
//
//	virtual_hosts [<matcher>] {
//		host [<names...>] {
//			log_name <names...>
//			handle {
//				<directives...>
//			}
//			errors {
//				<directives...>
//			}
//		}
//	}
//
// In a name, * stands for any characters, dots included, and ? for one. The
// block "handle" is that of Caddy's handle, "errors" that of handle_errors,
// "log_name" is Caddy's directive of that name.
type VirtualHosts struct {
	// Hosts are the sites in order.
	Hosts []*VirtualHost `json:"hosts"`

	exact     map[string]int // the first host that has a name
	wildcards []wildName     // in order
	logger    *zap.Logger
}

// VirtualHost is a site.
type VirtualHost struct {
	// Names are those it answers for; a host may have none and be the default.
	Names []string `json:"names,omitempty"`
	// LogNames are the loggers of its requests and errors, as those of Caddy's
	// log_name. Default: those of the server.
	LogNames []string `json:"log_names,omitempty"`
	// Handle is what answers: a subroute.
	Handle *caddyhttp.Subroute `json:"handle,omitempty"`
	// Errors is what answers a request that failed.
	Errors *caddyhttp.Subroute `json:"errors,omitempty"`

	logNames []any // as Caddy has them in a variable
}

type wildName struct {
	pattern string
	host    int
}

// CaddyModule returns the Caddy module information.
func (*VirtualHosts) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.virtual_hosts", New: func() caddy.Module { return new(VirtualHosts) }}
}

// Provision sets up the sites and the map of their names.
func (v *VirtualHosts) Provision(ctx caddy.Context) error {
	if len(v.Hosts) == 0 {
		return errors.New("virtual_hosts needs a host")
	}
	v.logger = ctx.Logger(new(caddyhttp.App)).Named("log.error")
	v.index()
	for i, host := range v.Hosts {
		for _, name := range host.LogNames {
			host.logNames = append(host.logNames, name)
		}
		for _, route := range []*caddyhttp.Subroute{host.Handle, host.Errors} {
			if route == nil {
				continue
			}
			if err := route.Provision(ctx); err != nil {
				return fmt.Errorf("host %d %v: %w", i+1, host.Names, err)
			}
		}
	}
	return nil
}

// index makes the map of names.
func (v *VirtualHosts) index() {
	v.exact = map[string]int{}
	v.wildcards = nil
	for i, host := range v.Hosts {
		for _, name := range host.Names {
			name = strings.ToLower(name)
			if strings.ContainsAny(name, "*?") {
				v.wildcards = append(v.wildcards, wildName{name, i})
				continue
			}
			if _, taken := v.exact[name]; !taken {
				v.exact[name] = i
			}
		}
	}
}

// of is the site that answers for a name.
func (v *VirtualHosts) of(name string) *VirtualHost {
	chosen, known := v.exact[name]
	for _, w := range v.wildcards {
		if known && w.host >= chosen {
			break // wildcards are in order
		}
		if wildcard.Match(w.pattern, name) {
			chosen = w.host
			break
		}
	}
	return v.Hosts[chosen]
}

func (v *VirtualHosts) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	host := v.of(hostOf(r))
	if len(host.logNames) > 0 {
		caddyhttp.SetVar(r.Context(), caddyhttp.AccessLoggerNameVarKey, host.logNames)
	}
	if host.Handle == nil {
		return next.ServeHTTP(w, r)
	}
	err := host.Handle.ServeHTTP(w, r, next)
	if err == nil || host.Errors == nil {
		return err
	}
	v.logError(r, err)
	r = (&caddyhttp.HTTPErrorConfig{}).WithError(r, err)
	return host.Errors.ServeHTTP(w, r, next)
}

// logError writes what Caddy writes about a failed request that an error route
// answers, to the loggers of the site.
func (v *VirtualHosts) logError(r *http.Request, err error) {
	level := zap.DebugLevel
	var failure caddyhttp.HandlerError
	if !errors.As(err, &failure) || failure.StatusCode >= http.StatusInternalServerError {
		level = zap.ErrorLevel
	}
	for _, name := range lognames.Of(r) {
		if entry := v.logger.Named(name).Check(level, err.Error()); entry != nil {
			entry.Write(zap.Object("request", caddyhttp.LoggableHTTPRequest{Request: r}), zap.Int("status", failure.StatusCode),
				zap.String("err_id", failure.ID), zap.String("err_trace", failure.Trace))
		}
	}
}

// hostOf is the name in the Host header: in lower case, without port and
// without the dot at its end.
func hostOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]")
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

func parseVirtualHosts(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(VirtualHosts)
	h.Next() // the directive's name
	if h.NextArg() {
		return nil, h.ArgErr()
	}
	for nesting := h.Nesting(); h.NextBlock(nesting); {
		if h.Val() != "host" {
			return nil, h.Errf("virtual_hosts has blocks named host, not %q", h.Val())
		}
		host := &VirtualHost{Names: h.RemainingArgs()}
		if err := host.parse(h); err != nil {
			return nil, err
		}
		handler.Hosts = append(handler.Hosts, host)
	}
	if len(handler.Hosts) == 0 {
		return nil, h.Err("virtual_hosts needs a host")
	}
	return handler, nil
}

// parse reads the block of a host.
func (host *VirtualHost) parse(h httpcaddyfile.Helper) error {
	for nesting := h.Nesting(); h.NextBlock(nesting); {
		if h.Val() == "log_name" {
			if host.LogNames != nil {
				return h.Err("log_name is given twice")
			}
			if host.LogNames = h.RemainingArgs(); len(host.LogNames) == 0 {
				return h.ArgErr()
			}
			continue
		}
		into := map[string]**caddyhttp.Subroute{"handle": &host.Handle, "errors": &host.Errors}[h.Val()]
		if into == nil {
			return h.Errf("a host has log_name and the blocks handle and errors, not %q", h.Val())
		}
		if *into != nil {
			return h.Errf("%s is given twice", h.Val())
		}
		parsed, err := httpcaddyfile.ParseSegmentAsSubroute(h.WithDispenser(h.NewFromNextSegment()))
		if err != nil {
			return err
		}
		subroute, ok := parsed.(*caddyhttp.Subroute)
		if !ok {
			return h.Err("no routes")
		}
		*into = subroute
	}
	return nil
}

// parseCertificate reads a directive that loads a certificate for whatever
// names it holds, in a block that has several:
//
//	apache_certificate <certificate> <key>
func parseCertificate(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // the directive's name
	args := h.RemainingArgs()
	if len(args) != 2 {
		return nil, h.ArgErr()
	}
	loader := caddytls.FileLoader{{Certificate: args[0], Key: args[1]}}
	return []httpcaddyfile.ConfigValue{{Class: "tls.cert_loader", Value: loader}}, nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*VirtualHosts)(nil)
	_ caddyhttp.MiddlewareHandler = (*VirtualHosts)(nil)
)
