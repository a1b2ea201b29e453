package inspect

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/translate"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// server writes a configuration of three sites, one of them from a macro, with
// a certificate that expires in thirty days. {root} stands for its folder.
func server(t *testing.T, files map[string]string) (root string, options Options) {
	t.Helper()
	root = t.TempDir()
	config := ""
	for _, module := range []string{"mpm_event", "authz_core", "macro", "ssl", "alias", "dir", "env", "info"} {
		config += fmt.Sprintf("LoadModule %[1]s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", module)
	}
	all := map[string]string{
		"apache2.conf": config + `DefaultRuntimeDir {root}
Listen 8998
Listen 8999
ServerName main.example
ErrorLog {root}/error.log
<Directory />
	Require all denied
</Directory>
<IfModule mod_php.c>
	php_value memory_limit 1G
</IfModule>
IncludeOptional sites-enabled/*.conf
`,
		"sites-enabled/a.conf": `<VirtualHost *:8998>
	ServerName http://a.example:8998
	ServerAlias www.a.example *.a.example
	Redirect / https://a.example/
</VirtualHost>
<VirtualHost *:8999 127.0.0.9:8998>
	ServerName a.example
	SSLEngine on
	SSLCertificateFile {root}/a.pem
	SSLCertificateKeyFile {root}/a.pem
	DocumentRoot {root}
</VirtualHost>
`,
		"sites-enabled/b.conf": `<Macro Site $name>
	<VirtualHost *:8998>
		ServerName $name
		DocumentRoot {root}
	</VirtualHost>
</Macro>
Use Site b.example
`,
		"a.pem": certificate(t),
	}
	for name, text := range files {
		all[name] = text
	}
	for name, text := range all {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "{root}", root)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root, Options{Config: filepath.Join(root, "apache2.conf"), Apache: FindApache(), Now: now}
}

func certificate(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(4711), DNSNames: []string{"a.example", "www.a.example"},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(0, 0, 30),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for kind, bytes := range map[string][]byte{"CERTIFICATE": der, "PRIVATE KEY": private} {
		if err := pem.Encode(&text, &pem.Block{Type: kind, Bytes: bytes}); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

func gather(t *testing.T, options Options) *Report {
	t.Helper()
	report, err := Gather(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestGather(t *testing.T) {
	t.Parallel()
	root, options := server(t, nil)
	report := gather(t, options)
	if !report.Apache.Agrees() {
		t.Errorf("Apache: %+v", report.Apache)
	}
	var got []string
	for _, site := range report.Sites {
		got = append(got, fmt.Sprintf("%s %q %q %q %t", site.Name, site.Aliases, site.Addresses, site.DefaultOn, site.HTTPS))
	}
	want := []string{
		`a.example ["www.a.example" "*.a.example"] ["*:8998"] ["*:8998"] false`,
		`a.example [] ["*:8999" "127.0.0.9:8998"] ["*:8999" "127.0.0.9:8998"] true`,
		`b.example [] ["*:8998"] [] false`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("sites\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if b := report.Sites[2]; b.Line != 2 || len(b.Uses) != 1 || b.Uses[0].Line != 7 {
		t.Errorf("the site of the macro is at %s, used at %v", b.Position, b.Uses)
	}
	count := 0
	for _, site := range append(report.Sites, report.Server) {
		count += len(site.Findings)
	}
	if count != report.Counts.All() || count < 15 {
		t.Errorf("%d findings in the sites, %d counted", count, report.Counts.All())
	}
	if len(report.Certificates) != 1 || report.Certificates[0].DaysLeft() != 30 || report.Certificates[0].Serial != "1267" ||
		!slices.Equal(report.Certificates[0].Sites, []string{"a.example"}) || report.Certificates[0].File != filepath.Join(root, "a.pem") {
		t.Errorf("certificates %+v", report.Certificates[0])
	}
	if len(report.Skipped) != 1 || report.Skipped[0].Text != "<IfModule mod_php.c>" {
		t.Errorf("skipped %+v", report.Skipped)
	}
}

// TestVerdicts: each finding belongs to its site, and accepting changes it.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	files := map[string]string{"sites-enabled/c.conf": "<VirtualHost *:8998>\n\tServerName c.example\n\tNoSuchDirective here\n\tNoSuchDirective there\n</VirtualHost>\n"}
	root, options := server(t, files)
	options.Apache = ""
	report := gather(t, options)
	if report.Counts.Refused != 2 || report.Sites[3].Verdict != translate.Refused || report.Sites[0].Verdict == translate.Refused {
		t.Errorf("counts %+v, verdicts %s and %s", report.Counts, report.Sites[3].Verdict, report.Sites[0].Verdict)
	}
	losses := report.Losses()
	if len(losses) == 0 || losses[0].Verdict != translate.Refused || len(losses[0].Lines) != 2 {
		t.Errorf("losses %+v", losses)
	}
	if report.Sites[3].Outcome() != "2 refused" {
		t.Errorf("outcome %q", report.Sites[3].Outcome())
	}
	options.Accept = []apacheconf.Position{{File: filepath.Join(root, "sites-enabled/c.conf"), Line: 3}}
	report = gather(t, options)
	if report.Counts.Refused != 1 || report.Counts.Ignored != 1 || report.Sites[3].Outcome() != "1 refused, 1 lost, accepted" {
		t.Errorf("after accepting a line: %+v, %q", report.Counts, report.Sites[3].Outcome())
	}
}

// TestApacheDisagrees shows that a reading other than Apache's is noticed.
func TestApacheDisagrees(t *testing.T) {
	t.Parallel()
	_, options := server(t, nil)
	report := gather(t, options)
	for name, c := range map[string]struct {
		change func(sites []*Site) []*Site
		want   string
	}{
		"name":    {func(s []*Site) []*Site { s[0].Name = "other.example"; return s }, "the name is other.example, for Apache a.example"},
		"alias":   {func(s []*Site) []*Site { s[0].Aliases = s[0].Aliases[1:]; return s }, "the aliases are *.a.example, for Apache"},
		"address": {func(s []*Site) []*Site { s[1].Addresses[0] = "*:1"; return s }, "the addresses are *:1"},
		"default": {func(s []*Site) []*Site { s[0].DefaultOn = nil; return s }, "another default for *:8998"},
		"missing": {func(s []*Site) []*Site { return s[1:] }, "which was not found here"},
		"more":    {func(s []*Site) []*Site { s[0].lastLine = 99; return s }, "Apache has no virtual host here"},
	} {
		var sites []*Site
		for _, site := range report.Sites {
			copied := *site
			copied.Addresses = slices.Clone(site.Addresses)
			sites = append(sites, &copied)
		}
		found := differences(c.change(sites), report.Apache.hosts)
		if !slices.ContainsFunc(found, func(text string) bool { return strings.Contains(text, c.want) }) {
			t.Errorf("%s: %q, want %q", name, found, c.want)
		}
	}
	if len(differences(report.Sites, report.Apache.hosts)) > 0 {
		t.Error("differences without a change")
	}
}

func TestApacheRefuses(t *testing.T) {
	t.Parallel()
	_, options := server(t, map[string]string{"sites-enabled/c.conf": "NoSuchDirective here\n"})
	report := gather(t, options)
	if opinion := report.Apache.Opinion(3); !strings.Contains(opinion, "Invalid command 'NoSuchDirective'") {
		t.Errorf("opinion %q", opinion)
	}
	if _, err := Gather(t.Context(), Options{Config: "/nothing/apache2.conf"}); err == nil {
		t.Error("a configuration that is not there can be read")
	}
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestText(t *testing.T) {
	t.Parallel()
	root, options := server(t, map[string]string{"sites-enabled/c.conf": "<VirtualHost *:8998>\n\tServerName c.example\n\tNoSuchDirective here\n</VirtualHost>\n"})
	report := gather(t, options)
	var plain, coloured, all bytes.Buffer
	for out, options := range map[*bytes.Buffer]TextOptions{&plain: {}, &coloured: {Colour: true}, &all: {All: true}} {
		if err := report.WriteText(out, options); err != nil {
			t.Fatal(err)
		}
	}
	for _, part := range []string{
		"a.example +2 (default)", "sites-enabled/a.conf:1", "1 refused", root + "/sites-enabled/c.conf:3  NoSuchDirective here", "2026-12-23, 30 days", "nobody known",
	} {
		if !strings.Contains(plain.String(), part) {
			t.Errorf("the text lacks %q:\n%s", part, plain.String())
		}
	}
	if strings.Contains(plain.String(), "\x1b") {
		t.Error("colours where none are wanted")
	}
	if stripped := escapes.ReplaceAllString(coloured.String(), ""); stripped != plain.String() {
		t.Errorf("with colours the text is another:\n%s", stripped)
	}
	if !strings.Contains(all.String(), "SSLEngine on") || !strings.Contains(all.String(), "Left out by Apache") {
		t.Errorf("--all lacks lines:\n%s", all.String())
	}
}

// TestPage opens the page in a browser: nothing is refused by its own policy,
// nothing is fetched, and what the configuration says stays text.
func TestPage(t *testing.T) {
	t.Parallel()
	_, options := server(t, map[string]string{
		"sites-enabled/c.conf": "<VirtualHost *:8998>\n\tServerName c.example\n\tSetEnv X \"<script>alert(1)</script>\"\n\tNoSuchDirective <img/src=http://elsewhere.example/x>\n</VirtualHost>\n",
	})
	options.Apache = ""
	var page bytes.Buffer
	if err := gather(t, options).WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "<script") || regexp.MustCompile(`(?i)<[^>]+(src|href)="(http|//)`).MatchString(page.String()) {
		t.Error("the page has a script, or loads something")
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, page.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("/usr/bin/chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
		"--disable-background-networking", "--user-data-dir="+t.TempDir(), "--enable-logging=stderr", "--dump-dom", "file://"+file)
	var console strings.Builder
	command.Stderr = &console
	dom, err := command.Output()
	if err != nil {
		t.Fatalf("chromium (Debian package chromium): %v\n%s", err, console.String())
	}
	for _, part := range []string{"c.example", ">refused<", "&lt;script&gt;alert(1)&lt;/script&gt;"} {
		if !strings.Contains(string(dom), part) {
			t.Errorf("the page lacks %q", part)
		}
	}
	for _, complaint := range []string{"Refused to", "Content Security Policy", "Failed to load"} {
		if strings.Contains(console.String(), complaint) {
			t.Errorf("the browser says %q:\n%s", complaint, console.String())
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	_, options := server(t, nil)
	text, err := json.Marshal(gather(t, options))
	if err != nil {
		t.Fatal(err)
	}
	var report struct {
		Sites []struct {
			File     string
			Line     int
			Verdict  string
			Findings []struct {
				File, Text, Verdict string
				Line                int
			}
		}
		Apache struct{ Asked bool }
	}
	if err := json.Unmarshal(text, &report); err != nil {
		t.Fatal(err)
	}
	if len(report.Sites) != 3 || report.Sites[0].Line != 1 || report.Sites[0].Findings[0].Text != "<VirtualHost *:8998>" || !report.Apache.Asked {
		t.Errorf("%s", text)
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	taken := listener.Addr().(*net.TCPAddr).Port
	const free = 1 // nobody serves tcpmux
	list := ports([]int{taken, free})
	if len(list) != 2 || !list[0].Free || list[0].Port != free || list[0].Holder() != "nobody" {
		t.Fatalf("ports %+v", list)
	}
	if list[1].PID != os.Getpid() || list[1].Address != "127.0.0.1" || !strings.Contains(list[1].Holder(), filepath.Base(os.Args[0])) {
		t.Errorf("port %+v is held by %s", list[1], list[1].Holder())
	}
}

// TestPageSaysOne: the page counts one as the terminal does, marks a loss that was
// accepted, and has no label for what there is not.
func TestPageSaysOne(t *testing.T) {
	t.Parallel()
	report := &Report{
		Server: &Site{Name: "main server"}, Counts: Counts{Approximate: 1, Translated: 2},
		Ports: []Port{{Port: 80, Free: true}},
	}
	written := func() string {
		var page bytes.Buffer
		if err := report.WriteHTML(&page); err != nil {
			t.Fatal(err)
		}
		return page.String()
	}
	if page := written(); !strings.Contains(page, ">1 differs<") || strings.Contains(page, `data-of="Address"`) {
		t.Errorf("the page is\n%s", page)
	}
	report.Counts = Counts{Ignored: 1}
	if page := written(); !strings.Contains(page, `class="card verdict differs"`) {
		t.Errorf("an accepted loss is shown as none:\n%s", page)
	}
	if c := ofFile("/nosuch/file.pem"); c.Error != "no such file or directory" {
		t.Errorf("beside its name a missing file is %q", c.Error)
	}
}
