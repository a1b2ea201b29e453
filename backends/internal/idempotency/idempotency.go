// Package idempotency reads the Idempotency-Key header (draft-ietf-httpapi-
// idempotency-key-header) and describes what is saved under a key.
package idempotency

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// Header carries the key in a request.
const Header = "Idempotency-Key"

// ReplayedHeader is "true" in a reply that was saved for an earlier request.
const ReplayedHeader = "Idempotent-Replayed"

// maxKey is the longest key, in characters.
const maxKey = 255

// KeyError says what is wrong with a key, in words for the client.
type KeyError string

func (e KeyError) Error() string { return string(e) }

// What can be wrong with a key.
const (
	ErrEmpty     KeyError = "Idempotency-Key is empty: send a random value such as a UUID"
	ErrTooLong   KeyError = "Idempotency-Key is longer than 255 characters"
	ErrMalformed KeyError = "Idempotency-Key must be printable ASCII without spaces, or such text in double quotes"
	ErrRepeated  KeyError = "Idempotency-Key is given more than once"
)

// Request is what makes two requests the same. Its zero value stands for a
// request without a key.
type Request struct {
	Client      string // whose key it is: keys of different clients never meet
	Key         string
	Fingerprint string // of the request, see Fingerprint
}

// Reply is an HTTP response saved under a key, to be repeated byte for byte.
type Reply struct {
	Status int
	Header map[string]string
	Body   []byte
}

// FromHeader returns the key of a request's headers, "" when it has none.
func FromHeader(header map[string][]string) (string, error) {
	switch values := header[Header]; len(values) {
	case 0:
		return "", nil
	case 1:
		return Key(values[0])
	default:
		return "", ErrRepeated
	}
}

// Key returns the key in a header's value, of at most 255 characters. The
// draft's quoted form ("8e03978e") and the bare form (8e03978e) that most
// clients send are the same key.
func Key(header string) (string, error) {
	value := strings.Trim(header, " \t")
	key, err := value, error(nil)
	if strings.HasPrefix(value, `"`) {
		key, err = unquote(value)
	} else if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) {
		err = ErrMalformed
	}
	switch {
	case err != nil:
		return "", err
	case key == "":
		return "", ErrEmpty
	case len(key) > maxKey:
		return "", ErrTooLong
	}
	return key, nil
}

// unquote reads a string of RFC 9651, without parameters after it.
func unquote(value string) (string, error) {
	var key strings.Builder
	for i := 1; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"' && i == len(value)-1:
			return key.String(), nil
		case c == '"' || c < ' ' || c > '~':
			return "", ErrMalformed
		case c == '\\':
			i++
			if i == len(value) || (value[i] != '"' && value[i] != '\\') {
				return "", ErrMalformed
			}
			key.WriteByte(value[i])
		default:
			key.WriteByte(c)
		}
	}
	return "", ErrMalformed
}

// Fingerprint is equal for two requests only if method, path and body are.
func Fingerprint(method, path string, body []byte) string {
	hash := sha256.New()
	for _, part := range [][]byte{[]byte(method), []byte(path), body} {
		// The length keeps the parts apart: "a","bc" is not "ab","c".
		_, _ = hash.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = hash.Write(part) // a hash never fails
	}
	return hex.EncodeToString(hash.Sum(nil))
}
