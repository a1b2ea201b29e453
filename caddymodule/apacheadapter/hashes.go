package apacheadapter

import (
	"errors"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/caddyauth"

	"github.com/aditechsphere/fairway/migrate/htpasswd"
)

func init() {
	for _, hash := range []Hash{
		{name: "htpasswd"},
		{name: "apr1", prefixes: []string{"$apr1$"}},
		{name: "sha", prefixes: []string{"{SHA}"}},
		{name: "crypt", prefixes: []string{"$1$", "$5$", "$6$", ""}},
	} {
		caddy.RegisterModule(hash)
	}
}

// Hash compares passwords with the hashes of Apache's htpasswd files, for
// Caddy's own basic_auth. It has no settings. As module htpasswd it takes every
// kind of hash by its prefix; apr1, sha and crypt take one kind each, where
// crypt is MD5 ($1$), SHA-256 ($5$), SHA-512 ($6$) and DES.
type Hash struct {
	name     string
	prefixes []string // empty: all
}

// CaddyModule returns the Caddy module information.
func (h Hash) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: caddy.ModuleID("http.authentication.hashes." + h.name), New: func() caddy.Module {
		fresh := h
		return &fresh
	}}
}

// Compare says whether plaintext has the hash. A hash of another kind is an
// error.
func (h Hash) Compare(hashed, plaintext []byte) (bool, error) {
	hash := string(hashed)
	if !h.takes(hash) {
		return false, errors.New("not a hash of the kind " + h.name)
	}
	return htpasswd.Compare(hash, string(plaintext))
}

func (h Hash) takes(hash string) bool {
	if len(h.prefixes) == 0 {
		return true
	}
	for _, prefix := range h.prefixes {
		if prefix == "" && !strings.HasPrefix(hash, "$") && !strings.HasPrefix(hash, "{") || prefix != "" && strings.HasPrefix(hash, prefix) {
			return true
		}
	}
	return false
}

// Interface guards
var (
	_ caddy.Module       = Hash{}
	_ caddyauth.Comparer = Hash{}
)
