// Package id makes the identifiers of stored things.
package id

import (
	"crypto/rand"
	"strings"
)

// New returns prefix, an underscore and 26 random characters of base32 in
// lower case, 128 bits in all: New("ord") is like "ord_4tf6qsgfvr2c7b6wlpnnmbh3wu".
func New(prefix string) string {
	return prefix + "_" + strings.ToLower(rand.Text())
}
