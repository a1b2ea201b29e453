package integration_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// TestShippedCaddyfile is the first evening of a new user: the file as it is
// shipped, three names over HTTPS.
func TestShippedCaddyfile(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	client := s.client(t)

	t.Run("pages and health", func(t *testing.T) {
		for host, service := range map[string]string{domain: "homepage", orders: "orders", payments: "payments"} {
			page := get(t, client, s.url(host, "/"), http.StatusOK)
			if !strings.Contains(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(page.body, service+"-service") {
				t.Errorf("%s answers %s without its service name", host, page.Header.Get("Content-Type"))
			}
			if got := page.Header.Get("Strict-Transport-Security"); got != "max-age=63072000" {
				t.Errorf("%s: Strict-Transport-Security %q", host, got)
			}
			var health struct{ Service, Status, Version string }
			decode(t, get(t, client, s.url(host, "/health"), http.StatusOK).body, &health)
			if health.Service != service+"-service" || health.Status != "UP" || health.Version == "" {
				t.Errorf("%s: health %+v", host, health)
			}
		}
	})

	t.Run("redirects keep path and query byte for byte", func(t *testing.T) {
		for _, path := range []string{"/", "/a%20b?q=1%2F2&x=%C3%A9", "/a%2Fb//c/../d?", "/%E2%82%AC?a+b"} {
			for _, host := range []string{domain, orders, payments} {
				// A raw target, because net/http would tidy it up.
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.plainURL(host, "/"), nil)
				if err != nil {
					t.Fatal(err)
				}
				request.URL.Opaque = "//" + request.URL.Host + path
				response, err := client.Transport.RoundTrip(request)
				if err != nil {
					t.Fatal(err)
				}
				_ = response.Body.Close()
				want := s.url(host, path)
				if response.StatusCode != http.StatusPermanentRedirect || response.Header.Get("Location") != want {
					t.Errorf("%s %s: %s to %q, want 308 to %q", host, path, response.Status, response.Header.Get("Location"), want)
				}
			}
		}
	})

	t.Run("other names get a 404 page", func(t *testing.T) {
		page := get(t, client, s.plainURL("127.0.0.1", "/"), http.StatusNotFound, "Host", "elsewhere.example", "Accept", "text/html")
		if !strings.Contains(page.body, "404") {
			t.Errorf("the page is %q", page.body)
		}
		for _, other := range []string{"elsewhere.example", orders + ".", "elsewhere." + domain} {
			get(t, client, s.url(orders, "/"), http.StatusNotFound, "Host", other)
		}
		if answer, err := try(t.Context(), client, http.MethodGet, s.url("elsewhere."+domain, "/"), ""); err == nil {
			t.Errorf("an unknown name was given a certificate: %s", answer.Status)
		}
	})

	t.Run("programs on the machine", func(t *testing.T) {
		for variable, service := range map[string]string{"HOMEPAGE_PORT": "homepage", "ORDERS_PORT": "orders", "PAYMENTS_PORT": "payments"} {
			address := "http://localhost:" + s.variable(t, variable) + "/health"
			if health := get(t, client, address, http.StatusOK); !strings.Contains(health.body, service+"-service") {
				t.Errorf("%s: %s", variable, health.body)
			}
		}
	})

	t.Run("HTTP versions", func(t *testing.T) {
		if page := get(t, client, s.url(domain, "/"), http.StatusOK); page.ProtoMajor != 2 {
			t.Errorf("the client that can speak h2 was answered over %s", page.Proto)
		}
		alt := get(t, client, s.url(domain, "/"), http.StatusOK).Header.Get("Alt-Svc")
		if want := `h3=":` + strconv.Itoa(s.httpsPort) + `"`; !strings.Contains(alt, want) {
			t.Errorf("Alt-Svc is %q, want %s", alt, want)
		}
	})

	t.Run("an order", func(t *testing.T) {
		key := s.key(t, "orders")
		address := s.url(orders, "/v1/orders")
		body := `{"currency":"eur","lines":[{"title":"Mug","quantity":2,"unit_amount":1250}]}`
		created := ask(t, client, http.MethodPost, address, body,
			"Authorization", "Bearer "+key, "Content-Type", "application/json", "Idempotency-Key", "one")
		if created.StatusCode != http.StatusCreated {
			t.Fatalf("creating: %s\n%s", created.Status, created.body)
		}
		again := ask(t, client, http.MethodPost, address, body,
			"Authorization", "Bearer "+key, "Content-Type", "application/json", "Idempotency-Key", "one")
		if again.body != created.body || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("the replay is %s, not %s", again.body, created.body)
		}
		if stranger := ask(t, client, http.MethodPost, address, body); stranger.StatusCode != http.StatusUnauthorized {
			t.Errorf("without a key: %s", stranger.Status)
		}
		other := s.key(t, "payments")
		if forbidden := ask(t, client, http.MethodGet, address, "", "Authorization", "Bearer "+other); forbidden.StatusCode != http.StatusForbidden {
			t.Errorf("with a key for payments: %s", forbidden.Status)
		}
	})

	t.Run("a payment", func(t *testing.T) {
		key := s.key(t, "payments")
		paid := ask(t, client, http.MethodPost, s.url(payments, "/v1/payment_intents"),
			"amount=2500&currency=eur&payment_method=pm_card_visa&confirm=true",
			"Authorization", "Bearer "+key, "Content-Type", "application/x-www-form-urlencoded")
		if paid.StatusCode != http.StatusOK || !strings.Contains(paid.body, `"succeeded"`) {
			t.Errorf("paying: %s\n%s", paid.Status, paid.body)
		}
	})

	t.Run("logs", func(t *testing.T) {
		get(t, client, s.url(orders, "/logged?x=1"), http.StatusNotFound, "User-Agent", "tester")
		access := filepath.Join(s.folder, "log", "orders-access.log")
		var text []byte
		eventually(t, busyMachine, "the request is logged", func() bool {
			var err error
			text, err = os.ReadFile(access)
			return err == nil && strings.Contains(string(text), "/logged")
		})
		if !strings.Contains(string(text), `"GET /logged?x=1 HTTP/2.0" 404 `) || !strings.Contains(string(text), `"tester"`) {
			t.Errorf("access log:\n%s", text)
		}
		info, err := os.Stat(access)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o640 {
			t.Errorf("the access log's mode is %o", info.Mode().Perm())
		}
	})
}

// variable is the value of an environment variable of the server.
func (s *server) variable(t *testing.T, name string) string {
	t.Helper()
	for _, setting := range s.env {
		if value, ok := strings.CutPrefix(setting, name+"="); ok {
			return value
		}
	}
	t.Fatalf("the server has no %s", name)
	return ""
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}

func TestOperatorSignsInOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	client := s.client(t)
	link := strings.TrimSpace(s.mustCaddy(t, "fairway", "sign-in"))
	if !strings.HasPrefix(link, s.url(domain, "/sign-in?token=")) {
		t.Fatalf("the link is %q", link)
	}
	first := get(t, client, link, http.StatusSeeOther)
	cookie := first.Cookies()[0]
	if operator := get(t, client, s.url(domain, "/"), http.StatusOK, "Cookie", cookie.Name+"="+cookie.Value); !strings.Contains(operator.body, "Sign out") {
		t.Error("the page does not know the operator")
	}
	if visitor := get(t, client, s.url(domain, "/"), http.StatusOK); strings.Contains(visitor.body, "Sign out") {
		t.Error("the page takes a visitor for the operator")
	}
	get(t, client, link, http.StatusForbidden)
	if strings.Contains(s.log.String(), strings.SplitAfter(link, "token=")[1]) {
		t.Error("the token is in the log")
	}
}

func TestKeyCommands(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	client := s.client(t)
	secret := s.key(t, "orders")
	if !strings.HasPrefix(secret, "sk_test_") {
		t.Fatalf("the last line is %q", secret)
	}
	var keys []struct{ ID, Hint string }
	listing := s.mustCaddy(t, "fairway", "key", "list", "--json")
	if strings.Contains(listing, secret) {
		t.Error("the list shows the secret")
	}
	decode(t, listing, &keys)
	if len(keys) != 1 || !strings.HasSuffix(secret, keys[0].Hint) {
		t.Fatalf("keys = %+v", keys)
	}
	get(t, client, s.url(orders, "/v1/orders"), http.StatusOK, "Authorization", "Bearer "+secret)
	s.mustCaddy(t, "fairway", "key", "revoke", keys[0].ID)
	get(t, client, s.url(orders, "/v1/orders"), http.StatusUnauthorized, "Authorization", "Bearer "+secret)
	if out, err := s.caddy("fairway", "key", "create", "--name", "x", "--scope", "payment"); err == nil || !strings.Contains(err.Error(), "payments") {
		t.Errorf("a mistyped scope: %s, %v; want an error that names those there are", out, err)
	}
	if _, err := s.caddy("fairway", "key", "revoke", "key_nosuch"); err == nil {
		t.Error("revoking an unknown key succeeded")
	}
}

// TestABackupComesBack takes a backup of the running server, loses what came
// after it, and finds what came before.
func TestABackupComesBack(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	client := s.client(t)
	auth := []string{"Authorization", "Bearer " + s.key(t, "orders"), "Content-Type", "application/json"}
	place := func() string {
		t.Helper()
		created := ask(t, client, http.MethodPost, s.url(orders, "/v1/orders"), `{"currency":"eur","lines":[{"title":"Mug","quantity":1,"unit_amount":900}]}`, auth...)
		var order struct{ ID string }
		decode(t, created.body, &order)
		return s.url(orders, "/v1/orders/"+order.ID)
	}
	before := place()
	backup := filepath.Join(t.TempDir(), "backup")
	if out := s.mustCaddy(t, "fairway", "backup", backup); !strings.Contains(out, "orders.db") || !strings.Contains(out, "payments.db") || !strings.Contains(out, "access.db") {
		t.Errorf("backup says %s", out)
	}
	after := place()
	if _, err := s.caddy("fairway", "restore", backup); err == nil || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("restored under a running server: %v", err)
	}
	s.stop(t)
	s.mustCaddy(t, "fairway", "restore", backup)
	s.launch(t)
	get(t, s.client(t), before, http.StatusOK, auth[:2]...)
	get(t, s.client(t), after, http.StatusNotFound, auth[:2]...)
}

// TestDataOutlivesARestart also shows that keys and orders are where they were.
func TestDataOutlivesARestart(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	client := s.client(t)
	secret := s.key(t, "orders")
	created := ask(t, client, http.MethodPost, s.url(orders, "/v1/orders"),
		`{"currency":"eur","lines":[{"title":"Mug","quantity":1,"unit_amount":900}]}`,
		"Authorization", "Bearer "+secret, "Content-Type", "application/json")
	var order struct{ ID string }
	decode(t, created.body, &order)
	s.stop(t)
	s.launch(t)
	read := get(t, s.client(t), s.url(orders, "/v1/orders/"+order.ID), http.StatusOK, "Authorization", "Bearer "+secret)
	if !strings.Contains(read.body, order.ID) {
		t.Errorf("after the restart: %s", read.body)
	}
}

// TestErrorLogOfASite: what a site fails with is in a file of its own, as
// Apache would write it.
func TestErrorLogOfASite(t *testing.T) {
	t.Parallel()
	down := "down." + domain
	s := prepare(t, replaced(t, shipped(t), map[string]string{
		"\timport error_log orders\n": "\timport error_log orders\n\timport error_log down\n",
	})+down+":{$HTTPS_PORT} {\n\timport site down\n\tservice down\n\treverse_proxy 127.0.0.1:"+strconv.Itoa(porttest.Free(t))+"\n}\n")
	s.launch(t)
	s.hosts = []string{domain, down}
	client := s.client(t)
	page := get(t, client, s.url(down, "/shop?x=1"), http.StatusBadGateway, "Accept", "text/html")
	if !strings.Contains(page.body, "502") || strings.Contains(page.body, "127.0.0.1") {
		t.Errorf("the page is %s", page.body)
	}
	file := filepath.Join(s.folder, "log", "down-error.log")
	eventually(t, busyMachine, "the error is logged", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(text), "[client 127.0.0.1") && strings.Contains(string(text), "connection refused")
	})
	if strings.Contains(s.log.String(), "/shop?x=1") {
		t.Error("the error is in Caddy's own log as well")
	}
	var found bool
	for _, service := range services(t, s, client) {
		if service.ID == "down" {
			found = true
			if service.State != "failing" {
				t.Errorf("the Homepage says %+v", service)
			}
		}
	}
	if !found {
		t.Error("the Homepage does not know the site")
	}
}

// serviceJSON is a service in the Homepage's JSON.
type serviceJSON struct{ ID, Kind, State string }

func services(t *testing.T, s *server, client *http.Client) []serviceJSON {
	t.Helper()
	var report struct{ Services []serviceJSON }
	decode(t, get(t, client, s.url(domain, "/api/v1/services"), http.StatusOK).body, &report)
	return report.Services
}
