package translate

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// translated is the translation of a virtual host with these lines.
func translated(t *testing.T, lines string) *Result {
	t.Helper()
	files := fstest.MapFS{
		"etc/apache2/apache2.conf": {Data: []byte("ServerRoot /etc/apache2\nListen 80\n<VirtualHost *:80>\nServerName example.test\nDocumentRoot /srv/www\n" + lines + "\n</VirtualHost>\n")},
		"srv/www/index.html":       {},
	}
	tree, err := apacheconf.Load(t.Context(), apacheconf.Options{FS: files, File: "/etc/apache2/apache2.conf", AssumeModules: true})
	if err != nil {
		t.Fatal(err)
	}
	result, err := Translate(t.Context(), tree, Options{FS: files})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// verdictOn is the verdict on the first line that begins with text.
func verdictOn(result *Result, text string) Verdict {
	for _, finding := range result.Findings {
		if strings.HasPrefix(finding.Text, text) {
			return finding.Verdict
		}
	}
	return ""
}

// flat is the Caddyfile without comments, on one line.
func flat(caddyfile string) string {
	var words []string
	for line := range strings.SplitSeq(caddyfile, "\n") {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			words = append(words, strings.Fields(line)...)
		}
	}
	return strings.Join(words, " ")
}

func TestCarriedOver(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, lines   string
		want, without string // parts of the Caddyfile
	}{
		{
			"a backend keeps its own Host", "ProxyPass / http://127.0.0.1:5000/",
			"reverse_proxy 127.0.0.1:5000 { header_up Host 127.0.0.1:5000 transport apache { server_name example.test", "apache_proxy_path",
		},
		{"ProxyPreserveHost", "ProxyPreserveHost On\nProxyPass / http://127.0.0.1:5000/", "header_up Host {hostport}", ""},
		{"another path", "ProxyPass /a http://127.0.0.1:5000/b", "apache_proxy_path prefix /a /b reverse_proxy", ""},
		{"exemption comes first", "ProxyPass /a/static !\nProxyPass /a http://127.0.0.1:5000/a", "route @except_a_static { route @a {", ""},
		{"socket", "ProxyPass /a unix:/run/a.sock|http://app/a", "reverse_proxy unix//run/a.sock { header_up Host app", ""},
		{"default port of https", "SSLProxyEngine On\nProxyPass /a https://10.0.0.1/a", "reverse_proxy 10.0.0.1:443 { header_up Host 10.0.0.1", ""},
		{
			"balancer", "<Proxy balancer://pool>\nBalancerMember http://127.0.0.1:1 route=a\nBalancerMember http://127.0.0.1:2 route=b\nProxySet stickysession=S\n</Proxy>\nProxyPass /a balancer://pool/a",
			"reverse_proxy 127.0.0.1:1 127.0.0.1:2 { lb_policy apache_route S { route a 127.0.0.1:1 route b 127.0.0.1:2 } lb_retries 1", "",
		},
		{"ProxyPassReverse", "ProxyPass /a http://127.0.0.1:5000/\nProxyPassReverse /a http://127.0.0.1:5000/", "proxy_pass_reverse { url http://127.0.0.1:5000/ /a }", ""},
		{
			"a rule for WebSockets that reverse_proxy does anyway",
			"RewriteEngine On\nRewriteCond %{HTTP:Upgrade} =websocket [NC]\nRewriteRule ^/(.*) ws://127.0.0.1:5000/$1 [P,L]\nProxyPass / http://127.0.0.1:5000/",
			"reverse_proxy 127.0.0.1:5000", "apache_rewrite",
		},
		{"HTTPS", "RewriteEngine On\nRewriteCond %{HTTPS} !=on\nRewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]", "redir https://{hostport}{uri} 301", "apache_rewrite"},
		{"rules stay as they are", "RewriteEngine On\nRewriteRule ^/a/(.*)$ /b/%{QUERY_STRING}$1 [PT]", `rule ^/a/(.*)$ /b/%{QUERY_STRING}$1 "[PT]"`, ""},
		{"RewriteEngine Off", "RewriteRule ^/a /b", "", "apache_rewrite"},
		{"Redirect", "Redirect permanent /a https://example.org/b", "apache_redirect 301 /a https://example.org/b", ""},
		{"status only", "Redirect gone /a", "apache_redirect 410 /a", ""},
		{"always for all answers", "Header always set X-A b", "apache_request header X-A b", ""},
		{"onsuccess for what is answered", "Header set X-A b\nHeader unset X-B", "header { X-A b -X-B defer }", ""},
		{"order of lines matters", "Header set X-A b\nHeader append X-A c", `apache_header { set X-A b append X-A c }`, ""},
		{"SetEnvIf", "SetEnvIf User-Agent bot robot=1", "apache_env { if User-Agent bot robot=1 }", ""},
		{"Apache's own steering", "BrowserMatch MSIE nokeepalive", "", "apache_env"},
		{"RemoteIP", "RemoteIPHeader X-Real-IP\nRemoteIPInternalProxy 10.0.0.0/8", "apache_remote_ip { header X-Real-IP internal 10.0.0.0/8 } apache_request", ""},
		{"encoded slashes", "AllowEncodedSlashes NoDecode", "apache_request { encoded_slashes nodecode }", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			result := translated(t, test.lines)
			if err := result.Err(); err != nil {
				t.Error(err)
			}
			text := flat(result.Caddyfile)
			if !strings.Contains(text, test.want) {
				t.Errorf("without %q:\n%s", test.want, result.Caddyfile)
			}
			if test.without != "" && strings.Contains(text, test.without) {
				t.Errorf("with %q:\n%s", test.without, result.Caddyfile)
			}
		})
	}
}

// TestRefusedStaysClosed checks that what is refused is reported, and that its
// paths are not answered by what would come next.
func TestRefusedStaysClosed(t *testing.T) {
	t.Parallel()
	tests := []struct{ lines, directive, want string }{
		{"ProxyPass /a ajp://127.0.0.1:8009/a", "ProxyPass", "route @a { error 503 }"},
		{"ProxyPass /a http://host:port/", "ProxyPass", "route @a { error 503 }"},
		{"ProxyPass /a https://127.0.0.1/", "ProxyPass", "route @a { error 503 }"},
		{"ProxyPass /a balancer://nobody/", "ProxyPass", "route @a { error 503 }"},
		{"ProxyPass /a http://127.0.0.1/ mapping=servlet", "ProxyPass", "route @a { error 503 }"},
		{"RewriteEngine On\nRewriteRule ^/(?!open) - [F]", "RewriteRule", "apache_request error 403"},
		{"RewriteEngine On\nRewriteCond expr \"%{HANDLER} == 'x'\"\nRewriteRule ^/a - [F]", "RewriteRule", "apache_request error 403"},
		{"RewriteEngine On\nRewriteRule \\.src$ - [H=application/x-httpd-php]", "RewriteRule", "apache_request error 403"},
		{"RewriteEngine On\nRewriteRule ^/(.*) http://%{HTTP_HOST}/$1 [P]", "RewriteRule", ""},
		{"RedirectMatch 403 ^/(?!open)", "RedirectMatch", "error 403"},
		{"Header set X-A b \"expr=%{HANDLER} == 'x'\"", "Header", ""},
		{"<Location /a>\nRequire expr \"%{HANDLER} == 'x'\"\n</Location>\nDocumentRoot /srv/www", "Require", "error 403"},
		{"<If \"%{REMOTE_USER} == 'x'\">\nRequire all denied\n</If>\nDocumentRoot /srv/www", "Require", "error 403"},
		{"SSLProxyEngine On\nSSLProxyVerify require\nProxyPass /a https://127.0.0.1/", "SSLProxyVerify", "route @a { error 503 }"},
		{"SSLProxyEngine On\nSSLProxyVerify optional_no_ca\nProxyPass /a https://127.0.0.1/", "SSLProxyVerify", "route @a { error 503 }"},
		{"SSLProxyEngine On\n<Proxy https://127.0.0.1/b>\nSSLProxyVerify require\n</Proxy>\nProxyPass /a https://127.0.0.1/", "SSLProxyVerify", "route @a { error 503 }"},
		{"ProxyRequests On", "ProxyRequests", ""},
	}
	for _, test := range tests {
		result := translated(t, test.lines)
		if verdict := verdictOn(result, test.directive); verdict != Refused {
			t.Errorf("%s: %s", test.lines, verdict)
		}
		if !strings.Contains(flat(result.Caddyfile), test.want) {
			t.Errorf("%s: without %q:\n%s", test.lines, test.want, result.Caddyfile)
		}
	}
}

func TestShadowedLinesAreSaid(t *testing.T) {
	t.Parallel()
	result := translated(t, "ProxyPass / http://127.0.0.1:5000/\nRedirect /a https://example.org/\nProxyPass /b http://127.0.0.1:5001/")
	for _, text := range []string{"Redirect", "ProxyPass /b"} {
		if verdict := verdictOn(result, text); verdict != Approximate {
			t.Errorf("%s: %s", text, verdict)
		}
	}
	if strings.Contains(flat(result.Caddyfile), "apache_redirect") {
		t.Errorf("a redirect that Apache never makes is made:\n%s", result.Caddyfile)
	}
}
