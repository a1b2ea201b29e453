// Package id makes the identifiers of stored things.
package id

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"
)

const (
	length = 26 // characters after the underscore
	clock  = 9  // of them: milliseconds since 1970, enough until the year 3084
)

// alphabet is that of base32 in lower case, sorted as databases sort text.
const alphabet = "234567abcdefghijklmnopqrstuvwxyz"

// New returns prefix, an underscore and 26 characters of base32 in lower case:
// New("ord") is like "ord_3m6ox4kdwc2c7b6wlpnnmbh3wu". The first 9 are the time,
// so that what is made together lies together in an index, and an index grows at
// its end. The others are random, 85 bits: nobody guesses an id.
func New(prefix string) string {
	id := make([]byte, length)
	_, _ = rand.Read(id[clock:]) // never fails
	for i := clock; i < length; i++ {
		id[i] = alphabet[id[i]%byte(len(alphabet))]
	}
	ms := time.Now().UnixMilli()
	for i := clock - 1; i >= 0; i-- {
		id[i] = alphabet[ms%int64(len(alphabet))]
		ms /= int64(len(alphabet))
	}
	return prefix + "_" + string(id)
}

// Secret is like New, and random as a whole: 128 bits.
func Secret(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text()) }

// Of returns an id of the same form that is always the same for text, and
// different for another text.
func Of(prefix, text string) string {
	sum := sha256.Sum256([]byte(text))
	return prefix + "_" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:length])
}
