package inspect

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/letsencrypt"
)

// Certificate is one of certbot's, or a file that a site names.
type Certificate struct {
	// Lineage is certbot's name for it; empty: certbot does not renew it.
	Lineage string `json:"lineage,omitempty"`
	// File is the file that sites name, if any does.
	File    string    `json:"file,omitempty"`
	Names   []string  `json:"names,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Serial  string    `json:"serial,omitempty"`
	// Authority is the directory URL it comes from.
	Authority string `json:"authority,omitempty"`
	// Authenticator is how certbot proves the names.
	Authenticator string `json:"authenticator,omitempty"`
	// Sites are the names of the sites that serve it.
	Sites []string `json:"sites,omitempty"`
	// Error says why nothing more is known.
	Error string `json:"error,omitempty"`

	now time.Time
}

// DaysLeft is how many whole days are left; negative when it has expired.
func (c *Certificate) DaysLeft() int {
	return int(c.Expires.Sub(c.now).Hours() / 24)
}

// certificates lists certbot's lineages, and the files of sites that are none.
func (r *Report) certificates(tree *apacheconf.Tree, options Options) {
	byName := map[string]*Certificate{}
	if options.LetsEncrypt != "" {
		inventory, err := letsencrypt.Read(options.LetsEncrypt)
		switch {
		case err == nil:
			r.Certbot = inventory.Findings
			for _, lineage := range inventory.Lineages {
				c := ofLineage(lineage)
				c.now = options.Now
				r.Certificates = append(r.Certificates, c)
				byName[lineage.Name] = c
			}
		case !errors.Is(err, os.ErrNotExist):
			r.Certbot = []letsencrypt.Finding{{Severity: letsencrypt.Error, File: options.LetsEncrypt, Text: err.Error()}}
		}
	}
	byFile := map[string]*Certificate{}
	for _, site := range r.Sites {
		if !site.HTTPS || site.Certificate == "" {
			continue
		}
		file := site.Certificate
		if !filepath.IsAbs(file) {
			file = filepath.Join(tree.ServerRoot, file)
		}
		c := byName[letsencrypt.LineageOf(options.LetsEncrypt, file)]
		if c == nil {
			c = byFile[file]
		}
		if c == nil {
			c = ofFile(file)
			c.now = options.Now
			byFile[file] = c
			r.Certificates = append(r.Certificates, c)
		}
		c.File = file
		c.Sites = append(c.Sites, site.Title())
	}
}

func ofLineage(lineage *letsencrypt.Lineage) *Certificate {
	return &Certificate{
		Lineage:       lineage.Name,
		Names:         lineage.Names,
		Expires:       lineage.Leaf.NotAfter,
		Serial:        lineage.Serial(),
		Authority:     lineage.Server,
		Authenticator: lineage.Authenticator,
	}
}

func ofFile(file string) *Certificate {
	c := &Certificate{File: file}
	text, err := os.ReadFile(file) //nolint:gosec // the configuration names it
	if err != nil {
		if failed := (*fs.PathError)(nil); errors.As(err, &failed) {
			err = failed.Err // it is shown beside the file's name
		}
		c.Error = err.Error()
		return c
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			c.Error = err.Error()
			return c
		}
		c.Names, c.Expires, c.Serial = leaf.DNSNames, leaf.NotAfter, strings.ToUpper(leaf.SerialNumber.Text(16))
		return c
	}
	c.Error = "there is no certificate in it"
	return c
}
