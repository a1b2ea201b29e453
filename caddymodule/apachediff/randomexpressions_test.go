package apachediff_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// expressionWords are texts of a request and constants to compare them with.
var expressionWords = []string{
	"%{HTTP:X-A}", "%{HTTP:X-B}", "req('X-A')", "http('X-B')", "%{HTTP_USER_AGENT}", "%{REQUEST_METHOD}", "%{QUERY_STRING}", "%{HTTP_HOST}", "%{REMOTE_ADDR}",
	"%{REQUEST_SCHEME}", "%{SERVER_PORT}", "%{SERVER_NAME}", "%{SERVER_PROTOCOL}", "%{THE_REQUEST}", "%{HTTPS}", "%{IPV6}", "%{ENV:MARK}", "env('MARK')",
	"''", "'a'", "'b'", "'ab'", "'10'", "'9'", "'-3'", "'GET'", "'on'", "'x=%{HTTP:X-A}'", "'it\\'s'", "10", "9", "0", "007",
}

var expressionFunctions = []string{"tolower", "toupper", "escape", "base64", "md5", "sha1"}

var expressionPatterns = []string{"/a/", "/^a/i", "m#b$#", "/^[0-9]+$/", "/^$/", "m|^G.T|i", "m#a/b#", "/[.]b/", "/./", "/(a)|(b)/"}

func randomWord(random *rand.Rand, depth int) string {
	switch {
	case depth > 0 && random.IntN(5) == 0:
		return fmt.Sprintf("%s(%s)", expressionFunctions[random.IntN(len(expressionFunctions))], randomWord(random, depth-1))
	case depth > 0 && random.IntN(6) == 0:
		return randomWord(random, 0) + " . " + randomWord(random, 0)
	}
	return expressionWords[random.IntN(len(expressionWords))]
}

// randomExpression is a condition that Apache takes.
func randomExpression(random *rand.Rand, depth int) string {
	one := func() string { return randomExpression(random, depth-1) }
	word := func() string { return randomWord(random, 2) }
	of := func(words ...string) string { return words[random.IntN(len(words))] }
	if depth > 0 {
		switch random.IntN(5) {
		case 0:
			return one() + " && " + one()
		case 1:
			return one() + " || " + one()
		case 2:
			return "! (" + one() + ")"
		case 3:
			return "(" + one() + ")"
		}
	}
	switch random.IntN(9) {
	case 0:
		return of("-n ", "-z ", "-T ", "! -n ", "! -T ") + word()
	case 1:
		return word() + of(" -eq ", " -ne ", " -lt ", " -le ", " -gt ", " -ge ", " lt ", " ge ") + word()
	case 2, 3:
		return word() + of(" =~ ", " !~ ") + of(expressionPatterns...)
	case 4:
		return word() + " in { " + word() + " , " + word() + ", " + word() + " }"
	case 5:
		return of("-R '127.0.0.0/8'", "-R '10.1'", "%{REMOTE_ADDR} -ipmatch '127.0.0.1'", "%{HTTP:X-A} -ipmatch '192.0.2.0/24'", "true", "false")
	default:
		return word() + of(" == ", " = ", " != ", " < ", " <= ", " > ", " >= ") + word()
	}
}

// TestRandomExpressions compares what expressions made at random say of some
// requests: each sets a header.
func TestRandomExpressions(t *testing.T) {
	t.Parallel()
	rounds, expressions := 1, 120
	if os.Getenv("SOAK") == "1" {
		rounds = 40
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(seed), 2)) // #nosec G404 -- the same expressions each time
			var text strings.Builder
			text.WriteString("<VirtualHost *:80>\nServerName e.test\nDocumentRoot /var/www/e\nSetEnvIf X-Mark (.+) MARK=$1\n")
			for i := range expressions {
				fmt.Fprintf(&text, "Header set X-E%03d yes \"expr=%s\"\n", i, strings.ReplaceAll(randomExpression(random, 3), `\`, `\\`))
			}
			text.WriteString("</VirtualHost>\n")
			c := &apacheCase{files: []file{{name: "site.conf", text: text.String()}, {name: "/var/www/e/a.txt", text: "a"}}}
			for _, line := range []string{
				"e.test GET /a.txt", "e.test GET /a.txt?a=b", "e.test HEAD /a.txt?10", "e.test POST /a.txt",
				"e.test GET /a.txt | X-A: a", "e.test GET /a.txt | X-A: B | X-B: a/b | X-Mark: on", "e.test GET /a.txt?off | X-A: 10 | X-B: 9 | User-Agent: ab",
				"e.test GET /a.txt | X-A: 192.0.2.7 | X-Mark: 0 | User-Agent: GET", "e.test GET /a.txt | X-A: a | X-A: b | X-B: it's",
			} {
				r, err := parseRequest(line)
				if err != nil {
					t.Fatal(err)
				}
				c.requests = append(c.requests, r)
			}
			t.Cleanup(func() {
				if t.Failed() {
					t.Log(text.String())
				}
			})
			s := startStage(t, c)
			for i := range s.requests {
				s.compareAnswers(t, &s.requests[i])
			}
		})
	}
}
