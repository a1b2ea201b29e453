package cutovertest_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/migrate/cutover"
)

const authorityURL = "https://localhost:14000/dir"

// startAuthority runs Pebble, which checks names at this machine's port 80 and
// is trusted by the machine.
func (m *machine) startAuthority(t *testing.T) {
	t.Helper()
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "httpPort": 80, "tlsPort": 443,
		"certificate": filepath.Join(m.folder, "apache", "localhost.crt"), "privateKey": filepath.Join(m.folder, "apache", "localhost.key"),
	}})
	must(t, err)
	m.host.write(t, "pebble.json", config)
	m.program(t, "pebble-challtestsrv", "-dnsserver", "127.0.0.1:8053", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "",
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", "127.0.0.1:8055")
	m.program(t, "pebble", "-strict", "-config", filepath.Join(m.folder, "pebble.json"), "-dnsserver", "127.0.0.1:8053")
	for _, address := range []string{"127.0.0.1:8055", "127.0.0.1:14000", "127.0.0.1:15000"} {
		eventually(t, time.Minute, "Pebble listens on "+address, func() bool {
			connection, err := net.Dial("tcp", address)
			if err == nil {
				_ = connection.Close()
			}
			return err == nil
		})
	}
	m.run(t, "update-ca-certificates")
}

// program runs one of the tools until the test ends.
func (m *machine) program(t *testing.T, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(root, "bin", "tools", name), args...)
	// Pebble refuses one nonce in twenty by default; certbot 1.21 tries once
	// more, and dies of "can't set attribute" when that one is refused too.
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v; make tools builds it", name, err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", name, lastLines(log.String(), 20))
		}
	})
}

// certified learns which certificates the sites have, and whose they are.
func (m *machine) certified(t *testing.T, trusted *x509.CertPool) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
	response, err := client.Get("https://localhost:15000/roots/0")
	must(t, err)
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	must(t, err)
	m.roots = x509.NewCertPool()
	m.roots.AppendCertsFromPEM(text)
	for _, name := range names {
		connection, err := tls.Dial("tcp", "127.0.0.1:443", &tls.Config{RootCAs: m.roots, ServerName: name})
		must(t, err)
		m.serials[name] = fmt.Sprintf("%X", connection.ConnectionState().PeerCertificates[0].SerialNumber)
		_ = connection.Close()
	}
}

// TestClassicStack moves what people have, with the commands they would type:
// Debian's Apache before three Flask apps, certificates and redirects by
// `certbot --apache`, one certificate of two names; and back.
func TestClassicStack(t *testing.T) {
	h := prepareHost(t)
	h.certify(t)
	trusted := h.roots
	for i := range names {
		h.startApp(t, 5000+i)
	}
	m := startMachine(t)
	m.host = h
	m.write(t, "/usr/local/share/ca-certificates/test.crt", string(h.authority))
	m.startAuthority(t)
	m.run(t, "a2enmod", "--quiet", "ssl", "proxy", "proxy_http", "headers")
	for i, name := range names {
		m.write(t, "/etc/apache2/sites-available/"+name+".conf", fmt.Sprintf(`<VirtualHost *:80>
	ServerName %s
	ProxyPreserveHost On
	ProxyPass / http://127.0.0.1:500%d/ retry=0
	ProxyPassReverse / http://127.0.0.1:500%[2]d/
	CustomLog ${APACHE_LOG_DIR}/%[1]s.log combined
</VirtualHost>
`, name, i))
		m.run(t, "a2ensite", "--quiet", name)
	}
	m.run(t, "systemctl", "start", "apache2", "certbot.timer")
	for _, domains := range []string{names[0] + "," + names[2], names[1]} {
		m.run(t, "env", "REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt", "certbot", "--apache", "--non-interactive", "--agree-tos",
			"--register-unsafely-without-email", "--redirect", "--server", authorityURL, "--domains", domains)
	}
	m.certified(t, trusted)
	m.installFairway(t)
	h.eventuallyAnswers(t)

	m.run(t, "caddy", "migrate", "write", "--to", "/etc/caddy/Caddyfile", "--force")
	m.run(t, "caddy", "migrate", "certificates")
	if out := m.run(t, "caddy", "migrate", "status"); strings.Count(out, "  imported  ") != len(names) {
		t.Errorf("not all certificates are told to be imported:\n%s", out)
	}
	times := 1
	if soak() {
		times = 20
	}
	for range times {
		m.thereAndBack(t)
	}
	if journal := m.run(t, "journalctl", "--no-pager", "--unit=fairway"); strings.Contains(journal, "obtaining certificate") {
		t.Error("certificates were ordered")
	}
}

// thereAndBack moves the sites to Fairway and back under load.
func (m *machine) thereAndBack(t *testing.T) {
	t.Helper()
	visitors := m.begin(t)
	time.Sleep(time.Second)
	m.run(t, "caddy", "migrate", "cutover", "--config", "/etc/caddy/Caddyfile", "--yes")
	if report := m.status(t); report.Stage != cutover.OnFairway || len(report.ApacheHolds) > 0 {
		t.Errorf("after the cutover: %+v", report)
	}
	m.run(t, "systemctl", "reload", "fairway") // of the file as it was written
	time.Sleep(time.Second)
	m.run(t, "caddy", "migrate", "rollback", "--yes")
	if report := m.status(t); report.Stage != cutover.OnApache || len(report.FairwayHolds) > 0 {
		t.Errorf("after the rollback: %+v", report)
	}
	if lost := visitors.end(t); lost > 0 {
		t.Errorf("%d requests were lost", lost)
	}
}
