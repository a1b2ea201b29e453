// Package storetest is what every [access.Store] must pass.
package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// Run runs the suite on stores that open makes, each empty.
func Run(t *testing.T, open func(t *testing.T) access.Store) {
	tests := map[string]func(*testing.T, access.Store){
		"keys":                   testKeys,
		"revocation":             testRevocation,
		"use":                    testUse,
		"a token is taken once":  testToken,
		"sessions":               testSessions,
		"what expired goes away": testDeleteExpired,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func key(id string) access.Key {
	return access.Key{
		ID: id, Name: "shop", Hash: access.HashOf("secret of " + id), Hint: "abcd",
		Scopes: []string{"orders", "payments"}, Created: noon, Expires: noon.Add(time.Hour),
	}
}

func testKeys(t *testing.T, store access.Store) {
	for _, id := range []string{"key_1", "key_2"} {
		if err := store.CreateKey(t.Context(), key(id)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.KeyByHash(t.Context(), access.HashOf("secret of key_1"))
	if err != nil {
		t.Fatal(err)
	}
	want := key("key_1")
	if got.ID != want.ID || !got.Expires.Equal(want.Expires) || !got.Revoked.IsZero() || len(got.Scopes) != 2 || got.Live {
		t.Errorf("KeyByHash = %+v, want %+v", got, want)
	}
	if _, err := store.KeyByHash(t.Context(), access.HashOf("another")); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("an unknown hash: %v, want ErrNotFound", err)
	}
	keys, err := store.Keys(t.Context())
	if err != nil || len(keys) != 2 || keys[0].ID != "key_2" {
		t.Errorf("Keys = %v, %v, want key_2 before key_1", keys, err)
	}
	if err := store.CreateKey(t.Context(), key("key_1")); err == nil {
		t.Error("a second key of one ID was stored")
	}
}

func testRevocation(t *testing.T, store access.Store) {
	if err := store.CreateKey(t.Context(), key("key_1")); err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Time{noon, noon.Add(time.Hour)} {
		got, err := store.RevokeKey(t.Context(), "key_1", at)
		if err != nil || !got.Revoked.Equal(noon) {
			t.Errorf("RevokeKey at %v = %v, %v, want the first time", at, got.Revoked, err)
		}
	}
	if _, err := store.RevokeKey(t.Context(), "key_2", noon); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("revoking an unknown key: %v, want ErrNotFound", err)
	}
}

func testUse(t *testing.T, store access.Store) {
	if err := store.CreateKey(t.Context(), key("key_1")); err != nil {
		t.Fatal(err)
	}
	check := func(want time.Time) {
		t.Helper()
		got, err := store.KeyByHash(t.Context(), access.HashOf("secret of key_1"))
		if err != nil || !got.Used.Equal(want) {
			t.Errorf("used last at %v, %v, want %v", got.Used, err, want)
		}
	}
	check(time.Time{})
	for _, at := range []time.Time{noon.Add(time.Hour), noon} { // the second was under way for long
		if err := store.UseKey(t.Context(), "key_1", at); err != nil {
			t.Fatal(err)
		}
		check(noon.Add(time.Hour))
	}
}

func testToken(t *testing.T, store access.Store) {
	hash := access.HashOf("token")
	if err := store.CreateToken(t.Context(), access.Grant{Hash: hash, Created: noon, Expires: noon.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.SessionByHash(t.Context(), hash); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("a token passes for a session: %v", err)
	}
	var taken atomic.Int32
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			switch _, err := store.TakeToken(t.Context(), hash); {
			case err == nil:
				taken.Add(1)
			case !errors.Is(err, access.ErrNotFound):
				t.Error(err)
			}
		})
	}
	group.Wait()
	if taken.Load() != 1 {
		t.Errorf("the token was taken %d times", taken.Load())
	}
}

func testSessions(t *testing.T, store access.Store) {
	hash := access.HashOf("session")
	if err := store.CreateSession(t.Context(), access.Grant{Hash: hash, Created: noon, Expires: noon.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	session, err := store.SessionByHash(t.Context(), hash)
	if err != nil || !session.Expires.Equal(noon.Add(time.Hour)) {
		t.Errorf("SessionByHash = %+v, %v", session, err)
	}
	if err := store.DeleteSession(t.Context(), hash); err != nil {
		t.Error(err)
	}
	if _, err := store.SessionByHash(t.Context(), hash); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("a deleted session: %v, want ErrNotFound", err)
	}
}

func testDeleteExpired(t *testing.T, store access.Store) {
	old := access.Grant{Hash: access.HashOf("old"), Created: noon, Expires: noon.Add(time.Minute)}
	young := access.Grant{Hash: access.HashOf("young"), Created: noon, Expires: noon.Add(time.Hour)}
	for _, session := range []access.Grant{old, young} {
		if err := store.CreateSession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.DeleteExpired(t.Context(), noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.SessionByHash(t.Context(), old.Hash); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("the expired session: %v, want ErrNotFound", err)
	}
	if _, err := store.SessionByHash(t.Context(), young.Hash); err != nil {
		t.Errorf("the session that has not expired: %v", err)
	}
}
