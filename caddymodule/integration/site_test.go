package integration_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSiteCommands enables and disables sites beside the shipped Caddyfile.
func TestSiteCommands(t *testing.T) {
	t.Parallel()
	s := prepare(t, shipped(t))
	available := filepath.Join(s.folder, "sites-available")
	if err := os.Mkdir(available, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"notes":  "notes." + domain + ":{$HTTPS_PORT} {\n\tservice notes\n\trespond \"noted\"\n}\n",
		"typo":   "typo." + domain + ":{$HTTPS_PORT} {\n\trespnd \"x\"\n}\n",
		"absent": "absent." + domain + ":{$HTTPS_PORT} {\n\ttls /nosuch.pem /nosuch.key\n}\n",
	} {
		if err := os.WriteFile(filepath.Join(available, name+".caddy"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.launch(t)
	client := s.client(t)
	notes := "notes." + domain
	site := func(verb, name string) (string, error) {
		return s.caddy("fairway", "site", verb, name, "--config", s.config)
	}

	if out, err := site("enable", "notes"); err != nil || !strings.Contains(out, "Enabled notes.") {
		t.Fatalf("enabling: %q, %v", out, err)
	}
	s.hosts = []string{notes}
	if page := get(t, s.client(t), s.url(notes, "/"), http.StatusOK); page.body != "noted" {
		t.Errorf("the site says %q", page.body)
	}
	if out, err := site("enable", "notes"); err != nil || !strings.Contains(out, "already") {
		t.Errorf("enabling again: %q, %v", out, err)
	}

	running := configOf(t, s)
	for name, where := range map[string]string{"typo": "typo.caddy:2", "absent": "/nosuch"} {
		_, err := site("enable", name)
		if err == nil || !strings.Contains(err.Error(), where) || !strings.Contains(err.Error(), "everything is as it was") {
			t.Errorf("enabling %s: %v, want an error that names %s", name, err, where)
		}
		if _, err := os.Lstat(filepath.Join(s.folder, "sites-enabled", name+".caddy")); err == nil {
			t.Errorf("the link to %s was left behind", name)
		}
	}
	if configOf(t, s) != running {
		t.Error("a site that is not valid changed the running configuration")
	}

	if _, err := site("disable", "notes"); err != nil {
		t.Fatal(err)
	}
	s.hosts = nil
	if _, err := try(t.Context(), s.client(t), http.MethodGet, s.url(notes, "/"), ""); err == nil {
		t.Error("the disabled site still answers")
	}
	var list []struct{ Name, State string }
	decode(t, s.mustCaddy(t, "fairway", "site", "list", "--json", "--config", s.config), &list)
	if len(list) != 3 || list[1].Name != "notes" || list[1].State != "disabled" {
		t.Errorf("the list is %+v", list)
	}
	get(t, client, s.url(domain, "/health"), http.StatusOK)
}
