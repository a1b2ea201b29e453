package translate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// mostBlocks is how many virtual hosts of an address become site blocks. More
// become a table, because Caddy walks site blocks one by one.
const mostBlocks = 30

// usesTable tells whether the virtual hosts of a group become one table:
// because they are many, or because their names have wildcards, which in
// Apache cross dots and are asked in the order of the hosts.
func (t *translation) usesTable(g group) bool {
	wild := false
	for _, h := range g.hosts {
		wild = wild || slices.ContainsFunc(h.names, func(name string) bool { return strings.ContainsAny(name, "*?") })
		if site := t.siteOf(h); site != nil && site.HTTPS() && site.asksForCertificates() {
			return false // what a handshake asks for belongs to a block of its own
		}
	}
	return wild || len(g.hosts) > mostBlocks
}

// asksForCertificates tells whether clients have to show a certificate.
func (s *Site) asksForCertificates() bool {
	d := s.Last("SSLVerifyClient")
	return d != nil && (len(d.Args) != 1 || !strings.EqualFold(d.Args[0], "none"))
}

func (t *translation) siteOf(h *host) *Site {
	for _, site := range t.sites {
		if site.host == h {
			return site
		}
	}
	return nil
}

// writeTable writes the virtual hosts of a group as one block with a table.
func (t *translation) writeTable(g group) SiteText {
	https := slices.ContainsFunc(g.hosts, func(h *host) bool { site := t.siteOf(h); return site != nil && site.HTTPS() })
	scheme := "http"
	if https {
		scheme = "https"
	}
	b := NewBlock()
	b.Comment("%d virtual hosts on %s, asked in Apache's order; the first is the default", len(g.hosts), g.endpoint)
	addresses, names := t.tableAddresses(g, scheme)
	for i := range addresses[:len(addresses)-1] {
		addresses[i] += ","
	}
	body := b.Open(addresses...)
	if g.host != "" {
		body.Line("bind", g.host)
	}
	table := body.Detached()
	logName := t.tableLogName(g)
	if logName != "" {
		body.Open("log", logName).Line("output", "discard") // gives the name; the sites' logs are global
	}
	settings := "" // of TLS, which all hosts of a block share
	for i, h := range g.hosts {
		site := t.siteOf(h)
		if site == nil {
			continue
		}
		site.table = &tableEntry{isDefault: i == 0}
		if logName != "" {
			site.table.logger = logName + "." + site.logName()
		}
		t.writeTableHost(body, table, site)
		inner := site.table.tls.String()
		switch {
		case i == 0 && inner != "":
			settings = inner
			body.Open("tls").Append(site.table.tls)
		case inner != settings:
			site.approximateTLS()
		}
		site.table = nil
	}
	body.Open("virtual_hosts").Append(table)
	return SiteText{Name: g.String(), Names: names, Text: b.String()}
}

// tableLogName is the name under which the sites of a table log, or "" where
// none does.
func (t *translation) tableLogName(g group) string {
	logs := slices.ContainsFunc(g.hosts, func(h *host) bool {
		site := t.siteOf(h)
		return site != nil && len(ownOrMain(site, "CustomLog", "TransferLog", "ErrorLog")) > 0
	})
	if !logs {
		return ""
	}
	return freeName(t.logNames, "hosts_"+strconv.Itoa(g.port))
}

// tableEntry is what a site knows while it is written into a table.
type tableEntry struct {
	isDefault bool
	logger    string // the table's name for logs and the site's; "" where no site of the table logs
	tls       *Block // settings for the block of all hosts
}

// approximateTLS notes that the settings of TLS are those of the first host.
func (s *Site) approximateTLS() {
	for _, d := range s.All("SSLProtocol", "SSLCipherSuite") {
		if slices.Contains(s.Own, d) {
			s.Approximate(d, "the settings of TLS of the first virtual host hold for all of this address", "")
		}
	}
}

func (t *translation) writeTableHost(body, table *Block, site *Site) {
	site.table.tls = body.Detached()
	if site.host.section != nil {
		table.From(site.host.section)
	} else {
		table.Comment("the main server")
	}
	host := table.Open(append([]string{"host"}, site.host.names...)...)
	parts := site.writeParts(NewBlock())
	body.Append(parts.site)
	if site.table.logger != "" {
		host.Line("log_name", site.table.logger)
	}
	handle := host.Open("handle")
	handle.Append(parts.definitions)
	handle.Append(parts.route)
	if !parts.errors.Empty() {
		errors := host.Open("errors")
		errors.Append(parts.definitions)
		errors.Append(parts.errors)
	}
}

// tableAddresses are the addresses of the block of a table: with TLS every
// name, so that it gets a certificate, and always the port alone.
func (t *translation) tableAddresses(g group, scheme string) (addresses, names []string) {
	for _, h := range g.hosts {
		for _, name := range h.names {
			if !hostName.MatchString(name) || strings.Contains(name, "*") || slices.Contains(names, name) {
				continue
			}
			names = append(names, name)
			if scheme == "https" {
				addresses = append(addresses, t.address(scheme, name, g.port))
			}
		}
	}
	return append(addresses, scheme+"://:"+strconv.Itoa(t.port(g.port))), names
}

// refuseWildcards refuses the names that a block of its own can't answer for.
func (s *Site) refuseWildcards() {
	for _, list := range [][]*apacheconf.Directive{s.Own} {
		for _, d := range list {
			if d.Is("ServerAlias") && slices.ContainsFunc(d.Args, func(name string) bool { return strings.ContainsAny(name, "*?") }) {
				s.Refuse(d, "names with wildcards do not go together with certificates of clients", "write the names out")
			}
		}
	}
}
