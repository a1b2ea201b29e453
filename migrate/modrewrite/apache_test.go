package modrewrite

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/migrate/internal/apachetest"
	"github.com/aditechsphere/fairway/migrate/urlpath"
)

// ruleSets are configurations whose meaning is whatever real Apache makes of
// them. {backend} is the address of a server that tells what it was asked.
var ruleSets = []struct {
	name      string
	directory bool
	text      string
}{
	{"certbot", false, `
RewriteCond %{SERVER_NAME} =www.example.com [OR]
RewriteCond %{SERVER_NAME} =r0.test
RewriteRule ^ https://%{SERVER_NAME}%{REQUEST_URI} [END,NE,R=permanent]`},
	{"https", false, `
RewriteCond %{HTTPS} !=on
RewriteRule ^/?(.*)$ https://%{HTTP_HOST}/$1 [R=301,L]`},
	{"https off", false, `
RewriteCond %{HTTPS} off
RewriteRule (.*) https://%{HTTP_HOST}%{REQUEST_URI}`},
	{"www", false, `
RewriteCond %{HTTP_HOST} !^www\. [NC]
RewriteCond %{HTTP_HOST} ^(.+?)(:\d+)?$
RewriteRule ^(.*)$ http://www.%1$1 [R=302,L,NE]`},
	{"query", false, `
RewriteRule ^/a$ /b?x=1 [QSA]
RewriteRule ^/b$ /c?y=2
RewriteRule ^/(app|foo)/(.*)$ /index.php?page=$2&in=$1 [QSA,L]
RewriteRule ^/old http://example.org/new? [R]
RewriteRule ^/drop http://example.org/new [R,QSD]`},
	{"query to redirect", false, `
RewriteRule ^/search/(.*)$ http://example.org/find?q=$1 [R=301,L]
RewriteRule ^/both/(.*)$ http://example.org/find?q=$1 [R=301,L,QSA]
RewriteRule ^/b/(.*)$ http://example.org/find?q=$1 [B,R=301,L]
RewriteRule ^/bnp/(.*)$ http://example.org/find?q=$1 [B,BNP,R=301,L]
RewriteRule ^/bne/(.*)$ http://example.org/$1 [B,BNE=/,NE,R=301,L]
RewriteRule ^/bq/(.*)$ http://example.org/$1 [B=\?;,R=301,L]`},
	{"query condition", false, `
RewriteCond %{QUERY_STRING} ^id=(\d+)(&|$)
RewriteRule ^/article$ /articles/%1? [R=301,L]
RewriteCond %{QUERY_STRING} (.+)
RewriteRule ^/page /p/%1 [R]
RewriteCond %{THE_REQUEST} \s/index\.php[?\s]
RewriteRule ^ /home [R=301,L]`},
	{"statuses", false, `
RewriteRule ^/a - [F]
RewriteRule ^/b - [G]
RewriteRule ^/foo - [R=404,L]
RewriteRule ^/app /x [R=307]
RewriteRule ^/index /y [R=seeother,L]
RewriteRule ^/old /z [R=500]`},
	{"chain and skip", false, `
RewriteCond %{REQUEST_METHOD} =POST
RewriteRule ^/a /never [C]
RewriteRule ^ /never2 [L]
RewriteRule ^/foo - [S=2]
RewriteRule ^/(foo|app)(.*) /one$2
RewriteRule ^/(foo|one)(.*) /two$2
RewriteRule ^/two(.*) /three$1 [E=x:$1,L]
RewriteRule !^/three /four [C]
RewriteRule ^/four$ /five`},
	{"rounds", false, `
RewriteRule ^(.*)_(.*)$ $1-$2 [N]
RewriteRule ^(.*)xx(.*)$ $1x$2y [N=4]
RewriteRule ^/a - [R=404]`},
	{"or conditions", false, `
RewriteCond %{REQUEST_URI} ^/a [OR]
RewriteCond %{REQUEST_URI} ^/(b|foo)
RewriteCond %{QUERY_STRING} !x
RewriteRule ^(.*)$ /hit%1 [L]
RewriteCond %{REQUEST_URI} >/b
RewriteCond %{REQUEST_URI} </zzzzzzzzz
RewriteRule . /greater [L]`},
	{"numbers and strings", false, `
RewriteCond %{QUERY_STRING} -gt5
RewriteRule ^/n /gt
RewriteCond %{QUERY_STRING} -ne0
RewriteRule ^/m /ne
RewriteCond %{QUERY_STRING} =""
RewriteRule ^/e /empty
RewriteCond %{HTTP:X-Test} =YES [NC]
RewriteRule ^ /yes [L]
RewriteCond %{HTTP_USER_AGENT} "some agent" [NC]
RewriteRule ^ /agent [L]`},
	{"environment", false, `
RewriteRule ^/(a|b)/(.*) - [E=kind:$1,E=rest:$2]
RewriteCond %{ENV:kind} =a
RewriteRule ^ /kind-a/%{ENV:rest}? [L]
RewriteRule ^/foo - [E=!rest,E=X]
RewriteRule ^/b/ /%{ENV:kind}/%{ENV:nothing}/x [R,L]`},
	{"files", false, `
RewriteCond %{DOCUMENT_ROOT}%{REQUEST_URI} !-f
RewriteCond %{DOCUMENT_ROOT}%{REQUEST_URI} !-d
RewriteRule ^ /index.php [L]
RewriteCond %{DOCUMENT_ROOT}%{REQUEST_URI} -s
RewriteRule ^ /nonempty%{REQUEST_URI} [L]
RewriteCond %{DOCUMENT_ROOT}%{REQUEST_URI} -d
RewriteRule ^ /folder [L]
RewriteCond %{DOCUMENT_ROOT}%{REQUEST_URI} -l
RewriteRule ^ /link [L]`},
	{"document root", false, `
RewriteRule ^/foo/(.*)$ %{DOCUMENT_ROOT}/sub/$1 [L]
RewriteRule ^/etc/(.*)$ /etc/$1
RewriteRule ^/app/(.*)$ /$1 [L]
RewriteRule ^/a relative`},
	{"pass through", false, `
RewriteRule ^/foo/(.*)$ /aliased/$1 [PT]
RewriteRule ^/app/(.*)$ /b/$1?q [PT,QSA]
RewriteRule ^/b /c`},
	{"own host", false, `
RewriteRule ^/foo(.*)$ http://own.test:{port}/own$1
RewriteRule ^/app(.*)$ http://other.test/x$1
RewriteRule ^/a(.*)$ http://own.test/y$1 [R]`},
	{ownHostWithPort, false, `
RewriteRule ^/foo(.*)$ http://own.test:{port}/own$1
RewriteRule ^/b(.*)$ HTTP://Own.Test:{port}
RewriteRule ^/app(.*)$ http://own.test/x$1
RewriteRule ^/a(.*)$ http://own.test:{port}/y$1 [R]`},
	{"proxy", false, `
RewriteRule ^/foo/(.*)$ http://{backend}/$1 [P]
RewriteRule ^/app/(.*)$ http://{backend}/x/$1 [P,NE]
RewriteRule ^/a(.*)$ http://{backend}/a$1?fixed=1 [P,QSA,L]
RewriteRule ^/b(.*)$ http://{backend}/b$1? [P]
RewriteCond %{HTTP:Upgrade} websocket [NC]
RewriteCond %{HTTP:Connection} upgrade [NC]
RewriteRule ^/ws/(.*) ws://{backend}/$1 [P,L]`},
	{"maps", false, `
RewriteMap lower int:tolower
RewriteMap upper int:toupper
RewriteMap esc int:escape
RewriteMap unesc int:unescape
RewriteMap table txt:{root}/map.txt
RewriteRule ^/foo/(.*)$ /${lower:$1}
RewriteRule ^/app/(.*)$ /${upper:$1|x}/${esc:$1}
RewriteCond ${table:$1|none} !=none
RewriteRule ^/([^/]+)$ /mapped/${table:$1}
RewriteRule ^/old/(.*) /${table:${lower:$1}|default-%{REQUEST_METHOD}}
RewriteRule ^/b/(.*) /${nomap:$1|fallback}/${broken}`},
	{"escapes", false, `
RewriteRule ^/foo /a\$1\%{X}%5d$x%y [R]
RewriteRule "^/a b" "/with space" [R,L]
RewriteRule ^/a\ c /x\ y [L]
RewriteRule ^/app/(.*) /$1%20x [R,NE]
RewriteRule ^/b/(.*) http://example.org/?u=$1#frag [R,NE]`},
	{"unsafe question mark", false, `
RewriteRule ^/foo/(.*)$ /x/$1
RewriteRule ^/app/(.*)$ /x/$1 [UnsafeAllow3F]
RewriteRule ^/a/(.*)$ /x/?$1 [QSL]
RewriteRule ^/b/(.*)$ http://example.org/$1 [R]`},
	{"cookies", false, `
RewriteRule ^/foo - [CO=a:b:.example.org]
RewriteRule ^/a - [CO=c:$0:.example.org:0:/path:secure:httponly:Lax,CO=c:second:x]
RewriteRule ^/b - [CO=;d;e:f;x.org;;/p]
RewriteRule ^ - [R=204]`},
	{"slashes", false, `
RewriteRule ^/foo(.*)$ $1
RewriteRule ^/app/?(.*)$ //$1 [L]
RewriteRule ^/a(.*)$ /$1 [L]
RewriteRule ^/b(.*)$ $1 [R,L]`},
	{"bytes", false, `
RewriteRule ^/(.)$ /one/$1 [R]
RewriteRule ^/[^/]([^a-z])$ /two/$1 [R]`},
	{"front controller", true, `
RewriteBase /
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]`},
	{"laravel", true, `
RewriteCond %{HTTP:Authorization} .
RewriteRule .* - [E=HTTP_AUTHORIZATION:%{HTTP:Authorization}]
RewriteCond %{REQUEST_FILENAME} !-d
RewriteCond %{REQUEST_URI} (.+)/$
RewriteRule ^ %1 [L,R=301]
RewriteCond %{REQUEST_FILENAME} !-d
RewriteCond %{REQUEST_FILENAME} !-f
RewriteRule ^ index.php [L]`},
	{"drupal", true, `
RewriteRule "(^|/)\.(?:git|svn)" - [F]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteCond %{REQUEST_URI} !=/favicon.ico
RewriteRule ^(.*)$ index.php?q=$1 [L,QSA]`},
	{"directory redirects", true, `
RewriteRule ^foo/(.*)$ bar/$1 [R=301,L]
RewriteRule ^app/(.*)$ /bar/$1 [R,L]
RewriteRule ^a(.*)$ http://example.org/$1?x=$1 [L]
RewriteRule ^sub/(.*)$ %{DOCUMENT_ROOT}/$1`},
	{"directory redirects with base", true, `
RewriteBase /base/
RewriteRule ^foo/(.*)$ bar/$1 [R=301,L]
RewriteRule ^app/(.*)$ new/$1 [L]
RewriteRule ^new/(.*)$ - [R=410]`},
	{"end and loops", true, `
RewriteRule ^foo/(.*)$ app/$1 [END]
RewriteRule ^app/(.*)$ a/$1 [L]
RewriteRule ^a/(.*)$ b/$1
RewriteRule ^(old.*)$ $1x [L]
RewriteRule ^index$ index.php [L]`},
	{"path info", true, `
RewriteRule ^index\.php/(.*)$ file.txt?p=$1 [L]
RewriteRule ^sub/(.*)$ x [DPI]
RewriteRule ^foo(.*)$ bar$1
RewriteRule ^bar(.*)$ baz$1 [L]`},
	{"directory proxy", true, `
RewriteRule ^foo/(.*)$ http://{backend}/$1 [P]
RewriteRule ^app/(.*)$ http://{backend}/x?y=$1 [P,QSA]`},
}

// ownHostWithPort is the set whose ServerName has a port. Without one, Apache
// takes no URL for its own.
const ownHostWithPort = "own host with port"

// answer is what a client and the server see of one request.
type answer struct {
	status   int
	location string
	file     string // the file that would be served, with PATH_INFO
	uri      string
	query    string
	backend  string // the request line that a backend got
	cookies  string
}

// TestAgainstApache sends the same requests through real Apache and through
// this package.
func TestAgainstApache(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Backend", r.RequestURI)
	}))
	t.Cleanup(backend.Close)
	backendAddress := strings.TrimPrefix(backend.URL, "http://")
	server := apachetest.Start(t, []string{"rewrite", "proxy", "proxy_http", "proxy_wstunnel"},
		hosts(backendAddress), makeFiles)
	for i, set := range ruleSets {
		t.Run(set.name, func(t *testing.T) {
			text := strings.NewReplacer("{backend}", backendAddress, "{port}", strconv.Itoa(server.Port), "{root}", server.Root).Replace(set.text)
			rules := parse(t, text, server.Root, set.directory)
			count := 0
			for _, target := range targets(uint64(i)) {
				header := http.Header{}
				if strings.Contains(target, "yes") {
					header.Set("X-Test", "yes")
				}
				apache := askApache(t, server, i, target, header)
				ours := askEngine(rules, server, i, target, header)
				if !apache.equal(ours, strings.Contains(text, "NE")) {
					t.Errorf("%s\n  Apache %+v\n  here   %+v", target, apache, ours)
				}
				count++
			}
			t.Logf("%d requests", count)
		})
	}
}

// hosts is the configuration: a virtual host for each set of rules, that
// tells what it found in headers of its own.
func hosts(backend string) string {
	var out strings.Builder
	out.WriteString("<Directory />\nRequire all granted\nOptions FollowSymLinks\n</Directory>\nTraceEnable off\n")
	for i, set := range ruleSets {
		text := strings.ReplaceAll(set.text, "{backend}", backend)
		text = "RewriteEngine On" + text
		if set.directory {
			text = "<Directory {root}/www>\n" + text + "\n</Directory>"
		}
		serverName := fmt.Sprintf("r%d.test", i)
		if set.name == ownHostWithPort {
			serverName += ":{port}\nServerAlias own.test"
		}
		fmt.Fprintf(&out, `<VirtualHost *:{port}>
ServerName %s
DocumentRoot {root}/www
Header always set X-File "expr=%%{REQUEST_FILENAME}%%{PATH_INFO}"
Header always set X-Uri "expr=%%{REQUEST_URI}"
Header always set X-Query "expr=%%{QUERY_STRING}"
%s
</VirtualHost>
`, serverName, text)
	}
	return out.String()
}

func makeFiles(root string) {
	for _, folder := range []string{"www/sub/deep", "www/a"} {
		_ = os.MkdirAll(filepath.Join(root, folder), 0o755)
	}
	for name, content := range map[string]string{
		"www/index.php": "<?php", "www/file.txt": "text", "www/empty.txt": "", "www/sub/page.html": "page",
		"map.txt": "# comment\nfoo mapped-foo rest\nfile.txt other\nabc first\nabc second\n",
	} {
		_ = os.WriteFile(filepath.Join(root, name), []byte(content), 0o644)
	}
	_ = os.Symlink("file.txt", filepath.Join(root, "www/link.txt"))
}

// targets are request targets: fixed ones, and random ones of pieces that
// the rules look for.
func targets(seed uint64) []string {
	list := []string{
		"/", "/a", "/b", "/foo", "/foo/", "/foo/bar", "/foo/bar?x=1", "/app/x", "/app/x/y?z", "/index.php", "/index.php?a=b",
		"/index.php/extra", "/file.txt", "/empty.txt", "/sub/", "/sub", "/sub/page.html", "/sub/page.html/info", "/sub/none",
		"/link.txt", "/old", "/old/abc", "/old/ABC", "/drop?x", "/search/a%20b", "/search/a%26b?c=d%20e", "/both/x?y=%20",
		"/b/a+b%20c%2B", "/bnp/a%20b", "/bne/a/b%20c%3f", "/bq/a%3fb%3b", "/article?id=12", "/article?id=x", "/page?a%20b",
		"/foo/bar%20baz", "/foo/%3Fx", "/app/%3Fx", "/a/%3Fx", "/b/%3fx", "/foo/%25", "/foo/%c3%a4", "/%c3", "/%c3%a4", "/a%20b/c",
		"/a%20c", "/n?6", "/n?5", "/m?0", "/m?1x", "/e?", "/e", "/yes", "/x_y_z", "/axxxxxxxxxxx", "/foo/UPPER", "/app/Mixed%20x",
		"/foo/a//b", "/foo/../a", "/foo/./b", "/foo?", "/app?", "/old?", "/both/?", "/foo/a%7e%5e", "/etc/passwd", "/etc/none",
		"/b/", "/index", "/.git/config", "/sub/deep", "/sub/deep/x/y", "/foo/bar?a=%0a", "/search/;,:@&=+$!*'()", "/a.php%00", "/a%2Fb", "/x%zz",
		"/ws/chat", "/a//x", "/app//x", "/b//x", "/favicon.ico", "/zzzzzzzzzzzz", "/abc",
	}
	random := rand.New(rand.NewPCG(seed, 1))
	pieces := []string{"/", "/", "a", "b", "foo", "app", "index.php", "file.txt", "sub", "old", "%20", "%3f", "%25", "_", "xx", "?", "&", "x=1", "%C3%A9", ".", "-", "+", ";"}
	for range 60 {
		target := "/"
		for range 1 + random.IntN(6) {
			target += pieces[random.IntN(len(pieces))]
		}
		list = append(list, strings.TrimSuffix(target, "%20")) // no header keeps a space at its end
	}
	return list
}

// askApache sends a request by hand, as targets may be none that Go sends.
func askApache(t *testing.T, server *apachetest.Server, host int, target string, header http.Header) answer {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	var request strings.Builder
	fmt.Fprintf(&request, "GET %s HTTP/1.1\r\nHost: r%d.test:%d\r\nUser-Agent: Some Agent\r\n", target, host, server.Port)
	_ = header.Write(&request)
	request.WriteString("Connection: close\r\n\r\n")
	if _, err := connection.Write([]byte(request.String())); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	_ = response.Body.Close()
	result := answer{
		status: response.StatusCode, location: response.Header.Get("Location"), backend: response.Header.Get("X-Backend"),
		uri: response.Header.Get("X-Uri"), query: response.Header.Get("X-Query"), file: response.Header.Get("X-File"), // without spaces at their ends
		cookies: strings.Join(response.Header.Values("Set-Cookie"), "\n"),
	}
	return result
}

// askEngine does what a server around this package does.
func askEngine(rules *Ruleset, server *apachetest.Server, host int, target string, header http.Header) answer {
	raw, queryText, hasQuery := strings.Cut(target, "?")
	path, status := urlpath.Rules{}.Resolve(raw)
	if status != 0 {
		return answer{status: status}
	}
	header = header.Clone()
	header.Set("User-Agent", "Some Agent")
	root := filepath.Join(server.Root, "www")
	name := fmt.Sprintf("r%d.test", host)
	request := &Request{
		Method: "GET", Protocol: "HTTP/1.1", Line: "GET " + target + " HTTP/1.1", Scheme: "http",
		Host: fmt.Sprintf("%s:%d", name, server.Port), Header: header, Path: path, Query: queryText, EmptyQuery: hasQuery && queryText == "",
		ServerName: name, Port: server.Port, DocumentRoot: root, RemoteAddress: "127.0.0.1",
	}
	if ruleSets[host].name == ownHostWithPort {
		request.OwnHost = func(host string, port int) bool { return strings.EqualFold(host, "own.test") && port == server.Port }
	}
	for range 11 {
		request.Filename = root + request.Path
		outcome := rules.Apply(request)
		result := answer{status: outcome.Status, location: outcome.Location, uri: request.Path, query: outcome.Query, cookies: strings.Join(outcome.Cookies, "\n")}
		switch outcome.Action {
		case Proxy:
			result.backend = forwarded(outcome)
		case PassThrough:
			result.uri, result.file = outcome.Path, root+outcome.Path
		case ServeFile:
			result.file = outcome.Filename
		case Continue:
			result.file = root + outcome.Path
		case StartOver:
			request.Path, request.Query, request.EmptyQuery = outcome.Path, outcome.Query, outcome.EmptyQuery
			if outcome.End {
				result.uri, result.file = request.Path, root+request.Path
				return result
			}
			continue
		}
		return result
	}
	return answer{status: http.StatusInternalServerError}
}

// forwarded is the request target that mod_proxy sends for the outcome; empty
// when it refuses.
func forwarded(outcome Outcome) string {
	_, rest, _ := strings.Cut(outcome.URL, "://")
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		rest, slash = rest+"/", len(rest)
	}
	if outcome.RawURL {
		return rest[slash:]
	}
	target := urlpath.Rules{}.EscapeForProxy(rest[slash:])
	if outcome.Query != "" || outcome.EmptyQuery {
		target += "?" + outcome.Query
	}
	return target
}

// equal compares what Apache did with what was decided here. A redirect with
// [NE] may be better encoded here.
func (apache answer) equal(ours answer, raw bool) bool {
	if ours.backend != "" {
		if apache.status == http.StatusForbidden && hasControls(ours.backend) {
			return true // mod_proxy refuses it
		}
		return apache.backend == ours.backend
	}
	if ours.status != 0 {
		if raw && apache.location != ours.location {
			return apache.status == ours.status && sameWhenDecoded(apache.location, ours.location)
		}
		return apache.status == ours.status && apache.location == ours.location && apache.cookies == ours.cookies
	}
	if apache.status == http.StatusForbidden || apache.status >= 500 {
		return false
	}
	return apache.file == strings.TrimRight(ours.file, " ") && apache.uri == strings.TrimRight(ours.uri, " ") && apache.query == ours.query && apache.location == "" && apache.cookies == ours.cookies
}

// sameWhenDecoded says whether ours is a proper URL, and decodes to what
// Apache wrote without encoding.
func sameWhenDecoded(apache, ours string) bool {
	_, err := url.Parse(ours)
	return err == nil && !strings.Contains(ours, " ") && strings.TrimRight(urlpath.Unescape(ours), " ") == strings.TrimRight(urlpath.Unescape(apache), " ")
}

// parse reads directives as they stand in a configuration.
func parse(t testing.TB, text, root string, directory bool) *Ruleset {
	t.Helper()
	rules := &Ruleset{Maps: map[string]Map{}}
	if directory {
		rules.Directory = filepath.Join(root, "www") + "/"
	}
	var conditions []*Condition
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		name, arguments, _ := strings.Cut(line, " ")
		switch name {
		case "RewriteBase":
			rules.Base = arguments
		case "RewriteMap":
			name, source, _ := strings.Cut(arguments, " ")
			table, err := ParseMap(source, root)
			if err != nil {
				t.Fatal(err)
			}
			rules.Maps[name] = table
		case "RewriteCond":
			condition, err := ParseCondition(arguments)
			if err != nil {
				t.Fatal(err)
			}
			conditions = append(conditions, condition)
		case "RewriteRule":
			rule, err := ParseRule(arguments, conditions...)
			if err != nil {
				t.Fatal(err)
			}
			rules.Rules, conditions = append(rules.Rules, rule), nil
		}
	}
	return rules
}
