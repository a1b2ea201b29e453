package access_test

import (
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/access/sqlite"
)

const origin = "https://example.localhost"

// clock is a time that tests move.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC).Add(time.Duration(c.offset.Load()))
}

func (c *clock) advance(d time.Duration) { c.offset.Add(int64(d)) }

func newService(t *testing.T) (*access.Service, *clock) {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "access.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	c := new(clock)
	return access.New(store, c.now), c
}

func TestKeyOpensItsScopesOnly(t *testing.T) {
	t.Parallel()
	service, _ := newService(t)
	key, secret, err := service.CreateKey(t.Context(), access.KeyRequest{Name: "shop", Scopes: []string{"orders", "orders"}})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(secret, "sk_test_") || len(secret) < len("sk_test_")+50 || !strings.HasSuffix(secret, key.Hint) {
		t.Errorf("secret %q, hint %q", secret, key.Hint)
	}
	principal, err := service.Authenticate(t.Context(), secret, "orders")
	if err != nil || principal.KeyID != key.ID || len(principal.Scopes) != 1 {
		t.Errorf("Authenticate = %+v, %v", principal, err)
	}
	if _, err := service.Authenticate(t.Context(), secret, "payments"); !errors.Is(err, access.ErrForbidden) {
		t.Errorf("another scope: %v, want ErrForbidden", err)
	}
	if _, err := service.Authenticate(t.Context(), secret+"x", "orders"); !errors.Is(err, access.ErrUnauthenticated) {
		t.Errorf("another secret: %v, want ErrUnauthenticated", err)
	}
}

func TestLiveKeySaysSo(t *testing.T) {
	t.Parallel()
	service, _ := newService(t)
	_, secret, err := service.CreateKey(t.Context(), access.KeyRequest{Name: "shop", Scopes: []string{"payments"}, Live: true})
	if err != nil || !strings.HasPrefix(secret, "sk_live_") {
		t.Fatalf("secret %q, %v", secret, err)
	}
	principal, err := service.Authenticate(t.Context(), secret, "payments")
	if err != nil || !principal.Live {
		t.Errorf("Authenticate = %+v, %v", principal, err)
	}
}

func TestRevokedKeyEndsAtOnce(t *testing.T) {
	t.Parallel()
	service, _ := newService(t)
	key, secret, err := service.CreateKey(t.Context(), access.KeyRequest{Name: "shop", Scopes: []string{"orders"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.Authenticate(t.Context(), secret, "orders"); err != nil {
		t.Fatal(err) // the key is cached from here on
	}
	if _, err := service.RevokeKey(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := service.Authenticate(t.Context(), secret, "orders"); !errors.Is(err, access.ErrUnauthenticated) {
		t.Errorf("after revocation: %v, want ErrUnauthenticated", err)
	}
}

func TestKeyExpires(t *testing.T) {
	t.Parallel()
	service, clock := newService(t)
	_, secret, err := service.CreateKey(t.Context(), access.KeyRequest{Name: "shop", Scopes: []string{"orders"}, Life: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.Authenticate(t.Context(), secret, "orders"); err != nil {
		t.Errorf("before its time: %v", err)
	}
	clock.advance(time.Second)
	if _, err := service.Authenticate(t.Context(), secret, "orders"); !errors.Is(err, access.ErrUnauthenticated) {
		t.Errorf("after its time: %v, want ErrUnauthenticated", err)
	}
}

func TestKeyRequestsRefused(t *testing.T) {
	t.Parallel()
	service, _ := newService(t)
	for name, request := range map[string]access.KeyRequest{
		"no name":      {Scopes: []string{"orders"}},
		"no scope":     {Name: "shop"},
		"odd scope":    {Name: "shop", Scopes: []string{"orders,payments"}},
		"negative":     {Name: "shop", Scopes: []string{"orders"}, Life: -1},
		"endless name": {Name: strings.Repeat("x", 101), Scopes: []string{"orders"}},
	} {
		var invalid access.InvalidKeyError
		if _, _, err := service.CreateKey(t.Context(), request); !errors.As(err, &invalid) {
			t.Errorf("%s: %v, want an InvalidKeyError", name, err)
		}
	}
}

func TestSignInTokenWorksOnceAndInTime(t *testing.T) {
	t.Parallel()
	service, clock := newService(t)
	token, err := service.CreateToken(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.SignIn(t.Context(), token, "https://elsewhere.example"); !errors.Is(err, access.ErrUnauthenticated) {
		t.Errorf("at another origin: %v, want ErrUnauthenticated", err)
	}
	session, err := service.SignIn(t.Context(), token, origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.SignIn(t.Context(), token, origin); !errors.Is(err, access.ErrUnauthenticated) {
		t.Errorf("the second use: %v, want ErrUnauthenticated", err)
	}
	late, err := service.CreateToken(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	clock.advance(access.TokenLife)
	if _, err := service.SignIn(t.Context(), late, origin); !errors.Is(err, access.ErrUnauthenticated) {
		t.Errorf("after its time: %v, want ErrUnauthenticated", err)
	}
	if ok, err := service.SignedIn(t.Context(), session); !ok || err != nil {
		t.Errorf("SignedIn = %v, %v", ok, err)
	}
	clock.advance(access.SessionLife)
	if ok, err := service.SignedIn(t.Context(), session); ok || err != nil {
		t.Errorf("SignedIn after the session's life = %v, %v", ok, err)
	}
}

func TestSignOutEndsTheSession(t *testing.T) {
	t.Parallel()
	service, _ := newService(t)
	token, err := service.CreateToken(t.Context(), origin)
	if err != nil {
		t.Fatal(err)
	}
	session, err := service.SignIn(t.Context(), token, origin)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := service.SignOut(t.Context(), session); err != nil {
			t.Error(err)
		}
	}
	if ok, _ := service.SignedIn(t.Context(), session); ok {
		t.Error("still signed in")
	}
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	service, clock := newService(t)
	_, secret, err := service.CreateKey(t.Context(), access.KeyRequest{Name: "shop", Scopes: []string{"orders"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := service.Authenticate(t.Context(), secret, "payments"); err == nil {
		t.Fatal("it opens another service")
	}
	used := func() time.Time {
		t.Helper()
		keys, err := service.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return keys[0].Used
	}
	if !used().IsZero() {
		t.Error("a refusal counts as use")
	}
	began := clock.now()
	for range 9 { // longer than a key is kept in memory
		if _, err := service.Authenticate(t.Context(), secret, "orders"); err != nil {
			t.Fatal(err)
		}
		if !used().Equal(began) {
			t.Errorf("at %v it was used last at %v", clock.now(), used())
		}
		clock.advance(7 * time.Second)
	}
	if _, err := service.Authenticate(t.Context(), secret, "orders"); err != nil || !used().Equal(clock.now()) {
		t.Errorf("after a minute: %v, %v", used(), err)
	}
}
