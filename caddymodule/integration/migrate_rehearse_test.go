package integration_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// oldServer is Apache as it serves a shop: a Flask app behind a proxy, files, a
// protected folder and redirects, over HTTP and HTTPS.
type oldServer struct {
	*process
	root      string
	config    string
	plainPort int
	port      int
	app       int
}

func serveOld(t *testing.T) *oldServer {
	t.Helper()
	root := t.TempDir()
	// Apache's workers are another user.
	for folder := root; folder != os.TempDir() && folder != "/"; folder = filepath.Dir(folder) {
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	old := &oldServer{root: root, config: filepath.Join(root, "apache2.conf"), plainPort: porttest.Free(t), port: porttest.Free(t), app: porttest.Free(t)}
	flask(t, old.app)
	for name, text := range map[string]string{
		"files/static/a.css": "body { color: red }\n", "files/static/nested/b.txt": "b\n", "files/private/secret.txt": "secret\n",
		"htpasswd": "user:$2y$05$D.e1s/W0bkL4VsHH.WM1j.kghOzn9tBFKVqCUp28BdBvACnQ.fhYi\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	certificate, key := selfSigned(t, root)
	if err := os.WriteFile(old.config, []byte(old.configuration(certificate, key)), 0o644); err != nil {
		t.Fatal(err)
	}
	old.process = start(t, nil, installed(t, "/usr/sbin/apache2", "apache2"), "-D", "FOREGROUND", "-f", old.config)
	listens(t, old.process, old.port)
	return old
}

func (o *oldServer) configuration(certificate, key string) string {
	var modules strings.Builder
	for _, module := range []string{"mpm_event", "authz_core", "authz_user", "authn_core", "authn_file", "auth_basic", "alias", "dir", "mime", "headers", "unique_id", "proxy", "proxy_http", "ssl", "socache_shmcb"} {
		fmt.Fprintf(&modules, "LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n", module, module)
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "User www-data\nGroup www-data\n"
	}
	return strings.NewReplacer("ROOT", o.root, "PLAIN", fmt.Sprint(o.plainPort), "PORT", fmt.Sprint(o.port), "APP", localhost(o.app),
		"CERTIFICATE", certificate, "PRIVATEKEY", key).Replace(modules.String() + user + `ServerRoot ROOT
PidFile ROOT/pid
ErrorLog ROOT/error.log
DefaultRuntimeDir ROOT
Mutex posixsem
ServerName localhost
TypesConfig /etc/mime.types
Listen 127.0.0.1:PLAIN
Listen 127.0.0.1:PORT
LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" vhost_combined
<VirtualHost *:PLAIN>
	ServerName shop.example
	CustomLog ROOT/access.log vhost_combined
	Redirect permanent / https://shop.example:PORT/
</VirtualHost>
<VirtualHost *:PORT>
	ServerName shop.example
	SSLEngine on
	SSLCertificateFile CERTIFICATE
	SSLCertificateKeyFile PRIVATEKEY
	CustomLog ROOT/access.log vhost_combined
	CustomLog "|/bin/cat" vhost_combined
	Header always set Strict-Transport-Security "max-age=63072000"
	Header set X-Request-Id "%{UNIQUE_ID}e"
	ProxyPass /static !
	ProxyPass /private !
	ProxyPass / http://APP/
	Alias /static ROOT/files/static
	Alias /private ROOT/files/private
	<Directory ROOT/files>
		Require all granted
	</Directory>
	<Directory ROOT/files/private>
		AuthType Basic
		AuthName private
		AuthUserFile ROOT/htpasswd
		Require valid-user
	</Directory>
</VirtualHost>
`)
}

// visit asks Apache for what ends up in its log.
func (o *oldServer) visit(t *testing.T) {
	t.Helper()
	client := &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				_, port, _ := net.SplitHostPort(address)
				return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	secure, plain := fmt.Sprintf("https://shop.example:%d", o.port), fmt.Sprintf("http://shop.example:%d", o.plainPort)
	for _, address := range []string{
		secure + "/", secure + "/", secure + "/headers?token=hidden", secure + "/static/a.css", secure + "/static/nested/b.txt", secure + "/static/missing.css",
		secure + "/redirect/relative", secure + "/private/secret.txt", plain + "/", plain + "/a?b=c",
	} {
		ask(t, client, http.MethodGet, address, "")
	}
	ask(t, client, http.MethodHead, secure+"/static/a.css", "")
	ask(t, client, http.MethodPost, secure+"/login", "")
	eventually(t, busyMachine, "Apache has logged the requests", func() bool {
		text, err := os.ReadFile(filepath.Join(o.root, "access.log"))
		return err == nil && strings.Count(string(text), "\n") == 12
	})
}

// newConfig is the same for Caddy.
func (o *oldServer) newConfig() string {
	return strings.NewReplacer("ROOT", o.root, "PLAIN", fmt.Sprint(o.plainPort), "PORT", fmt.Sprint(o.port), "APP", localhost(o.app)).Replace(`{
	http_port PLAIN
	https_port PORT
	auto_https disable_redirects
	acme_ca https://acme.invalid/directory
}

http://shop.example {
	redir https://shop.example:PORT{uri} 301
}

shop.example {
	log {
		output file ROOT/must-not-be-written.log
	}
	header Strict-Transport-Security max-age=63072000
	route {
		@private path /private /private/*
		basic_auth @private bcrypt private {
			user $2y$05$D.e1s/W0bkL4VsHH.WM1j.kghOzn9tBFKVqCUp28BdBvACnQ.fhYi
		}
		@files path /static/* /private/*
		header >X-Request-Id {http.request.uuid}
		file_server @files {
			root ROOT/files
		}
		reverse_proxy APP
	}
}
`)
}

// rehearsalReport is what is looked at of the command's JSON.
type rehearsalReport struct {
	Sample struct {
		Requests     int
		Distinct     int
		OtherMethods int `json:"other_methods"`
		Covered      float64
	}
	Compared, Same, Differ int
	Outcomes               []struct {
		URL         string
		Volatile    []string
		Differences []struct {
			Aspect, Name, Apache, New, Why string
			Expected                       bool
		}
	}
}

// rehearse runs the command, and returns its report and exit code.
func (o *oldServer) rehearse(t *testing.T, caddyfile string, arguments ...string) (report rehearsalReport, code int) {
	t.Helper()
	folder := t.TempDir()
	file := filepath.Join(folder, "Caddyfile")
	if err := os.WriteFile(file, []byte(caddyfile), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, append([]string{"migrate", "rehearse", "--config", file, "--apache-config", o.config, "--rate", "0", "--json"}, arguments...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+folder, "HOME="+folder)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if code != 1 {
		if err := json.Unmarshal(out, &report); err != nil {
			t.Fatalf("%v\n%s\n%s", err, out, &stderr)
		}
	}
	if strings.Contains(string(out), "hidden") {
		t.Error("a query is in the report")
	}
	if left, err := filepath.Glob(filepath.Join(folder, "fairway-rehearsal-*")); err != nil || len(left) > 0 {
		t.Errorf("%v is left over, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(o.root, "must-not-be-written.log")); err == nil {
		t.Error("the trial wrote to the configuration's own log")
	}
	t.Logf("exit code %d\n%s", code, &stderr)
	return report, code
}

// TestRehearsal replays Apache's log to Apache and to configurations that
// answer as it does, and that do not.
func TestRehearsal(t *testing.T) {
	t.Parallel()
	old := serveOld(t)
	old.visit(t)
	same := old.newConfig()
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte(fmt.Sprintf("https://shop.example:%d/static/a.css\n", old.port)), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		caddyfile string
		arguments []string
		code      int
		aspect    string // of each difference that counts, with its name
		path      string // where one is
		why       string
	}{
		"the same":             {caddyfile: same},
		"an open folder":       {caddyfile: without(t, same, "basic_auth", "\t\t}\n"), code: 4, aspect: "status", path: "/private/secret.txt", why: "do not go on"},
		"no header":            {caddyfile: without(t, same, "header Strict", "\n"), code: 4, aspect: "header Strict-Transport-Security", path: "/static/a.css"},
		"that header ignored":  {caddyfile: without(t, same, "header Strict", "\n"), arguments: []string{"--ignore-header", "strict-transport-security"}},
		"another redirect":     {caddyfile: strings.Replace(same, "{uri} 301", "{path} 301", 1), code: 4, aspect: "location", path: "/a"},
		"that path left out":   {caddyfile: strings.Replace(same, "{uri} 301", "{path} 301", 1), arguments: []string{"--exclude", "^/a"}},
		"files not found":      {caddyfile: strings.Replace(same, "/files\n", "/elsewhere\n", 1), code: 4, aspect: "status", path: "/static/a.css", why: "no rule"},
		"app not there":        {caddyfile: strings.Replace(same, "reverse_proxy "+localhost(old.app), "reverse_proxy "+localhost(porttest.Free(t)), 1), code: 4, aspect: "status", path: "/", why: "cannot reach"},
		"a list":               {caddyfile: without(t, same, "basic_auth", "\t\t}\n"), arguments: []string{"--requests", list}},
		"not a configuration":  {caddyfile: "nonsense {", code: 1},
		"one that can't start": {caddyfile: strings.Replace(same, "reverse_proxy", "reverse_proxy {\n\t\t\ttransport http {\n\t\t\t\ttls_trust_pool file /nonexistent\n\t\t\t}\n\t\t}\n\t\treverse_proxy", 1), code: 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report, code := old.rehearse(t, test.caddyfile, test.arguments...)
			if code != test.code || code != 1 && report.Compared != report.Sample.Requests {
				t.Errorf("exit code %d, want %d; %+v", code, test.code, report)
			}
			hit := test.code != 4
			for _, outcome := range report.Outcomes {
				for _, difference := range outcome.Differences {
					subject := strings.TrimSpace(difference.Aspect + " " + difference.Name)
					if !difference.Expected && subject != test.aspect {
						t.Errorf("%s: %s is %q, was %q", outcome.URL, subject, difference.New, difference.Apache)
					}
					if !difference.Expected && strings.Contains(outcome.URL+"?", test.path) && strings.Contains(difference.Why, test.why) {
						hit = true
					}
				}
			}
			if !hit {
				t.Errorf("no difference of %s at %s: %+v", test.aspect, test.path, report.Outcomes)
			}
		})
	}
}

// TestRehearsalEnds: however the command ends, the server that it has started
// ends with it.
func TestRehearsalEnds(t *testing.T) {
	t.Parallel()
	old := serveOld(t)
	old.visit(t)
	for name, signal := range map[string]syscall.Signal{"interrupted": syscall.SIGINT, "terminated": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			file := filepath.Join(folder, "Caddyfile")
			if err := os.WriteFile(file, []byte(old.newConfig()), 0o600); err != nil {
				t.Fatal(err)
			}
			p := start(t, []string{"TMPDIR=" + folder}, binary, "migrate", "rehearse", "--config", file, "--apache-config", old.config, "--rate", "0.01")
			trial := filepath.Join(folder, "fairway-rehearsal-")
			eventually(t, busyMachine, "the new configuration runs", func() bool { return runs(t, trial) })
			if err := p.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			<-p.done
			eventually(t, busyMachine, "the new configuration has ended", func() bool { return !runs(t, trial) })
			if left, err := filepath.Glob(trial + "*"); err != nil || len(left) > 0 && signal != syscall.SIGKILL {
				t.Errorf("%v is left over, %v", left, err)
			}
		})
	}
}

// runs reports whether a program has text among its arguments.
func runs(t *testing.T, text string) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(file string) bool {
		arguments, err := os.ReadFile(file) // it may have ended since
		return err == nil && strings.Contains(string(arguments), text)
	})
}

// TestRehearsalSample: what of the log was replayed is told.
func TestRehearsalSample(t *testing.T) {
	t.Parallel()
	old := serveOld(t)
	old.visit(t)
	report, _ := old.rehearse(t, old.newConfig())
	if report.Sample.Distinct != 10 || report.Sample.Requests != 10 || report.Sample.OtherMethods != 1 || report.Sample.Covered != 1 {
		t.Errorf("%+v", report.Sample)
	}
	report, _ = old.rehearse(t, old.newConfig(), "--limit", "3")
	if report.Compared != 3 || report.Sample.Covered >= 0.5 {
		t.Errorf("%+v", report)
	}
}

// without cuts a part of a Caddyfile, from the line of begin to the end of end.
func without(t *testing.T, caddyfile, begin, end string) string {
	t.Helper()
	from := strings.Index(caddyfile, begin)
	length := strings.Index(caddyfile[max(from, 0):], end)
	if from < 0 || length < 0 {
		t.Fatalf("the Caddyfile has no %q", begin)
	}
	return caddyfile[:from] + caddyfile[from+length+len(end):]
}
