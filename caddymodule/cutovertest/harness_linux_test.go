package cutovertest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/template"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aditechsphere/fairway/migrate/cutover"
)

// binary is the caddy under test, root the top of the repository.
var binary, root string

// TestMain runs the tests in a network and a mount namespace of their own:
// ports 80 and 443, the kernel's settings and cron's files are theirs alone.
func TestMain(m *testing.M) {
	if os.Getenv("CUTOVER_NAMESPACE") == "" {
		os.Exit(isolated())
	}
	os.Exit(run(m))
}

func isolated() int {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET | unix.CLONE_NEWNS); err != nil {
		fmt.Fprintln(os.Stderr, "namespaces for the tests: run them as root:", err)
		return 1
	}
	if err := errors.Join(loopbackUp(), ownCron()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...) // from this thread, so in its namespaces
	cmd.Env = append(os.Environ(), "CUTOVER_NAMESPACE=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		return exit.ExitCode()
	} else if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func loopbackUp() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(socket) }()
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

// cronFile is certbot's, as its Debian package brings it.
const cronFile = "/etc/cron.d/certbot"

func ownCron() error {
	return errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		os.MkdirAll(filepath.Dir(cronFile), 0o755),
		unix.Mount("tmpfs", filepath.Dir(cronFile), "tmpfs", 0, ""),
	)
}

// installCron puts certbot's file of cron in place, whatever a cutover before did.
func installCron(t *testing.T) {
	t.Helper()
	must(t, os.WriteFile(cronFile, []byte("0 */12 * * * root certbot -q renew\n"), 0o600))
}

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "fairway-cutover-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }()
	root, _ = filepath.Abs("../..")
	binary = filepath.Join(folder, "caddy")
	build := exec.Command("go", "build", "-tags", "nobadger,nomysql,nopgx", "-o", binary, "./cmd/caddy")
	build.Dir, build.Stderr = root, os.Stderr
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	// The service's user must reach it.
	if err := errors.Join(build.Run(), os.Chmod(folder, 0o755)); err != nil {
		fmt.Fprintln(os.Stderr, "building the binary:", err)
		return 1
	}
	return m.Run()
}

// soak asks for the long form.
func soak() bool { return os.Getenv("SOAK") != "" }

// names are the sites, each before an app of its own.
var names = []string{"shop.example.org", "blog.example.org", "www.example.org"}

// serviceUser is whom Fairway runs as.
const serviceUser = "nobody"

// host is a machine with the classic stack.
type host struct {
	folder  string
	listen  []string // of Apache
	bind    string   // of Fairway
	buckets string   // of Apache: a directive
	roots   *x509.CertPool
	serials map[string]string
	// authority is the certificate of the test's authority.
	authority []byte
}

// prepareHost makes a folder for a host.
func prepareHost(t *testing.T) *host {
	t.Helper()
	folder, err := os.MkdirTemp("", "fairway-cutover-")
	must(t, err)
	must(t, os.Chmod(folder, 0o755))
	h := &host{
		folder: folder, listen: []string{"0.0.0.0:80", "0.0.0.0:443"}, bind: "default_bind tcp4/0.0.0.0",
		roots: x509.NewCertPool(), serials: make(map[string]string),
	}
	t.Cleanup(func() { h.end(t) })
	installCron(t)
	return h
}

// newHost starts three apps and Apache in front of them.
func newHost(t *testing.T, change ...func(*host)) *host {
	t.Helper()
	h := prepareHost(t)
	for _, do := range change {
		do(h)
	}
	h.certify(t)
	for i := range names {
		h.startApp(t, 5000+i)
	}
	h.writeConfigurations(t)
	h.apache(t, "-k", "start")
	h.eventuallyAnswers(t)
	return h
}

// end stops whatever still runs, and shows logs of a failed test.
func (h *host) end(t *testing.T) {
	t.Helper()
	if t.Failed() {
		for _, log := range []string{"apache/error.log", "state/fairway.log"} {
			text, _ := os.ReadFile(filepath.Join(h.folder, log))
			t.Logf("%s:\n%s", log, lastLines(string(text), 30))
		}
	}
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		line, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		if pid := 0; strings.Contains(string(line), h.folder) {
			if _, err := fmt.Sscan(entry.Name(), &pid); err == nil && pid != os.Getpid() {
				_ = syscall.Kill(pid, syscall.SIGKILL) // Apache or Fairway of this test
			}
		}
	}
	eventually(t, time.Minute, "the ports are free", func() bool {
		connection, err := net.Dial("tcp", "127.0.0.1:443")
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	})
	_ = os.RemoveAll(h.folder)
}

func lastLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// certify makes an authority and a certificate for each name, for Apache and
// in Caddy's storage.
func (h *host) certify(t *testing.T) {
	t.Helper()
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	must(t, err)
	authority, err = x509.ParseCertificate(raw)
	must(t, err)
	h.roots.AddCert(authority)
	h.authority = block("CERTIFICATE", authority.Raw)
	for _, name := range append([]string{"localhost"}, names...) {
		h.certifyName(t, name, authority, authorityKey)
	}
	h.give(t, "data")
}

func (h *host) certifyName(t *testing.T, name string, authority *x509.Certificate, authorityKey *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	must(t, err)
	raw, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(80 * 24 * time.Hour),
	}, authority, key.Public(), authorityKey)
	must(t, err)
	encoded, err := x509.MarshalECPrivateKey(key)
	must(t, err)
	h.serials[name] = fmt.Sprintf("%X", serial)
	certificate := append(block("CERTIFICATE", raw), block("CERTIFICATE", authority.Raw)...)
	metadata, err := json.Marshal(map[string]any{"sans": []string{name}, "issuer_data": map[string]string{"url": "", "ca": deadAuthority}})
	must(t, err)
	stored := "data/caddy/certificates/127.0.0.1-9-dir/" + name + "/" + name
	for file, text := range map[string][]byte{
		"apache/" + name + ".crt": certificate, "apache/" + name + ".key": block("EC PRIVATE KEY", encoded),
		stored + ".crt": certificate, stored + ".key": block("EC PRIVATE KEY", encoded), stored + ".json": metadata,
	} {
		h.write(t, file, text)
	}
}

// deadAuthority answers nothing: whoever orders a certificate gets none.
const deadAuthority = "https://127.0.0.1:9/dir"

func block(kind string, bytes []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
}

func (h *host) write(t *testing.T, file string, text []byte) {
	t.Helper()
	file = filepath.Join(h.folder, file)
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, text, 0o600))
}

// give makes a folder the service's user's.
func (h *host) give(t *testing.T, folder string) {
	t.Helper()
	out, err := exec.Command("chown", "-R", serviceUser, filepath.Join(h.folder, folder)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// startApp runs the Flask app behind gunicorn until the test ends.
func (h *host) startApp(t *testing.T, port int) {
	t.Helper()
	cmd := exec.Command("gunicorn", "--bind", fmt.Sprintf("127.0.0.1:%d", port), "--worker-class", "gthread", "--threads", "24", "--keep-alive", "20",
		"--chdir", filepath.Join(root, "caddymodule", "integration", "testdata", "flask"), "--graceful-timeout", "1", "app:app")
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("gunicorn:\n%s", lastLines(log.String(), 10))
		}
	})
	eventually(t, time.Minute, "the app listens", func() bool {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	})
}

// modules are those of Apache that the sites need.
var modules = []string{"mpm_event", "authz_core", "ssl", "socache_shmcb", "proxy", "proxy_http", "headers", "alias"}

var apacheConfiguration = template.Must(template.New("").Parse(`ServerRoot {{.Folder}}/apache
ServerName localhost
PidFile {{.Folder}}/apache/apache.pid
ErrorLog {{.Folder}}/apache/error.log
DefaultRuntimeDir {{.Folder}}/apache
User www-data
Group www-data
{{range .Modules}}LoadModule {{.}}_module /usr/lib/apache2/modules/mod_{{.}}.so
{{end}}
{{.Buckets}}
{{range .Listen}}Listen {{.}}
{{end}}
{{range $i, $name := .Names}}
<VirtualHost *:80>
	ServerName {{$name}}
	Redirect permanent / https://{{$name}}/
</VirtualHost>
<VirtualHost *:443>
	ServerName {{$name}}
	SSLEngine on
	SSLCertificateFile {{$name}}.crt
	SSLCertificateKeyFile {{$name}}.key
	ProxyPreserveHost On
	ProxyPass / http://127.0.0.1:500{{$i}}/ retry=0
</VirtualHost>
{{end}}
`))

var caddyfile = template.Must(template.New("").Parse(`{
	{{.Bind}}
	admin unix/{{.Folder}}/data/admin.sock
	auto_https disable_redirects
	acme_ca {{.Authority}}
	log default {
		output stderr
		level ERROR
	}
}
{{range $i, $name := .Names}}
http://{{$name}} {
	redir https://{{$name}}{uri} 301
}

{{$name}} {
	reverse_proxy 127.0.0.1:500{{$i}}
}
{{end}}`))

func (h *host) writeConfigurations(t *testing.T) {
	t.Helper()
	facts := map[string]any{
		"Folder": h.folder, "Modules": modules, "Names": names, "Listen": h.listen, "Bind": h.bind, "Buckets": h.buckets, "Authority": deadAuthority,
	}
	for file, text := range map[string]*template.Template{"apache/apache.conf": apacheConfiguration, "Caddyfile": caddyfile} {
		var out bytes.Buffer
		must(t, text.Execute(&out, facts))
		h.write(t, file, out.Bytes())
	}
	must(t, os.Chmod(filepath.Join(h.folder, "Caddyfile"), 0o644))
}

// apache runs Apache's program.
func (h *host) apache(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("/usr/sbin/apache2", append([]string{"-f", filepath.Join(h.folder, "apache", "apache.conf")}, args...)...)
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(filepath.Join(h.folder, "apache", "error.log"))
		t.Fatalf("apache2 %v: %v\n%s", args, err, text)
	}
}

// command is `caddy migrate` with arguments.
func (h *host) command(args ...string) *exec.Cmd {
	if args[0] == "cutover" {
		args = append(args, "--config", filepath.Join(h.folder, "Caddyfile"), "--user", serviceUser,
			"--letsencrypt", filepath.Join(h.folder, "letsencrypt"))
	}
	cmd := exec.Command(binary, append([]string{"migrate"}, append(args, "--state", filepath.Join(h.folder, "state"))...)...)
	data := filepath.Join(h.folder, "data")
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(setting string) bool { return strings.HasPrefix(setting, "GODEBUG=") }),
		"XDG_DATA_HOME="+data, "XDG_CONFIG_HOME="+data)
	cmd.Dir = h.folder
	return cmd
}

// migrate runs a subcommand that must succeed, and returns its standard output.
func (h *host) migrate(t *testing.T, args ...string) string {
	t.Helper()
	out, printed, err := h.try(args...)
	if err != nil {
		t.Fatalf("caddy migrate %v: %v\n%s%s", args, err, out, printed)
	}
	return out
}

func (h *host) try(args ...string) (out, printed string, err error) {
	cmd := h.command(args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// status is what `caddy migrate status` reports.
func (h *host) status(t *testing.T) cutover.Report {
	t.Helper()
	var report cutover.Report
	must(t, json.Unmarshal([]byte(h.migrate(t, "status", "--json")), &report))
	return report
}
