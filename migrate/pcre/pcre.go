// Package pcre runs the regular expressions of Apache's configuration, which
// are written for PCRE and compared byte by byte, with Go's regexp.
//
// A pattern either means the same here as in Apache, or Compile refuses it:
// look-around, back-references inside the pattern, possessive quantifiers,
// atomic groups and the like have no equivalent in a linear-time engine.
package pcre

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Groups is how many groups Apache remembers: $0 to $9.
const Groups = 10

// Regexp is a compiled pattern. It is safe for concurrent use.
type Regexp struct {
	pattern    string
	expression *regexp.Regexp
}

// Match is what a pattern found in a subject.
type Match struct {
	subject string
	spans   []int // pairs of byte offsets in subject, -1 for a group that took no part
}

// Compile reads a pattern as Apache does by default: the dot matches a line
// feed, $ only the very end. With ignoreCase letters of ASCII match whatever
// their case. The error says what has no equivalent.
func Compile(pattern string, ignoreCase bool) (*Regexp, error) {
	converted, err := convert(pattern)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", pattern, err)
	}
	flags := "(?s)"
	if ignoreCase {
		flags = "(?si)"
	}
	expression, err := regexp.Compile(flags + converted)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", pattern, err)
	}
	return &Regexp{pattern: pattern, expression: expression}, nil
}

// String is the pattern as it was given.
func (r *Regexp) String() string { return r.pattern }

// MatchString says whether subject contains a match.
func (r *Regexp) MatchString(subject string) bool {
	return r.expression.MatchString(widen(subject))
}

// Find is the leftmost match in subject, nil when there is none.
func (r *Regexp) Find(subject string) *Match {
	wide := widen(subject)
	spans := r.expression.FindStringSubmatchIndex(wide)
	if spans == nil {
		return nil
	}
	if len(spans) > 2*Groups {
		spans = spans[:2*Groups]
	}
	if len(wide) != len(subject) {
		narrowSpans(wide, spans)
	}
	return &Match{subject: subject, spans: spans}
}

// Group is what group n matched: "" when it took no part, is not in the
// pattern, or m is nil.
func (m *Match) Group(n int) string {
	if m == nil || 2*n+1 >= len(m.spans) || m.spans[2*n] < 0 {
		return ""
	}
	return m.subject[m.spans[2*n]:m.spans[2*n+1]]
}

// Span is where in the subject the match begins and ends.
func (m *Match) Span() (start, end int) { return m.spans[0], m.spans[1] }

// highByte + b is the rune that stands for the byte b above ASCII: from the
// private use area, so that it has no case and belongs to no class.
const highByte = 0xF700

// widen turns each byte above ASCII into one rune, so that the dot matches
// one byte, as it does in PCRE without UTF.
func widen(s string) string {
	ascii := true
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return s
	}
	var wide strings.Builder
	for i := range len(s) {
		if s[i] < utf8.RuneSelf {
			wide.WriteByte(s[i])
		} else {
			wide.WriteRune(highByte + rune(s[i]))
		}
	}
	return wide.String()
}

// narrowSpans turns offsets in a widened subject into those in the subject.
func narrowSpans(wide string, spans []int) {
	offsets := make(map[int]int, len(wide)+1)
	narrow := 0
	for i := range wide {
		offsets[i] = narrow
		narrow++
	}
	offsets[len(wide)] = narrow
	for i, span := range spans {
		if span >= 0 {
			spans[i] = offsets[span]
		}
	}
}
