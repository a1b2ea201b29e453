package apacheadapter

import (
	"crypto/x509"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
)

func init() { caddy.RegisterModule(new(ChainDepth)) }

// ChainDepth refuses certificates of clients that Apache's mod_ssl refuses and
// Go takes: those whose chain is longer than SSLVerifyDepth allows, or ends in
// an authority that is not self-signed.
//
//	client_auth {
//		verifier apache_depth [<depth>]   # default: 1, the authority alone
//	}
type ChainDepth struct {
	// Depth is how many certificates may stand above the client's. Default: 1.
	Depth *int `json:"depth,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*ChainDepth) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "tls.client_auth.verifier.apache_depth", New: func() caddy.Module { return new(ChainDepth) }}
}

// VerifyClientCertificate looks at the chains of a certificate that was presented.
func (v *ChainDepth) VerifyClientCertificate(_ [][]byte, verified [][]*x509.Certificate) error {
	return checkDepth(verified, v.Depth)
}

// UnmarshalCaddyfile reads the line.
func (v *ChainDepth) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the verifier's name
	if !d.NextArg() {
		return nil
	}
	depth, err := strconv.Atoi(d.Val())
	if err != nil || depth < 0 {
		return d.Errf("apache_depth is %q; it is a number", d.Val())
	}
	v.Depth = &depth
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

// Interface guards
var (
	_ caddytls.ClientCertificateVerifier = (*ChainDepth)(nil)
	_ caddyfile.Unmarshaler              = (*ChainDepth)(nil)
)
