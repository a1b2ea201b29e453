package modrewrite

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"io/fs"
)

// memory is the files of a test.
type memory struct{ fstest.MapFS }

func (m memory) Stat(name string) (fs.FileInfo, error) {
	return m.MapFS.Stat(strings.TrimPrefix(name, "/"))
}

func (m memory) Lstat(name string) (fs.FileInfo, error) { return m.Stat(name) }

func get(target string) *Request {
	path, query, _ := strings.Cut(target, "?")
	return &Request{
		Method: "GET", Protocol: "HTTP/1.1", Line: "GET " + target + " HTTP/1.1", Scheme: "http", Host: "example.org",
		Header: http.Header{}, Path: path, Query: query, ServerName: "example.org", Port: 80,
		DocumentRoot: "/var/www", Filename: "/var/www" + path, RemoteAddress: "192.0.2.1",
		Files: memory{fstest.MapFS{"var/www/index.php": {}}},
		Now:   func() time.Time { return time.Date(2026, 11, 23, 4, 5, 6, 0, time.UTC) },
	}
}

// TestLocationStaysEncoded is about where this package is meant to differ
// from Apache, which writes "https://example.org/a b".
func TestLocationStaysEncoded(t *testing.T) {
	t.Parallel()
	tests := []struct{ rule, path, want string }{
		{"^ https://%{SERVER_NAME}%{REQUEST_URI} [END,NE,R=permanent]", "/a b/ü", "https://example.org/a%20b/%c3%bc"},
		{"^/(.*)$ https://%{SERVER_NAME}/$1 [NE,R=301]", "/100%", "https://example.org/100%25"},
		{`^/(.*)$ /x\%20y#$1 [NE,R]`, "/a b", "http://example.org/x%20y#a%20b"},
	}
	for _, test := range tests {
		rule, err := ParseRule(test.rule)
		if err != nil {
			t.Fatal(err)
		}
		outcome := (&Ruleset{Rules: []*Rule{rule}}).Apply(get(test.path))
		if outcome.Action != Redirect || outcome.Location != test.want {
			t.Errorf("%s on %s: %+v, want %s", test.rule, test.path, outcome, test.want)
		}
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	request := get("/x?q=1")
	request.Header["Accept"] = []string{"a", "b"}
	request.SSL = func(name string) string { return "ssl-" + name }
	request.Environment = map[string]string{"set": "value"}
	e := &evaluation{Request: request, rules: new(Ruleset), filename: "/x", environment: request.Environment, query: query{"q=1", true}}
	for name, want := range map[string]string{
		"TIME": "20261123040506", "TIME_YEAR": "2026", "TIME_MON": "11", "TIME_DAY": "23", "TIME_HOUR": "04", "TIME_MIN": "05",
		"TIME_SEC": "06", "TIME_WDAY": "1", "HTTPS": "off", "https": "off", "REQUEST_METHOD": "GET", "HTTP_HOST": "example.org",
		"HTTP:Accept": "a, b", "HTTP_ACCEPT": "a, b", "ENV:set": "value", "ENV:SET": "", "SSL:SSL_PROTOCOL": "ssl-SSL_PROTOCOL",
		"THE_REQUEST": "GET /x?q=1 HTTP/1.1", "REMOTE_ADDR": "192.0.2.1", "SERVER_PORT": "80", "IPV6": "off", "nonsense": "",
		"HTTP_X_FORWARDED_PROTO": "", "DOCUMENT_ROOT": "/var/www", "QUERY_STRING": "q=1", "REQUEST_SCHEME": "http",
	} {
		if got := e.variable(name); got != want {
			t.Errorf("%%{%s} is %q, want %q", name, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for line, reason := range map[string]string{
		"^/a":                          "two arguments",
		"^/a /b [NOPE]":                "unknown flag",
		"^/a /b L":                     "brackets",
		"^/a /b [R=301, L]":            "brackets",
		"^/a /b [R=999]":               "invalid status",
		"^/a /b [BNE]":                 "BNE",
		"^/(?!x) /b":                   "look-ahead",
		"^/a /%{LA-U:REMOTE_USER}":     "looks ahead",
		"^/a /%{SCRIPT_USER}":          "not translated",
		"^/a - [E=x:%{LA-F:DOC_ROOT}]": "looks ahead",
		"( /b":                         "missing closing",
	} {
		if _, err := ParseRule(line); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("RewriteRule %s: %v, want an error about %s", line, err, reason)
		}
	}
	for line, reason := range map[string]string{
		"%{HTTPS}":               "two arguments",
		"expr \"%{HTTPS} == x\"": "expr",
		"%{REQUEST_URI} -F":      "request of its own",
		"%{REQUEST_URI} -U":      "request of its own",
		"%{HTTPS} on [XX]":       "unknown flag",
		"%{LA-U:x} y":            "looks ahead",
		"%{HTTPS} (?<!a)b":       "look-behind",
	} {
		if _, err := ParseCondition(line); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("RewriteCond %s: %v, want an error about %s", line, err, reason)
		}
	}
	for _, source := range []string{"prg:/bin/x", "dbm:/x", "int:nope"} {
		if _, err := ParseMap(source, "/"); err == nil {
			t.Errorf("RewriteMap %s is accepted", source)
		}
	}
}

func FuzzRules(f *testing.F) {
	f.Add("^/(.*)$ /index.php?$1 [QSA,L]", "%{HTTP_HOST} !^www [NC]", "/a/b", "x=1")
	f.Add("^ https://%{SERVER_NAME}%{REQUEST_URI} [END,NE,R=permanent]", "%{HTTPS} off", "/a b", "")
	f.Add("(.*) $1x [N=9]", "%{REQUEST_FILENAME} -f", "/", "&")
	f.Add(`^/(.) ${m:$1|%{ENV:x}} [E=x:$1,CO=a:b:c]`, "%{TIME} >1", "/ä", "?")
	f.Fuzz(func(t *testing.T, ruleText, conditionText, path, query string) {
		if len(ruleText)+len(conditionText)+len(path) > 500 {
			return
		}
		var conditions []*Condition
		if condition, err := ParseCondition(conditionText); err == nil {
			conditions = append(conditions, condition)
		}
		rule, err := ParseRule(ruleText, conditions...)
		if err != nil {
			return
		}
		rule.rounds = min(rule.rounds, 20)
		for _, directory := range []string{"", "/var/www/"} {
			request := get("/" + strings.TrimPrefix(path, "/"))
			request.Query = query
			outcome := (&Ruleset{Directory: directory, Maps: map[string]Map{"m": internalMaps["escape"]}, Rules: []*Rule{rule}}).Apply(request)
			switch outcome.Action {
			case Answer:
				if http.StatusText(outcome.Status) == "" {
					t.Fatalf("answers %d", outcome.Status)
				}
			case Redirect:
				if outcome.Status < 300 || outcome.Status > 399 || schemeLength(outcome.Location) == 0 {
					t.Fatalf("redirects with %d to %q", outcome.Status, outcome.Location)
				}
			case StartOver, PassThrough:
				if !strings.HasPrefix(outcome.Path, "/") {
					t.Fatalf("goes on with %q", outcome.Path)
				}
			}
		}
	})
}
