package expression_test

import (
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/migrate/expression"
)

// asked is a request of a test.
type asked map[string]string

func (r asked) Variable(name string) string       { return r[name] }
func (r asked) Header(name string) string         { return r["header "+name] }
func (r asked) ResponseHeader(name string) string { return r["answer "+name] }
func (r asked) Environment(name string) string    { return r["env "+name] }

func TestEvaluate(t *testing.T) {
	t.Parallel()
	r := asked{"REQUEST_URI": "/app/a", "REMOTE_ADDR": "192.0.2.7", "header X-A": "b", "header Host": "example.org", "env MARK": "on", "answer Content-Type": "text/html", "answer X": "y", "HTTPS": "off"}
	for text, want := range map[string]bool{
		"true":                               true,
		"false":                              false,
		"%{REQUEST_URI} =~ m#^/app/#":        true,
		"%{request_uri} !~ /^.app/":          false,
		"%{HTTP_HOST} == 'example.org'":      true,
		"%{HTTP:X-A} in { 'a', 'b' }":        true,
		"! ( true && false ) || false":       true,
		"true || true && false":              true,
		"-n req('X-B')":                      false,
		"-T %{HTTPS}":                        false,
		"-R '192.0.2.0/24'":                  true,
		"%{REMOTE_ADDR} -ipmatch '10'":       false,
		"10 -gt 9":                           true,
		"'10' > '9'":                         false,
		"'7 of 9' -eq 7":                     true,
		"toupper(%{HTTP:X-A}) . 'c' == 'Bc'": true,
		"reqenv('MARK') == 'on'":             true,
		"%{CONTENT_TYPE} =~ /HTML/i && resp('X') == 'y'":    true,
		`"a \"quoted\" %{HTTP:X-A}" == 'a "quoted" b'`:      true,
		"md5('a') == '0cc175b9c0f1b6a831c399e269772661'":    true,
		"%{REQUEST_URI} =~ m#/app/(.)# && 'a' != 'b'":       true,
		"%{REMOTE_ADDR} -ipmatch '192.0.2.0/255.255.255.0'": true,
	} {
		parsed, err := expression.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := parsed.Evaluate(r).Holds; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// TestRefused has what has no equivalent end in an error, not in an answer.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "%{HANDLER} == 'x'", "%{NOTHING} == 'x'", "-f '/etc/passwd'", "file('/etc/passwd') == ''", "osenv('HOME') == ''", "'$1' == 'a'", "%{HTTP_HOST}",
		"%{HTTP_HOST} == ", "%{HTTP_HOST} =~ 'a'", "%{HTTP_HOST} =~ /a", "%{HTTP_HOST} =~ /(?=a)/", `%{HTTP_HOST} =~ /a\/b/`, "%{HTTP_HOST} =~ /a/g", "'a' == 'b", "(true", "true)", "true true",
		"'a' in 'b'", "resp('Content-Type') == ''", "-R %{HTTP:X}", "'a' -strmatch 'b'", "env(%{HTTP:X}) == ''", "%{HTTP_HOST == 'a'", "notafunction('a') == 'a'", strings.Repeat("(", 5000) + "true",
		"tolower(" + strings.Repeat("tolower(", 5000) + "'a'", "\x00", "%{SSL_SESSION_ID} == 'a'",
	} {
		if _, err := expression.Parse(text); err == nil {
			t.Errorf("%.60q is taken", text)
		}
	}
}

// FuzzParse looks for expressions that panic.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"%{REQUEST_URI} =~ m#^/app/#", "req('X') in {'a','b'} && ! -n 'x'", `"a\"%{HTTP:X}" . 'b' -ge 10`, "-R '10.0.0.0/8' || md5('x') == ''"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := expression.Parse(text)
		if err == nil {
			parsed.Evaluate(asked{})
		}
	})
}
