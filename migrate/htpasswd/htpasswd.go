// Package htpasswd checks passwords against the files of Apache's
// mod_authn_file and mod_authz_groupfile, with every hash that the program
// htpasswd writes.
package htpasswd

import (
	"crypto/sha1" //nolint:gosec // {SHA} is what existing files hold
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/GehirnInc/crypt"
	"github.com/GehirnInc/crypt/apr1_crypt"
	"github.com/GehirnInc/crypt/md5_crypt"
	"github.com/GehirnInc/crypt/sha256_crypt"
	"github.com/GehirnInc/crypt/sha512_crypt"
	"golang.org/x/crypto/bcrypt"
)

// ErrUnknownHash is returned for hashes that no function here computes, such
// as yescrypt, and for anything that is no hash.
var ErrUnknownHash = errors.New("unknown kind of password hash; write it anew with htpasswd -B")

// Compare says whether password has this hash: apr1, {SHA}, bcrypt, or what
// crypt(3) makes of MD5 ($1$), SHA-256 ($5$), SHA-512 ($6$) and DES.
func Compare(hash, password string) (bool, error) {
	switch {
	case hasPrefix(hash, "$2a$", "$2b$", "$2y$"):
		return compareBcrypt(hash, password)
	case strings.HasPrefix(hash, "{SHA}"):
		sum := sha1.Sum([]byte(password)) //nolint:gosec // as above
		return equal(hash[5:], base64.StdEncoding.EncodeToString(sum[:])), nil
	case strings.HasPrefix(hash, "$apr1$"):
		return compareCrypt(apr1_crypt.New(), hash, password)
	case strings.HasPrefix(hash, "$1$"):
		return compareCrypt(md5_crypt.New(), hash, password)
	case strings.HasPrefix(hash, "$5$"):
		return compareCrypt(sha256_crypt.New(), hash, password)
	case strings.HasPrefix(hash, "$6$"):
		return compareCrypt(sha512_crypt.New(), hash, password)
	case isDES(hash):
		return equal(hash, desCrypt(password, hash[:2])), nil
	}
	return false, ErrUnknownHash
}

// Known returns nil if Compare can check this hash.
func Known(hash string) error {
	if hasPrefix(hash, "$2a$", "$2b$", "$2y$", "{SHA}", "$apr1$", "$1$", "$5$", "$6$") || isDES(hash) {
		return nil
	}
	return ErrUnknownHash
}

func hasPrefix(s string, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if strings.HasPrefix(s, prefix) {
			return true
		}
	}
	return false
}

func equal(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

func compareBcrypt(hash, password string) (bool, error) {
	err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(password))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, bcrypt.ErrMismatchedHashAndPassword):
		return false, nil
	}
	return false, fmt.Errorf("bcrypt: %w", err)
}

func compareCrypt(crypter crypt.Crypter, hash, password string) (bool, error) {
	// The library takes a hash without a salt, or without a hash, for a salt.
	if strings.Count(hash, "$") < 3 || strings.HasSuffix(hash, "$") {
		return false, ErrUnknownHash
	}
	computed, err := crypter.Generate([]byte(password), []byte(hash))
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrUnknownHash, err)
	}
	return equal(computed, hash), nil
}
