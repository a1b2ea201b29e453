package subdomains

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/aditechsphere/fairway/backends/subdomain"
	"github.com/aditechsphere/fairway/caddymodule/services"
)

func init() {
	httpcaddyfile.RegisterDirective("subdomains", parseCaddyfile)
	httpcaddyfile.RegisterDirectiveOrder("subdomains", httpcaddyfile.Before, "respond")
}

// parseCaddyfile makes a route of the directive; the syntax is that of
// [Handler]. It writes the handler's JSON itself, in the order of the file:
// Helper.NewRoute would encode it, decode it and encode it again, which takes
// long when there are many rows.
func parseCaddyfile(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next() // the directive's name
	matchers, err := h.ExtractMatcherSet()
	if err != nil {
		return nil, err
	}
	handler := struct {
		Module string          `json:"handler"`
		Domain string          `json:"domain,omitempty"`
		Rows   json.RawMessage `json:"rows,omitempty"`
	}{Module: "subdomains"}
	h.Next() // the directive's name
	if h.NextArg() {
		if handler.Domain, err = parseDomain(h.Val()); err != nil {
			return nil, h.WrapErr(err)
		}
	}
	if h.NextArg() {
		return nil, h.ArgErr()
	}
	if handler.Rows, err = parseRows(h); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(handler)
	if err != nil {
		return nil, err
	}
	route := caddyhttp.Route{HandlersRaw: []json.RawMessage{raw}}
	if matchers != nil {
		route.MatcherSetsRaw = []caddy.ModuleMap{matchers}
	}
	return []httpcaddyfile.ConfigValue{{Class: "route", Value: route}}, nil
}

// position is where in the configuration something is.
type position struct {
	file string
	line int
}

// parseRows parses the block of rows into a JSON object, nil when it is empty.
func parseRows(h httpcaddyfile.Helper) (json.RawMessage, error) {
	rows := []byte{'{'}
	seen := make(map[string]position)
	for nesting := h.Nesting(); h.NextBlock(nesting); {
		label, err := subdomain.Label(h.Val())
		if err != nil {
			return nil, h.WrapErr(err)
		}
		if first, ok := seen[label]; ok {
			return nil, h.Errf("the label %q is given twice, first at %s:%d", label, first.file, first.line)
		}
		seen[label] = position{h.File(), h.Line()}
		target, err := parseRow(h)
		if err != nil {
			return nil, fmt.Errorf("row %q: %w", label, err)
		}
		encoded, err := target.MarshalJSON()
		if err != nil {
			return nil, err
		}
		rows = append(strconv.AppendQuote(rows, label), ':')
		rows = append(append(rows, encoded...), ',')
	}
	if len(seen) == 0 {
		return nil, nil
	}
	rows[len(rows)-1] = '}' // in place of the last comma
	return rows, nil
}

// parseDomain checks a domain, unless a placeholder says it later.
func parseDomain(domain string) (string, error) {
	if strings.Contains(domain, "{") {
		return domain, nil
	}
	return subdomain.Domain(domain)
}

// parseRow parses the target of the row at whose label h stands.
func parseRow(h httpcaddyfile.Helper) (subdomain.Target, error) {
	words := h.RemainingArgs()
	hasBlock := opensBlock(h)
	var target subdomain.Target
	if len(words) > 0 || !hasBlock {
		var err error
		if target, err = parseWords(words); err != nil {
			return target, h.WrapErr(err)
		}
	}
	if !hasBlock {
		return target, nil
	}
	if target.Redirect != nil {
		return target, h.Err("a redirect takes no block")
	}
	for range words {
		h.Prev()
	}
	block := h.WithDispenser(h.NewFromNextSegment())
	switch {
	case target.Service != "":
		return parseServiceBlock(block.Dispenser, target.Service)
	case target.Upstreams != nil:
		return parseProxyBlock(block, target)
	}
	return parseHandlerBlock(block)
}

// opensBlock reports whether a block begins after the arguments.
func opensBlock(h httpcaddyfile.Helper) bool {
	if !h.Next() {
		return false
	}
	opens := h.Val() == "{"
	h.Prev()
	return opens
}

// parseWords parses a target without its block.
func parseWords(words []string) (subdomain.Target, error) {
	target, err := subdomain.ParseTarget(words...)
	if err == nil && target.Redirect != nil {
		_, err = newRedirect(*target.Redirect)
	}
	if err == nil {
		err = checkService(target)
	}
	return target, err
}

// parseHandlerBlock parses: <label> { <directives...> }
func parseHandlerBlock(h httpcaddyfile.Helper) (subdomain.Target, error) {
	handler, err := httpcaddyfile.ParseSegmentAsSubroute(h)
	if err != nil {
		return subdomain.Target{}, err
	}
	if subroute, ok := handler.(*caddyhttp.Subroute); ok && len(subroute.Routes) == 0 {
		h.Reset()
		h.Next()
		return subdomain.Target{}, h.Errf("%w: the block is empty", subdomain.ErrTarget)
	}
	name := handler.(caddy.Module).CaddyModule().ID.Name()
	return subdomain.Target{Handler: caddyconfig.JSONModuleObject(handler, "handler", name, nil)}, nil
}

// parseServiceBlock parses: <label> <service> { <settings of the service> }
func parseServiceBlock(d *caddyfile.Dispenser, name string) (subdomain.Target, error) {
	d.Next() // the label
	d.Next() // the service
	guest, err := services.UnmarshalGuest(d, name)
	if err != nil {
		return subdomain.Target{}, err
	}
	return subdomain.Target{Handler: serviceHandler(name, guest)}, nil
}

// parseProxyBlock parses what target becomes with its block:
//
//	<label> <upstreams...> {
//		service {
//			<options of the directive service...>
//		}
//		<subdirectives of reverse_proxy...>
//	}
func parseProxyBlock(h httpcaddyfile.Helper, target subdomain.Target) (subdomain.Target, error) {
	var err error
	var others *caddyfile.Dispenser
	if others, target.About, err = cutService(h.Dispenser); err != nil || others == nil {
		return target, err
	}
	h = h.WithDispenser(others)
	proxy := new(reverseproxy.Handler)
	if err := proxy.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return subdomain.Target{}, err
	}
	if err := proxy.FinalizeUnmarshalCaddyfile(h); err != nil {
		return subdomain.Target{}, err
	}
	handler := caddyconfig.JSONModuleObject(proxy, "handler", "reverse_proxy", nil)
	return subdomain.Target{Handler: handler, About: target.About}, nil
}

// cutService takes `service { … }` out of a row's block, and returns the row
// with what else is in the block; nil when that is all.
func cutService(d *caddyfile.Dispenser) (others *caddyfile.Dispenser, about json.RawMessage, err error) {
	var kept []caddyfile.Token
	for d.Next() && d.Val() != "{" {
		kept = append(kept, d.Token())
	}
	kept = append(kept, d.Token())
	before := len(kept)
	for d.Next() && d.Val() != "}" {
		if d.Val() != "service" {
			kept = append(kept, d.NextSegment()...)
			continue
		}
		if about != nil {
			return nil, nil, d.Err("service is given twice")
		}
		options := d.NewFromNextSegment()
		options.Next() // service
		if about, err = services.UnmarshalOptions(options); err != nil {
			return nil, nil, err
		}
	}
	if about != nil && len(kept) == before {
		return nil, about, nil
	}
	return caddyfile.NewDispenser(append(kept, d.Token())), about, nil
}
