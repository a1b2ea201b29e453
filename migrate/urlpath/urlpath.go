// Package urlpath reads and writes the paths of URLs as Apache does, so that
// what is compared, rewritten and forwarded are the same bytes.
package urlpath

import (
	"net/http"
	"strings"
)

// EncodedSlashes is what AllowEncodedSlashes says about %2F in a path.
type EncodedSlashes int

// The values of AllowEncodedSlashes. Apache's default is Off.
const (
	EncodedSlashesOff      EncodedSlashes = iota // such a path is not found
	EncodedSlashesOn                             // decoded like everything else
	EncodedSlashesNoDecode                       // kept as %2F
)

// Rules are the settings of a server that shape its paths; zero is Apache's
// default.
type Rules struct {
	EncodedSlashes EncodedSlashes
	KeepSlashes    bool // MergeSlashes Off
}

// Resolve is the path that Apache compares and maps: decoded, without dot
// segments, with adjacent slashes merged. raw is the path of the request
// line, without the query.
//
// The status is 0, or what Apache answers instead: 400 for a malformed path
// or one that climbs above the root, 404 for %00 and for a forbidden %2F.
func (rules Rules) Resolve(raw string) (path string, status int) {
	path, ok := rules.normalize(raw, true)
	if !ok {
		return "", http.StatusBadRequest
	}
	path, status = rules.decode(path)
	if status != 0 {
		return "", status
	}
	if rules.EncodedSlashes == EncodedSlashesOn {
		path, _ = rules.normalize(path, false) // decoding may have made new segments
	}
	return path, 0
}

// normalize merges slashes and resolves dot segments; with decodeUnreserved,
// letters, digits, "-", ".", "_" and "~" are decoded first.
func (rules Rules) normalize(path string, decodeUnreserved bool) (string, bool) {
	if !strings.HasPrefix(path, "/") {
		return "", false
	}
	ok := true
	if decodeUnreserved {
		path, ok = decodeOnlyUnreserved(path)
	}
	segments := strings.Split(path[1:], "/")
	kept := segments[:0]
	for i, segment := range segments {
		last := i == len(segments)-1
		switch {
		case segment == "" && !last && !rules.KeepSlashes:
		case segment == ".":
			if last {
				kept = append(kept, "")
			}
		case segment == "..":
			if len(kept) == 0 {
				ok = false
			} else {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	return "/" + strings.Join(kept, "/"), ok
}

// decodeOnlyUnreserved is not ok when a % is not followed by two digits.
func decodeOnlyUnreserved(path string) (string, bool) {
	if !strings.Contains(path, "%") {
		return path, true
	}
	ok := true
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			out.WriteByte(path[i])
			continue
		}
		c, valid := hexByte(path[i:])
		switch {
		case !valid:
			ok = false
			out.WriteByte('%')
		case isUnreserved(c):
			out.WriteByte(c)
			i += 2
		default:
			out.WriteByte('%')
		}
	}
	return out.String(), ok
}

// decode resolves the remaining escapes.
func (rules Rules) decode(path string) (string, int) {
	if !strings.Contains(path, "%") {
		return path, 0
	}
	status := 0
	var out strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			out.WriteByte(path[i])
			continue
		}
		c, valid := hexByte(path[i:])
		switch {
		case !valid:
			return "", http.StatusBadRequest
		case c == 0, c == '/' && rules.EncodedSlashes == EncodedSlashesOff:
			status = http.StatusNotFound
			i += 2
		case isUnreserved(c), c == '/' && rules.EncodedSlashes == EncodedSlashesNoDecode:
			out.WriteString(path[i : i+3])
			i += 2
		default:
			out.WriteByte(c)
			i += 2
		}
	}
	return out.String(), status
}

// Unescape decodes every escape in s, as the internal map "unescape" does;
// what is malformed stays.
func Unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if c, valid := hexByte(s[i:]); s[i] == '%' && valid {
			out.WriteByte(c)
			i += 2
			continue
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// Escape encodes a decoded path for a Location header, with lower-case digits
// as Apache writes them. A "?" is encoded too.
func Escape(path string) string {
	return escape(path, "$-_.+!*'(),:;@&=/~", "0123456789abcdef")
}

// EscapeForProxy encodes a decoded path as mod_proxy sends it to a backend.
// With EncodedSlashesNoDecode the %2F that Resolve kept stays one.
func (rules Rules) EscapeForProxy(path string) string {
	const safe, digits = "~$-_.+!*'(),;:@&=/", "0123456789ABCDEF"
	if rules.EncodedSlashes != EncodedSlashesNoDecode {
		return escape(path, safe, digits)
	}
	var out strings.Builder
	for {
		i := indexEncodedSlash(path)
		if i < 0 {
			out.WriteString(escape(path, safe, digits))
			return out.String()
		}
		out.WriteString(escape(path[:i], safe, digits))
		out.WriteString(path[i : i+3])
		path = path[i+3:]
	}
}

func indexEncodedSlash(path string) int {
	for i := 0; i+2 < len(path); i++ {
		if path[i] == '%' && path[i+1] == '2' && (path[i+2] == 'f' || path[i+2] == 'F') {
			return i
		}
	}
	return -1
}

func escape(s, safe, digits string) string {
	clean := true
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && strings.IndexByte(safe, s[i]) < 0 {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var out strings.Builder
	for i := range len(s) {
		if c := s[i]; isAlphanumeric(c) || strings.IndexByte(safe, c) >= 0 {
			out.WriteByte(c)
		} else {
			out.WriteByte('%')
			out.WriteByte(digits[c>>4])
			out.WriteByte(digits[c&0xf])
		}
	}
	return out.String()
}

// CutPrefix matches prefix against path as Alias, Redirect and ProxyPass do:
// case-sensitively, by whole segments, any number of slashes for a slash. The
// remainder is what follows, with its slash unless the prefix ends in one.
func CutPrefix(path, prefix string) (remainder string, found bool) {
	p, f := 0, 0
	for f < len(prefix) {
		if prefix[f] == '/' {
			if p >= len(path) || path[p] != '/' {
				return "", false
			}
			for f < len(prefix) && prefix[f] == '/' {
				f++
			}
			for p < len(path) && path[p] == '/' {
				p++
			}
			continue
		}
		if p >= len(path) || path[p] != prefix[f] {
			return "", false
		}
		p++
		f++
	}
	if f == 0 {
		return "", false
	}
	if prefix[f-1] != '/' && p < len(path) && path[p] != '/' {
		return "", false
	}
	return path[p:], true
}

func isUnreserved(c byte) bool {
	return isAlphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~'
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// hexByte is the byte that the escape at the start of s stands for.
func hexByte(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	high, low := hexDigit(s[1]), hexDigit(s[2])
	if high < 0 || low < 0 {
		return 0, false
	}
	return byte(high<<4 | low), true //nolint:gosec // two digits are a byte
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
