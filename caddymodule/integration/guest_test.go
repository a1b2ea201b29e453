package integration_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestGuideAddAService follows the guide: its module, its block, its result.
func TestGuideAddAService(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(filepath.Join(root, "docs", "guides", "add-a-service.md"))
	if err != nil {
		t.Fatal(err)
	}
	program := buildGuest(t, block(t, string(guide), "go"))

	s := prepare(t, shipped(t)+block(t, string(guide), "caddyfile"))
	s.process = start(t, s.env, program, "run", "--config", s.config)
	host := "hello." + domain
	s.hosts = []string{domain, host}
	client := s.client(t)

	if greeting := get(t, client, s.url(host, "/?name=Ada"), http.StatusOK); greeting.body != "Ahoy, Ada!\n" {
		t.Errorf("the service says %q", greeting.body)
	}
	get(t, client, s.url(host, "/nosuch"), http.StatusNotFound)
	eventually(t, busyMachine, "the Homepage shows it", func() bool {
		page := get(t, client, s.url(domain, "/"), http.StatusOK)
		return strings.Contains(page.body, "Greets people.") && strings.Contains(page.body, s.url(host, ""))
	})
	s.key(t, "hello") // a service can have keys
}

// buildGuest builds a caddy with Fairway and the module of source beside it.
func buildGuest(t *testing.T, source string) string {
	t.Helper()
	guest, main := filepath.Join(t.TempDir(), "hello"), t.TempDir()
	if err := os.Mkdir(guest, 0o755); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		filepath.Join(guest, "hello.go"): source,
		filepath.Join(main, "main.go"): `package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	_ "example.com/hello"
	_ "github.com/aditechsphere/fairway"
)

func main() { caddycmd.Main() }
`,
	}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goCommand(t, guest, "mod", "init", "example.com/hello")
	goCommand(t, guest, "mod", "edit", "-replace", "github.com/aditechsphere/fairway="+root)
	goCommand(t, guest, "get", "github.com/caddyserver/caddy/v2@"+readRecipe(t).CaddyVersion)
	goCommand(t, guest, "mod", "tidy")
	goCommand(t, main, "mod", "init", "caddy")
	goCommand(t, main, "mod", "edit",
		"-replace", "github.com/aditechsphere/fairway="+root, "-replace", "example.com/hello="+guest)
	goCommand(t, main, "get", "github.com/caddyserver/caddy/v2@"+readRecipe(t).CaddyVersion)
	goCommand(t, main, "mod", "tidy")
	goCommand(t, main, "build", "-o", "caddy", ".")
	program := filepath.Join(main, "caddy")
	out, err := exec.Command(program, "list-modules").Output()
	if err != nil || !strings.Contains(string(out), "fairway.services.hello") {
		t.Fatalf("list-modules does not have the guest: %v", err)
	}
	return program
}

// block returns the first fenced code block of a language.
func block(t *testing.T, text, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, "```"+language+"\n")
	if !ok {
		t.Fatalf("the guide has no %s block", language)
	}
	code, _, _ := strings.Cut(rest, "```")
	return "\n" + code
}
