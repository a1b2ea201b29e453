package subdomains_test

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
)

// onDemand is a site that obtains certificates from Caddy's own CA on demand.
const onDemand = `{
	{global}
	skip_install_trust
	auto_https disable_redirects
	on_demand_tls {
		permission subdomains
	}
}
https://*.example.com, https://example.com {
	bind unix/{socket}
	tls {
		issuer internal
		on_demand
	}
	{table}
}
`

func withTable(rows string) string {
	return strings.Replace(onDemand, "{table}", "subdomains {\n"+rows+"\n}", 1)
}

// handshake reports whether a TLS client gets a certificate for name.
func (i *instance) handshake(name string) bool {
	i.t.Helper()
	plain, err := net.Dial("unix", i.socket)
	if err != nil {
		i.t.Fatal(err)
	}
	connection := tls.Client(plain, &tls.Config{ServerName: name, InsecureSkipVerify: true}) // #nosec G402 -- only whether there is one
	failed := connection.HandshakeContext(i.t.Context())
	if err := plain.Close(); err != nil {
		i.t.Fatal(err)
	}
	return failed == nil
}

func (i *instance) expectCertificate(name string, want bool) {
	i.t.Helper()
	if got := i.handshake(name); got != want {
		i.t.Errorf("%s gets a certificate: %v, want %v", name, got, want)
	}
}

func TestOnDemandCertificates(t *testing.T) {
	t.Parallel()
	i := start(t, withTable("@ hello\nblog hello\nold hello\nwww redirect https://example.com"))
	for _, name := range []string{"example.com", "blog.example.com", "BLOG.example.com", "www.example.com"} {
		i.expectCertificate(name, true)
	}
	for _, name := range []string{"unknown.example.com", "a.blog.example.com", "blog.example.org", "localhost"} {
		i.expectCertificate(name, false)
	}

	i.expectCertificate("shop.example.com", false)
	i.expectAdmin("PATCH", table, `{"shop": "hello", "gone": "hello"}`, 200, "")
	i.expectCertificate("shop.example.com", true)
	i.expectAdmin("DELETE", table+"/gone", "", 204, "")
	i.expectCertificate("gone.example.com", false)

	// After a reload the new table counts, for a name that never had a certificate.
	if err := i.load(withTable("new hello")); err != nil {
		t.Fatal(err)
	}
	i.expectCertificate("new.example.com", true)
	i.expectCertificate("old.example.com", false)
}

func TestOnDemandWithoutTable(t *testing.T) {
	t.Parallel()
	i := start(t, strings.Replace(onDemand, "{table}", "respond hello", 1))
	i.expectCertificate("blog.example.com", false)
	i.expectCertificate("example.com", false)
}

// Without the global option Caddy itself refuses on-demand certificates from a
// public CA for a wildcard: it fails closed.
func TestOnDemandNeedsPermission(t *testing.T) {
	t.Parallel()
	i := start(t, example("blog hello"))
	err := i.load("{\n{global}\n}\n*.example.com {\n\ttls {\n\t\ton_demand\n\t}\n\tsubdomains {\n\t\tblog hello\n\t}\n}\n")
	if err == nil || !strings.Contains(err.Error(), "permission module") {
		t.Errorf("on-demand TLS without permission: %v", err)
	}
}
