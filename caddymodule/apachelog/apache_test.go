package apachelog

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// Passwords of the user bob, "pw": for Apache SHA-1, for Caddy bcrypt.
const (
	apachePassword = "{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM="
	caddyPassword  = "$2a$04$4oaNeHS4H2pVv9BXe6WARO.Dy/nVyeuIWAMFnl..Io7orKH8dZq/K"
)

// compared are format directives whose values must be equal, byte for byte.
var compared = []string{
	"%h", "%{c}h", "%a", "%{c}a", "%l", "%u", "%<u", "%r", "%m", "%H", "%U", "%q",
	"%s", "%>s", "%<s", "%b", "%B", "%>b", "%v", "%V", "%p", "%{canonical}p",
	"%{Host}i", "%{User-Agent}i", "%{user-agent}i", "%{Referer}i", "%{Cookie}i", "%{X-Multi}i", "%{X-Odd_Name}i",
	"%{Content-Length}i", "%{Transfer-Encoding}i", "%{Connection}i", "%{Accept}i", "%{Range}i", "%{Missing}i",
	"%{a}C", "%{A}C", "%{b}C", "%{missing}C",
	"%{Content-Type}o", "%{Set-Cookie}o", "%{X-Two}o", "%{Location}o", "%{Missing}o",
	"%404{Referer}i", "%!200,206{User-Agent}i", "%{Referer}!404i", "%400,401,404r", "%!!200r",
	"%%", `back\\slash`, `cr\rlf`, `unknown\q`, "é",
	"%{HTTPS}x", "%{SSL_PROTOCOL}x",
}

// requests are sent to both servers. What Go's server refuses before Caddy
// sees it (malformed requests) is not among them: nothing logs it there.
var requests = func() []string {
	request := func(line string, headers ...string) string {
		return line + "\r\n" + strings.Join(append(headers, "Connection: close", "\r\n"), "\r\n")
	}
	const host = "Host: Shop.Example.COM"
	basic := func(credentials string) string { return "Authorization: Basic " + credentials }
	return []string{
		request("GET /file.txt HTTP/1.1", host),
		request("GET /file.txt HTTP/1.0"),
		request("GET /file.txt HTTP/1.0", host, "User-Agent: old"),
		request("HEAD /file.txt HTTP/1.1", host),
		request("GET /file.txt?x=1&y=%22z%22+é HTTP/1.1", host, "Referer: https://example.com/?q=\"x\"\\"),
		request("GET /file.txt? HTTP/1.1", host, "User-Agent:", "Accept: */*"),
		request("GET /file.txt?a?b=\"c\"\\ HTTP/1.1", host, "User-Agent: tab\there é \xff \"q\" \\"),
		request("GET /a%20b.txt HTTP/1.1", host),
		request("GET /%66ile.txt HTTP/1.1", host),
		request("GET /dir/../file.txt HTTP/1.1", host, "Referer: -"),
		request("GET /./x/%2e%2e/file.txt HTTP/1.1", host),
		request("GET /nope HTTP/1.1", host, "Referer: https://ref.example/"),
		request("GET /dir%2Ffile HTTP/1.1", host),
		request("GET /%c3%a9%01%22%5c%7f HTTP/1.1", host),
		request("GET /\xc3\xa9 HTTP/1.1", host),
		request("GET /empty.txt HTTP/1.1", host),
		request("GET /file.txt HTTP/1.1", host, "Range: bytes=1-2"),
		request("GET /file.txt HTTP/1.1", host, "If-Modified-Since: Fri, 01 Jan 2021 00:00:00 GMT"),
		request("POST /posted.txt HTTP/1.1", host, "Content-Length: 3") + "abc",
		request("POST /posted.txt HTTP/1.1", host, "Transfer-Encoding: chunked") + "3\r\nabc\r\n0\r\n\r\n",
		request("GET /secret/file.txt HTTP/1.1", host, basic("Ym9iOnB3")),
		request("GET /secret/file.txt HTTP/1.1", host, basic("Ym9iOndyb25n")),
		request("GET /secret/file.txt HTTP/1.1", host, basic("ZXZlICJ4Ijp3cm9uZw==")),
		request("GET /secret/file.txt HTTP/1.1", host),
		request("GET /file.txt HTTP/1.1", host, basic("Ym9iOnB3")),
		request("GET /file.txt HTTP/1.1", "Host: shop.example.com:8080"),
		request("GET /file.txt HTTP/1.1", "Host: shop.example.com."),
		request("GET /file.txt HTTP/1.1", host, "Cookie: a=1; b = two words ; c=\"q\""),
		request("GET /file.txt HTTP/1.1", host, "Cookie: x; A=; a=up=down", "Cookie: b=3"),
		request("GET /file.txt HTTP/1.1", host, "X-Multi: 1", "x-multi: 2", "X-Odd_Name: v"),
		request("GET /file.txt HTTP/1.1", host, "X-Forwarded-For: 203.0.113.9"),
		request("GET /file.txt HTTP/1.1", host, "X-Forwarded-For: 2001:db8::7"),
		request("GET /headers.txt HTTP/1.1", host),
		request("GET http://shop.example.com/file.txt?q HTTP/1.1", host),
	}
}()

// content writes what both servers serve.
func content(t *testing.T, dir string) string {
	t.Helper()
	root := filepath.Join(dir, "root")
	for name, text := range map[string]string{
		"file.txt": "hello\n", "a b.txt": "space\n", "empty.txt": "", "posted.txt": "posted\n",
		"headers.txt": "h\n", "secret/file.txt": "secret\n", "dir/x.txt": "x\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { // #nosec G301 -- read by another user
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil { // #nosec G306 -- read by another user
			t.Fatal(err)
		}
		written := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		if err := os.Chtimes(file, written, written); err != nil {
			t.Fatal(err)
		}
	}
	passwords := []byte("bob:" + apachePassword + "\n")
	if err := os.WriteFile(filepath.Join(dir, "passwords"), passwords, 0o644); err != nil { // #nosec G306 -- read by another user
		t.Fatal(err)
	}
	return root
}

// apacheSite is the configuration that makes Apache answer like caddySite.
func apacheSite(root string) string {
	return fmt.Sprintf(`
DocumentRoot %[1]s
FileETag None
<Directory %[1]s>
	Require all granted
</Directory>
<Location /secret>
	AuthType Basic
	AuthName secret
	AuthBasicProvider file
	AuthUserFile %[1]s/../passwords
	Require valid-user
</Location>
<Location /headers.txt>
	Header add Set-Cookie a=1
	Header add Set-Cookie "b=\"2\""
	Header add X-Two first
	Header add X-Two second
	Header set Location "/é"
</Location>
ErrorDocument 401 "refused"
ErrorDocument 404 "refused"
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
UseCanonicalName Off
`, root)
}

// caddySite is a site block without its address and logs.
func caddySite(root string) string {
	return fmt.Sprintf(`
	root %s
	basic_auth /secret/* {
		bob %s
	}
	header /headers.txt {
		+Set-Cookie a=1
		+Set-Cookie "b=\"2\""
		+X-Two first
		+X-Two second
		Location "/é"
	}
	handle /posted.txt {
		header Content-Type text/plain
		respond "posted
" 200
	}
	handle {
		file_server
	}
	handle_errors {
		header Content-Type "text/html; charset=utf-8"
		respond refused {err.status_code}
	}
`, root, caddyPassword)
}

const caddyServer = `
	servers {
		log_credentials
		trusted_proxies static 127.0.0.1/32
	}`

// TestLinesEqualApaches sends the same requests to Apache and to Caddy, both
// logging in the same formats, and compares their lines field by field.
func TestLinesEqualApaches(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	root := content(t, dir)
	fields := strings.Join(compared, `\t`)
	apachePort, caddyPort := strconv.Itoa(porttest.Free(t)), strconv.Itoa(porttest.Free(t))

	serveApache(t, dir, apacheSite(root)+fmt.Sprintf(`
<VirtualHost *:%s>
	ServerName www.example.com:80
	CustomLog %s/apache.fields %s
	CustomLog %[2]s/apache.common "%%h %%l %%u %%t \"%%r\" %%>s %%b"
	CustomLog %[2]s/apache.combined "%%h %%l %%u %%t \"%%r\" %%>s %%b \"%%{Referer}i\" \"%%{User-Agent}i\""
</VirtualHost>
`, apachePort, dir, quoteForApache(fields)), nil, apachePort)

	// A site without host names has one access logger, so the three logs of
	// it are global ones.
	global := caddyServer
	for name, format := range map[string]string{
		"fields":   "`" + fields + "` {\nserver_name www.example.com\nserver_port 80\n}",
		"common":   "common",
		"combined": "combined",
	} {
		global += fmt.Sprintf(`
	log %s {
		include http.log.access.site
		output file %s/caddy.%[1]s
		format apache %[3]s
	}`, name, dir, format)
	}
	serveCaddy(t, global, fmt.Sprintf("http://:%s {\n\tlog site\n%s\n}\n", caddyPort, caddySite(root)), nil, caddyPort)

	for i, raw := range requests {
		apache, caddy := exchange(t, apachePort, raw), exchange(t, caddyPort, raw)
		if apache.StatusCode != caddy.StatusCode {
			t.Errorf("%q: Apache answers %d, Caddy %d: not the same request to log", raw, apache.StatusCode, caddy.StatusCode)
		}
		// A server logs after it has answered: only waiting keeps the order.
		last := func(server, log string) string {
			return linesOf(t, filepath.Join(dir, server+"."+log), i+1)[i]
		}
		compareFields(t, strconv.Quote(raw), compared, last("caddy", "fields"), last("apache", "fields"))
		for _, name := range []string{"common", "combined"} {
			want := clf.ReplaceAllString(last("apache", name), "[time]")
			got := clf.ReplaceAllString(last("caddy", name), "[time]")
			if !strings.Contains(want, "[time]") || got != want {
				t.Errorf("%s line of %q:\n%s\nApache has\n%s", name, raw, got, want)
			}
		}
	}
}

// compareFields compares two lines of tab-separated fields.
func compareFields(t *testing.T, of string, directives []string, caddy, apache string) {
	t.Helper()
	gots, wants := strings.Split(caddy, "\t"), strings.Split(apache, "\t")
	if len(gots) != len(directives) || len(wants) != len(directives) {
		t.Errorf("%s: not %d fields: %q, Apache has %q", of, len(directives), caddy, apache)
		return
	}
	for i, directive := range directives {
		if gots[i] != wants[i] {
			t.Errorf("%s of %s: %q, Apache has %q", directive, of, gots[i], wants[i])
		}
	}
}

// clf is a time as %t prints it.
var clf = regexp.MustCompile(`\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]`)

// secondsOnly are time formats that are equal within a second.
var secondsOnly = []string{
	"%{sec}t", "%t", "%{begin}t", "%{begin:sec}t", "%{end}t", "%{end:sec}t",
	"%{%a %A %b %B %c %C %d %D %e %F}t", "%{%g %G %h %H %I %j %k %l %m %M}t",
	"%{%p %P %r %R %s %S %T %u %U %V}t", "%{%w %W %x %X %y %Y %z %%}t",
	"%{%-d %-H %-I %-j %-m %-M %-S %-U %-V %-W}t", "%{begin:%T}t", "%{end:%T}t", "%{é %t}t",
}

// varying are directives that differ from request to request, with their form
// and, where both servers measure the same, how far apart they may be.
var varying = []struct {
	directive string
	form      string
	within    float64
}{
	{"%{msec}t", `^\d{13}$`, 60_000}, {"%{usec}t", `^\d{16}$`, 60_000_000},
	{"%{begin:msec}t", `^\d{13}$`, 60_000}, {"%{end:usec}t", `^\d{16}$`, 60_000_000},
	{"%{msec_frac}t", `^\d{3}$`, 1000}, {"%{usec_frac}t", `^\d{6}$`, 1_000_000}, {"%{end:usec_frac}t", `^\d{6}$`, 1_000_000},
	{"%D", `^\d+$`, 60_000_000}, {"%T", `^\d+$`, 60}, {"%{s}T", `^\d+$`, 60}, {"%{ms}T", `^\d+$`, 60_000}, {"%{us}T", `^\d+$`, 60_000_000},
	{"%P", `^\d+$`, 1e9}, {"%{pid}P", `^\d+$`, 1e9}, {"%{remote}p", `^\d{4,5}$`, 65536},
}

// TestTimesEqualApaches compares times in a zone that is not a whole number of
// hours from UTC, with requests that reach both servers in the same second.
func TestTimesEqualApaches(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	root := content(t, dir)
	directives := append([]string(nil), secondsOnly...)
	for _, v := range varying {
		directives = append(directives, v.directive)
	}
	format := strings.Join(directives, "|")
	zone := []string{"TZ=America/St_Johns"}
	apachePort, caddyPort := strconv.Itoa(porttest.Free(t)), strconv.Itoa(porttest.Free(t))
	serveApache(t, dir, apacheSite(root)+fmt.Sprintf("CustomLog %s/apache.log %s\n", dir, quoteForApache(format)), zone, apachePort)
	serveCaddy(t, "", fmt.Sprintf("http://:%s {\n\tlog {\n\t\toutput file %s/caddy.log\n\t\tformat apache `%s`\n\t}\n\t%s\n}\n",
		caddyPort, dir, format, caddySite(root)), zone, caddyPort)

	const raw = "GET /file.txt HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n"
	var apache, caddy []string
	for sent := 1; ; sent++ {
		exchange(t, apachePort, raw)
		exchange(t, caddyPort, raw)
		apache = strings.Split(linesOf(t, dir+"/apache.log", sent)[sent-1], "|")
		caddy = strings.Split(linesOf(t, dir+"/caddy.log", sent)[sent-1], "|")
		if apache[0] == caddy[0] && apache[5] == caddy[5] {
			break
		}
		if sent == 20 {
			t.Fatal("no two requests within one second")
		}
	}
	if len(apache) != len(caddy) {
		t.Fatalf("Caddy writes %q, Apache %q", caddy, apache)
	}
	for i, directive := range secondsOnly {
		if caddy[i] != apache[i] {
			t.Errorf("%s: %q, Apache has %q", directive, caddy[i], apache[i])
		}
	}
	caddy, apache = caddy[len(caddy)-len(varying):], apache[len(apache)-len(varying):]
	for i, v := range varying {
		form := regexp.MustCompile(v.form)
		want, wantErr := strconv.ParseFloat(apache[i], 64)
		got, gotErr := strconv.ParseFloat(caddy[i], 64)
		if wantErr != nil || gotErr != nil || !form.MatchString(apache[i]) || !form.MatchString(caddy[i]) || got > want+v.within || got < want-v.within {
			t.Errorf("%s: %q, Apache has %q", v.directive, caddy[i], apache[i])
		}
	}
}

// Apache must refuse what this package calls an unknown directive, and know
// what it calls a directive without an answer.
func TestDirectivesAreApaches(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	var all strings.Builder
	for name := range directives {
		fmt.Fprintf(&all, "%%{x}%s ", name)
	}
	port := strconv.Itoa(porttest.Free(t))
	text := all.String()
	root := content(t, dir)
	serveApache(t, dir, apacheSite(root)+fmt.Sprintf("CustomLog %s/apache.log %s\n", dir, quoteForApache(text)), nil, port)
	if got := exchange(t, port, "GET /file.txt HTTP/1.0\r\n\r\n").StatusCode; got != http.StatusOK {
		t.Errorf("status %d", got)
	}
	linesOf(t, dir+"/apache.log", 1)
}
