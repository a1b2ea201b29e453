package importedcertificate

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func init() {
	httpcaddyfile.RegisterDirective("imported_certificate", parseCaddyfile)
}

// parseCaddyfile reads the directive. It takes one name, no block and no matcher:
//
//	imported_certificate <name>
func parseCaddyfile(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	certificate := new(Certificate)
	if err := certificate.UnmarshalCaddyfile(h.Dispenser); err != nil {
		return nil, err
	}
	return []httpcaddyfile.ConfigValue{{Class: "tls.cert_loader", Value: Loader{*certificate}}}, nil
}

// UnmarshalCaddyfile reads the directive's name and argument.
func (c *Certificate) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if !d.AllArgs(&c.Name) {
		return d.ArgErr()
	}
	if d.NextBlock(0) {
		return d.Errf("imported_certificate takes no block, but has %q", d.Val())
	}
	return nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Certificate)(nil)
