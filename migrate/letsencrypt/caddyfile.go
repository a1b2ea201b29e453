package letsencrypt

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// LetsEncrypt is the directory URL of Let's Encrypt.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// Caddyfile is what the configuration needs so that Caddy finds what was
// imported and renews it where certbot did.
type Caddyfile struct {
	// Email is the address for the global option email; empty: leave it out.
	Email string `json:"email,omitempty"`
	// Authority is the directory URL for the global option acme_ca: where most
	// lineages come from.
	Authority string `json:"acme_ca,omitempty"`
	// Sites are lines for single sites, by the name of the lineage.
	Sites map[string][]string `json:"sites,omitempty"`
}

// Settings works out what the configuration needs for certbot's lineages,
// without looking at Caddy's storage. The address in options counts.
func (i *Inventory) Settings(options Options) Caddyfile {
	p := planner{Inventory: i, Options: options, accounts: make(map[string]*Account), authority: mostUsed(i.Lineages)}
	for _, lineage := range i.Lineages {
		if account := i.AccountOf(lineage); account != nil && p.accounts[lineage.Server] == nil {
			p.accounts[lineage.Server] = account
		}
	}
	return p.caddyfile(i.Lineages)
}

// mostUsed is the directory URL that most lineages come from.
func mostUsed(lineages []*Lineage) string {
	uses, most := make(map[string]int), ""
	for _, lineage := range lineages {
		uses[lineage.Server]++
		if uses[lineage.Server] > uses[most] {
			most = lineage.Server
		}
	}
	return most
}

func (p *planner) caddyfile(lineages []*Lineage) Caddyfile {
	needs := Caddyfile{Authority: p.authority, Email: p.email(), Sites: make(map[string][]string)}
	for _, lineage := range lineages {
		if lines := p.siteLines(lineage); len(lines) > 0 {
			needs.Sites[lineage.Name] = lines
		}
	}
	return needs
}

// siteLines are the lines for the sites of a lineage, where they differ from
// the global options.
func (p *planner) siteLines(l *Lineage) []string {
	var lines []string
	if len(l.Names) > 1 {
		lines = append(lines, "imported_certificate "+l.Name)
	}
	if l.Server != p.authority {
		lines = append(lines, fmt.Sprintf("tls {\n\tca %s\n}", l.Server))
	}
	return lines
}

// Text is what the configuration needs as a Caddyfile: the global options, and
// the lines of sites under the name of their lineage.
func (c Caddyfile) Text() string {
	var text strings.Builder
	if c.Authority != "" {
		text.WriteString("{\n")
		if c.Email != "" {
			fmt.Fprintf(&text, "\temail %s\n", c.Email)
		}
		fmt.Fprintf(&text, "\tacme_ca %s\n}\n", c.Authority)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Sites)) {
		fmt.Fprintf(&text, "\n# in the sites that use the certificate %s\n", name)
		for _, line := range c.Sites[name] {
			text.WriteString(line + "\n")
		}
	}
	return text.String()
}
