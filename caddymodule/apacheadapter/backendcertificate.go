package apacheadapter

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// BackendCertificate says how far the certificate of a backend is checked, as
// mod_ssl checks it: the chain only where authorities are named, the name and
// the time also without them.
type BackendCertificate struct {
	// Authorities are files of certificates in PEM form. The chain has to end in
	// a self-signed one of theirs. Without any the chain is not looked at.
	Authorities []string `json:"authorities,omitempty"`
	// Depth is how many certificates may stand above the backend's, as
	// SSLProxyVerifyDepth has it. The default is 1: its authority alone.
	Depth *int `json:"depth,omitempty"`
	// Name is "any" (the default: one of its names has to be the backend's),
	// "common_name" or "off".
	Name string `json:"name,omitempty"`
	// AllowExpired takes certificates outside of their time, where the chain is
	// not looked at.
	AllowExpired bool `json:"allow_expired,omitempty"`

	authorities trustedChains
}

// trustedChains are the authorities that a chain may end in, and what may
// stand between.
type trustedChains struct {
	roots         *x509.CertPool
	intermediates []*x509.Certificate
}

// readAuthorities reads files of certificates. As in OpenSSL only a self-signed
// one can end a chain.
func readAuthorities(files []string) (trustedChains, error) {
	read := trustedChains{roots: x509.NewCertPool()}
	for _, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // the operator names it
		if err != nil {
			return read, err
		}
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			if !strings.HasSuffix(block.Type, "CERTIFICATE") {
				continue
			}
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return read, fmt.Errorf("%s: %w", name, err)
			}
			if isSelfSigned(certificate) {
				read.roots.AddCert(certificate)
			} else {
				read.intermediates = append(read.intermediates, certificate)
			}
		}
	}
	return read, nil
}

func isSelfSigned(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }

func (c *BackendCertificate) provision() (err error) {
	if !slices.Contains([]string{"", "any", "common_name", "off"}, c.Name) {
		return fmt.Errorf("verify_name is %q; it is any, common_name or off", c.Name)
	}
	c.authorities, err = readAuthorities(c.Authorities)
	return err
}

// verify checks what a backend of this name presents.
func (c *BackendCertificate) verify(presented []*x509.Certificate, host string, now time.Time) error {
	if len(presented) == 0 {
		return errors.New("the backend presents no certificate")
	}
	own := presented[0]
	if len(c.Authorities) > 0 {
		if err := c.verifyChain(presented, now); err != nil {
			return err
		}
	}
	if !c.AllowExpired && (now.Before(own.NotBefore) || now.After(own.NotAfter)) {
		return fmt.Errorf("the certificate of %s is valid from %s to %s", host, own.NotBefore, own.NotAfter)
	}
	if !c.matches(own, host) {
		return fmt.Errorf("the certificate of %s has another name: %v", host, namesOf(own))
	}
	return nil
}

func (c *BackendCertificate) verifyChain(presented []*x509.Certificate, now time.Time) error {
	between := x509.NewCertPool()
	for _, certificate := range slices.Concat(presented[1:], c.authorities.intermediates) {
		between.AddCert(certificate)
	}
	chains, err := presented[0].Verify(x509.VerifyOptions{
		Roots: c.authorities.roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return err
	}
	return checkDepth(chains, c.Depth)
}

// checkDepth tells whether one of the chains is short enough.
func checkDepth(chains [][]*x509.Certificate, depth *int) error {
	most := 1
	if depth != nil {
		most = *depth
	}
	for _, chain := range chains {
		if isSelfSigned(chain[len(chain)-1]) && len(chain)-1 <= most {
			return nil
		}
	}
	return fmt.Errorf("the chain of certificates is longer than the %d allowed above the first", most)
}

// matches compares the backend's name as mod_ssl does: also with the common
// name, and with a wildcard for the first label.
func (c *BackendCertificate) matches(certificate *x509.Certificate, host string) bool {
	switch c.Name {
	case "off":
		return true
	case "common_name":
		return strings.EqualFold(certificate.Subject.CommonName, host)
	}
	_, parent, hasParent := strings.Cut(host, ".")
	return slices.ContainsFunc(namesOf(certificate), func(name string) bool {
		rest, wildcard := strings.CutPrefix(name, "*.")
		return strings.EqualFold(name, host) || wildcard && hasParent && strings.EqualFold(rest, parent)
	})
}

func namesOf(certificate *x509.Certificate) []string {
	return append(slices.Clone(certificate.DNSNames), certificate.Subject.CommonName)
}

// useCertificate has connections to backends checked by certificate, whose
// name is known only when it is dialed.
func (t *Transport) useCertificate() {
	transport := t.Transport
	dial, config := transport.DialContext, transport.TLSClientConfig
	if config == nil {
		config = new(tls.Config)
	}
	transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		plain, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		secured := config.Clone()
		host := t.backendName(ctx, address)
		secured.ServerName = host
		secured.InsecureSkipVerify = true // #nosec G402 -- VerifyConnection checks
		secured.MinVersion, secured.MaxVersion = tlsVersions[t.LeastTLS], tlsVersions[t.MostTLS]
		secured.VerifyConnection = func(state tls.ConnectionState) error {
			return t.Certificate.verify(state.PeerCertificates, host, time.Now())
		}
		if t.ResponseHeaderTimeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(t.ResponseHeaderTimeout))
			defer cancel()
		}
		connection := tls.Client(plain, secured)
		if err := connection.HandshakeContext(ctx); err != nil {
			_ = connection.Close()
			return nil, &handshakeError{err}
		}
		return connection, nil
	}
}

// handshakeError is a handshake with a backend that failed, for Apache an error
// of its own.
type handshakeError struct{ error }

func (e *handshakeError) Unwrap() error { return e.error }

var tlsVersions = map[string]uint16{"": 0, "tls1.2": tls.VersionTLS12, "tls1.3": tls.VersionTLS13}

// keepApart has a connection that was checked for one name not used for
// another. Which address is dialed, reverse_proxy says in the context.
func (t *Transport) keepApart(r *http.Request) {
	name := t.backendName(r.Context(), r.URL.Host)
	if _, port, err := net.SplitHostPort(r.URL.Host); err == nil && name != "" {
		r.URL.Host = net.JoinHostPort(name, port)
	}
}

// backendName is the name that the backend's certificate has to have.
func (t *Transport) backendName(ctx context.Context, address string) string {
	if t.TLS != nil && t.TLS.ServerName != "" {
		name := t.TLS.ServerName
		if replacer, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
			name = replacer.ReplaceAll(name, "")
		}
		return name
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
