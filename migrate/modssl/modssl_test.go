package modssl_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"

	"github.com/aditechsphere/fairway/migrate/modssl"
)

func TestVariable(t *testing.T) {
	t.Parallel()
	client := &x509.Certificate{
		SerialNumber: big.NewInt(0x0abc), Subject: pkix.Name{CommonName: "Ada", Organization: []string{"Engines", "Others"}},
		Issuer: pkix.Name{CommonName: "authority"},
	}
	state := &tls.ConnectionState{Version: tls.VersionTLS12, CipherSuite: tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, ServerName: "example.org", PeerCertificates: []*x509.Certificate{client}}
	for name, want := range map[string]string{
		"HTTPS": "on", "SSL_PROTOCOL": "TLSv1.2", "SSL_CIPHER": "ECDHE-RSA-AES256-GCM-SHA384", "SSL_TLS_SNI": "example.org", "SSL_CLIENT_S_DN_CN": "Ada",
		"SSL_CLIENT_S_DN_O": "Engines", "SSL_CLIENT_S_DN_OU": "", "SSL_CLIENT_I_DN_CN": "authority", "SSL_CLIENT_M_SERIAL": "0ABC",
		"SSL_CLIENT_VERIFY": "GENEROUS",
	} {
		if !modssl.Known(name) {
			t.Errorf("%s is not known", name)
		}
		if got := modssl.Variable(state, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	state.VerifiedChains = [][]*x509.Certificate{{client}}
	if got := modssl.Variable(state, "SSL_CLIENT_VERIFY"); got != "SUCCESS" {
		t.Errorf("of a verified certificate SSL_CLIENT_VERIFY is %q", got)
	}
	if got := modssl.Variable(nil, "SSL_CLIENT_VERIFY"); got != "" {
		t.Errorf("without TLS SSL_CLIENT_VERIFY is %q", got)
	}
	if modssl.Known("SSL_SESSION_ID") || modssl.Known("SSL_CLIENT_S_DN_Email") {
		t.Error("variables without a value are known")
	}
	for id, want := range map[uint16]string{
		tls.TLS_AES_128_GCM_SHA256: "TLS_AES_128_GCM_SHA256", tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: "ECDHE-ECDSA-AES128-GCM-SHA256",
	} {
		state.CipherSuite = id
		if got := modssl.Variable(state, "SSL_CIPHER"); got != want {
			t.Errorf("suite %x is %q, want %q", id, got, want)
		}
	}
}
