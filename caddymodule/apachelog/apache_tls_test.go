package apachelog

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// comparedTLS are directives about the connection, for TestTLSEqualsApaches.
var comparedTLS = []string{
	"%{HTTPS}x", "%{SSL_PROTOCOL}x", "%{version}c", "%{SSL_CIPHER}x", "%{cipher}c",
	"%{SSL_CIPHER_USEKEYSIZE}x", "%{SSL_CIPHER_ALGKEYSIZE}x", "%{SSL_CIPHER_EXPORT}x", "%{SSL_COMPRESS_METHOD}x",
	"%{SSL_TLS_SNI}x", "%{SSL_SESSION_RESUMED}x", "%{SSL_CLIENT_S_DN_CN}x", "%{SSL_CLIENT_M_SERIAL}x",
	"%H", "%r", "%>s", "%b", "%{Host}i", "%{User-Agent}i", "%{Cookie}i",
}

// certificate signs itself and is written as PREFIX.crt and PREFIX.key.
func certificate(t *testing.T, prefix string, key crypto.Signer, commonName string, serial int64) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: commonName},
		DNSNames:     []string{"localhost"},
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	for name, data := range map[string][]byte{prefix + ".crt": certPEM, prefix + ".key": keyPEM} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// tlsClients are the ways to connect: every suite, old and new sessions, and
// HTTP/2.
func tlsClients() map[string]*tls.Config {
	clients := map[string]*tls.Config{"TLS 1.3": tlsClient()}
	for _, suite := range tls.CipherSuites() {
		if slices.Contains(oldSuites(), suite.Name) {
			config := tlsClient()
			config.MaxVersion = tls.VersionTLS12
			config.CipherSuites = []uint16{suite.ID}
			clients[suite.Name] = config
		}
	}
	resuming := tlsClient()
	resuming.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	clients["resuming"] = resuming
	h2 := tlsClient()
	h2.NextProtos = []string{"h2"}
	clients["HTTP/2"] = h2
	return clients
}

func tlsClient() *tls.Config {
	return &tls.Config{ServerName: "localhost", InsecureSkipVerify: true} // #nosec G402 -- what is tested is the log
}

func TestTLSEqualsApaches(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	compareTLS(t, dir, "", "", tlsClients())
}

// Caddy resumes no sessions where it asks for client certificates, so that is
// a test of its own.
func TestClientCertificateEqualsApaches(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	named := tlsClient()
	named.Certificates = []tls.Certificate{certificate(t, dir+"/client", key, `Bob "B." é`, 0xabc1234)}
	compareTLS(t, dir, "SSLVerifyClient optional_no_ca", "client_auth {\nmode request\n}",
		map[string]*tls.Config{"named": named, "anonymous": tlsClient()})
}

// compareTLS lets every client ask Apache and Caddy, each with one more line
// of TLS configuration, and compares what they log.
func compareTLS(t *testing.T, dir, apacheTLS, caddyTLS string, clients map[string]*tls.Config) {
	t.Helper()
	root := content(t, dir)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate(t, dir+"/rsa", rsaKey, "localhost", 1)
	certificate(t, dir+"/ec", ecKey, "localhost", 2)

	format := strings.Join(comparedTLS, `\t`)
	apachePort, caddyPort := strconv.Itoa(porttest.Free(t)), strconv.Itoa(porttest.Free(t))
	serveApache(t, dir, apacheSite(root)+fmt.Sprintf(`
SSLEngine on
SSLCertificateFile %[1]s/rsa.crt
SSLCertificateKeyFile %[1]s/rsa.key
SSLCertificateFile %[1]s/ec.crt
SSLCertificateKeyFile %[1]s/ec.key
SSLSessionCache shmcb:%[1]s/sessions
Protocols h2 http/1.1
CustomLog %[1]s/apache.log %[2]s
%[3]s
`, dir, quoteForApache(format), apacheTLS), nil, apachePort)

	options := "{\nciphers " + strings.Join(oldSuites(), " ") + "\n" + caddyTLS + "\n}"
	serveCaddy(t, "servers {\nlog_credentials\n}", fmt.Sprintf(`
https://localhost:%s {
	tls %[2]s/rsa.crt %[2]s/rsa.key %[3]s
	tls %[2]s/ec.crt %[2]s/ec.key %[3]s
	log {
		output file %[2]s/caddy.log
		format apache %[4]s
	}
	%[5]s
}
`, caddyPort, dir, options, "`"+format+"`", caddySite(root)), nil, caddyPort)

	logged := 0
	for name, config := range clients {
		servers := map[string]*tls.Config{apachePort: config.Clone(), caddyPort: config.Clone()}
		connections := 1
		if config.ClientSessionCache != nil { // one session with each server, used twice
			servers[caddyPort].ClientSessionCache = tls.NewLRUClientSessionCache(1)
			connections = 2
		}
		for range connections {
			for port, client := range servers {
				get(t, name, port, client)
			}
			logged++
			want := linesOf(t, dir+"/apache.log", logged)[logged-1]
			got := linesOf(t, dir+"/caddy.log", logged)[logged-1]
			compareFields(t, name, comparedTLS, got, want)
		}
	}
}

// oldSuites are those of TLS 1.2, some of which Caddy offers only when asked.
func oldSuites() (names []string) {
	for _, suite := range tls.CipherSuites() {
		if suite.SupportedVersions[0] != tls.VersionTLS13 {
			names = append(names, suite.Name)
		}
	}
	return names
}

// get asks once, on a connection of its own.
func get(t *testing.T, name, port string, config *tls.Config) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: len(config.NextProtos) > 0}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://127.0.0.1:"+port+"/file.txt?q", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "localhost"
	request.Header.Set("User-Agent", name)
	request.Header.Set("Cookie", "a=1; b=2")
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, error %v", name, response.StatusCode, err)
	}
}
