package subdomains

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/subdomain"
)

// site is the host names that a handler can be asked for, as the host matchers
// around it have them: lower case, "*" for one whole label. Empty: any name.
type site []string

// siteOf finds the host matchers around the module that ctx provisions, the
// innermost ones when they are nested.
//
// Caddy provisions all matchers of a list of routes before the handlers, these
// in order, and clears HandlersRaw behind it: the route on the way to this
// handler is the first that still has some.
func siteOf(ctx caddy.Context) site {
	var around site
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		around = around.within(server.Routes)
	}
	for _, module := range ctx.Modules() {
		if subroute, ok := module.(*caddyhttp.Subroute); ok {
			around = around.within(subroute.Routes)
		}
	}
	return around
}

// within narrows the site to the hosts of the route that is being provisioned.
func (s site) within(routes caddyhttp.RouteList) site {
	for _, route := range routes {
		if len(route.HandlersRaw) == 0 {
			continue
		}
		var hosts site
		for _, set := range route.MatcherSets {
			for _, matcher := range set {
				if match, ok := matcher.(*caddyhttp.MatchHost); ok {
					for _, host := range *match {
						hosts = append(hosts, strings.ToLower(caddy.NewReplacer().ReplaceKnown(host, "")))
					}
				}
			}
		}
		if len(hosts) > 0 {
			return hosts
		}
		break
	}
	return s
}

// domain returns the domain that the rows are below: the one that is given,
// else the one whose wildcard the site has.
func (s site) domain(given string) (string, error) {
	if given != "" {
		domain, err := subdomain.Domain(caddy.NewReplacer().ReplaceKnown(given, ""))
		if err != nil {
			return "", fmt.Errorf("subdomains: %w", err)
		}
		return domain, nil
	}
	var domain string
	for _, host := range s {
		below, ok := strings.CutPrefix(host, "*.")
		switch {
		case !ok:
		case domain != "" && domain != below:
			return "", fmt.Errorf("subdomains: the site has two domains, %s and %s: "+
				"give each a site of its own, or write subdomains %s", domain, below, domain)
		default:
			domain = below
		}
	}
	if domain == "" {
		return "", errors.New("subdomains: which domain? Give the site an address like *.example.com, " +
			"or write subdomains example.com")
	}
	domain, err := subdomain.Domain(domain)
	if err != nil {
		return "", fmt.Errorf("subdomains: %w", err)
	}
	return domain, nil
}

// reachesAll checks that a request can arrive for each row.
func (s site) reachesAll(rows Rows, domain string) error {
	for label := range rows {
		name, err := subdomain.Join(label, domain)
		if err != nil {
			return err
		}
		if err := s.reaches(name); err != nil {
			return err
		}
	}
	return nil
}

// reaches checks that a request for name can arrive.
func (s site) reaches(name string) error {
	if len(s) == 0 {
		return nil
	}
	for _, host := range s {
		if matches(host, name) {
			return nil
		}
	}
	return fmt.Errorf("%w: no request for %s can arrive, as the site answers to %s: add it to the site's addresses",
		subdomain.ErrName, name, strings.Join(s, ", "))
}

// matches reports whether the host pattern matches name, as Caddy has it.
func matches(pattern, name string) bool {
	for {
		wanted, morePattern, patternGoesOn := strings.Cut(pattern, ".")
		label, moreName, nameGoesOn := strings.Cut(name, ".")
		if wanted != "*" && wanted != label || patternGoesOn != nameGoesOn {
			return false
		}
		if !patternGoesOn {
			return true
		}
		pattern, name = morePattern, moreName
	}
}
