package httpauth_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/access/httpauth"
	"github.com/aditechsphere/fairway/backends/access/sqlite"
	"github.com/aditechsphere/fairway/backends/instance"
)

const (
	dashboard = "https://example.localhost:8443"
	orders    = "https://orders.example.localhost:8443"
)

func newGuard(t *testing.T) (httpauth.Guard, *access.Service) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "access.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	service := access.New(store, time.Now)
	return httpauth.New(httpauth.Config{
		Access:  service,
		Logger:  slog.New(slog.DiscardHandler),
		Facts:   instance.Facts{DashboardURL: func() string { return dashboard }},
		Origins: func() []string { return []string{dashboard, orders} },
	}), service
}

// get asks the guard's sign-in handler, with cookies.
func send(guard httpauth.Guard, method, address string, header http.Header, cookies ...*http.Cookie) *http.Response {
	r := httptest.NewRequest(method, address, nil)
	for name, values := range header {
		r.Header[name] = values
	}
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	guard.SignIn().ServeHTTP(w, r)
	return w.Result()
}

func TestAuthenticateReadsBothForms(t *testing.T) {
	t.Parallel()
	guard, service := newGuard(t)
	_, secret, err := service.CreateKey(t.Context(), access.KeyRequest{Name: "shop", Scopes: []string{"orders"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		set  func(*http.Request)
		want error
	}{
		"bearer":              {func(r *http.Request) { r.Header.Set("Authorization", "bearer "+secret) }, nil},
		"basic, key as user":  {func(r *http.Request) { r.SetBasicAuth(secret, "") }, nil},
		"nothing":             {func(*http.Request) {}, access.ErrUnauthenticated},
		"key in the password": {func(r *http.Request) { r.SetBasicAuth("x", secret) }, access.ErrUnauthenticated},
		"another scheme":      {func(r *http.Request) { r.Header.Set("Authorization", "Digest "+secret) }, access.ErrUnauthenticated},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		test.set(r)
		if _, err := guard.Authenticate(r, "orders"); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// signIn signs in and returns the session's cookie.
func signIn(t *testing.T, guard httpauth.Guard, service *access.Service) *http.Cookie {
	t.Helper()
	token, err := service.CreateToken(t.Context(), dashboard)
	if err != nil {
		t.Fatal(err)
	}
	response := send(guard, http.MethodGet, dashboard+"/sign-in?token="+token, nil)
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Location") != "/" {
		t.Fatalf("signing in: %s to %q", response.Status, response.Header.Get("Location"))
	}
	return response.Cookies()[0]
}

func TestSignInSetsAStrictCookie(t *testing.T) {
	t.Parallel()
	guard, service := newGuard(t)
	cookie := signIn(t, guard, service)
	if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" ||
		cookie.Domain != "" || !strings.HasPrefix(cookie.Name, "__Host-") {
		t.Errorf("cookie = %+v", cookie)
	}
	r := httptest.NewRequest(http.MethodGet, dashboard, nil)
	if guard.Operator(r) {
		t.Error("a request without the cookie is an operator's")
	}
	r.AddCookie(cookie)
	if !guard.Operator(r) {
		t.Error("a request with the cookie is not an operator's")
	}
}

func TestLinkPreviewDoesNotUseTheTokenUp(t *testing.T) {
	t.Parallel()
	guard, service := newGuard(t)
	token, err := service.CreateToken(t.Context(), dashboard)
	if err != nil {
		t.Fatal(err)
	}
	send(guard, http.MethodHead, dashboard+"/sign-in?token="+token, nil)
	if response := send(guard, http.MethodGet, dashboard+"/sign-in?token="+token, nil); response.StatusCode != http.StatusSeeOther {
		t.Errorf("after HEAD: %s", response.Status)
	}
	if response := send(guard, http.MethodGet, dashboard+"/sign-in?token="+token, nil); response.StatusCode != http.StatusForbidden {
		t.Errorf("the second use: %s", response.Status)
	}
}

func TestOperatorIsHandedOnToOwnSitesOnly(t *testing.T) {
	t.Parallel()
	guard, service := newGuard(t)
	there := send(guard, http.MethodGet, orders+"/sign-in", nil)
	if want := dashboard + "/sign-in?to=" + url.QueryEscape(orders); there.Header.Get("Location") != want {
		t.Errorf("signing in on another site leads to %q, want %q", there.Header.Get("Location"), want)
	}
	cookie := signIn(t, guard, service)
	back := send(guard, http.MethodGet, dashboard+"/sign-in?to="+url.QueryEscape(orders), nil, cookie)
	if !strings.HasPrefix(back.Header.Get("Location"), orders+"/sign-in?token=") {
		t.Errorf("handed on to %q", back.Header.Get("Location"))
	}
	for _, elsewhere := range []string{"https://evil.example", "//evil.example", orders + ".evil.example", ""} {
		response := send(guard, http.MethodGet, dashboard+"/sign-in?to="+url.QueryEscape(elsewhere), nil, cookie)
		if response.StatusCode != http.StatusBadRequest || response.Header.Get("Location") != "" {
			t.Errorf("to %q: %s, Location %q", elsewhere, response.Status, response.Header.Get("Location"))
		}
	}
	stranger := send(guard, http.MethodGet, dashboard+"/sign-in?to="+url.QueryEscape(orders), nil)
	if stranger.StatusCode != http.StatusOK || stranger.Header.Get("Location") != "" {
		t.Errorf("a stranger: %s, Location %q", stranger.Status, stranger.Header.Get("Location"))
	}
}

func TestSignOutFromAnotherSiteIsRefused(t *testing.T) {
	t.Parallel()
	guard, service := newGuard(t)
	cookie := signIn(t, guard, service)
	foreign := send(guard, http.MethodPost, dashboard+"/sign-out", http.Header{"Sec-Fetch-Site": {"cross-site"}}, cookie)
	if foreign.StatusCode != http.StatusForbidden {
		t.Errorf("a cross-site sign-out: %s", foreign.Status)
	}
	own := send(guard, http.MethodPost, dashboard+"/sign-out", http.Header{"Sec-Fetch-Site": {"same-origin"}}, cookie)
	if own.StatusCode != http.StatusSeeOther || own.Cookies()[0].MaxAge >= 0 {
		t.Errorf("signing out: %s, %+v", own.Status, own.Cookies())
	}
	r := httptest.NewRequest(http.MethodGet, dashboard, nil)
	r.AddCookie(cookie)
	if guard.Operator(r) {
		t.Error("still signed in")
	}
}
