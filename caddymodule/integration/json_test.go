package integration_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// TestServicesFromJSON runs the services from a JSON configuration that does
// not name the platform: it is there with its defaults.
func TestServicesFromJSON(t *testing.T) {
	t.Parallel()
	s := prepare(t, "")
	s.config += ".json" // so that it is not taken for a Caddyfile
	port := porttest.Free(t)
	s.write(t, fmt.Sprintf(`{
	"admin": {"listen": %q},
	"apps": {"http": {"servers": {"plain": {
		"listen": ["127.0.0.1:%d"],
		"automatic_https": {"disable": true},
		"routes": [
			{"match": [{"host": ["orders.localhost"]}], "handle": [{"handler": "orders"}]},
			{"match": [{"host": ["payments.localhost"]}], "handle": [{"handler": "payments", "processor": "test"}]},
			{"match": [{"host": ["till.localhost"]}], "handle": [{"handler": "service", "name": "till", "guest": {"service": "payments"}}]},
			{"handle": [{"handler": "homepage"}]}
		]
	}}}}
}`, s.admin, port))
	s.process = start(t, s.env, binary, "run", "--config", s.config)
	address := fmt.Sprintf("http://127.0.0.1:%d", port)
	eventually(t, busyMachine, "the server answers", func() bool {
		_, err := try(t.Context(), http.DefaultClient, http.MethodGet, address+"/health", "")
		return err == nil
	})
	for host, service := range map[string]string{
		"orders.localhost": "orders", "payments.localhost": "payments", "till.localhost": "payments", "localhost": "homepage",
	} {
		health := get(t, http.DefaultClient, address+"/health", http.StatusOK, "Host", host)
		if !strings.Contains(health.body, service+"-service") {
			t.Errorf("%s: %s", host, health.body)
		}
	}
	databases, err := filepath.Glob(filepath.Join(s.folder, "xdg", "caddy", "fairway", "*.db"))
	if err != nil || len(databases) == 0 {
		t.Errorf("no databases in the default folder: %v, %v", databases, err)
	}
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for config, want := range map[string]string{
		`{"handler": "orders", "nosuch": 1}`:                                  "unknown field",
		`{"handler": "payments", "processor": "cash"}`:                        "is not known; there are: ",
		`{"handler": "service", "name": "a b"}`:                               "is not a service name",
		`{"handler": "service", "name": "a", "guest": {"service": "nosuch"}}`: "nosuch",
	} {
		body := fmt.Sprintf(`{"apps": {"http": {"servers": {"plain": {"listen": ["127.0.0.1:%d"], "routes": [{"handle": [%s]}]}}}}}`, port, config)
		// Each load replaces the admin endpoint, whose old socket may reset a connection.
		var refused answer
		eventually(t, busyMachine, "the admin endpoint answers", func() (answered bool) {
			var err error
			refused, err = try(t.Context(), fresh, http.MethodPost, "http://"+s.admin+"/load", body, "Content-Type", "application/json")
			return err == nil
		})
		if refused.StatusCode != http.StatusBadRequest || !strings.Contains(refused.body, want) {
			t.Errorf("%s: %s %s, want an error that says %q", config, refused.Status, refused.body, want)
		}
	}
	get(t, http.DefaultClient, address+"/health", http.StatusOK)
}
