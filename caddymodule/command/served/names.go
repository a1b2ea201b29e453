package served

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/translate"
)

// writtenSite is an address of a site as a Caddyfile has it.
type writtenSite struct {
	host string
	tls  bool
}

// sitesWritten are the sites with a name in the Caddyfile that an adapter makes
// JSON of. A site that also answers for unknown names has no matcher there, so
// its names are nowhere else.
func sitesWritten(ctx context.Context, file, adapter string, text []byte) ([]writtenSite, error) {
	switch adapter {
	case "caddyfile":
	case "apache":
		tree, err := apacheconf.Load(ctx, apacheconf.Options{File: file})
		if err != nil {
			return nil, err
		}
		result, err := translate.Translate(ctx, tree, translate.Options{})
		if err != nil {
			return nil, err
		}
		text = []byte(result.Caddyfile)
	default:
		return nil, nil
	}
	blocks, err := caddyfile.Parse(file, text)
	if err != nil {
		return nil, err
	}
	var sites []writtenSite
	for _, block := range blocks {
		for _, key := range block.GetKeysText() {
			address, err := httpcaddyfile.ParseAddress(key)
			if err != nil || address.Host == "" || strings.HasPrefix(key, "&(") {
				continue // an address alone, or a named route
			}
			plain := address.Scheme == "http" || address.Scheme == "" && address.Port == strconv.Itoa(caddyDefaultHTTPPort)
			sites = append(sites, writtenSite{address.Host, !plain})
		}
	}
	return sites, nil
}

// Names are the host names that sites have, sorted and in lower case, without
// those that are made when a request comes. In those of a virtual_hosts table *
// stands for any characters and ? for one.
func (c *Configuration) Names() []string {
	var names []string
	for _, site := range c.written {
		names = append(names, site.host)
	}
	for _, server := range c.Apps.HTTP.Servers {
		names = append(append(names, server.hosts()...), tableNames(server.Routes)...)
	}
	for _, name := range c.managedNames() {
		if !strings.Contains(name, "*") {
			names = append(names, name)
		}
	}
	for i := range names {
		names[i] = strings.ToLower(names[i])
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.Contains(name, "{") })
	slices.Sort(names)
	return slices.Compact(names)
}

// WithoutTLS are those of [Configuration.Names] whose sites are plain HTTP.
func (c *Configuration) WithoutTLS() []string {
	return slices.DeleteFunc(c.Names(), c.hasTLS)
}

// AnyName are the ports at which a site answers for names that none has.
func (c *Configuration) AnyName() []uint16 {
	var ports []uint16
	for _, server := range c.Apps.HTTP.Servers {
		if !slices.ContainsFunc(server.Routes, route.takesAnyHost) {
			continue
		}
		for _, text := range server.Listen {
			if address, err := caddy.ParseNetworkAddress(text); err == nil && strings.HasPrefix(address.Network, "tcp") {
				ports = append(ports, uint16(address.StartPort)) //nolint:gosec // a port
			}
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

func (r route) takesAnyHost() bool {
	for _, match := range r.Match {
		if len(match.Host) == 0 {
			return true
		}
	}
	return len(r.Match) == 0
}

// hosts are the names that a server's routes match.
func (s server) hosts() []string {
	var names []string
	for _, route := range s.Routes {
		for _, match := range route.Match {
			names = append(names, match.Host...)
		}
	}
	return names
}

// tableNames are the names in virtual_hosts tables, however deep in subroutes.
func tableNames(routes []route) []string {
	var names []string
	for _, route := range routes {
		for _, text := range route.Handle {
			names = append(names, handlerNames(text)...)
		}
	}
	return names
}

// handlerNames are those in a handler; Caddy says what is wrong with one that
// cannot be read.
func handlerNames(text json.RawMessage) []string {
	var kind struct {
		Handler string `json:"handler"`
	}
	if json.Unmarshal(text, &kind) != nil {
		return nil
	}
	switch kind.Handler {
	case "subroute":
		var subroute struct {
			Routes []route `json:"routes"`
		}
		if json.Unmarshal(text, &subroute) == nil {
			return tableNames(subroute.Routes)
		}
	case "virtual_hosts":
		var table struct {
			Hosts []struct {
				Names []string `json:"names"`
			} `json:"hosts"`
		}
		var names []string
		if json.Unmarshal(text, &table) == nil {
			for _, host := range table.Hosts {
				names = append(names, host.Names...)
			}
		}
		return names
	}
	return nil
}

// hasTLS reports whether a site of that name speaks TLS.
func (c *Configuration) hasTLS(name string) bool {
	return c.isManaged(name) || c.inServers(name, func(s server) []string { return tableNames(s.Routes) })
}

// isManaged reports whether Caddy gets a certificate for a name by itself, unless
// it is given one. A wildcard in a table has none of its own.
func (c *Configuration) isManaged(name string) bool {
	is := func(other string) bool { return strings.EqualFold(other, name) }
	return slices.ContainsFunc(c.managedNames(), is) ||
		slices.ContainsFunc(c.written, func(site writtenSite) bool { return site.tls && is(site.host) }) ||
		c.inServers(name, server.hosts)
}

// inServers reports whether a name is among those of a server that speaks TLS.
func (c *Configuration) inServers(name string, names func(server) []string) bool {
	is := func(other string) bool { return strings.EqualFold(other, name) }
	for _, server := range c.Apps.HTTP.Servers {
		if c.speaksTLS(server) && slices.ContainsFunc(names(server), is) && !slices.ContainsFunc(server.AutomaticHTTPS.Skip, is) {
			return true
		}
	}
	return false
}

// speaksTLS reports whether a server does, because it is told to or by itself.
func (c *Configuration) speaksTLS(s server) bool {
	if len(s.TLS) == 0 && s.AutomaticHTTPS.Disabled {
		return false
	}
	return slices.ContainsFunc(s.Listen, func(text string) bool {
		address, err := caddy.ParseNetworkAddress(text)
		return err == nil && address.StartPort != uint(c.httpPort())
	})
}
