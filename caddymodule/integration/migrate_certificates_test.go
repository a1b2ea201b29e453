package integration_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// certbotNames are the names of two certificates: one of a single name, one of
// several.
var certbotNames = map[string][]string{
	"blog": {"blog.example.org"},
	"shop": {"shop.example.org", "www.shop.example.org", "m.shop.example.org"},
}

// certbotHost is a server that certbot has certificates for, from an authority
// of its own.
type certbotHost struct {
	*server
	authority   *authority
	letsencrypt string
	roots       *x509.CertPool
	serials     map[string]string // by name
}

// obtainWithCertbot has certbot get the certificates, as it does on a server
// whose Apache is elsewhere, with any more arguments.
func obtainWithCertbot(t *testing.T, validity time.Duration, arguments ...string) *certbotHost {
	t.Helper()
	h := &certbotHost{server: prepare(t, ""), serials: make(map[string]string)}
	// Pebble refuses good nonces now and then, at which Debian's certbot 2.1 ends
	// with a Python error.
	h.authority = authorityFor(t, h.server, validity, "PEBBLE_WFE_NONCEREJECT=0")
	h.authority.launch(t)
	h.roots = h.authority.roots(t)
	h.letsencrypt = filepath.Join(h.folder, "letsencrypt")
	for _, lineage := range slices.Sorted(maps.Keys(certbotNames)) {
		h.certbot(t, append([]string{"certonly", "--standalone", "--http-01-port", strconv.Itoa(h.httpPort), "--cert-name", lineage,
			"--agree-tos", "--register-unsafely-without-email", "--domains", strings.Join(certbotNames[lineage], ",")}, arguments...)...)
		for _, name := range certbotNames[lineage] {
			h.serials[name] = h.leaf(t, lineage).SerialNumber.String()
		}
	}
	return h
}

// certbot runs it on a folder of its own.
func (h *certbotHost) certbot(t *testing.T, arguments ...string) {
	t.Helper()
	arguments = append(arguments, "--non-interactive", "--server", "https://"+h.authority.listen+"/dir",
		"--config-dir", h.letsencrypt, "--work-dir", filepath.Join(h.folder, "work"), "--logs-dir", filepath.Join(h.folder, "logs"))
	p := start(t, []string{"REQUESTS_CA_BUNDLE=" + h.authority.root}, installed(t, "certbot", "certbot"), arguments...)
	<-p.done
	if p.err != nil {
		t.Fatalf("certbot: %v\n%s", p.err, p.log)
	}
}

// leaf is the certificate that certbot has now.
func (h *certbotHost) leaf(t *testing.T, lineage string) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.letsencrypt, "live", lineage, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// configure writes a Caddyfile for the sites, with what the import says that
// the Caddyfile needs, and with the platform, which has reloads drop nothing.
func (h *certbotHost) configure(t *testing.T, needs struct{ Email, Authority string }) {
	t.Helper()
	email := ""
	if needs.Email != "" {
		email = "email " + needs.Email
	}
	h.write(t, fmt.Sprintf(`{
	http_port %d
	https_port %d
	%s
	acme_ca %s
	acme_ca_root %s
	cert_issuer acme {
		alt_http_port %d
		alt_tlsalpn_port %d
	}
	renew_interval 2s
	fairway {
		store sqlite %s
	}
}

blog.example.org {
	respond blog
}

shop.example.org, www.shop.example.org {
	imported_certificate shop
	respond shop
}

m.shop.example.org {
	imported_certificate shop
	respond mobile
}
`, h.httpPort, h.httpsPort, email, needs.Authority, h.authority.root, h.httpPort, h.httpsPort, filepath.Join(h.folder, "fairway")))
}

// migrate imports, and returns what the command says.
func (h *certbotHost) migrate(t *testing.T, arguments ...string) (report struct {
	Items []struct {
		Key, Action string
		Names       []string
	}
	Orders    []string
	Caddyfile struct {
		Email     string
		Authority string `json:"acme_ca"`
		Sites     map[string][]string
	}
}) {
	t.Helper()
	out := h.mustCaddy(t, append([]string{"migrate", "certificates", "--letsencrypt", h.letsencrypt, "--json"}, arguments...)...)
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return report
}

// servesAll shakes hands for every name.
func (h *certbotHost) servesAll(t *testing.T) {
	t.Helper()
	for name, serial := range h.serials {
		var certificate *x509.Certificate
		// Caddy's sockets are open a moment before its certificates are loaded.
		eventually(t, busyMachine, name+" has a certificate", func() (ok bool) {
			var err error
			certificate, err = h.handshake(name, h.roots)
			return err == nil
		})
		if certificate.SerialNumber.String() != serial {
			t.Errorf("%s has the certificate %s, want certbot's %s", name, certificate.SerialNumber, serial)
		}
	}
}

// accounts counts how often somebody asked the authority for a new account.
func (a *authority) accounts() int { return strings.Count(a.log.String(), "POST /sign-me-up") }

var validatedFor = regexp.MustCompile(`AccountURL:"([^"]*)"`)

// accountURLs are the accounts that proved a name.
func (a *authority) accountURLs() []string {
	var urls []string
	for _, match := range validatedFor.FindAllStringSubmatch(a.log.String(), -1) {
		urls = append(urls, match[1])
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// TestCertificatesImported serves what certbot obtained, for every name, without
// an order at the authority, and leaves certbot's folder as it was.
func TestCertificatesImported(t *testing.T) {
	t.Parallel()
	h := obtainWithCertbot(t, 90*24*time.Hour)
	before := hashTree(t, h.letsencrypt)
	report := h.migrate(t, "--dry-run")
	if _, err := os.Stat(filepath.Join(h.folder, "xdg", "caddy")); err == nil {
		t.Error("the dry run wrote to the storage")
	}
	if want := slices.Sorted(slices.Values(certbotNames["shop"])); !slices.Equal(report.Orders, want) {
		t.Errorf("orders are said for %v, want %v", report.Orders, want)
	}
	if want := []string{"imported_certificate shop"}; !slices.Equal(report.Caddyfile.Sites["shop"], want) {
		t.Errorf("the sites need %v, want %v", report.Caddyfile.Sites, want)
	}
	h.belongsTo(t)
	report = h.migrate(t, "--offline")
	storage := hashTree(t, filepath.Join(h.folder, "xdg", "caddy"))
	for _, item := range h.migrate(t).Items {
		if item.Action != "keep" {
			t.Errorf("the second run has %s %s", item.Action, item.Key)
		}
	}
	if again := hashTree(t, filepath.Join(h.folder, "xdg", "caddy")); again != storage {
		t.Error("the second run changed the storage")
	}
	h.configure(t, struct{ Email, Authority string }{report.Caddyfile.Email, report.Caddyfile.Authority})
	h.mustCaddy(t, "validate", "--config", h.config)
	orders, accounts := h.authority.orders(), h.authority.accounts()
	h.launch(t)
	h.servesAll(t)
	eventually(t, busyMachine, "the authority was asked when to renew", func() bool {
		return strings.Contains(h.log.String(), `"msg":"got renewal info"`)
	})
	h.stop(t)
	h.launch(t)
	h.servesAll(t)
	if got := h.authority.orders() - orders; got != 0 {
		t.Errorf("%d orders at the authority, want none", got)
	}
	if got := h.authority.accounts() - accounts; got != 0 {
		t.Errorf("%d new accounts at the authority, want none", got)
	}
	if hashTree(t, h.letsencrypt) != before {
		t.Error("certbot's folder has changed")
	}
}

// TestRenewNowIsHeeded: the authority has certificates renewed before their
// time; the account of certbot renews the imported ones, each name's.
func TestRenewNowIsHeeded(t *testing.T) {
	t.Parallel()
	h := obtainWithCertbot(t, 90*24*time.Hour)
	h.env = append(h.env, "SSL_CERT_FILE="+h.authority.root)
	// A Caddyfile of the operator's own, with an address that certbot does not know.
	h.configure(t, struct{ Email, Authority string }{"Ops@Example.org", "https://" + h.authority.listen + "/dir"})
	h.migrate(t, "--offline", "--config", h.config)
	for lineage := range certbotNames {
		h.authority.renewNow(t, h.leaf(t, lineage))
	}
	accounts := h.authority.accounts()
	h.launch(t)
	renewed := func(name string) bool {
		text, err := filepath.Glob(filepath.Join(h.folder, "xdg", "caddy", "certificates", "*", name, name+".crt"))
		if err != nil || len(text) != 1 {
			return false
		}
		content, err := os.ReadFile(text[0])
		block, _ := pem.Decode(content)
		if err != nil || block == nil {
			return false
		}
		leaf, err := x509.ParseCertificate(block.Bytes)
		return err == nil && leaf.SerialNumber.String() != h.serials[name]
	}
	for name := range h.serials {
		eventually(t, 60*time.Second, name+" is renewed", func() bool { return renewed(name) })
	}
	if got := h.authority.accounts() - accounts; got != 0 {
		t.Errorf("%d new accounts at the authority, want none", got)
	}
	if urls := h.authority.accountURLs(); len(urls) != 1 {
		t.Errorf("names were proven for the accounts %v, want one", urls)
	}
}

// belongsTo imports for oneself and for the user of a service, and checks who
// owns what.
func (h *certbotHost) belongsTo(t *testing.T) {
	t.Helper()
	owner, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	// Root, too, is a user that there is.
	own := h.mustCaddy(t, "migrate", "certificates", "--letsencrypt", h.letsencrypt, "--offline",
		"--storage", filepath.Join(h.folder, "own"), "--user", owner.Username)
	if !strings.HasSuffix(own, "\nImported 3.\n") {
		t.Errorf("for %s it says:\n%s", owner.Username, own)
	}
	if owner.Uid == "0" {
		owner, err = user.Lookup("www-data")
	}
	if err != nil {
		t.Fatal(err)
	}
	storage := filepath.Join(h.folder, "service", "storage")
	h.migrate(t, "--offline", "--storage", storage, "--user", owner.Username)
	err = filepath.WalkDir(filepath.Dir(storage), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if info.IsDir() {
			want = 0o700
		}
		if uid := fmt.Sprint(info.Sys().(*syscall.Stat_t).Uid); uid != owner.Uid || info.Mode().Perm() != want {
			t.Errorf("%s belongs to %s with the mode %s, want %s and %s", name, uid, info.Mode().Perm(), owner.Uid, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// renewNow has the authority suggest a window that has passed.
func (a *authority) renewNow(t *testing.T, leaf *x509.Certificate) {
	t.Helper()
	past := time.Now().Add(-time.Hour).UTC()
	body, err := json.Marshal(map[string]string{
		"Certificate": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})),
		"ARIResponse": fmt.Sprintf(`{"suggestedWindow": {"start": %q, "end": %q}}`, past.Format(time.RFC3339), past.Add(time.Minute).Format(time.RFC3339)),
	})
	if err != nil {
		t.Fatal(err)
	}
	own := &tls.Config{RootCAs: certificates(t, a.root)}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: own}}
	response, err := client.Post("https://"+a.management+"/set-renewal-info/", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("setting the renewal information: %s", response.Status)
	}
}

// TestSeveralNamesThroughRenewal shakes hands with every name, of which most
// share a certificate, until that has been renewed and has expired, while the
// configuration is reloaded.
func TestSeveralNamesThroughRenewal(t *testing.T) {
	t.Parallel()
	h := obtainWithCertbot(t, 2*time.Minute)
	report := h.migrate(t, "--offline")
	h.configure(t, struct{ Email, Authority string }{report.Caddyfile.Email, report.Caddyfile.Authority})
	accounts := h.authority.accounts()
	h.launch(t)
	h.servesAll(t)
	var watching sync.WaitGroup
	for name := range h.serials {
		certificate, err := h.handshake(name, h.roots)
		if err != nil {
			t.Fatal(err)
		}
		watching.Go(func() { watchRenewal(t, h.server, name, certificate, h.roots) })
	}
	watched := make(chan struct{})
	go func() {
		watching.Wait()
		close(watched)
	}()
	h.reloadUntil(t, watched)
	if got := h.authority.accounts() - accounts; got != 0 {
		t.Errorf("%d new accounts at the authority, want none", got)
	}
	if urls := h.authority.accountURLs(); len(urls) != 1 {
		t.Errorf("names were proven for the accounts %v, want one", urls)
	}
}

// reloadUntil reloads the configuration now and then, which must keep what was
// taken over, until done.
func (h *certbotHost) reloadUntil(t *testing.T, done <-chan struct{}) {
	t.Helper()
	ticker := time.NewTicker(15 * time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			h.mustCaddy(t, "reload", "--force", "--config", h.config, "--address", h.admin)
		}
	}
}

// hashTree sums up names, modes, times and contents of a folder.
func hashTree(t *testing.T, folder string) string {
	t.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(sum, name, info.Mode(), info.ModTime().UnixNano()) // a hash takes everything
		if entry.Type().IsRegular() {
			content, err := os.ReadFile(name)
			_, _ = sum.Write(content)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
