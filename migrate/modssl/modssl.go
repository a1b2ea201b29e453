// Package modssl gives the variables of Apache's mod_ssl for a connection of Go.
package modssl

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"strings"
)

// part takes one attribute of a name; the first where there are several.
type part func(pkix.Name) string

var parts = map[string]part{
	"CN": func(n pkix.Name) string { return n.CommonName },
	"C":  func(n pkix.Name) string { return first(n.Country) },
	"ST": func(n pkix.Name) string { return first(n.Province) },
	"L":  func(n pkix.Name) string { return first(n.Locality) },
	"O":  func(n pkix.Name) string { return first(n.Organization) },
	"OU": func(n pkix.Name) string { return first(n.OrganizationalUnit) },
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// Known tells whether Variable has the value of a variable.
func Known(name string) bool {
	switch name {
	case "HTTPS", "SSL_PROTOCOL", "SSL_CIPHER", "SSL_TLS_SNI", "SSL_CLIENT_VERIFY", "SSL_CLIENT_S_DN", "SSL_CLIENT_I_DN", "SSL_CLIENT_M_SERIAL":
		return true
	}
	_, attribute, ok := cutName(name)
	return ok && parts[attribute] != nil
}

// cutName reads SSL_CLIENT_S_DN_CN and the like: whose name, and what of it.
func cutName(name string) (whose, attribute string, ok bool) {
	for _, whose := range []string{"SSL_CLIENT_S_DN_", "SSL_CLIENT_I_DN_"} {
		if attribute, ok := strings.CutPrefix(name, whose); ok {
			return whose, attribute, true
		}
	}
	return "", "", false
}

// Variable is the value of a variable that is Known; empty where it is not set.
// A nil state is a connection without TLS.
func Variable(state *tls.ConnectionState, name string) string {
	switch {
	case name == "HTTPS" && state == nil:
		return "off"
	case name == "HTTPS":
		return "on"
	case state == nil:
		return ""
	}
	switch name {
	case "SSL_PROTOCOL":
		return strings.Replace(strings.Replace(tls.VersionName(state.Version), "TLS ", "TLSv", 1), "TLSv1.0", "TLSv1", 1)
	case "SSL_CIPHER":
		return cipher(state.CipherSuite)
	case "SSL_TLS_SNI":
		return state.ServerName
	case "SSL_CLIENT_VERIFY":
		return verification(state)
	}
	if len(state.PeerCertificates) == 0 {
		return ""
	}
	return ofCertificate(state.PeerCertificates[0], name)
}

// verification is SSL_CLIENT_VERIFY.
func verification(state *tls.ConnectionState) string {
	switch {
	case len(state.PeerCertificates) == 0:
		return "NONE"
	case len(state.VerifiedChains) == 0:
		return "GENEROUS" // presented, and nobody vouches for it
	}
	return "SUCCESS"
}

func ofCertificate(certificate *x509.Certificate, name string) string {
	switch name {
	case "SSL_CLIENT_S_DN":
		return certificate.Subject.String()
	case "SSL_CLIENT_I_DN":
		return certificate.Issuer.String()
	case "SSL_CLIENT_M_SERIAL":
		return fmt.Sprintf("%X", certificate.SerialNumber.Bytes())
	}
	whose, attribute, ok := cutName(name)
	if !ok || parts[attribute] == nil {
		return ""
	}
	if whose == "SSL_CLIENT_I_DN_" {
		return parts[attribute](certificate.Issuer)
	}
	return parts[attribute](certificate.Subject)
}

// cipher is OpenSSL's name of a suite. Those of TLS 1.3 have one name.
func cipher(id uint16) string {
	name := tls.CipherSuiteName(id)
	if !strings.Contains(name, "_WITH_") {
		return name
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "TLS_"), "_SHA256")
	if strings.Contains(name, "AES_128_GCM") {
		name += "_SHA256"
	}
	name = strings.NewReplacer("_WITH_", "-", "AES_128", "AES128", "AES_256", "AES256", "CHACHA20_POLY1305", "CHACHA20-POLY1305", "_", "-").Replace(name)
	return strings.TrimPrefix(name, "RSA-") // the key's exchange, where it is the same
}
