package rehearse

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// sampleOf reads lines of a log in the combined format.
func sampleOf(t *testing.T, origins []Origin, lines ...string) *Sample {
	t.Helper()
	file := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sample := NewSample()
	if err := sample.ReadLog(Log{File: file, Formats: []string{VhostCombined, Combined}, Origins: origins}); err != nil {
		t.Fatal(err)
	}
	return sample
}

func line(method, target string) string {
	return fmt.Sprintf(`1.2.3.4 - - [01/Jan/2026:00:00:00 +0000] "%s %s HTTP/1.1" 200 5 "-" "agent"`, method, target)
}

var shop = []Origin{{"https", "shop.example", 443}}

// TestSelection: weights, coverage, and what is left out are counted.
func TestSelection(t *testing.T) {
	t.Parallel()
	lines := []string{
		line("GET", "/often"), line("GET", "/often"), line("GET", "/often"), line("GET", "/once"), line("HEAD", "/often"),
		line("GET", "/list?page=1"), line("GET", "/list?page=2"), line("GET", "/list?page=2"),
		line("POST", "/form"), line("PUT", "/x"), line("<script>", "/x"), line("GET", "http://elsewhere.example/"), line("GET", "*"),
		`1.2.3.4 - - [x] "-" 408 0 "-" "-"`, "nonsense", line("GET", "/logout"), line("GET", `/\x1b[31m`), strings.Repeat("x", 2*maxLine),
		strings.Replace(line("GET", "/earlier"), "agent", userAgent, 1),
		"blog.example:443 " + line("GET", "/other"), "shop.example:80 " + line("GET", "/plain"), "shop.example:443 " + line("GET", "/named"),
	}
	sample := sampleOf(t, shop, lines...)
	selection := sample.Select(4, regexp.MustCompile("^/logout"))
	var got []string
	for _, request := range selection.Requests {
		got = append(got, request.Method+" "+request.URL(true)+" "+strconv.Itoa(request.Weight))
	}
	want := []string{"GET https://shop.example/often 3", "GET https://shop.example/list?page=2 2", "GET https://shop.example/named 1", "GET https://shop.example/once 1"}
	if !slices.Equal(got, want) {
		t.Errorf("chosen %q, want %q", got, want)
	}
	if selection.Distinct != 6 || selection.AllPaths != 4 || selection.Paths != 4 || selection.Excluded != 1 || selection.Unread != 2 ||
		selection.Others != 4 || selection.Nowhere != 5 || selection.Lines != len(lines)-1 {
		t.Errorf("%+v, %v", selection, sample.Methods)
	}
	if share := 7.0 / 9; selection.Covered != share {
		t.Errorf("covered %v, want %v", selection.Covered, share)
	}
}

// TestLoggedPort: Apache logs a scheme's usual port for a site at another.
func TestLoggedPort(t *testing.T) {
	t.Parallel()
	origins := []Origin{{"http", "shop.example", 8080}, {"https", "shop.example", 8443}, {"https", "shop.example", 9443}, {"https", "other.example", 443}}
	sample := sampleOf(t, origins, "shop.example:443 "+line("GET", "/a"), "shop.example:80 "+line("GET", "/b"), "shop.example:9443 "+line("GET", "/c"))
	var got []string
	for _, request := range sample.Select(10, nil).Requests {
		got = append(got, request.URL(true))
	}
	slices.Sort(got)
	if unseen := sample.Select(10, nil).Unseen; !slices.Equal(unseen, []string{"https://other.example"}) {
		t.Errorf("unseen sites: %q", unseen)
	}
	want := []string{"http://shop.example:8080/b", "https://shop.example:8443/a", "https://shop.example:9443/a", "https://shop.example:9443/c"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestCompressedLog reads a rotated log.
func TestCompressedLog(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "access.log")
	file, err := os.Create(name + ".2.gz")
	if err != nil {
		t.Fatal(err)
	}
	writer := gzip.NewWriter(file)
	if _, err := fmt.Fprintln(writer, line("GET", "/old")); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(line("GET", "/new")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sample := NewSample()
	for _, log := range Rotated([]Log{{File: name, Formats: []string{Combined}, Origins: shop}}) {
		if err := sample.ReadLog(log); err != nil {
			t.Fatal(err)
		}
	}
	if selection := sample.Select(10, nil); selection.Chosen != 2 {
		t.Errorf("%+v", selection.Requests)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(file, []byte("# mine\n\nhttps://shop.example/a?b#c\nHEAD http://shop.example:8080\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sample := NewSample()
	if err := sample.ReadList(file); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, request := range sample.Select(10, nil).Requests {
		got = append(got, request.Method+" "+request.URL(true))
	}
	if want := []string{"HEAD http://shop.example:8080/", "GET https://shop.example/a?b"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, bad := range []string{"/path", "POST https://a.example/", "https://a.example:x/", "ftp://a.example/"} {
		if err := os.WriteFile(file, []byte("http://a.example/\n"+bad+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := NewSample().ReadList(file); err == nil || !strings.Contains(err.Error(), "list:2: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// rehearseBetween compares two handlers on requests for targets.
func rehearseBetween(t *testing.T, apache, fresh http.Handler, options Options, targets ...string) *Report {
	t.Helper()
	old, next := httptest.NewServer(apache), httptest.NewServer(fresh)
	t.Cleanup(old.Close)
	t.Cleanup(next.Close)
	options.ApachePorts = map[int]int{80: portOf(t, old)}
	options.Ports = []Port{{Old: 80, New: portOf(t, next)}}
	selection := Selection{}
	for _, target := range targets {
		selection.Requests = append(selection.Requests, Request{Method: "GET", Scheme: "http", Host: "shop.example", Port: 80, Target: target, Weight: 1})
	}
	report, err := Run(t.Context(), selection, options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func portOf(t *testing.T, server *httptest.Server) int {
	t.Helper()
	port, err := strconv.Atoi(server.URL[strings.LastIndex(server.URL, ":")+1:])
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// scripted answers with header lines, a blank line and a body, which may have
// the placeholder COUNT, different each time. It starts with the status.
func scripted(text string) http.Handler {
	var count atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		filled := strings.ReplaceAll(text, "COUNT", fmt.Sprint(1000+count.Add(1)))
		head, body, _ := strings.Cut(filled, "\n\n")
		status, lines, _ := strings.Cut(head, "\n")
		w.Header()["Content-Type"] = []string{"text/html"}
		for header := range strings.Lines(lines) {
			name, value, _ := strings.Cut(strings.TrimSpace(header), ": ")
			if name == "Content-Type" {
				w.Header().Del(name)
			}
			w.Header().Add(name, value)
		}
		code, _ := strconv.Atoi(status)
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	})
}

// Pages as older and newer versions of Apache make them.
const (
	notFoundPage = `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">` + "\n<html><head>\n<title>404 Not Found</title>"
	foundPage    = `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">` + "\n<html><head>\n<title>302 Found</title>"
)

// TestComparison: each aspect that differs is told apart from what comes of
// the change of server and from what Apache itself answers differently.
func TestComparison(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		apache, fresh string
		want          string // "aspect name" of the differences; "expected " before those that are
		volatile      string
		why           string
	}{
		"the same":              {apache: "200\nX-A: 1\n\nbody", fresh: "200\nX-A: 1\n\nbody"},
		"status":                {apache: "200\n\na", fresh: "404\n\nb", want: "status", why: "no rule"},
		"opened":                {apache: "401\n\n", fresh: "200\n\n", want: "status", why: "do not go on"},
		"forbidden, opened":     {apache: "403\n\n", fresh: "200\n\n", want: "status", why: "do not go on"},
		"unreachable":           {apache: "200\n\n", fresh: "502\n\n", want: "status", why: "cannot reach"},
		"permanent redirect":    {apache: "301\nLocation: /b\n\n", fresh: "308\nLocation: /b\n\n", want: "status", why: "keeps the method"},
		"location":              {apache: "302\nLocation: http://shop.example/a\n\n", fresh: "302\nLocation: http://shop.example/b\n\n", want: "location"},
		"location written anew": {apache: "302\nLocation: http://shop.example/a\n\n", fresh: "302\nLocation: /a\n\n", want: "expected location"},
		"default port":          {apache: "302\nLocation: https://shop.example:443/a\n\n", fresh: "302\nLocation: https://shop.example/a\n\n", want: "expected location"},
		"location's slash":      {apache: "302\nLocation: http://other.example\n\n", fresh: "302\nLocation: http://other.example/\n\n", want: "expected location"},
		"header missing":        {apache: "200\nX-A: 1\n\n", fresh: "200\n\n", want: "header X-A"},
		"header more":           {apache: "200\n\n", fresh: "200\nX-A: 1\n\n", want: "header X-A"},
		"header twice":          {apache: "200\nX-A: 1\nX-A: 1\n\n", fresh: "200\nX-A: 1\n\n", want: "header X-A", why: "more than once"},
		"header volatile":       {apache: "200\nX-Id: COUNT\n\n", fresh: "200\nX-Id: COUNT\n\n", volatile: "X-Id"},
		"etag":                  {apache: "200\nEtag: \"a\"\n\n", fresh: "200\nEtag: \"b\"\n\n", want: "expected header Etag"},
		"server":                {apache: "200\nServer: Apache\n\n", fresh: "200\nServer: Caddy\nVia: 1.1 Caddy\n\n"},
		"character set":         {apache: "200\nContent-Type: text/css\n\n", fresh: "200\nContent-Type: text/css; charset=utf-8\n\n", want: "expected header Content-Type"},
		"type":                  {apache: "200\nContent-Type: text/css\n\n", fresh: "200\nContent-Type: text/plain\n\n", want: "header Content-Type"},
		"cookie value":          {apache: "200\nSet-Cookie: a=COUNT; Path=/\n\n", fresh: "200\nSet-Cookie: a=x; Path=/\n\n"},
		"cookie path":           {apache: "200\nSet-Cookie: a=1; Path=/shop\n\n", fresh: "200\nSet-Cookie: a=1; Path=/\n\n", want: "cookie a"},
		"cookie attribute":      {apache: "200\nSet-Cookie: a=1; Secure; HttpOnly; SameSite=Lax\n\n", fresh: "200\nSet-Cookie: a=1; HttpOnly; SameSite=Lax\n\n", want: "cookie a"},
		"cookie missing":        {apache: "200\nSet-Cookie: a=1\nSet-Cookie: b=1\n\n", fresh: "200\nSet-Cookie: b=1\n\n", want: "cookie a"},
		"cookie deleted":        {apache: "200\nSet-Cookie: a=; Max-Age=0\n\n", fresh: "200\nSet-Cookie: a=1; Max-Age=0\n\n", want: "cookie a"},
		"body":                  {apache: "200\n\none\ntwo", fresh: "200\n\none\ntoo", want: "body", why: "in line 2"},
		"body's nonce":          {apache: "200\n\n<p nonce=\"COUNT\">text</p>", fresh: "200\n\n<p nonce=\"COUNT\">text</p>", volatile: "body"},
		"beside the nonce":      {apache: "200\n\n<p nonce=\"COUNT\">text</p>", fresh: "200\n\n<p nonce=\"COUNT\">other</p>", want: "body", volatile: "body"},
		"Apache's page":         {apache: "404\nContent-Type: text/html; charset=iso-8859-1\n\n" + notFoundPage, fresh: "404\n\n", want: "expected header Content-Type, expected body"},
		"Apache's redirect":     {apache: "302\nLocation: /b\n\n" + foundPage, fresh: "302\nLocation: /b\n\n", want: "expected body"},
		"not Apache's page":     {apache: "404\n\nmy own page", fresh: "404\n\n", want: "body"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := rehearseBetween(t, scripted(test.apache), scripted(test.fresh), Options{}, "/")
			var got, volatile []string
			why := ""
			for _, outcome := range report.Outcomes {
				volatile = append(volatile, outcome.Volatile...)
				for _, difference := range outcome.Differences {
					text := strings.TrimSpace(string(difference.Aspect) + " " + difference.Name)
					if difference.Expected {
						text = "expected " + text
					}
					got, why = append(got, text), why+difference.Why
				}
			}
			if strings.Join(got, ", ") != test.want || strings.Join(volatile, ", ") != test.volatile || !strings.Contains(why, test.why) {
				t.Errorf("differences %q (%s), volatile %q; want %q (%s), %q", got, why, volatile, test.want, test.why, test.volatile)
			}
			if differs := slices.ContainsFunc(got, func(s string) bool { return !strings.HasPrefix(s, "expected ") }); report.Differ == 1 != differs || report.Compared != 1 {
				t.Errorf("%+v", report)
			}
		})
	}
}

// TestTargetsByteForByte: what is sent is what was logged, to both.
func TestTargetsByteForByte(t *testing.T) {
	t.Parallel()
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Method, r.Host, r.RequestURI)
	})
	targets := []string{"/", "//a//b", "/a%2Fb?c=%20d", "/%e2%82%ac", "/?", "/a?b?c", "/;x=y", "/a:b@c"}
	wanted := make(map[string]bool)
	for _, target := range targets {
		wanted["GETshop.example"+target] = true
	}
	missing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		echo(recorder, r)
		if !wanted[recorder.Body.String()] {
			t.Errorf("%q arrived", recorder.Body)
		}
		echo(w, r)
	})
	if report := rehearseBetween(t, missing, echo, Options{Rate: 1000}, targets...); report.Same != len(targets) {
		t.Errorf("%+v", report)
	}
}

// TestQueriesStayPrivate: neither form of the report has one, unless asked.
func TestQueriesStayPrivate(t *testing.T) {
	t.Parallel()
	apache := scripted("302\nLocation: http://shop.example/in?token=secret\nX-Next: /in?token=secret\n\n")
	for show, want := range map[bool]bool{false: false, true: true} {
		report := rehearseBetween(t, apache, scripted("302\nLocation: http://shop.example/out?token=secret\n\n"), Options{ShowQueries: show}, "/go?token=secret")
		var text strings.Builder
		if err := report.Write(&text); err != nil {
			t.Fatal(err)
		}
		encoded, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text.String(), "secret") != want || strings.Contains(string(encoded), "secret") != want {
			t.Errorf("shown: %t\n%s\n%s", show, text.String(), encoded)
		}
	}
}

// TestNoAnswer: a server that does not answer is a difference, or ends it all.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	hangUp := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	report := rehearseBetween(t, scripted("200\n\n"), hangUp, Options{}, "/")
	if report.Differ != 1 || report.Outcomes[0].Differences[0].Aspect != Connection {
		t.Errorf("%+v", report)
	}
	request := Request{Method: "GET", Scheme: "http", Host: "shop.example", Port: 9, Target: "/"}
	if _, err := Run(t.Context(), Selection{Requests: []Request{request}}, Options{}); err == nil || !strings.Contains(err.Error(), "Apache does not answer") {
		t.Errorf("%v", err)
	}
}

// TestRate: no more requests are sent than asked for, and waiting ends with ctx.
func TestRate(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	old := httptest.NewServer(scripted("200\n\n"))
	t.Cleanup(old.Close)
	options := Options{Rate: 0.001, ApachePorts: map[int]int{80: portOf(t, old)}, Ports: []Port{{Old: 80, New: portOf(t, old)}}, Progress: func(done int) {
		if done == 1 {
			cancel()
		}
	}}
	request := Request{Method: "GET", Scheme: "http", Host: "shop.example", Port: 80, Target: "/"}
	begun := time.Now()
	if _, err := Run(ctx, Selection{Requests: []Request{request, request, request}}, options); err == nil || time.Since(begun) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(begun))
	}
}

// TestIsolate: nothing of what is tried reaches beyond its folder and the
// loopback address.
func TestIsolate(t *testing.T) {
	t.Parallel()
	next := 40000
	freePort := func() (int, error) { next++; return next, nil }
	config := `{
		"admin": {"listen": "unix//run/caddy/admin.sock"},
		"storage": {"module": "redis"},
		"logging": {"logs": {"access": {"writer": {"output": "file", "filename": "/var/log/caddy/a.log"}}}},
		"apps": {
			"events": {"subscriptions": [{"handlers": [{"handler": "exec"}]}]},
			"fairway": {"store": {"driver": "postgres", "dsn": "x"}},
			"tls": {"automation": {"policies": [{"subjects": ["a.example"], "issuers": [{"module": "acme"}], "get_certificate": []}]}, "certificates": {"load_files": []}},
			"http": {"servers": {
				"a": {"listen": [":443", "0.0.0.0:443", "[::]:443", "tcp4/10.0.0.1:8443"], "protocols": ["h3"], "routes": [{"handle": []}]},
				"b": {"listen": ["unix//run/b.sock", ":8080"]}
			}}
		}
	}`
	isolated, ports, err := Isolate([]byte(config), "/trial", freePort)
	if err != nil {
		t.Fatal(err)
	}
	text := string(isolated)
	for _, gone := range []string{"acme", "redis", "/var/log", "exec", "postgres", "10.0.0.1", "h3", "get_certificate", "/run/"} {
		if strings.Contains(text, gone) {
			t.Errorf("%q is left in %s", gone, text)
		}
	}
	for _, there := range []string{`"a.example"`, `"load_files"`, `"unix//trial/admin.sock"`, `"listen":["127.0.0.1:40001","127.0.0.1:40002"]`, `"listen":["127.0.0.1:40003"]`, `"https_port":40001`} {
		if !strings.Contains(text, there) {
			t.Errorf("%q is not in %s", there, text)
		}
	}
	var old []int
	for _, port := range ports {
		old = append(old, port.Old)
	}
	slices.Sort(old)
	if !slices.Equal(old, []int{80, 443, 8080, 8443}) {
		t.Errorf("%+v", ports)
	}
	for _, bad := range []string{`{`, `{}`, `{"apps": {"http": {"servers": {"a": {"listen": [":80-90"]}}}}}`} {
		if _, _, err := Isolate([]byte(bad), "/trial", freePort); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// TestApacheLogs finds the logs in a configuration, and whose they are.
func TestApacheLogs(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	config := filepath.Join(folder, "apache2.conf")
	text := `ServerRoot /etc/apache2
LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O" vhosts
LogFormat "%h" useless
CustomLog logs/all.log vhosts
<VirtualHost *:80>
	ServerName shop.example
	ServerAlias www.shop.example *.shop.example
	CustomLog /var/log/shop.log combined
	LogFormat "%h %l %u %t \"%r\" %>s" combined
</VirtualHost>
<VirtualHost *:443>
	SSLEngine on
	ServerName https://shop.example:443
	CustomLog /var/log/shop.log combined
	CustomLog "|/usr/bin/rotatelogs x" vhosts
	CustomLog /var/log/useless.log useless
	LogFormat "%t \"%r\"" combined
</VirtualHost>
<VirtualHost 10.0.0.1:8080 *:8081>
	ServerName blog.example
</VirtualHost>
<VirtualHost *:80>
	DocumentRoot /var/www
</VirtualHost>
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	tree, err := apacheconf.Load(t.Context(), apacheconf.Options{File: config, AssumeModules: true})
	if err != nil {
		t.Fatal(err)
	}
	logs, passedOver := ApacheLogs(tree)
	want := []Log{
		{File: "/etc/apache2/logs/all.log", Formats: []string{`%v:%p %h %l %u %t "%r" %>s %O`}, Origins: []Origin{{"http", "blog.example", 8080}, {"http", "blog.example", 8081}}},
		{File: "/var/log/shop.log", Formats: []string{`%h %l %u %t "%r" %>s`, `%t "%r"`},
			Origins: []Origin{{"http", "shop.example", 80}, {"http", "www.shop.example", 80}, {"https", "shop.example", 443}}},
	}
	if fmt.Sprint(logs) != fmt.Sprint(want) {
		t.Errorf("logs\n%+v\nwant\n%+v", logs, want)
	}
	if len(passedOver) != 2 || !strings.Contains(passedOver[0], "rotatelogs") || !strings.Contains(passedOver[1], "useless") || !strings.HasPrefix(passedOver[0], config+":") {
		t.Errorf("passed over: %q", passedOver)
	}
}
