package homepage

import (
	"strings"
	"time"
	"unicode"

	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// maxRedacted bounds what is looked through for secrets; no more is kept.
const maxRedacted = 2000

// FailuresKept is how many failures of a service are remembered.
const FailuresKept = 50

// Failure is a real request that failed, without what may be secret.
type Failure struct {
	At       time.Time // in UTC, to the millisecond
	Method   string
	Host     string // without port
	Path     string // as the client sent it; see RedactPath
	Status   int
	Cause    measure.Cause
	Error    string        // see Redact; "" when the service answered
	Upstream string        // the address asked last; "" when none was
	Retries  int           // of the proxy
	Waited   time.Duration // until the upstream's first byte; 0 without one
	Total    time.Duration // until our first byte
}

// Sentence says why the request failed: "upstream refused connections".
func (f Failure) Sentence() string { return words(Observation{Status: f.Status, Cause: f.Cause}) }

// Bounded returns the failure with texts that may be kept, whoever sent them.
func (f Failure) Bounded() Failure {
	f.Method, f.Host = cut(strings.Map(printable, f.Method), 20), cut(strings.Map(printable, f.Host), 100)
	f.Path = RedactPath(f.Path)
	f.Error, f.Upstream = cut(strings.Map(printable, Redact(cut(f.Error, maxRedacted))), 300), cut(f.Upstream, 100)
	return f
}

// RedactPath is the path of a request as it may be kept: without a query, and
// with a mark where a part of it looks like a token, as in links that sign
// somebody in, or has an e-mail address.
func RedactPath(path string) string {
	path, _, _ = strings.Cut(cut(path, maxRedacted), "?")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if looksSecret(part) || strings.Contains(part, "@") {
			parts[i] = "…"
		}
	}
	return cut(strings.Map(printable, strings.Join(parts, "/")), 200)
}

func printable(r rune) rune {
	if !unicode.IsPrint(r) {
		return '�'
	}
	return r
}

// looksSecret tells random texts from words: they are long, and digits are
// among the letters.
func looksSecret(text string) bool {
	if len(text) < 20 {
		return false
	}
	return strings.ContainsAny(text, "0123456789") && strings.IndexFunc(text, unicode.IsLetter) >= 0
}

// secretWords are in the names of settings and parameters with secret values.
var secretWords = []string{"pass", "pwd", "secret", "token", "key", "auth", "cookie", "credential", "session", "signature", "bearer", "basic", "dsn", "hash", "salt"}

// IsSecretName reports whether what has this name may have a secret value.
func IsSecretName(name string) bool {
	name = strings.ToLower(name)
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// Redact takes what may be secret out of a text such as an error: passwords in
// URLs, queries, values of parameters with telling names, and whatever looks
// like a token.
func Redact(text string) string {
	var out strings.Builder
	hide := false // the word before announces a secret
	for len(text) > 0 {
		n := strings.IndexFunc(text, unicode.IsSpace)
		switch {
		case n == 0:
			out.WriteByte(' ')
			text = strings.TrimLeftFunc(text, unicode.IsSpace)
			continue
		case n < 0:
			n = len(text)
		}
		word := text[:n]
		text = text[n:]
		if hide {
			out.WriteString("…")
		} else {
			out.WriteString(redactWord(word))
		}
		hide = announces(word)
	}
	return out.String()
}

// announces reports whether a word such as "Bearer" or "password:" comes
// before a secret.
func announces(word string) bool {
	bare := strings.TrimRight(word, ":=")
	return bare != word && IsSecretName(bare) || strings.EqualFold(bare, "bearer") || strings.EqualFold(bare, "basic")
}

// redactWord handles a text without spaces.
func redactWord(word string) string {
	if before, rest, ok := strings.Cut(word, "://"); ok {
		// A password may have any character: everything before the last @ goes.
		if at := strings.LastIndex(rest, "@"); at >= 0 {
			rest = "…" + rest[at:]
		}
		rest, _, _ = strings.Cut(rest, "?")
		return before + "://" + rest
	}
	if name, value, ok := strings.Cut(word, "="); ok && value != "" && IsSecretName(name) {
		return name + "=…"
	}
	if name, value, ok := strings.Cut(word, ":"); ok && value != "" && IsSecretName(name) {
		return name + ":…"
	}
	if name, _, ok := strings.Cut(word, "?"); ok && strings.HasPrefix(strings.TrimLeft(word, `"'(`), "/") {
		return name
	}
	if strings.Count(word, "$") >= 3 {
		return "…" // a password's hash: $2a$14$…
	}
	if trimmed := strings.Trim(word, `"'(),;:.`); looksSecret(trimmed) && !strings.ContainsAny(trimmed, "./:") {
		return "…"
	}
	return word
}
