package apachediff_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var certificateLine = regexp.MustCompile(`(?im)^\s*SSLCertificateFile\s+(\S+)`)
var keyLine = regexp.MustCompile(`(?im)^\s*SSLCertificateKeyFile\s+(\S+)`)

// writeCertificates makes a certificate for every pair that a configuration
// names. Certbot's are for the name of their folder, others for localhost; the
// common name is the path, which shows which one a server presents.
func (m *tree) writeCertificates(t *testing.T, config string) {
	t.Helper()
	keys := keyLine.FindAllStringSubmatch(config, -1)
	for i, found := range certificateLine.FindAllStringSubmatch(config, -1) {
		if _, err := os.Stat(m.root + found[1]); err == nil || i >= len(keys) {
			continue
		}
		certificate, key := makeCertificate(t, found[1])
		m.writeSecret(t, keys[i][1], key)
		m.writeSecret(t, found[1], certificate)
	}
}

func (m *tree) writeSecret(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(m.root+name), 0o755); err != nil { // #nosec G301 -- as on Debian
		t.Fatal(err)
	}
	if err := os.WriteFile(m.root+name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func makeCertificate(t *testing.T, path string) (certificate, key []byte) {
	t.Helper()
	names := []string{"localhost"}
	if _, lineage, ok := strings.Cut(path, "/live/"); ok {
		lineage, _, _ = strings.Cut(lineage, "/")
		names = []string{lineage, "*." + lineage}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: path},
		DNSNames:     names,
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}
