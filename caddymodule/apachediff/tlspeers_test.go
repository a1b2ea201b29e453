package apachediff_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// peerFolder is where the certificates of peers are in a tree.
const peerFolder = "/etc/ssl/peers/"

// tlsApps are the backends that speak TLS: port as written → the file of its
// certificate. The one on 5044 wants a certificate of the authority "peers",
// the one on 5047 speaks TLS 1.2 only.
var tlsApps = map[string]string{
	"5040": "localhost", "5041": "wrong-name", "5042": "expired", "5043": "unknown-authority", "5044": "localhost",
	"5045": "deep", "5046": "common-name", "5047": "localhost", "5048": "wildcard",
}

// identity is a certificate with its key.
type identity struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	chain       []byte // PEM, its own first
}

// pem is all of it in one file.
func (i *identity) pem() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(i.key)
	if err != nil {
		return nil, err
	}
	return slices.Concat(i.chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), nil
}

// peerFiles makes the files of peerFolder, once for all cases:
//
//	peers.pem, other.pem         authorities
//	intermediate.pem             one that "peers" vouches for
//	localhost.pem, wrong-name.pem, expired.pem, unknown-authority.pem, deep.pem, common-name.pem, wildcard.pem
//	                             backends, with their keys
//	client.pem, other-client.pem, expired-client.pem, deep-client.pem
//	                             clients, with their keys
var peerFiles = sync.OnceValues(func() (map[string][]byte, error) {
	files := make(map[string][]byte)
	var failure error
	made := func(name string, template *x509.Certificate, by *identity) *identity {
		i, err := makeIdentity(template, by)
		if err == nil {
			files[name], err = i.pem()
		}
		if err != nil && failure == nil {
			failure = err
		}
		return i
	}
	authority := func(name string, by *identity) *identity {
		i := made(name+".pem", &x509.Certificate{Subject: pkix.Name{CommonName: "authority " + name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, by)
		files[name+".pem"] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.certificate.Raw})
		return i
	}
	peers, other := authority("peers", nil), authority("other", nil)
	intermediate := authority("intermediate", peers)
	backend := func(names ...string) *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: "backend"}, DNSNames: names}
	}
	past := func(c *x509.Certificate) *x509.Certificate {
		c.NotBefore, c.NotAfter = time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour)
		return c
	}
	made("localhost.pem", backend("localhost"), peers)
	made("wrong-name.pem", backend("elsewhere.test"), peers)
	made("expired.pem", past(backend("localhost")), peers)
	made("unknown-authority.pem", backend("localhost"), other)
	made("deep.pem", backend("localhost"), intermediate)
	made("common-name.pem", &x509.Certificate{Subject: pkix.Name{CommonName: "localhost"}}, peers)
	made("wildcard.pem", backend("*.localhost"), peers)
	client := func() *x509.Certificate {
		return &x509.Certificate{Subject: pkix.Name{CommonName: "Ada", Organization: []string{"Analytical Engines"}, Country: []string{"GB"}}}
	}
	made("client.pem", client(), peers)
	made("other-client.pem", client(), other)
	made("expired-client.pem", past(client()), peers)
	made("deep-client.pem", client(), intermediate)
	return files, failure
})

func makeIdentity(template *x509.Certificate, by *identity) (*identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	if !template.IsCA {
		template.KeyUsage = x509.KeyUsageDigitalSignature
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	}
	parent, signer, above := template, key, []byte(nil)
	if by != nil {
		parent, signer, above = by.certificate, by.key, by.chain
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	made := &identity{certificate: certificate, key: key, chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	if by != nil && by.certificate.Subject.String() != by.certificate.Issuer.String() {
		made.chain = append(made.chain, above...) // a root is sent by nobody
	}
	return made, nil
}

// peer is one of peerFiles with a key.
func peer(name string) (tls.Certificate, error) {
	files, err := peerFiles()
	if err != nil {
		return tls.Certificate{}, err
	}
	text, ok := files[name+".pem"]
	if !ok {
		return tls.Certificate{}, fmt.Errorf("there is no certificate %q in %s", name, peerFolder)
	}
	return tls.X509KeyPair(text, text)
}

// presentCertificate has a client present a certificate, whichever authorities
// the server names.
func presentCertificate(config *tls.Config, name string) error {
	if name == "" {
		return nil
	}
	certificate, err := peer(name)
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate, nil }
	return err
}

// writePeers writes peerFolder and starts the backends that speak TLS, for
// cases that name them.
func (m *tree) writePeers(t *testing.T, c *apacheCase) {
	t.Helper()
	names := func(text string) bool {
		return slices.ContainsFunc(c.files, func(f file) bool { return strings.Contains(f.text, text) })
	}
	if !names(peerFolder) && !names("https://localhost:50") {
		return
	}
	files, err := peerFiles()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		m.writeSecret(t, peerFolder+name, text)
	}
	m.writeSecret(t, peerFolder+"hashed/peers.pem", files["peers.pem"])
	if output, err := exec.Command("openssl", "rehash", m.root+peerFolder+"hashed").CombinedOutput(); err != nil {
		t.Fatalf("openssl rehash: %v\n%s", err, output)
	}
	// Apache looks into the folder as www-data, when a certificate comes.
	if err := os.Chmod(m.root+peerFolder+"hashed/peers.pem", 0o644); err != nil { // #nosec G302 -- see above
		t.Fatal(err)
	}
	m.apps.serveTLS(t)
}

// serveTLS starts tlsApps, unless they run.
func (a *apps) serveTLS(t *testing.T) {
	t.Helper()
	if a.ports["5040"] != "" {
		return
	}
	for written, name := range tlsApps {
		certificate, err := peer(name)
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		a.ports[written] = port(listener)
		config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12}
		switch written {
		case "5044":
			config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
			files, _ := peerFiles()
			config.ClientCAs.AppendCertsFromPEM(files["peers.pem"])
		case "5047":
			config.MaxVersion = tls.VersionTLS12
		}
		a.serveOn(t, tls.NewListener(listener, config), "app "+written)
	}
}
