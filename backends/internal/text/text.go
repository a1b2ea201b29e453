// Package text tells which strings every store can keep.
package text

import (
	"strings"
	"unicode/utf8"
)

// Storable reports whether a string is a text to both databases: PostgreSQL
// refuses a NUL and what is not UTF-8, where SQLite takes any bytes.
func Storable(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
