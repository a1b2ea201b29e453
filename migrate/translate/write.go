package translate

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// writeAll writes the global options and all sites.
func (t *translation) writeAll() (*Result, error) {
	groups := t.withoutMixedTLS(t.server.groups())
	t.sites = t.sitesOf(groups)
	result := &Result{}
	tables := map[endpoint]bool{}
	for _, g := range groups {
		tables[g.endpoint] = t.usesTable(g)
		t.hasTables = t.hasTables || tables[g.endpoint]
	}
	for _, site := range t.sites {
		if err := t.ctx.Err(); err != nil {
			return nil, err
		}
		site.plain = slices.DeleteFunc(slices.Clone(site.groups), func(g group) bool { return tables[g.endpoint] })
		switch {
		case len(site.plain) == 0:
		case len(site.addresses()) == 0:
			if len(site.plain) == len(site.groups) {
				t.unreachable(site.host, "other virtual hosts before it have all its names")
			}
		default:
			result.Sites = append(result.Sites, t.writeSite(site))
		}
	}
	for _, g := range groups {
		if tables[g.endpoint] {
			result.Sites = append(result.Sites, t.writeTable(g))
		}
	}
	if len(result.Sites) == 0 {
		return nil, errors.New("the configuration has no site: nothing listens where a virtual host answers; add Listen lines")
	}
	t.writeGlobal()
	result.Global = t.global.String()
	texts := []string{result.Global}
	for _, site := range result.Sites {
		texts = append(texts, site.Text)
	}
	result.Caddyfile = strings.Join(texts, "\n")
	return result, nil
}

// sitesOf gives a site for each virtual host that some address leads to, and
// for the main server where it answers.
func (t *translation) sitesOf(groups []group) []*Site {
	var sites []*Site
	for _, h := range append([]*host{t.server.main}, t.server.hosts...) {
		var own []group
		for _, g := range groups {
			if slices.Contains(g.hosts, h) {
				own = append(own, g)
			}
		}
		if len(own) == 0 {
			t.unreachable(h, "nothing listens on the address of this virtual host, and it is left out as Apache does")
			continue
		}
		site := t.newSite(h)
		site.groups = t.withoutPlainHTTPS(site, own)
		if len(site.groups) > 0 {
			sites = append(sites, site)
		}
	}
	return sites
}

// withoutMixedTLS takes the virtual hosts away that do not say the same of TLS
// as the first one of their address: in Apache that one decides for all, so that
// the others answer in plain HTTP although they ask for TLS, or the other way
// round. Of port 443, withoutPlainHTTPS speaks.
func (t *translation) withoutMixedTLS(groups []group) []group {
	for i, g := range groups {
		if g.port == 443 {
			continue
		}
		tls := t.speaksTLS(g.hosts[0])
		groups[i].hosts = slices.DeleteFunc(slices.Clone(g.hosts), func(h *host) bool {
			if h.section == nil || t.speaksTLS(h) == tls {
				return false
			}
			says := "has no SSLEngine on"
			if tls {
				says = "has SSLEngine on"
			}
			t.refuse(h.section, fmt.Sprintf("the first virtual host of %s, %s, %s, which in Apache holds for every one of this address, and this one says otherwise", g.endpoint, g.hosts[0].section.Position, says),
				"say the same in both, or give it a port of its own")
			return true
		})
	}
	return groups
}

// speaksTLS tells whether a virtual host has SSLEngine on, of its own or inherited.
func (t *translation) speaksTLS(h *host) bool {
	site := &Site{Main: t.tree.Directives}
	if h.section != nil {
		site.Own = h.section.Children
	}
	return site.HTTPS()
}

// withoutPlainHTTPS takes away the addresses where Apache would speak plain
// HTTP on the port of HTTPS, which Caddy does not: Debian's ports.conf listens
// on 443 whether or not a virtual host uses it.
func (t *translation) withoutPlainHTTPS(site *Site, own []group) []group {
	if site.HTTPS() {
		return own
	}
	left := slices.DeleteFunc(slices.Clone(own), func(g group) bool { return g.port == 443 })
	section := site.host.section
	switch {
	case len(left) == len(own) || section == nil:
	case len(left) == 0:
		t.refuse(section, "plain HTTP on port 443 is not served", "switch SSLEngine on, or choose another port")
		apacheconf.Walk(section.Children, func(d *apacheconf.Directive) { t.harmless(d, "the virtual host is not served") })
	default:
		t.approximate(section, "plain HTTP on port 443 is not served, the other addresses are", "")
	}
	return left
}

// unreachable notes that no request reaches a virtual host.
func (t *translation) unreachable(h *host, why string) {
	if h.section == nil {
		return
	}
	t.approximate(h.section, why, "add a Listen line if it should answer")
	apacheconf.Walk(h.section.Children, func(d *apacheconf.Directive) { t.harmless(d, "its virtual host is left out") })
}

func (t *translation) writeGlobal() {
	b := &Block{names: map[string]int{}}
	options := b.Open()
	if t.options.Platform {
		options.Comment("reloads that lose no request")
		options.Line("fairway")
	}
	options.Comment("redirects to HTTPS are those Apache had")
	options.Line("auto_https", "disable_redirects")
	if t.options.HTTPPort != 80 {
		options.Line("http_port", strconv.Itoa(t.options.HTTPPort))
	}
	if t.options.HTTPSPort != 443 {
		options.Line("https_port", strconv.Itoa(t.options.HTTPSPort))
	}
	t.writeTLSOptions(options)
	t.writeServers(options)
	options.Append(t.global)
	t.writeGlobalLogs(options)
	t.global = b
}

func (t *translation) writeSite(s *Site) SiteText {
	b := NewBlock()
	text := SiteText{Name: s.Name(), Names: s.host.names}
	if s.host.section != nil {
		b.From(s.host.section)
		text.Position = s.host.section.Position
	} else {
		b.Comment("the main server, where no virtual host answers")
	}
	addresses := s.addresses()
	if text.Name == "" {
		text.Name = addresses[0]
	}
	for i := range addresses[:len(addresses)-1] {
		addresses[i] += ","
	}
	body := b.Open(addresses...)
	if binds := s.binds(); len(binds) > 0 {
		body.Line(append([]string{"bind"}, binds...)...)
	}
	s.refuseWildcards()
	parts := s.writeParts(b)
	body.Append(parts.definitions)
	if s.answersForOthers() {
		body.Comment("Apache takes a name with a dot at its end for the name")
		body.Open("route").Line("apache_trailing_dot") // alone it would come after the site's route
	}
	body.Append(parts.site)
	body.Append(parts.route)
	if !parts.errors.Empty() {
		body.Open("handle_errors").Append(parts.errors)
	}
	text.Text = b.String()
	return text
}

// answersForOthers tells whether requests for the names of other sites come
// here when they are written in an unusual way.
func (s *Site) answersForOthers() bool {
	return slices.ContainsFunc(s.plain, func(g group) bool { return len(g.hosts) > 1 && g.hosts[0] == s.host })
}

// addresses are the site's for Caddy: a name each, and the port alone where the
// site also answers for names nobody has.
func (s *Site) addresses() []string {
	scheme := "http"
	if s.HTTPS() {
		scheme = "https"
	}
	var addresses []string
	for _, g := range s.plain {
		port := strconv.Itoa(s.t.port(g.port))
		for _, name := range s.namesIn(g) {
			addresses = append(addresses, s.t.address(scheme, name, g.port))
		}
		if s.isDefaultOf(g) {
			addresses = append(addresses, scheme+"://:"+port)
		}
	}
	return slices.Compact(addresses)
}

// isDefaultOf tells whether the site answers in a group for names nobody has.
func (s *Site) isDefaultOf(g group) bool { return g.hosts[0] == s.host }

// takesAnyName tells whether the site's block has an address without a name.
func (s *Site) takesAnyName() bool {
	return s.table == nil && slices.ContainsFunc(s.plain, s.isDefaultOf)
}

// address is a name on one of Apache's ports; the port of a scheme goes without saying.
func (t *translation) address(scheme, name string, port int) string {
	if scheme == "http" && port == 80 || scheme == "https" && port == 443 {
		return scheme + "://" + name
	}
	return scheme + "://" + net.JoinHostPort(name, strconv.Itoa(t.port(port)))
}

// namesIn are the names the site answers for in a group: those that no site
// before it has.
func (s *Site) namesIn(g group) []string {
	var names []string
	for _, name := range s.host.names {
		if !hostName.MatchString(name) {
			continue
		}
		earlier := slices.Index(g.hosts, s.host)
		taken := slices.ContainsFunc(g.hosts[:earlier], func(h *host) bool { return slices.Contains(h.names, name) })
		if !taken {
			names = append(names, name)
		}
	}
	return names
}

// binds are the IP addresses of groups that do not stand for all of them.
func (s *Site) binds() []string {
	var binds []string
	for _, g := range s.plain {
		if g.host != "" && !slices.Contains(binds, g.host) {
			binds = append(binds, g.host)
		}
	}
	return binds
}

// writeTLSOptions writes where certificates come from, and which one those get
// who name no host.
func (t *translation) writeTLSOptions(options *Block) {
	if t.certbotSettings != nil {
		if t.certbotSettings.Email != "" {
			options.Line("email", Literal(t.certbotSettings.Email))
		}
		if t.certbotSettings.Authority != "" {
			options.Line("acme_ca", Literal(t.certbotSettings.Authority))
		}
	}
	for _, s := range t.sites {
		if !s.HTTPS() || len(s.groups) == 0 || s.groups[0].hosts[0] != s.host {
			continue
		}
		if name := s.Name(); hostName.MatchString(name) && !strings.Contains(name, "*") {
			options.Line("default_sni", name)
			options.Line("fallback_sni", name)
			return
		}
	}
}
