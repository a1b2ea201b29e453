package apachelog

import (
	"crypto/tls"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/buffer"
)

// written is r in the given format, without the line ending.
func written(t *testing.T, text string, fill func(*recorder)) string {
	t.Helper()
	f, err := compileFormat(text, serverIdentity{})
	if err != nil {
		t.Fatal(err)
	}
	e := newEncoder(f)
	fill(&e.recorder)
	line := lines.Get()
	f.appendLine(line, &e.record)
	return strings.TrimSuffix(line.String(), "\n")
}

var berlin = time.FixedZone("CET", 3600)

func exampleRequest(r *recorder) {
	r.begin = time.Date(2026, 11, 3, 14, 5, 9, 7_654_321, berlin)
	r.duration = 1_234_567_890 * time.Nanosecond
	r.end = r.begin.Add(r.duration)
	r.hasRequest = true
	r.remoteIP, r.remotePort, r.clientIP = "10.0.0.1", "49152", "192.0.2.7"
	r.method, r.uri, r.proto, r.host = "GET", "/a%20b//c/../d?x=%22&y=\"", "HTTP/1.1", "Shop.Example.COM:8443"
	r.status, r.hasStatus, r.size = 404, true, 512
	r.userID = `b"ob`
}

func TestDirectives(t *testing.T) {
	t.Parallel()
	pid := strconv.Itoa(os.Getpid())
	for format, want := range map[string]string{
		"%a %{c}a":          "192.0.2.7 10.0.0.1",
		"%h %{c}h":          "192.0.2.7 10.0.0.1",
		"%l":                "-",
		"%u":                `b\"ob`,
		"%t":                "[03/Nov/2026:14:05:09 +0100]",
		"%{begin}t":         "[03/Nov/2026:14:05:09 +0100]",
		"%{end}t":           "[03/Nov/2026:14:05:10 +0100]",
		"%{sec}t":           "1793711109",
		"%{msec}t":          "1793711109007",
		"%{usec}t":          "1793711109007654",
		"%{msec_frac}t":     "007",
		"%{usec_frac}t":     "007654",
		"%{end:msec_frac}t": "242",
		"%{%FT%T%z}t":       "2026-11-03T14:05:09+0100",
		"%{end:%S}t":        "10",
		"%{begin:%-d.%-m}t": "3.11",
		"%r":                `GET /a%20b//c/../d?x=%22&y=\" HTTP/1.1`,
		"%m %H":             "GET HTTP/1.1",
		"%U":                "/a b/d",
		"%q":                `?x=%22&y=\"`,
		"%s %>s %<s":        "404 404 404",
		"%b %B":             "512 512",
		"%D":                "1234567",
		"%T %{s}T":          "1 1",
		"%{ms}T %{us}T":     "1234 1234567",
		"%v %V":             "shop.example.com shop.example.com",
		"%p %{canonical}p":  "8443 8443",
		"%{remote}p":        "49152",
		"%{Host}i":          "Shop.Example.COM:8443",
		"%P %{pid}P":        pid + " " + pid,
		"%%h":               "%h",
		`a\tb\\c\nd\"e\qf`:  "a\tb\\c\nd\"e\\qf",
		"%404m":             "GET",
		"%!404m":            "-",
		"%400,404m":         "GET",
		"%400,501m":         "-",
		"%!400,501m":        "GET",
		"%!200>s":           "404",
		"%{Referer}!404i":   "-",
		"%{HTTPS}x":         "off",
		"%{SSL_PROTOCOL}x":  "-",
		"%{cipher}c":        "-",
	} {
		if !strings.Contains(format, "%") {
			format += "%%"
			want += "%"
		}
		if got := written(t, format, exampleRequest); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}

func TestServerIdentityIsConfigured(t *testing.T) {
	t.Parallel()
	f, err := compileFormat("%v:%p %V", serverIdentity{name: "www.example.com", port: 443})
	if err != nil {
		t.Fatal(err)
	}
	e := newEncoder(f)
	exampleRequest(&e.recorder)
	var line buffer.Buffer
	f.appendLine(&line, &e.record)
	if got, want := line.String(), "www.example.com:443 shop.example.com\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestNothingIsADash(t *testing.T) {
	t.Parallel()
	const format = `%h %a %l %u %r %m %H %U %b %s %V %{Host}i %{Referer}i %{X}o %{X}C %{x}n %{remote}p %{SSL_CIPHER}x`
	got := written(t, format, func(*recorder) {})
	if want := strings.TrimSuffix(strings.Repeat("- ", 18), " "); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStatusWithoutResponse(t *testing.T) {
	t.Parallel()
	got := written(t, "%>s", func(r *recorder) { r.hasStatus = true })
	if got != "200" {
		t.Errorf("a response no handler has written is logged as %s, but Go sends 200", got)
	}
}

func TestBodyOfHead(t *testing.T) {
	t.Parallel()
	got := written(t, "%b %B", func(r *recorder) { r.method, r.size = "HEAD", 100 })
	if got != "- 0" {
		t.Errorf("body bytes sent in answer to HEAD: %q", got)
	}
}

func TestURI(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ uri, path, query, line string }{
		{"/", "/", "", "GET / HTTP/1.1"},
		{"*", "*", "", "GET * HTTP/1.1"},
		{"/a?", "/a", "?", "GET /a? HTTP/1.1"},
		{"/a?b?c", "/a", "?b?c", "GET /a?b?c HTTP/1.1"},
		{"/%2e%2e/x/./y/", "/x/y/", "", "GET /%2e%2e/x/./y/ HTTP/1.1"},
		{"/x/..", "/", "", "GET /x/.. HTTP/1.1"},
		{"/x/y/..", "/x/", "", "GET /x/y/.. HTTP/1.1"},
		{"//a", "/a", "", "GET //a HTTP/1.1"},
		{"/%zz", "/%zz", "", "GET /%zz HTTP/1.1"},
		{"/%c3%a9", `/\xc3\xa9`, "", "GET /%c3%a9 HTTP/1.1"},
		{"/a://b", "/a:/b", "", "GET /a://b HTTP/1.1"},
		{"http://h/p?q", "/p", "?q", "GET http://h/p?q HTTP/1.1"},
		{"http://h", "/", "", "GET http://h HTTP/1.1"},
		{"http://u:secret@h/p", "/p", "", "GET http://u:XXXXXXXX@h/p HTTP/1.1"},
		{"http://u@h/p:1@2", "/p:1@2", "", "GET http://u@h/p:1@2 HTTP/1.1"},
	} {
		got := written(t, "%U|%q|%r", func(r *recorder) { r.method, r.uri, r.proto = "GET", test.uri, "HTTP/1.1" })
		if want := test.path + "|" + test.query + "|" + test.line; got != want {
			t.Errorf("%s: %q, want %q", test.uri, got, want)
		}
	}
}

func TestHostname(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"example.com":          "example.com 80",
		"EXAMPLE.com:8080":     "example.com 8080",
		"example.com.":         "example.com 80",
		"[2001:db8::1]:81":     "2001:db8::1 81",
		"[2001:db8::1]":        "2001:db8::1 80",
		"under_score.test":     "under_score.test 80",
		"":                     "- 80",
		"a b":                  "- 80",
		`a"b`:                  "- 80",
		"evil\nline":           "- 80",
		"example.com:x y":      "example.com 80",
		"example.com:99999999": "example.com 80",
	} {
		if got := written(t, "%v %p", func(r *recorder) { r.host = host }); got != want {
			t.Errorf("%q: %q, want %q", host, got, want)
		}
	}
	if got := written(t, "%p", func(r *recorder) { r.tls.present = true }); got != "443" {
		t.Errorf("over TLS: port %s, want 443", got)
	}
}

func TestCookies(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"id=1":                       "1",
		"x=0; ID = two words ; id=3": "two words",
		"id=; id=3":                  "3",
		"==id=1":                     "1",
		"id=a=b":                     "a=b",
		"other=1":                    "-",
		"id":                         "-",
		"":                           "-",
		"REDACTED":                   "REDACTED",
	} {
		got := written(t, "%{id}C", func(r *recorder) { r.set(scopeRequestHeaders, "Cookie", header) })
		if got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func TestUserOfAFailedLogin(t *testing.T) {
	t.Parallel()
	for authorization, want := range map[string]string{
		"Basic Ym9iOnNlY3JldA==": "bob",
		"basic Ym9iOnNlY3JldA==": "bob",
		"Basic !":                "-",
		"Bearer abc":             "-",
		"REDACTED":               "-",
		"":                       "-",
	} {
		got := written(t, "%u", func(r *recorder) {
			r.status, r.hasStatus, r.authorization = 401, true, authorization
		})
		if got != want {
			t.Errorf("%q: %q, want %q", authorization, got, want)
		}
	}
}

func TestTLSVariables(t *testing.T) {
	t.Parallel()
	got := written(t, "%{HTTPS}x %{SSL_PROTOCOL}x %{version}c %{SSL_CIPHER}x %{cipher}c %{SSL_CIPHER_USEKEYSIZE}x "+
		"%{SSL_TLS_SNI}x %{SSL_SESSION_RESUMED}x %{SSL_CLIENT_S_DN_CN}x %{SSL_CLIENT_M_SERIAL}x", func(r *recorder) {
		r.tls = tlsState{
			present: true, version: tls.VersionTLS12, cipher: tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
			serverName: "example.com", resumed: true, clientCommonName: `a "b"`, clientSerial: "2748",
		}
	})
	want := `on TLSv1.2 TLSv1.2 ECDHE-RSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305 256 example.com Resumed a \"b\" 0ABC`
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, suite := range tls.CipherSuites() {
		if cipherSuites[suite.ID].name == "" {
			t.Errorf("no OpenSSL name for %s", suite.Name)
		}
	}
}

func TestRefusedFormats(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"combinde":           `unknown log format "combinde"`,
		"%h %j":              "%j: mod_log_config has no such directive",
		"%h %^xx":            "%^xx: mod_log_config has no such directive",
		"%h %":               "%: the format ends within it",
		"%h %!200,":          "%!200,: the format ends within it",
		"%{Referer":          "%{Referer: the closing brace is missing",
		"%9999s":             "a status has three digits",
		"%i":                 "needs the name of a request header in braces, as in %{NAME}i",
		"%o":                 "needs the name of a response header",
		"%C":                 "needs the name of a cookie",
		"%n":                 "needs the name of a log field",
		"%{x}r":              `%{x}r: takes no argument in braces, has "x"`,
		"%{x}v":              "takes no argument",
		"%{b}h":              "the argument is c or none",
		"%{ns}T":             "the unit is s, ms or us",
		"%{port}p":           "the port is canonical, remote or local",
		"%{local}p":          "the local port is not in Caddy's log records",
		"%{tid}P":            "do not belong to a thread",
		"%{foo}P":            "the argument is pid or none",
		"%{errcode}c":        "the argument is version or cipher",
		"%{SSL_CIPHERS}x":    "known are HTTPS, SSL_CIPHER, ",
		"%{Date}o":           "adds this header after",
		"%{content-length}o": "adds this header after",
		"%{Trailer}i":        "this header is not in Caddy's log records",
		"%>U":                "the URI as handlers have rewritten it",
		"%{%Q}t":             `unknown conversion "%Q"`,
		"%{%-A}t":            `unknown conversion "%-A"`,
		"%{%Y-%}t":           `the time format ends with "%"`,
		"%{end:%Y%-}t":       `the time format ends with "%-"`,
		"%A":                 "%A: the local address", "%e": "%e: ", "%f": "%f: ", "%I": "%I: ", "%k": "%k: ",
		"%L": "%L: ", "%O": "%O: ", "%R": "%R: ", "%S": "%S: ", "%X": "%X: ",
		"%^FB": "%^FB: ", "%^FU": "no such directive", "%F": "no such directive", "%{x}^ti": "%{x}^ti: ", "%{x}^to": "%{x}^to: ",
	} {
		_, err := compileFormat(format, serverIdentity{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", format, err, want)
		}
	}
}

// FuzzFormat: no format makes the compiler or its product fail, and one line
// stays one line when neither the format nor its strftime parts ask for more.
func FuzzFormat(f *testing.F) {
	for _, seed := range []string{"combined", "%h", "%!200,304{Referer}i", `%{%Y\n}t\"`, "%{begin:usec_frac}t", "%", "%{", "%^ti", "%{x}C%%"} {
		f.Add(seed, "/a?b", "x\n\"\\")
	}
	f.Fuzz(func(t *testing.T, text, uri, header string) {
		compiled, err := compileFormat(text, serverIdentity{})
		if err != nil {
			return
		}
		e := newEncoder(compiled)
		exampleRequest(&e.recorder)
		e.uri, e.host, e.method, e.authorization = uri, header, header, header
		for i := range e.values {
			e.values[i] = value{header, true}
		}
		line := lines.Get()
		defer line.Free()
		compiled.appendLine(line, &e.record)
		if strings.Contains(text, `\`) || strings.Contains(text, "\n") || strings.Contains(text, "%n") {
			return
		}
		if strings.Count(line.String(), "\n") != 1 {
			t.Errorf("format %q makes more than one line: %q", text, line.String())
		}
	})
}
