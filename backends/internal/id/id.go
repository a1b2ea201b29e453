// Package id makes the identifiers of stored things.
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// New returns prefix, an underscore and 26 random characters of base32 in
// lower case, 128 bits in all: New("ord") is like "ord_4tf6qsgfvr2c7b6wlpnnmbh3wu".
func New(prefix string) string {
	return prefix + "_" + strings.ToLower(rand.Text())
}

// Of returns an id of the same form that is always the same for text, and
// different for another text.
func Of(prefix, text string) string {
	sum := sha256.Sum256([]byte(text))
	return prefix + "_" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:26])
}
