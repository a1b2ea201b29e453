package apachelog

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/zap/buffer"
)

func TestEscapes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"plain text~":      {"plain text~", "plain text~"},
		`"\`:               {`\"\\`, `"\\`},
		"\b\n\r\t\v":       {`\b\n\r\t\v`, `\b\n\r\t\v`},
		"\x00\x01\x1f\x7f": {`\x00\x01\x1f\x7f`, `\x00\x01\x1f\x7f`},
		"é\xff":            {`\xc3\xa9\xff`, `\xc3\xa9\xff`},
		"":                 {"", ""},
	} {
		var access, errors buffer.Buffer
		accessEscapes.append(&access, text)
		errorEscapes.append(&errors, text)
		if got := [2]string{access.String(), errors.String()}; got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// FuzzEscape: what is written is printable ASCII, has no quote that could end
// a field, and means the text that went in.
func FuzzEscape(f *testing.F) {
	f.Add("a\"b\\c\n\x00é")
	f.Fuzz(func(t *testing.T, text string) {
		var line buffer.Buffer
		accessEscapes.append(&line, text)
		escaped := line.String()
		if strings.Trim(escaped, printable) != "" {
			t.Errorf("%q holds bytes that are not printable", escaped)
		}
		if bare := escape.ReplaceAllString(escaped, ""); strings.ContainsAny(bare, `"\`) {
			t.Errorf("%q holds a bare quote or backslash", escaped)
		}
		if back := unescape(escaped); back != text {
			t.Errorf("%q reads back as %q", text, back)
		}
	})
}

var (
	printable = func() string {
		var all strings.Builder
		for ch := byte(' '); ch <= '~'; ch++ {
			all.WriteByte(ch)
		}
		return all.String()
	}()
	escape = regexp.MustCompile(`\\(x[0-9a-f]{2}|.)`)
)

func unescape(escaped string) string {
	return escape.ReplaceAllStringFunc(escaped, func(sequence string) string {
		text, err := strconv.Unquote(`"` + sequence + `"`)
		if err != nil {
			return err.Error()
		}
		return text
	})
}
