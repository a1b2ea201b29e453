package integration_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// Names as they are in production; the authority's DNS sends them to the
// loopback address.
const publicDomain = "aditechsphere.publicvm.com"

// publicServices are the public names and the service behind each.
var publicServices = map[string]string{
	publicDomain:                    "homepage",
	"microservice1." + publicDomain: "orders",
	"microservice2." + publicDomain: "payments",
}

// authority is Pebble, which speaks Let's Encrypt's protocol, strictly, for one
// server: it validates names at that server's ports.
type authority struct {
	*process
	folder     string
	root       string // file with the certificate that its own HTTPS is trusted by
	listen     string
	management string
	dns        string
	env        []string
}

// authorityFor prepares an authority whose certificates live for validity,
// with Pebble's switches as environment variables.
func authorityFor(t *testing.T, s *server, validity time.Duration, env ...string) *authority {
	t.Helper()
	a := &authority{
		folder:     t.TempDir(),
		listen:     "127.0.0.1:" + strconv.Itoa(porttest.Free(t)),
		management: "127.0.0.1:" + strconv.Itoa(porttest.Free(t)),
		dns:        "127.0.0.1:" + strconv.Itoa(porttest.Free(t)),
		env:        append([]string{"PEBBLE_VA_NOSLEEP=1"}, env...),
	}
	certificate, key := selfSigned(t, a.folder)
	a.root = certificate
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress":           a.listen,
		"managementListenAddress": a.management,
		"certificate":             certificate,
		"privateKey":              key,
		"httpPort":                s.httpPort,
		"tlsPort":                 s.httpsPort,
		"keyAlgorithm":            "ecdsa",
		"retryAfter":              map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{
			"default": map[string]any{"description": "default", "validityPeriod": int(validity.Seconds())},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(a.folder, "pebble.json"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// launch starts the authority and its DNS.
func (a *authority) launch(t *testing.T) {
	t.Helper()
	dns := start(t, nil, tool(t, "pebble-challtestsrv"), "-dnsserver", a.dns, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", "127.0.0.1:"+strconv.Itoa(porttest.Free(t)))
	a.process = start(t, a.env, tool(t, "pebble"), "-strict", "-config", filepath.Join(a.folder, "pebble.json"), "-dnsserver", a.dns)
	for name, listening := range map[string]struct {
		*process
		address string
	}{"DNS": {dns, a.dns}, "ACME": {a.process, a.listen}, "management": {a.process, a.management}} {
		eventually(t, busyMachine, "Pebble listens for "+name, func() bool {
			select {
			case <-listening.done:
				t.Fatalf("it ended: %v", listening.err)
			default:
			}
			connection, err := net.Dial("tcp", listening.address)
			if err != nil {
				return false
			}
			return connection.Close() == nil
		})
	}
}

// tool is a program that `make tools` builds.
func tool(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(root, "bin", "tools", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%s is missing; make tools builds it: %v", name, err)
	}
	return path
}

// roots are what certificates of the authority are trusted by: its root and
// nothing else.
func (a *authority) roots(t *testing.T) *x509.CertPool {
	t.Helper()
	own, pool := x509.NewCertPool(), x509.NewCertPool()
	text, err := os.ReadFile(a.root)
	if err != nil {
		t.Fatal(err)
	}
	own.AppendCertsFromPEM(text)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: own}}}
	if !pool.AppendCertsFromPEM([]byte(get(t, client, "https://"+a.management+"/roots/0", http.StatusOK).body)) {
		t.Fatal("Pebble has no root certificate")
	}
	return pool
}

// validations counts the challenges that the authority checked.
func (a *authority) validations() int {
	return strings.Count(a.log.String(), "Pulled a task from the Tasks queue")
}

// options are the global options that have certificates come from the
// authority; more goes into the block of cert_issuer. Without an e-mail address
// certmagic 0.25.6 may take "default" for one, the name of an account's folder,
// when several names begin at once: then one of them waits for a minute.
func (a *authority) options(s *server, more ...string) string {
	return fmt.Sprintf("email operator@%s\n\tacme_ca https://%s/dir\n\tacme_ca_root %s\n\tcert_issuer acme {\n\t\talt_tlsalpn_port %d\n\t\t%s\n\t}\n",
		publicDomain, a.listen, a.root, s.httpsPort, strings.Join(more, "\n\t\t"))
}

// withOptions inserts global options into the shipped Caddyfile.
func withOptions(t *testing.T, caddyfile, options string) string {
	t.Helper()
	return replaced(t, caddyfile, map[string]string{"\tskip_install_trust": "\t" + options + "\tskip_install_trust"})
}

// preparePublic prepares a server with the shipped Caddyfile for the public
// names.
func preparePublic(t *testing.T) *server {
	t.Helper()
	return prepare(t, shipped(t), "DOMAIN="+publicDomain)
}

// handshake connects to the server as host and returns the certificate that
// was shown, once roots trust it.
func (s *server) handshake(host string, roots *x509.CertPool) (*x509.Certificate, error) {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	connection, err := tls.DialWithDialer(dialer, "tcp", "127.0.0.1:"+strconv.Itoa(s.httpsPort), &tls.Config{ServerName: host, RootCAs: roots})
	if err != nil {
		return nil, err
	}
	leaf := connection.ConnectionState().PeerCertificates[0]
	return leaf, connection.Close()
}

// certified waits until every public name has a certificate that roots trust,
// and returns them.
func (s *server) certified(t *testing.T, within time.Duration, roots *x509.CertPool) map[string]*x509.Certificate {
	t.Helper()
	begun := time.Now()
	certificates := make(map[string]*x509.Certificate)
	for host := range publicServices {
		eventually(t, within-time.Since(begun), host+" has a certificate", func() bool {
			certificate, err := s.handshake(host, roots)
			certificates[host] = certificate
			return err == nil
		})
	}
	t.Logf("all names have certificates after %s", time.Since(begun).Round(10*time.Millisecond))
	return certificates
}

// selfSigned writes a certificate for 127.0.0.1 and its key, and returns the
// files' names.
func selfSigned(t *testing.T, folder string) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Pebble's own HTTPS"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	for file, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: der},
		key:         {Type: "PRIVATE KEY", Bytes: privateDER},
	} {
		var text bytes.Buffer
		if err := pem.Encode(&text, block); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// orders counts the certificates that were ordered from the authority.
func (a *authority) orders() int { return strings.Count(a.log.String(), "Added order ") }
