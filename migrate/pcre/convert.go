package pcre

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// unsupportedGroups are the openings of groups that Go's regexp has not, with
// what they are called.
var unsupportedGroups = []struct{ opening, name string }{
	{"(?=", "look-ahead"},
	{"(?!", "look-ahead"},
	{"(?<=", "look-behind"},
	{"(?<!", "look-behind"},
	{"(?>", "an atomic group"},
	{"(?|", "a branch-reset group"},
	{"(?(", "a conditional group"},
	{"(?R", "recursion"},
	{"(?&", "recursion"},
	{"(?P>", "recursion"},
	{"(?P=", "a back-reference inside the pattern"},
	{"(?#", "a comment"},
	{"(?C", "a callout"},
	{"(?x", "extended syntax"},
	{"(*", "a control verb"},
}

// convert rewrites what both engines accept but read differently, and refuses
// what only PCRE has.
func convert(pattern string) (string, error) {
	var out strings.Builder
	class := false // inside […]
	for i := 0; i < len(pattern); {
		switch c := pattern[i]; {
		case c == '\\':
			converted, length, err := convertEscape(pattern[i:], class)
			if err != nil {
				return "", err
			}
			out.WriteString(converted)
			i += length
		case class && strings.HasPrefix(pattern[i:], "[:"):
			end := strings.Index(pattern[i:], ":]")
			if end < 0 {
				out.WriteString(`\[`)
				i++
				break
			}
			out.WriteString(pattern[i : i+end+2])
			i += end + 2
		case class:
			if c == '[' {
				out.WriteByte('\\')
			}
			out.WriteString(widen(pattern[i : i+1]))
			class = c != ']'
			i++
		case c == '[':
			length := classOpening(pattern[i:])
			out.WriteString(pattern[i : i+length])
			class = true
			i += length
		default:
			if err := checkGroup(pattern[i:]); err != nil {
				return "", err
			}
			if isPossessive(pattern, i) {
				return "", errors.New("a possessive quantifier has no equivalent; write it without the second +")
			}
			out.WriteString(widen(pattern[i : i+1]))
			i++
		}
	}
	return out.String(), nil
}

// classOpening is the length of "[", "[^", and of a "]" right after, which
// stands for itself.
func classOpening(s string) int {
	n := 1
	if strings.HasPrefix(s[n:], "^") {
		n++
	}
	if strings.HasPrefix(s[n:], "]") {
		n++
	}
	return n
}

func checkGroup(s string) error {
	if s[0] != '(' {
		return nil
	}
	for _, group := range unsupportedGroups {
		if strings.HasPrefix(s, group.opening) {
			return fmt.Errorf("%s has no equivalent in Go's regular expressions", group.name)
		}
	}
	if len(s) > 2 && s[1] == '?' && s[2] >= '0' && s[2] <= '9' {
		return errors.New("recursion has no equivalent in Go's regular expressions")
	}
	return nil
}

// isPossessive says whether the + at i follows another quantifier.
func isPossessive(pattern string, i int) bool {
	if pattern[i] != '+' || i == 0 || (i > 1 && pattern[i-2] == '\\') {
		return false
	}
	switch pattern[i-1] {
	case '+', '*', '?':
		return i > 1 && pattern[i-2] != '('
	case '}':
		opening := strings.LastIndexByte(pattern[:i], '{')
		return opening > 0 && strings.Trim(pattern[opening+1:i-1], "0123456789,") == ""
	}
	return false
}

// convertEscape is the escape at the start of s in Go's syntax, and how many
// bytes of s it takes.
func convertEscape(s string, class bool) (string, int, error) {
	if len(s) == 1 {
		return "", 0, errors.New("ends in a backslash")
	}
	c := s[1]
	switch {
	case c == 'Q':
		return quoted(s)
	case c == 's':
		return choose(class, `\t-\r `, `[\t-\r ]`), 2, nil // PCRE counts the vertical tab
	case c == 'S' && !class:
		return `[^\t-\r ]`, 2, nil
	case c == 'x':
		return hexadecimal(s)
	case c == 'h':
		return choose(class, `\t \x{F7A0}`, `[\t \x{F7A0}]`), 2, nil
	case c == 'e':
		return `\x1b`, 2, nil
	case c >= '1' && c <= '9' && !class:
		return "", 0, fmt.Errorf("the back-reference \\%c inside the pattern has no equivalent in Go's regular expressions", c)
	case c >= 0x80:
		return widen(s[1:2]), 2, nil
	case strings.IndexByte("dDwWntrfaAzbB0", c) >= 0:
		return s[:2], 2, nil
	case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9':
		return "", 0, fmt.Errorf("\\%c has no equivalent in Go's regular expressions", c)
	case c < 0x20 || c == ' ' || c == 0x7f:
		return fmt.Sprintf(`\x%02x`, c), 2, nil
	}
	return s[:2], 2, nil
}

func choose(class bool, inside, outside string) string {
	if class {
		return inside
	}
	return outside
}

// quoted reads \Q…\E.
func quoted(s string) (string, int, error) {
	text, length := s[2:], len(s)
	if end := strings.Index(text, `\E`); end >= 0 {
		text, length = text[:end], end+4
	}
	var out strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c >= 0x80:
			out.WriteString(widen(text[i : i+1]))
		default:
			fmt.Fprintf(&out, `\x%02x`, c)
		}
	}
	return out.String(), length, nil
}

// hexadecimal reads \xHH and \x{HH}.
func hexadecimal(s string) (string, int, error) {
	var digits string
	var length int
	if strings.HasPrefix(s[2:], "{") {
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return "", 0, errors.New(`\x{ is not closed`)
		}
		digits, length = s[3:end], end+1
	} else {
		length = 2
		for length < len(s) && length < 4 && strings.IndexByte("0123456789abcdefABCDEF", s[length]) >= 0 {
			length++
		}
		digits = s[2:length]
	}
	value, err := strconv.ParseUint("0"+digits, 16, 32)
	if err != nil || value > 0xff {
		return "", 0, fmt.Errorf(`\x%s is not a byte`, digits)
	}
	if value >= 0x80 {
		value += highByte
	}
	return fmt.Sprintf(`\x{%x}`, value), length, nil
}
