package integration_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// happened is an event as the API shows it.
type happened struct {
	Kind, Subject, Outcome, Sentence, By, Error string
	Changes                                     []string
}

// events asks the API for the events of a kind, newest first.
func (s *server) events(t *testing.T, client *http.Client, key, kind string) []happened {
	t.Helper()
	var body struct{ Events []happened }
	decode(t, get(t, client, s.url(domain, "/api/v1/events"), http.StatusOK, "Authorization", "Bearer "+key).body, &body)
	return slices.DeleteFunc(body.Events, func(e happened) bool { return e.Kind != kind })
}

// mostRecent waits until the newest event of a kind is one that it should be.
func (s *server) mostRecent(t *testing.T, client *http.Client, key, kind string, is func(happened) bool) happened {
	t.Helper()
	var newest happened
	eventually(t, busyMachine, fmt.Sprintf("an event of the kind %s", kind), func() bool {
		if events := s.events(t, client, key, kind); len(events) > 0 {
			newest = events[0]
		}
		return is(newest)
	})
	return newest
}

// The secrets of a configuration, none of which may be found afterwards.
const (
	secretHash  = "$2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG"
	secretToken = "hunter2"
)

// withSecrets is the shipped Caddyfile and a site that has secrets.
func withSecrets(t *testing.T, upstream string) string {
	return shipped(t) + fmt.Sprintf(`
https://%s:{$HTTPS_PORT} {
	tls internal
	service blog
	basic_auth /private/* {
		bob %s
	}
	header X-Api-Token %s
	reverse_proxy %s {
		header_up Authorization "Bearer %[3]s"
	}
}
`, blog, secretHash, secretToken, upstream)
}

// TestReloadsAreToldWithoutSecrets: an operator's page in a real browser tells
// of a broken configuration, and of what a good one changes; no secret of either
// is on the page, in the API or in the files of the server.
func TestReloadsAreToldWithoutSecrets(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer app.Close()
	address := app.Listener.Addr().String()
	s := serve(t, withSecrets(t, "127.0.0.1:1"))
	s.hosts = append(s.hosts, blog)
	client, key := s.client(t), s.key(t, "homepage")
	page := openTab(t, strings.TrimSpace(s.mustCaddy(t, "fairway", "sign-in", "--address", s.admin)), s.httpsPort)
	page.shows(t, 30*time.Second, "#live", "live ·")

	admin := "http://" + s.admin + "/load"
	broken := `{"apps": {"nosuch": {"password": "` + secretToken + `", "key": "k"}}}`
	ask(t, http.DefaultClient, http.MethodPost, admin, broken, "Content-Type", "application/json", "User-Agent", "deploy/1.0")
	page.shows(t, busyMachine, "main", "A reload failed; the configuration from before stayed.")
	page.shows(t, busyMachine, "main", "unknown module: nosuch")
	page.shows(t, busyMachine, "main", "POST /load by deploy/1.0, from 127.0.0.1")

	// What the parser complains about is the secret itself.
	ask(t, http.DefaultClient, http.MethodPost, admin, ":80 {\n\trespond token "+secretToken+" "+secretToken+"\n}\n", "Content-Type", "text/caddyfile")
	s.mostRecent(t, client, key, "reload", func(e happened) bool { return strings.Contains(e.Error, "after '…', at Caddyfile:2") })

	s.write(t, withSecrets(t, address))
	s.mustCaddy(t, "reload", "--config", s.config, "--address", s.admin)
	page.shows(t, busyMachine, "main", "upstream "+address+" added")
	reload := s.mostRecent(t, client, key, "reload", func(e happened) bool { return e.Outcome == "succeeded" })
	want := []string{"site " + blog + ": upstream " + address + " added", "site " + blog + ": upstream 127.0.0.1:1 removed"}
	slices.Sort(want)
	slices.Sort(reload.Changes)
	if !slices.Equal(reload.Changes, want) || reload.By != "caddy reload of "+s.config+", from 127.0.0.1" {
		t.Errorf("%+v, want the changes %q", reload, want)
	}
	visitor := get(t, client, s.url(domain, "/"), http.StatusOK).body
	for _, word := range []string{address, "deploy/1.0", "nosuch", "reloaded"} {
		if strings.Contains(visitor, word) {
			t.Errorf("a visitor's page has %q", word)
		}
	}
	s.hidesSecrets(t, page.Text(t, "document.documentElement.outerHTML"), get(t, client, s.url(domain, "/api/v1/events"), http.StatusOK, "Authorization", "Bearer "+key).body)
}

// hidesSecrets looks for the secrets in texts and in the server's databases.
func (s *server) hidesSecrets(t *testing.T, texts ...string) {
	t.Helper()
	s.stop(t) // has everything written
	folder := s.variable(t, "FAIRWAY_DATA")
	files, err := filepath.Glob(filepath.Join(folder, "history.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no database in %s: %v", folder, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(content))
	}
	for i, text := range texts {
		if len(text) < 100 || i < 2 && !strings.Contains(text, "was reloaded") {
			t.Errorf("text %d is not what is to be looked at: %.300q", i, text)
		}
		for _, secret := range []string{secretHash, secretToken, "JDJhJDE0JF"} { // the adapter encodes hashes
			if strings.Contains(text, secret) {
				t.Errorf("text %d has the secret %q", i, secret)
			}
		}
	}
}

// TestReloadsByOtherWays: those that no request POST /load asks for.
func TestReloadsByOtherWays(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	client, key := s.client(t), s.key(t, "homepage")
	if events := s.events(t, client, key, "reload"); len(events) != 0 {
		t.Errorf("the start is a reload: %+v", events)
	}
	ask(t, http.DefaultClient, http.MethodPost, "http://"+s.admin+"/config/apps/http/servers/srv0/routes/0/handle", `{"handler": "nosuch"}`, "Content-Type", "application/json")
	s.mostRecent(t, client, key, "reload", func(e happened) bool {
		return e.Outcome == "failed" && strings.Contains(e.Error, "unknown module: http.handlers.nosuch") && strings.HasPrefix(e.By, "the admin API")
	})

	signal := func() {
		t.Helper()
		if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
	}
	s.write(t, replaced(t, shipped(t), map[string]string{"max-age=63072000": "max-age=7"}))
	signal()
	reload := s.mostRecent(t, client, key, "reload", func(e happened) bool { return e.Outcome == "succeeded" })
	if reload.By != "signal USR1" || len(reload.Changes) != 1 || !strings.HasSuffix(reload.Changes[0], ": headers response.set.Strict-Transport-Security changed") {
		t.Errorf("%+v", reload)
	}
	s.write(t, shipped(t)+"\nnosuch {\n")
	signal()
	s.mostRecent(t, client, key, "reload", func(e happened) bool {
		return e.Outcome == "failed" && e.By == "signal USR1" && strings.Contains(e.Error, "Caddyfile")
	})
}

// TestFailuresAndUpstreamsAreTold: a proxied service whose upstream goes and
// comes back, with what came before.
func TestFailuresAndUpstreamsAreTold(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer app.Close()
	address := app.Listener.Addr().String()
	s := serve(t, shipped(t)+fmt.Sprintf(`
https://%s:{$HTTPS_PORT} {
	tls internal
	service blog
	reverse_proxy %s {
		health_uri /
		health_interval 200ms
	}
}
`, blog, address))
	s.hosts = append(s.hosts, blog)
	client, key := s.client(t), s.key(t, "homepage")
	get(t, client, s.url(blog, "/broken?token=hunter2"), http.StatusInternalServerError)
	var failed struct {
		Failures []struct {
			Method, Host, Path, Cause, Upstream string
			Status                              int
			FirstByte                           float64 `json:"first_byte_ms"`
			Upstreams                           float64 `json:"upstream_ms"`
		}
	}
	text := get(t, client, s.url(domain, "/api/v1/services/blog/failures"), http.StatusOK, "Authorization", "Bearer "+key).body
	decode(t, text, &failed)
	if len(failed.Failures) == 0 {
		t.Fatalf("no failure: %s", text)
	}
	f := failed.Failures[0]
	if f.Method != "GET" || f.Host != blog || f.Path != "/broken" || f.Cause != "server_error" || f.Upstream != address || f.Status != 500 ||
		f.FirstByte <= 0 || f.Upstreams <= 0 || f.Upstreams > f.FirstByte || strings.Contains(text, "hunter2") {
		t.Errorf("%s", text)
	}
	get(t, client, s.url(domain, "/api/v1/services/blog/failures"), http.StatusUnauthorized)

	app.Close()
	s.mostRecent(t, client, key, "upstream", func(e happened) bool {
		return e.Sentence == "Upstream "+address+" is not used any more: its health check failed"
	})
	s.mostRecent(t, client, key, "service", func(e happened) bool {
		return e.Outcome == "failed" && strings.HasPrefix(e.Sentence, "blog is failing: ")
	})
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	again := &httptest.Server{Listener: listener, Config: &http.Server{Handler: app.Config.Handler, ReadHeaderTimeout: time.Second}}
	again.Start()
	defer again.Close()
	s.mostRecent(t, client, key, "upstream", func(e happened) bool { return e.Sentence == "Upstream "+address+" is used again" })
	s.mostRecent(t, client, key, "service", func(e happened) bool { return e.Sentence == "blog is answering" })
}

// TestUnservedTrafficIsCounted: what no site takes, and that it is answered as
// without us.
func TestUnservedTrafficIsCounted(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t)+fmt.Sprintf("\nhttps://%s:{$HTTPS_PORT} {\n\ttls internal\n\tservice blog\n\trespond /there 200\n}\n", blog))
	s.hosts = append(s.hosts, blog)
	client, key := s.client(t), s.key(t, "homepage")
	get(t, client, s.url(domain, "/"), http.StatusNotFound, "Host", "scan.example")
	get(t, client, s.plainURL(domain, "/"), http.StatusNotFound, "Host", "scan.example")
	get(t, client, s.url(orders, "/health"), http.StatusOK, "Host", payments)
	get(t, client, s.url(blog, "/there"), http.StatusOK)
	get(t, client, s.url(blog, "/nowhere?token=hunter2"), http.StatusOK)
	if connection, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.httpsPort), &tls.Config{ServerName: "nobody.example", InsecureSkipVerify: true}); err == nil {
		_ = connection.Close()
		t.Error("there is a certificate for nobody.example")
	}
	quic := s.overHTTP3(t, rootsOf(client))
	get(t, quic, s.url(domain, "/"), http.StatusNotFound, "Host", "quic.example")
	get(t, quic, s.url(payments, "/health"), http.StatusOK, "Host", orders)
	get(t, quic, s.url(blog, "/nowhere/quic"), http.StatusOK)
	want := []string{
		"unknown_host quic.example (" + domain + ") 1", "other_name " + orders + " (" + payments + ") 1", "no_route " + blog + "/nowhere/quic () 1",
		"unknown_host scan.example (" + domain + ") 1", "unknown_host scan.example () 1", "unknown_name nobody.example () 1",
		"no_route " + blog + "/nowhere () 1", "other_name " + payments + " (" + orders + ") 1",
	}
	var counted []string
	eventually(t, busyMachine, "the failed handshake is counted", func() bool {
		counted = s.unserved(t, client, key)
		return slices.Contains(counted, "unknown_name nobody.example () 1")
	})
	for _, line := range want {
		if !slices.Contains(counted, line) {
			t.Errorf("%q is not among\n%s", line, strings.Join(counted, "\n"))
		}
	}
	get(t, client, s.url(domain, "/api/v1/unserved"), http.StatusUnauthorized)
}

// unserved asks the API for unserved traffic: "kind name (SNI) count".
func (s *server) unserved(t *testing.T, client *http.Client, key string) (lines []string) {
	t.Helper()
	var body struct {
		Unserved []struct {
			Kind  string
			Names []struct {
				Name, SNI string
				Count     int
			}
		}
	}
	decode(t, get(t, client, s.url(domain, "/api/v1/unserved"), http.StatusOK, "Authorization", "Bearer "+key).body, &body)
	for _, of := range body.Unserved {
		for _, name := range of.Names {
			lines = append(lines, fmt.Sprintf("%s %s (%s) %d", of.Kind, name.Name, name.SNI, name.Count))
		}
	}
	return lines
}

// TestLogsAreShown: the last lines of the sites' logs, also of those that a
// reload brings, and the secrets in them to nobody.
func TestLogsAreShown(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	client, key := s.client(t), s.key(t, "homepage")
	get(t, client, s.url(orders, "/nothing-here?token=hunter2hunter2"), http.StatusNotFound)
	s.logged(t, client, key, "orders-access", `"GET /nothing-here`)
	s.write(t, strings.ReplaceAll(shipped(t), "import site orders", "import site shop"))
	s.mustCaddy(t, "reload", "--config", s.config, "--address", s.admin)
	get(t, client, s.url(orders, "/nor-here"), http.StatusNotFound)
	s.logged(t, client, key, "shop-access", `"GET /nor-here`)
	get(t, client, s.url(domain, "/api/v1/logs"), http.StatusUnauthorized)
}

// logged waits until a line of a log has a text.
func (s *server) logged(t *testing.T, client *http.Client, key, log, text string) {
	t.Helper()
	eventually(t, busyMachine, log+" has a line with "+text, func() bool {
		var body struct{ Lines []struct{ Log, Text string } }
		decode(t, get(t, client, s.url(domain, "/api/v1/logs"), http.StatusOK, "Authorization", "Bearer "+key).body, &body)
		return slices.ContainsFunc(body.Lines, func(l struct{ Log, Text string }) bool {
			if strings.Contains(l.Text, "hunter2") {
				t.Errorf("a secret is shown: %s", l.Text)
			}
			return l.Log == log && strings.Contains(l.Text, text)
		})
	})
}
