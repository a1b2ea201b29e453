package inspect

import (
	"net"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/translate"
)

// Site is a virtual host.
type Site struct {
	apacheconf.Position
	// Uses are the Use lines of the macros it comes from, outermost first.
	Uses []apacheconf.Position `json:"uses,omitempty"`
	// Name is its ServerName, without scheme and port; it may be empty.
	Name    string   `json:"name"`
	Aliases []string `json:"aliases,omitempty"`
	// Addresses are as Apache writes them: "*:443".
	Addresses []string `json:"addresses,omitempty"`
	// DefaultOn are the addresses where it answers for unknown names.
	DefaultOn []string `json:"default_on,omitempty"`
	HTTPS     bool     `json:"https"`
	// Certificate is the file it names.
	Certificate string `json:"certificate,omitempty"`
	// Verdict is the worst of its findings.
	Verdict  translate.Verdict   `json:"verdict"`
	Counts   Counts              `json:"counts"`
	Findings []translate.Finding `json:"findings"`

	lastLine int
}

func newSite(section *apacheconf.Directive) *Site {
	site := &Site{Position: section.Position, Uses: section.Uses, lastLine: section.LastLine}
	for _, address := range section.Args {
		site.Addresses = append(site.Addresses, addressOf(address))
	}
	for _, d := range section.Children {
		switch {
		case d.Is("ServerName") && len(d.Args) > 0:
			site.Name = hostOf(d.Args[0])
		case d.Is("ServerAlias"):
			site.Aliases = append(site.Aliases, slices.DeleteFunc(slices.Clone(d.Args), func(name string) bool { return name == "" })...)
		case d.Is("SSLEngine") && len(d.Args) > 0:
			site.HTTPS = strings.EqualFold(d.Args[0], "on")
		case d.Is("SSLCertificateFile") && len(d.Args) > 0:
			site.Certificate = d.Args[0]
		}
	}
	return site
}

// note takes a finding into the site's verdict.
func (s *Site) note(finding translate.Finding) {
	s.Findings = append(s.Findings, finding)
	s.Counts.add(finding.Verdict)
	switch {
	case s.Counts.Refused > 0:
		s.Verdict = translate.Refused
	case s.Counts.Ignored > 0:
		s.Verdict = translate.Ignored
	case s.Counts.Approximate > 0:
		s.Verdict = translate.Approximate
	default:
		s.Verdict = translate.Translated
	}
}

// Title is what people call the site: its name, else its first address.
func (s *Site) Title() string {
	switch {
	case s.Name != "":
		return s.Name
	case len(s.Addresses) > 0:
		return s.Addresses[0]
	default:
		return s.String()
	}
}

// addressOf writes an address of <VirtualHost> as Apache prints it.
func addressOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.Trim(address, "[]"), "*"
	}
	if host == "_default_" {
		host = "*"
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

// hostOf is the host of [scheme://]host[:port].
func hostOf(name string) string {
	if _, after, ok := strings.Cut(name, "://"); ok {
		name = after
	}
	if host, _, err := net.SplitHostPort(name); err == nil {
		return host
	}
	return strings.TrimSuffix(name, "/")
}

// markDefaults finds the first site of every address.
func markDefaults(sites []*Site) {
	taken := map[string]bool{}
	for _, site := range sites {
		for _, address := range site.Addresses {
			if !taken[address] {
				taken[address] = true
				site.DefaultOn = append(site.DefaultOn, address)
			}
		}
	}
}
