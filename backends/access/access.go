// Package access decides who may do what: API keys for programs and
// sign-in sessions for the operator.
//
// Secrets leave this package once, when they are made; only their SHA-256
// hashes are kept. A secret holds at least 256 random bits, so a plain hash
// is as safe as a slow one.
package access

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"time"
)

// Errors an authentication can end with.
var (
	// ErrUnauthenticated: no key, or one that is unknown, expired or revoked.
	ErrUnauthenticated = errors.New("no valid API key")
	// ErrForbidden: the key is valid but lacks the scope.
	ErrForbidden = errors.New("the API key lacks the scope")
	// ErrNotFound: no key, token or session of that name is stored.
	ErrNotFound = errors.New("not found")
)

// Scopes of the built-in services. A scope is the name of the service that a
// key opens; guests have theirs.
const (
	ScopeHomepage = "homepage"
	ScopeOrders   = "orders"
	ScopePayments = "payments"
)

// Hash identifies a secret without revealing it.
type Hash [sha256.Size]byte

// HashOf hashes a secret.
func HashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// Key is a stored API key. The zero Expires and Revoked mean never.
type Key struct {
	ID      string // "key_…"
	Name    string // given by the operator
	Hash    Hash
	Hint    string // the last four characters of the secret
	Scopes  []string
	Live    bool // moves real money
	Created time.Time
	Expires time.Time
	Revoked time.Time
	Used    time.Time // last, to the minute; zero: never
}

// ValidAt reports whether the key can be used at now.
func (k Key) ValidAt(now time.Time) bool {
	expired := !k.Expires.IsZero() && !now.Before(k.Expires)
	return k.Revoked.IsZero() && !expired
}

// Principal is whom a request acts for.
type Principal struct {
	KeyID  string
	Name   string
	Scopes []string
	Live   bool
}

// newSecret returns prefix and 260 random bits in base32.
func newSecret(prefix string) string {
	return prefix + strings.ToLower(rand.Text()+rand.Text())
}
