package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// TokenLife is how long a sign-in link works.
	TokenLife = 15 * time.Minute
	// SessionLife is how long an operator stays signed in.
	SessionLife = 7 * 24 * time.Hour

	// cacheLife bounds how long a key revoked by another process still works.
	cacheLife = 10 * time.Second

	// useGrain is how exactly it is known when a key was used last: each noting
	// is a write.
	useGrain = time.Minute
)

// Service issues and checks keys, sign-in tokens and sessions.
type Service struct {
	store Store
	now   func() time.Time
	keys  sync.Map // Hash → *cachedKey

	// filling orders reading a key into the cache and revoking it, so that
	// what was read before a revocation is not cached after it.
	filling sync.Mutex
}

type cachedKey struct {
	key  Key
	read time.Time
	used atomic.Int64 // when its use was noted last, in Unix seconds
}

// New returns a service on store; now tells the time.
func New(store Store, now func() time.Time) *Service {
	return &Service{store: store, now: now}
}

// KeyRequest says what key to make.
type KeyRequest struct {
	Name   string        `json:"name"`
	Scopes []string      `json:"scopes"`
	Life   time.Duration `json:"life"` // 0: does not expire
	Live   bool          `json:"live"`
}

// InvalidKeyError says why a key cannot be made as asked for.
type InvalidKeyError string

// Error implements error.
func (e InvalidKeyError) Error() string { return string(e) }

// validate refuses what would make a key nobody can tell apart or use.
func (r KeyRequest) validate() error {
	if strings.TrimSpace(r.Name) == "" || len(r.Name) > 100 {
		return InvalidKeyError("a key needs a name of at most 100 bytes")
	}
	if len(r.Scopes) == 0 {
		return InvalidKeyError("a key needs at least one scope")
	}
	for _, scope := range r.Scopes {
		if scope == "" || strings.ContainsAny(scope, " ,") {
			return InvalidKeyError(fmt.Sprintf("%q is not a scope", scope))
		}
	}
	if r.Life < 0 {
		return InvalidKeyError("a key cannot expire before it is made")
	}
	return nil
}

// CreateKey makes a key and returns it with its secret, which is not stored.
func (s *Service) CreateKey(ctx context.Context, request KeyRequest) (Key, string, error) {
	if err := request.validate(); err != nil {
		return Key{}, "", err
	}
	prefix := "sk_test_"
	if request.Live {
		prefix = "sk_live_"
	}
	secret := newSecret(prefix)
	key := Key{
		ID:      "key_" + strings.ToLower(rand.Text()),
		Name:    request.Name,
		Hash:    HashOf(secret),
		Hint:    secret[len(secret)-4:],
		Scopes:  slices.Compact(slices.Sorted(slices.Values(request.Scopes))),
		Live:    request.Live,
		Created: s.now(),
	}
	if request.Life > 0 {
		key.Expires = key.Created.Add(request.Life)
	}
	if err := s.store.CreateKey(ctx, key); err != nil {
		return Key{}, "", fmt.Errorf("creating key %q: %w", request.Name, err)
	}
	return key, secret, nil
}

// Keys returns all keys, newest first.
func (s *Service) Keys(ctx context.Context) ([]Key, error) {
	return s.store.Keys(ctx)
}

// RevokeKey ends a key at once.
func (s *Service) RevokeKey(ctx context.Context, id string) (Key, error) {
	s.filling.Lock()
	defer s.filling.Unlock()
	key, err := s.store.RevokeKey(ctx, id, s.now())
	if err != nil {
		return Key{}, fmt.Errorf("revoking key %q: %w", id, err)
	}
	s.keys.Delete(key.Hash)
	return key, nil
}

// Authenticate returns whom secret stands for, provided it has scope.
func (s *Service) Authenticate(ctx context.Context, secret, scope string) (Principal, error) {
	cached, err := s.key(ctx, HashOf(secret))
	if errors.Is(err, ErrNotFound) {
		return Principal{}, ErrUnauthenticated
	}
	if err != nil {
		return Principal{}, fmt.Errorf("looking up an API key: %w", err)
	}
	key := cached.key
	if !key.ValidAt(s.now()) {
		return Principal{}, ErrUnauthenticated
	}
	if !slices.Contains(key.Scopes, scope) {
		return Principal{}, fmt.Errorf("%w %q", ErrForbidden, scope)
	}
	s.noteUse(ctx, cached)
	return Principal{KeyID: key.ID, Name: key.Name, Scopes: key.Scopes, Live: key.Live}, nil
}

// noteUse notes that a key is used, once a minute. A time that cannot be noted,
// because the disk is full, say, must not keep a program out.
func (s *Service) noteUse(ctx context.Context, cached *cachedKey) {
	now := s.now()
	last := cached.used.Load()
	if now.Sub(time.Unix(last, 0)) < useGrain || !cached.used.CompareAndSwap(last, now.Unix()) {
		return
	}
	_ = s.store.UseKey(ctx, cached.key.ID, now)
}

// key looks a key up by the hash of its secret; equality of hashes is decided
// by the look-up, which tells a guesser nothing about the secret.
func (s *Service) key(ctx context.Context, hash Hash) (*cachedKey, error) {
	now := s.now()
	if entry, ok := s.keys.Load(hash); ok {
		if cached := entry.(*cachedKey); now.Sub(cached.read) < cacheLife {
			return cached, nil
		}
	}
	s.filling.Lock()
	defer s.filling.Unlock()
	key, err := s.store.KeyByHash(ctx, hash)
	if err != nil {
		s.keys.Delete(hash)
		return nil, err
	}
	cached := &cachedKey{key: key, read: now}
	cached.used.Store(key.Used.Unix())
	s.keys.Store(hash, cached)
	return cached, nil
}

// CreateToken makes a one-time sign-in token for the site at origin
// (scheme://host[:port]); it works nowhere else.
func (s *Service) CreateToken(ctx context.Context, origin string) (string, error) {
	now := s.now()
	if err := s.store.DeleteExpired(ctx, now); err != nil {
		return "", fmt.Errorf("removing expired sessions: %w", err)
	}
	secret := newSecret("")
	err := s.store.CreateToken(ctx, Grant{Hash: tokenHash(secret, origin), Created: now, Expires: now.Add(TokenLife)})
	if err != nil {
		return "", fmt.Errorf("creating a sign-in token: %w", err)
	}
	return secret, nil
}

// tokenHash ties a token to the origin it is for.
func tokenHash(token, origin string) Hash { return HashOf(token + " " + origin) }

// SignIn exchanges a sign-in token for origin, which is then used up, for the
// secret of a session. A token that is unknown, used, expired or for another
// origin is [ErrUnauthenticated].
func (s *Service) SignIn(ctx context.Context, token, origin string) (string, error) {
	now := s.now()
	grant, err := s.store.TakeToken(ctx, tokenHash(token, origin))
	if errors.Is(err, ErrNotFound) || err == nil && !now.Before(grant.Expires) {
		return "", ErrUnauthenticated
	}
	if err != nil {
		return "", fmt.Errorf("signing in: %w", err)
	}
	secret := newSecret("")
	err = s.store.CreateSession(ctx, Grant{Hash: HashOf(secret), Created: now, Expires: now.Add(SessionLife)})
	if err != nil {
		return "", fmt.Errorf("creating a session: %w", err)
	}
	return secret, nil
}

// SignedIn reports whether secret is that of a session that has not ended.
func (s *Service) SignedIn(ctx context.Context, secret string) (bool, error) {
	session, err := s.store.SessionByHash(ctx, HashOf(secret))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking up a session: %w", err)
	}
	return s.now().Before(session.Expires), nil
}

// SignOut ends a session; one that is not there has ended already.
func (s *Service) SignOut(ctx context.Context, secret string) error {
	err := s.store.DeleteSession(ctx, HashOf(secret))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}

// Ping reports whether the store can be reached.
func (s *Service) Ping(ctx context.Context) error { return s.store.Ping(ctx) }
