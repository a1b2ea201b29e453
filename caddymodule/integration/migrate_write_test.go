package integration_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// apacheTree is an Apache configuration in a folder, in Debian's layout, of two
// sites on one port. Nothing serves it; Apache is asked about it.
type apacheTree struct {
	folder string
	config string
	port   int
	secure int // another port, for TLS
}

func newApacheTree(t *testing.T) *apacheTree {
	t.Helper()
	a := &apacheTree{folder: t.TempDir(), port: porttest.Free(t), secure: porttest.Free(t)}
	a.config = filepath.Join(a.folder, "apache2.conf")
	var modules strings.Builder
	for _, module := range []string{"mpm_event", "authz_core", "alias", "dir", "mime", "headers", "ssl"} {
		fmt.Fprintf(&modules, "LoadModule %[1]s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", module)
	}
	a.write(t, "apache2.conf", modules.String()+`DefaultRuntimeDir FOLDER
ErrorLog FOLDER/error.log
Listen 127.0.0.1:PORT
Listen 127.0.0.1:SECURE
ServerName main.example
TypesConfig /etc/mime.types
<Directory />
	Require all denied
</Directory>
<Directory FOLDER/www>
	Require all granted
</Directory>
IncludeOptional sites-enabled/*.conf
`)
	a.site(t, "blog", "Header always set X-Site blog\n\tRedirect /old /new")
	a.site(t, "shop", "DirectoryIndex index.html")
	return a
}

// write writes a file, with FOLDER and PORT replaced.
func (a *apacheTree) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(a.folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	text = strings.NewReplacer("FOLDER", a.folder, "PORT", fmt.Sprint(a.port), "SECURE", fmt.Sprint(a.secure)).Replace(text)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// site adds a site with more lines, enabled by a link as Debian has it. With
// SSLEngine it is on the port for TLS.
func (a *apacheTree) site(t *testing.T, name, lines string) {
	t.Helper()
	port := "PORT"
	if strings.Contains(lines, "SSLEngine on") {
		port = "SECURE"
	}
	a.write(t, "www/"+name+"/index.html", "the "+name+"\n")
	a.write(t, "sites-available/"+name+".conf", "<VirtualHost *:"+port+">\n\tServerName "+name+".example\n\tDocumentRoot FOLDER/www/"+name+"\n\t"+lines+"\n</VirtualHost>\n")
	link := filepath.Join(a.folder, "sites-enabled", name+".conf")
	if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../sites-available/"+name+".conf", link); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
}

// migrate runs a subcommand of caddy migrate on the configuration.
func (a *apacheTree) migrate(t *testing.T, subcommand string, arguments ...string) (stdout, stderr string, code int) {
	t.Helper()
	arguments = append([]string{"migrate", subcommand, "--config", a.config, "--letsencrypt", filepath.Join(a.folder, "letsencrypt")}, arguments...)
	return runCaddy(t, arguments...)
}

func runCaddy(t *testing.T, arguments ...string) (stdout, stderr string, code int) {
	t.Helper()
	command := exec.Command(binary, arguments...)
	command.Env = append(os.Environ(), "HOME="+t.TempDir())
	var out, complaints strings.Builder
	command.Stdout, command.Stderr = &out, &complaints
	if err := command.Run(); err != nil && command.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), complaints.String(), command.ProcessState.ExitCode()
}

func (a *apacheTree) mustWrite(t *testing.T, arguments ...string) string {
	t.Helper()
	stdout, stderr, code := a.migrate(t, "write", arguments...)
	if code != 0 {
		t.Fatalf("write %q ends with %d: %s", arguments, code, stderr)
	}
	return stdout
}

func contents(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// isValid checks that a Caddyfile is formatted and that Caddy takes it.
func isValid(t *testing.T, file string) {
	t.Helper()
	formatted, stderr, code := runCaddy(t, "fmt", file)
	if code != 0 || formatted != contents(t, file) {
		t.Errorf("%s is not as caddy fmt has it (%d): %s\n%s", file, code, stderr, formatted)
	}
	if _, stderr, code := runCaddy(t, "validate", "--config", file, "--adapter", "caddyfile"); code != 0 {
		t.Errorf("caddy validate %s: %s", file, stderr)
	}
}

func TestMigrateInspect(t *testing.T) {
	t.Parallel()
	a := newApacheTree(t)
	stdout, stderr, code := a.migrate(t, "inspect")
	for _, part := range []string{"Apache reads the same 2 virtual hosts.", "blog.example (default)", "shop.example", "carried over", "sites-enabled/shop.conf:1"} {
		if !strings.Contains(stdout, part) {
			t.Errorf("inspect does not say %q:\n%s", part, stdout)
		}
	}
	if code != 0 || stderr != "" || strings.Contains(stdout, "\x1b") {
		t.Errorf("inspect ends with %d and says %q", code, stderr)
	}

	a.site(t, "app", "NoSuchDirective here")
	stdout, stderr, code = a.migrate(t, "inspect", "--json")
	var report struct {
		Counts struct{ Refused int }
		Sites  []struct{ Name, Verdict string }
		Apache struct{ Error string }
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v: %s", err, stdout)
	}
	if code != 3 || !strings.Contains(stderr, "1 lines cannot be carried over") || report.Counts.Refused != 1 ||
		len(report.Sites) != 3 || report.Sites[0].Verdict != "refused" || !strings.Contains(report.Apache.Error, "NoSuchDirective") {
		t.Errorf("with a refused line inspect ends with %d: %+v, %s", code, report, stderr)
	}
	for _, line := range []string{"sites-enabled/app.conf:4", "sites-available/app.conf:4", filepath.Join(a.folder, "sites-available/app.conf:4")} {
		if _, stderr, code := a.migrate(t, "inspect", "--accept", line); code != 0 {
			t.Errorf("with %s accepted inspect ends with %d: %s", line, code, stderr)
		}
	}

	page := filepath.Join(a.folder, "report.html")
	if stdout, _, _ := a.migrate(t, "inspect", "--html", page); !strings.Contains(stdout, "The report is in "+page) || !strings.Contains(contents(t, page), "app.example") {
		t.Errorf("--html: %s", stdout)
	}
	for _, wrong := range [][]string{{"--accept", "nowhere"}, {"--config", "/nothing.conf"}, {"more"}} {
		if _, stderr, code := a.migrate(t, "inspect", wrong...); code != 1 || stderr == "" {
			t.Errorf("inspect %q ends with %d: %s", wrong, code, stderr)
		}
	}
	a.write(t, "apache2.conf", "<Directory /x>\n")
	if _, stderr, code := a.migrate(t, "inspect"); code != 1 || !strings.Contains(stderr, "apache2.conf:1: <Directory> is not closed") {
		t.Errorf("with an open section inspect ends with %d: %s", code, stderr)
	}
}

func TestMigrateWrite(t *testing.T) {
	t.Parallel()
	a := newApacheTree(t)
	file := filepath.Join(a.folder, "out", "Caddyfile")
	if printed := a.mustWrite(t); !strings.Contains(printed, "# sites-enabled/blog.conf:5 Redirect /old /new") {
		t.Errorf("the Caddyfile does not tell where its parts come from:\n%s", printed)
	}
	if _, err := os.Stat(filepath.Dir(file)); err == nil {
		t.Error("without --to something was written")
	}
	var report struct{ Caddyfile string }
	if err := json.Unmarshal([]byte(a.mustWrite(t, "--json")), &report); err != nil || !strings.Contains(report.Caddyfile, "blog.example") {
		t.Errorf("--json without --to: %v, %q", err, report.Caddyfile)
	}
	a.mustWrite(t, "--to", file)
	isValid(t, file)
	first := contents(t, file)
	a.mustWrite(t, "--to", file)
	if contents(t, file) != first {
		t.Error("writing again changes the file")
	}
	if adapted, stderr, code := runCaddy(t, "adapt", "--config", file, "--adapter", "caddyfile"); code != 0 || !strings.Contains(adapted, `"fairway":{}`) {
		t.Errorf("the platform, whose reloads lose nothing, is not in %s %s", adapted, stderr)
	}

	// Somebody's work stays, until --force.
	edited := first + "# mine\n"
	for _, text := range []string{edited, "mine.example {\n}\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, stderr, code := a.migrate(t, "write", "--to", file); code != 1 || !strings.Contains(stderr, "--force") || contents(t, file) != text {
			t.Errorf("over %.20q it ends with %d: %s", text, code, stderr)
		}
		a.mustWrite(t, "--to", file, "--force")
		if contents(t, file) != first {
			t.Errorf("--force leaves %.20q", contents(t, file))
		}
	}
}

// TestMigrateWriteRefuses: nothing is written while a line is refused, or when
// Caddy would not take the configuration.
func TestMigrateWriteRefuses(t *testing.T) {
	t.Parallel()
	a := newApacheTree(t)
	folder := filepath.Join(a.folder, "out")
	a.site(t, "app", "NoSuchDirective here")
	_, stderr, code := a.migrate(t, "write", "--to", folder+"/")
	if code != 3 || !strings.Contains(stderr, "sites-enabled/app.conf:4: NoSuchDirective here") {
		t.Errorf("with a refused line it ends with %d: %s", code, stderr)
	}
	var report struct {
		Files    []string
		Findings []struct{ Verdict string }
	}
	stdout, _, code := a.migrate(t, "write", "--to", folder+"/", "--json")
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != 3 || len(report.Files) > 0 || !strings.Contains(stdout, `"refused"`) {
		t.Errorf("as JSON it ends with %d, %v: %s", code, err, stdout)
	}
	accept := []string{"--to", folder + "/", "--accept", filepath.Join(a.folder, "sites-enabled/app.conf") + ":4"}
	a.site(t, "app", "NoSuchDirective here\n\tSSLEngine on\n\tSSLCertificateFile FOLDER/nosuch.pem\n\tSSLCertificateKeyFile FOLDER/nosuch.key")
	_, stderr, code = a.migrate(t, "write", accept...)
	if code != 1 || !strings.Contains(stderr, "nosuch.") || !strings.Contains(stderr, "nothing was written") {
		t.Errorf("without the certificate it ends with %d: %s", code, stderr)
	}
	if entries, err := os.ReadDir(folder); err == nil {
		t.Errorf("%d files were written", len(entries))
	}
	a.site(t, "app", "NoSuchDirective here")
	if out := a.mustWrite(t, accept...); !strings.Contains(out, "1 lines are lost, as accepted.") {
		t.Errorf("with the line accepted: %s", out)
	}
}

// TestMigrateWriteSplit: a file for each of Apache's, enabled by links, and a
// server that answers with them.
func TestMigrateWriteSplit(t *testing.T) {
	t.Parallel()
	a := newApacheTree(t)
	folder := filepath.Join(a.folder, "out")
	var report struct{ Files []string }
	if err := json.Unmarshal([]byte(a.mustWrite(t, "--to", folder+"/", "--json")), &report); err != nil {
		t.Fatal(err)
	}
	want := []string{folder + "/Caddyfile", folder + "/sites-available/blog.caddy", folder + "/sites-available/shop.caddy"}
	if !slices.Equal(report.Files, want) {
		t.Errorf("files %q, want %q", report.Files, want)
	}
	for _, file := range want {
		formatted, _, _ := runCaddy(t, "fmt", file)
		if formatted != contents(t, file) {
			t.Errorf("%s is not as caddy fmt has it", file)
		}
	}
	isValid(t, want[0])
	list, _, _ := runCaddy(t, "fairway", "site", "list", "--config", want[0])
	if strings.Count(list, "enabled") != 2 {
		t.Errorf("the sites are\n%s", list)
	}

	start(t, []string{"HOME=" + a.folder, "CADDY_ADMIN=localhost:" + fmt.Sprint(porttest.Free(t))}, binary, "run", "--config", want[0], "--adapter", "caddyfile")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	asked := func(host, path string) (int, string, http.Header) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", a.port, path), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		response, err := client.Do(request)
		if err != nil {
			return 0, "", nil
		}
		defer func() { _ = response.Body.Close() }()
		body := make([]byte, 100)
		n, _ := response.Body.Read(body)
		return response.StatusCode, string(body[:n]), response.Header
	}
	eventually(t, busyMachine, "the server answers", func() bool {
		status, _, _ := asked("blog.example", "/")
		return status != 0
	})
	for host, body := range map[string]string{"blog.example": "the blog\n", "shop.example": "the shop\n", "unknown.example": "the blog\n"} {
		if status, got, _ := asked(host, "/"); status != http.StatusOK || got != body {
			t.Errorf("%s: %d %q", host, status, got)
		}
	}
	status, _, header := asked("blog.example", "/old/page")
	if status != http.StatusFound || !strings.HasSuffix(header.Get("Location"), "/new/page") || header.Get("X-Site") != "blog" {
		t.Errorf("the redirect: %d, %q", status, header)
	}
}

// TestMigrateWriteCertbot: the authority, the account and the certificates that
// certbot has are in what is written.
func TestMigrateWriteCertbot(t *testing.T) {
	t.Parallel()
	h := obtainWithCertbot(t, time.Hour)
	a := newApacheTree(t)
	a.site(t, "shop", "SSLEngine on\n\tSSLCertificateFile /etc/letsencrypt/live/shop/fullchain.pem\n\tSSLCertificateKeyFile /etc/letsencrypt/live/shop/privkey.pem\n\tServerAlias shop.example.org www.shop.example.org m.shop.example.org")
	stdout, stderr, code := runCaddy(t, "migrate", "write", "--config", a.config, "--letsencrypt", h.letsencrypt)
	if code != 0 {
		t.Fatalf("write ends with %d: %s", code, stderr)
	}
	for _, part := range []string{"acme_ca https://", "imported_certificate shop"} {
		if !strings.Contains(stdout, part) {
			t.Errorf("the Caddyfile lacks %q:\n%s", part, stdout)
		}
	}
	// Certbot's folder by its own name, and one that is not certbot's.
	a.site(t, "shop", "SSLEngine on\n\tSSLCertificateFile "+h.letsencrypt+"/live/shop/fullchain.pem\n\tSSLCertificateKeyFile "+h.letsencrypt+"/live/shop/privkey.pem")
	if out, stderr, code := runCaddy(t, "migrate", "write", "--config", a.config, "--letsencrypt", h.letsencrypt); code != 0 ||
		!strings.Contains(out, "imported_certificate shop") || strings.Contains(out, "privkey.pem") {
		t.Errorf("with certbot's folder by its own name it ends with %d: %s\n%s", code, stderr, out)
	}
	if out, stderr, code := runCaddy(t, "migrate", "write", "--config", a.config); code != 0 || !strings.Contains(out, "privkey.pem") {
		t.Errorf("without --letsencrypt it ends with %d: %s\n%s", code, stderr, out)
	}
	out, _, _ := runCaddy(t, "migrate", "inspect", "--config", a.config, "--letsencrypt", h.letsencrypt)
	if strings.Count(out, h.letsencrypt+"/live") > 0 {
		t.Errorf("inspect takes a file of certbot's for another:\n%s", out)
	}
	if !strings.Contains(out, "certbot (standalone)") || !strings.Contains(out, "shop.example.org") {
		t.Errorf("inspect does not show certbot's certificates:\n%s", out)
	}
}
