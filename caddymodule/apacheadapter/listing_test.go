package apacheadapter

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// listingOf asks a handler for a path of a folder with files, as a browser or
// for a type of answer.
func listingOf(t *testing.T, handler *File, folder, path, accept string) (status int, body string) {
	t.Helper()
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), w, new(caddyhttp.Server))
	caddyhttp.SetVar(r.Context(), "root", folder)
	err := handler.ServeHTTP(w, r, caddyhttp.HandlerFunc(echo))
	return statusOf(w, err), w.Body.String()
}

func newFile(t *testing.T, text string) *File {
	t.Helper()
	handler := new(File)
	if err := handler.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text)); err != nil {
		t.Fatal(err)
	}
	ctx, err := caddy.ProvisionContext(&caddy.Config{Admin: &caddy.AdminConfig{Disabled: true}})
	if err != nil {
		t.Fatal(err)
	}
	if err := handler.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	return handler
}

// Lists of every form leave names out; the files themselves are sent. Caddy has
// one configuration, so this test has no others beside it.
func TestListingsLeaveNamesOut(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{".env", ".x", "a.txt", "a.txt~"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("text of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	handler := newFile(t, "apache_file {\nbrowse\nignore .??*\nignore *~ *#\n}")
	for _, accept := range []string{"text/html", "text/plain", "application/json"} {
		status, body := listingOf(t, handler, folder, "/", accept)
		if status != 200 || !strings.Contains(body, "a.txt") || !strings.Contains(body, ".x") || strings.Contains(body, ".env") || strings.Contains(body, "a.txt~") {
			t.Errorf("as %s: %d %s", accept, status, body)
		}
	}
	if status, body := listingOf(t, handler, folder, "/.env", ""); status != 200 || body != "text of .env" {
		t.Errorf("the file itself: %d %s", status, body)
	}
	if status, body := listingOf(t, newFile(t, "apache_file"), folder, "/", ""); status != 404 {
		t.Errorf("without browse: %d %s", status, body)
	}
}
