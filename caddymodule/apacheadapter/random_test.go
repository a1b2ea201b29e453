package apacheadapter

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"pgregory.net/rapid"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/translate"
)

// vocabulary is what the letters behind % in a form stand for; among them is what
// means something to a Caddyfile.
var vocabulary = map[byte][]string{
	'P': {"/", "/a", "/a/", "/a b", "/{x}", "/a/b/c.html", "/%20", "/é", "/*", "/a*", "/@x", "/#x", "/`x`", "/a\\\"b", "/$1", "/a?b=c"},
	'D': {"/srv/www", "/srv/www/a", "/srv/www/{x}", "/srv/www/a b", "/srv/*/www", "/srv/www/a`b"},
	'R': {"^/a", "^/a/(.*)$", "\\.(php|html)$", "^/{x}$", "^(.*)$", "a b", "^/[`'\\\"]x", "^/\\d{2,4}/", "(?i)^/a", "^", "/a{2}", "^/(?:b|c)/(\\w+)$"},
	'S': {"/b", "/b/$1", "/b/{x}", "https://other.example/$1", "http://127.0.0.1:5000/$1", "-", "/b?x=%{QUERY_STRING}", "/b/%1", "/`b`", "/a b", "\\\"x\\\"", "https://%{HTTP_HOST}%{REQUEST_URI}", "/é"},
	'F': {"", "[L]", "[R=301,L]", "[F]", "[G]", "[QSA,L]", "[NC,L]", "[P]", "[R=302,NE]", "[PT]", "[E=x:1]", "[S=1]", "[L,QSD]", "[CO=a:b:.example]", "[C]", "[OR]"},
	'C': {"%{HTTP_HOST}", "%{REQUEST_URI}", "%{HTTPS}", "%{REQUEST_FILENAME}", "%{QUERY_STRING}", "%{HTTP:X-A}", "%{ENV:x}", "%{REMOTE_ADDR}", "{x}"},
	'T': {"^a$", "!^a$", "-f", "!-d", "=on", "!=on", ">5", "a b", "^10\\.", "{x}"},
	'U': {"http://127.0.0.1:5000/", "http://127.0.0.1:5000", "http://127.0.0.1:5000/a/", "http://localhost:5001/{x}", "balancer://pool/", "unix:/run/a.sock|http://localhost/", "fcgi://127.0.0.1:9000/srv/www/", "ws://127.0.0.1:5000/", "!", "https://127.0.0.1:5443/"},
	'H': {"X-A", "Cache-Control", "Set-Cookie", "Content-Type", "x_under", "Vary"},
	'V': {"a", "\"a b\"", "\"{x}\"", "\"%{REMOTE_ADDR}s\"", "\"%D\"", "\"\\\\\"q\\\\\"\"", "`v`", "\"é\"", "\"max-age=0, must-revalidate\"", "%%"},
	'I': {"10.0.0.0/8", "127.0.0.1", "::1", "192.168.1", "10.1.0.0/255.255.0.0", "all"},
	'E': {"404", "403", "500", "503", "401"},
	'Q': {"/error.html", "\"Not {here}\"", "\"text `x` \\\\ $1\"", "https://other.example/", "default", "\"%{REQUEST_URI}\""},
	'N': {"0", "1", "60", "300", "100000"},
	'L': {"\"%h %l %u %t \\\"%r\\\" %>s %b\"", "combined", "\"{x} %{X-A}i `%%`\"", "common", "\"%{%Y-%m-%d}t %D\""},
	'G': {"/var/log/a.log", "/dev/null", "\"|/usr/bin/rotatelogs /var/log/r.%Y.log 86400\"", "syslog", "\"/var/log/{x} y.log\""},
	'X': {"html", ".tar.gz", "js", "{x}", "a`b"},
	'M': {"GET", "POST", "GET POST", "PUT"},
	'B': {"on", "off"},
	'Y': {
		"%{HTTP_HOST} == 'a.example'", "%{REQUEST_URI} =~ m#^/{x}#", "-R '10.0.0.0/8'", "! -z %{HTTP:X-A}", "tolower(req('X-A')) in { 'a', '`b`' }", "%{HTTPS} == 'on' && %{QUERY_STRING} =~ /a b/i",
		"reqenv('x') == '{x}'", "true", "false || %{REMOTE_ADDR} -ipmatch '::1/128'", "%{REMOTE_USER} == 'a'", "resp('X-A') == 'a'", "-f %{REQUEST_FILENAME}", "%{TIME_HOUR} -gt 12", "'\\\\' == '$1'", "md5('a') == 'é'",
	},
}

// forms are directives as they may stand in a virtual host or in a section.
var forms = []string{
	"DocumentRoot %D", "Alias %P %D", "AliasMatch %R %D", "DirectoryIndex index.html %P", "DirectoryIndex disabled", "FallbackResource %P", "DirectorySlash %B",
	"Options +Indexes", "Options -Indexes -FollowSymLinks", "Options None", "IndexIgnore *.bak {x}", "IndexOptions FancyIndexing",
	"Redirect %P %S", "Redirect 301 %P https://other.example/{x}", "Redirect gone %P", "RedirectMatch %R %S", "RedirectMatch 404 %R",
	"RewriteEngine on", "RewriteRule %R %S %F", "RewriteCond %C %T", "RewriteCond %C %T [OR,NC]", "RewriteBase %P", "RewriteOptions Inherit",
	"ProxyPass %P %U", "ProxyPassReverse %P %U", "ProxyPassMatch %R %U", "ProxyPreserveHost %B", "ProxyRequests off", "ProxyTimeout %N", "ProxyAddHeaders %B", "ProxyPassReverseCookiePath %P %P", "ProxyPassReverseCookieDomain a.example b.example", "ProxyErrorOverride %B",
	"Header set %H %V", "Header always append %H %V", "Header unset %H", "Header merge %H %V", "Header edit %H %R %V", "RequestHeader set %H %V", "RequestHeader unset %H", "RequestHeader edit %H %R %V",
	"Require all granted", "Require all denied", "Require ip %I", "Require not ip %I", "Require method %M", "Require env x", "Require valid-user", "Order allow,deny", "Allow from %I", "Deny from %I", "Satisfy any",
	"AuthType Basic", "AuthName %V", "AuthUserFile /etc/apache2/users", "AuthType None",
	"ErrorDocument %E %Q", "ErrorLog %G", "CustomLog %G %L", "CustomLog %G %L env=!x", "TransferLog %G", "LogFormat %L",
	"ExpiresActive %B", "ExpiresDefault \"access plus 1 hour\"", "ExpiresByType text/html A60", "AddOutputFilterByType DEFLATE text/html", "SetOutputFilter DEFLATE",
	"AddType text/plain %X", "ForceType text/plain", "RemoveType %X", "AddDefaultCharset utf-8", "AddEncoding gzip %X", "AddHandler \"proxy:unix:/run/php.sock|fcgi://localhost\" .php", "SetHandler \"proxy:fcgi://127.0.0.1:9000\"",
	"SetEnv x %V", "SetEnvIf User-Agent %R x", "SetEnvIf Request_URI %R x=1 !y", "UnsetEnv x", "PassEnv HOME", "BrowserMatch %R x",
	"LimitRequestBody %N", "Timeout %N", "KeepAlive %B", "KeepAliveTimeout %N", "LimitRequestFieldSize %N", "RequestReadTimeout header=20-40,MinRate=500",
	"Require expr \"%Y\"", "Header set %H %V \"expr=%Y\"", "RequestHeader set %H %V \"expr=%Y\"", "SetEnvIfExpr \"%Y\" x=1", "RewriteCond expr \"%Y\"", "Header set %H \"expr=%{HTTP_HOST}{x}\"",
	"SSLProxyEngine %B", "SSLProxyVerify none", "SSLProxyCheckPeerName %B", "SSLProxyProtocol all -TLSv1.2", "LimitRequestFields %N", "LimitRequestLine %N", "RemoveHandler %X", "AddCharset utf-8 %X", "AddLanguage de %X",
	"AddOutputFilter DEFLATE %X", "RemoveOutputFilter %X", "DirectoryIndexRedirect %B", "MaxRanges %N", "RedirectRelative %B", "CGIPassAuth %B", "AllowOverride None", "AllowOverrideList None",
	"ServerAlias %X.example", "ServerAdmin a@b.example", "UseCanonicalName %B", "ServerSignature off", "FileETag None", "AcceptPathInfo %B", "AllowEncodedSlashes NoDecode", "MergeSlashes %B", "RemoteIPHeader X-Forwarded-For", "RemoteIPInternalProxy %I",
}

var sections = []string{"Directory %D", "DirectoryMatch %R", "Location %P", "LocationMatch %R", "Files %X", "FilesMatch %R", "Limit %M", "LimitExcept %M", "RequireAny", "RequireAll", "RequireNone", "Proxy balancer://pool", "IfModule mod_rewrite.c", "If \"%Y\""}

// rules are what stands in sections of access.
var rules = []string{"Require all granted", "Require ip %I", "Require not ip %I", "Require method %M", "Require valid-user", "<RequireAny>\nRequire ip %I\n</RequireAny>", "Require all denied"}

// fill puts words into a form.
func fill(t *rapid.T, form string) string {
	var text strings.Builder
	for i := 0; i < len(form); i++ {
		if form[i] == '%' && i+1 < len(form) && vocabulary[form[i+1]] != nil {
			i++
			text.WriteString(strings.ReplaceAll(rapid.SampledFrom(vocabulary[form[i]]).Draw(t, "word"), "%%", "%"))
			continue
		}
		text.WriteByte(form[i])
	}
	return text.String()
}

func writeDirectives(t *rapid.T, text *strings.Builder, most, depth int) {
	for range rapid.IntRange(0, most).Draw(t, "directives") {
		if depth > 0 && rapid.IntRange(0, 4).Draw(t, "section") == 0 {
			section := fill(t, rapid.SampledFrom(sections).Draw(t, "section"))
			name, _, _ := strings.Cut(section, " ")
			text.WriteString("<" + section + ">\n")
			if strings.HasPrefix(name, "Require") || strings.HasPrefix(name, "Limit") {
				text.WriteString(fill(t, rapid.SampledFrom(rules).Draw(t, "rule")) + "\n")
			} else {
				writeDirectives(t, text, 4, depth-1)
			}
			text.WriteString("</" + name + ">\n")
			continue
		}
		text.WriteString(fill(t, rapid.SampledFrom(forms).Draw(t, "form")) + "\n")
	}
}

// randomConfiguration is a configuration of Apache as an operator could write it.
func randomConfiguration(t *rapid.T) string {
	var text strings.Builder
	text.WriteString("Listen 8080\n<Directory />\nRequire all denied\n</Directory>\n")
	writeDirectives(t, &text, 3, 1)
	for i := range rapid.IntRange(1, 3).Draw(t, "hosts") {
		text.WriteString("<VirtualHost *:8080>\nServerName " + string(rune('a'+i)) + ".example\n")
		if rapid.IntRange(0, 9).Draw(t, "wildcard") == 0 {
			text.WriteString("ServerAlias *." + string(rune('a'+i)) + ".example\n")
		}
		writeDirectives(t, &text, 12, 2)
		text.WriteString("</VirtualHost>\n")
	}
	return text.String()
}

// Whatever is translated without a refusal is a Caddyfile that Caddy takes, and
// provisions.
func TestRandomConfigurations(t *testing.T) {
	translated := 0
	rapid.Check(t, func(t *rapid.T) {
		text := randomConfiguration(t)
		fsys := fstest.MapFS{"etc/apache2/apache2.conf": {Data: []byte(text)}, "etc/apache2/users": {Data: []byte("a:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=\n")}}
		ctx := context.Background()
		tree, err := apacheconf.Load(ctx, apacheconf.Options{FS: fsys, File: "/etc/apache2/apache2.conf", AssumeModules: true, Environment: map[string]string{}})
		if err != nil {
			t.Skip(err)
		}
		result, err := translate.Translate(ctx, tree, translate.Options{FS: fsys, Letsencrypt: "/nonexistent", LogFolder: "/tmp/fairway-random"})
		if err != nil {
			t.Skip(err)
		}
		refused := result.Err()
		config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(result.Caddyfile), map[string]any{"filename": "Caddyfile"})
		if err != nil {
			t.Fatalf("Caddy refuses the translation: %v\nrefused: %v\n%s\nbecomes\n%s", err, refused, text, result.Caddyfile)
		}
		for _, warning := range warnings {
			t.Errorf("line %d: %s\n%s\nbecomes\n%s", warning.Line, warning.Message, text, result.Caddyfile)
		}
		var loaded caddy.Config
		if err := json.Unmarshal(config, &loaded); err != nil {
			t.Fatal(err)
		}
		loaded.Logging = nil // opens no files
		if err := caddy.Validate(&loaded); err != nil {
			t.Fatalf("Caddy does not load the translation: %v\n%s\nbecomes\n%s", err, text, result.Caddyfile)
		}
		translated++
	})
	t.Logf("%d translated", translated)
}
