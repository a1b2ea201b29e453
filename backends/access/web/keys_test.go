package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/access/sqlite"
	"github.com/aditechsphere/fairway/backends/instance"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// pages are those of a service in live mode, for an operator or for visitors.
func pages(t *testing.T, operator bool) (http.Handler, *access.Service) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "access.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	now := func() time.Time { return noon }
	keys := access.New(store, now)
	mux := http.NewServeMux()
	Register(mux, Config{
		Keys: keys, Scopes: []Scope{{"payments", "everything"}, {"payments:read", "reading only"}}, Live: true,
		Facts:    instance.Facts{Service: "payments-service", DashboardURL: func() string { return "" }},
		SignedIn: func(*http.Request) bool { return operator }, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: now,
	})
	return mux, keys
}

func ask(h http.Handler, method, path string, form url.Values) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	h.ServeHTTP(w, r)
	return w
}

// secretIn is the key that a page shows.
func secretIn(page string) string {
	_, after, _ := strings.Cut(page, "<code>sk_live_")
	secret, _, _ := strings.Cut(after, "</code>")
	return "sk_live_" + secret
}

func TestAKeyIsMadeUsedAndRevoked(t *testing.T) {
	t.Parallel()
	h, keys := pages(t, true)
	if _, _, err := keys.CreateKey(t.Context(), access.KeyRequest{Name: "warehouse", Scopes: []string{"orders"}}); err != nil {
		t.Fatal(err)
	}
	made := ask(h, http.MethodPost, "/keys", url.Values{"name": {" <b>till "}, "scope": {"payments:read"}, "days": {"30"}})
	secret := secretIn(made.Body.String())
	if _, err := keys.Authenticate(t.Context(), secret, "payments:read"); err != nil {
		t.Errorf("the key that was shown: %v; %s", err, made.Body)
	}
	page := ask(h, http.MethodGet, "/keys", nil).Body.String()
	for _, part := range []string{"&lt;b&gt;till", "payments:read", "valid", secret[len(secret)-4:], "2026-04-03 12:00:00 UTC", `data-label="Last used"><time`} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not say %q", part)
		}
	}
	if strings.Contains(page, secret) || strings.Contains(page, "warehouse") {
		t.Error("the page shows a secret again, or the key of another service")
	}
	all, err := keys.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if w := ask(h, http.MethodPost, "/keys/"+all[0].ID+"/revoke", nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/keys" {
		t.Errorf("revoking: %d %v", w.Code, w.Header())
	}
	if _, err := keys.Authenticate(t.Context(), secret, "payments:read"); err == nil {
		t.Error("the revoked key works")
	}
	if page := ask(h, http.MethodGet, "/keys", nil).Body.String(); !strings.Contains(page, "revoked") || strings.Contains(page, "/revoke") {
		t.Errorf("after it was revoked: %s", page)
	}
}

func TestWrongFormsAreRefused(t *testing.T) {
	t.Parallel()
	h, keys := pages(t, true)
	for name, form := range map[string]url.Values{
		"no name":          {"scope": {"payments"}},
		"no scope":         {"name": {"till"}},
		"another service":  {"name": {"till"}, "scope": {"orders"}},
		"no number":        {"name": {"till"}, "scope": {"payments"}, "days": {"soon"}},
		"before it begins": {"name": {"till"}, "scope": {"payments"}, "days": {"0"}},
		"for too long":     {"name": {"till"}, "scope": {"payments"}, "days": {"3651"}},
	} {
		if w := ask(h, http.MethodPost, "/keys", form); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "Not done") {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	if all, err := keys.Keys(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("made were %v, %v", all, err)
	}
	if w := ask(h, http.MethodPost, "/keys/key_missing/revoke", nil); w.Code != http.StatusNotFound {
		t.Errorf("revoking a key that is not there: %d", w.Code)
	}
}

func TestVisitorsSignInFirst(t *testing.T) {
	t.Parallel()
	h, keys := pages(t, false)
	for method, path := range map[string]string{http.MethodGet: "/keys", http.MethodPost: "/keys"} {
		w := ask(h, method, path, url.Values{"name": {"till"}, "scope": {"payments"}})
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sign-in" || strings.Contains(w.Body.String(), "API keys") {
			t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
		}
	}
	if all, err := keys.Keys(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("a visitor made %v, %v", all, err)
	}
}
