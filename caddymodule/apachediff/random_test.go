package apachediff_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/translate"
)

// accessForms are the directives that decide on who may read what.
var accessForms = []string{
	"Require all granted", "Require all denied", "Require ip 127.0.0.1", "Require ip 192.0.2.0/24", "Require not ip 127.0.0.1", "Require local",
	"Require valid-user", "Require user alice", "Require user bob", "Require method GET HEAD", "Require env friend", "Require not env friend",
	"Order allow,deny", "Order deny,allow", "Allow from all", "Deny from all", "Allow from 127.0.0.1", "Deny from 127.0.0.1", "Allow from env=friend", "Satisfy any", "Satisfy all",
	"AuthType Basic\nAuthName Members\nAuthUserFile /etc/apache2/passwords\nRequire valid-user", "AuthMerging And", "AuthMerging Or", "AuthMerging Off", "AuthType None",
	"RewriteEngine on\nRewriteRule x\\.html$ - [F]", "RewriteEngine on\nRewriteRule ^/?a/b - [F,L]", "RewriteEngine on\nRewriteRule ^/?two/(.*)$ /one/$1 [L]", "RewriteEngine on\nRewriteCond %{QUERY_STRING} open\nRewriteRule .* - [G]",
	"Redirect 403 /one/a", "RedirectMatch 404 \\.php$", "Redirect gone /two",
	"SetEnvIf User-Agent Friend friend", "SetEnvIf Request_URI \\.html$ friend",
	"Options Indexes", "Options None", "DirectoryIndex disabled", "Alias /three /var/www/random/one/a",
}

var accessSections = []string{
	"Directory /var/www/random", "Directory /var/www/random/one", "Directory /var/www/random/one/a", "Directory \"/var/www/*/two\"", "DirectoryMatch ^/var/www/random/.*/b",
	"Location /", "Location /one", "Location /one/a/", "LocationMatch ^/two", "Location /three", "Files x.html", "Files \"*.php\"", "FilesMatch \"\\.(php|bak)$\"",
	"Limit POST", "LimitExcept GET", "RequireAny", "RequireAll", "RequireNone",
}

// randomAccess writes directives and sections as an operator could.
func randomAccess(random *rand.Rand, most, depth int) string {
	var text strings.Builder
	for range 1 + random.IntN(most) {
		if depth == 0 || random.IntN(3) > 0 {
			text.WriteString(accessForms[random.IntN(len(accessForms))] + "\n")
			continue
		}
		section := accessSections[random.IntN(len(accessSections))]
		name, _, _ := strings.Cut(section, " ")
		fmt.Fprintf(&text, "<%s>\n%s</%s>\n", section, randomAccess(random, 3, depth-1), name)
	}
	return text.String()
}

// randomFiles are what the random sites have.
var randomFiles = []string{"index.html", "x.html", "one/x.html", "one/y.php", "one/a/x.html", "one/a/b/x.html", "one/a/old.bak", "two/index.html", "two/x.html", "two/b/y.php"}

// randomCase is a configuration of sites that Apache starts with and that are
// translated whole.
func randomCase(t *testing.T, random *rand.Rand, sites int) *apacheCase {
	t.Helper()
	c := &apacheCase{name: "random"}
	for _, name := range randomFiles {
		c.files = append(c.files, file{name: "/var/www/random/" + name})
	}
	c.files = append(c.files, file{name: "/etc/apache2/passwords", text: "alice:{SHA}GpHWL3ymc5liWkNopqtdSjuqYHM=\n"})
	probe := writeTree(t, &apacheCase{files: append(c.files, file{name: "probe.conf", text: "<VirtualHost *:80>\n</VirtualHost>\n"})}, startApps(t, nil))
	for number := 0; number < sites; {
		text := fmt.Sprintf("<VirtualHost *:80>\nServerName n%d.test\nDocumentRoot /var/www/random\n%s</VirtualHost>\n", number, randomAccess(random, 8, 3))
		probe.write(t, file{name: "/etc/apache2/sites-enabled/probe.conf", text: text})
		if !probe.isTakenByBoth(t) {
			continue
		}
		name := fmt.Sprintf("site-%04d.conf", number)
		c.files = append(c.files, file{name: name, text: text})
		for _, target := range randomTargets() {
			c.requests = append(c.requests, request{scheme: "http", port: "80", host: fmt.Sprintf("n%d.test", number), method: target.method, target: target.target, header: target.header, line: name + " " + target.line})
		}
		number++
	}
	return c
}

// isTakenByBoth tells whether Apache starts with the tree and the adapter
// refuses nothing of it.
func (m *tree) isTakenByBoth(t *testing.T) bool {
	t.Helper()
	command := exec.CommandContext(t.Context(), "/usr/sbin/apache2", "-t", "-d", m.root+"/etc/apache2", "-f", "apache2.conf")
	command.Env = os.Environ()
	for _, line := range m.environment() {
		command.Env = append(command.Env, strings.TrimPrefix(line, "export "))
	}
	if command.Run() != nil {
		return false
	}
	tree, err := apacheconf.Load(t.Context(), apacheconf.Options{File: filepath.Join(m.root, "etc/apache2/apache2.conf")})
	if err != nil {
		t.Fatal(err)
	}
	result, err := translate.Translate(t.Context(), tree, translate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return result.Err() == nil
}

func randomTargets() []request {
	password := [2]string{"Authorization", "Basic YWxpY2U6cHc="} // alice, pw
	friend := [2]string{"User-Agent", "Friend"}
	var all []request
	paths := []string{"/", "/one/", "/one/a/", "/one/a", "/one/a/b/", "/two/", "/two", "/three/x.html", "/three/b/x.html", "/nothing", "/one//a/x.html", "/one/%61/x.html", "/x.html?open", "/one/./x.html", "/two/../one/x.html"}
	for _, name := range randomFiles {
		paths = append(paths, "/"+name)
	}
	for _, path := range paths {
		for _, header := range [][][2]string{nil, {password}, {friend}} {
			all = append(all, request{method: "GET", target: path, header: header, line: fmt.Sprintf("GET %s %v", path, header)})
		}
		all = append(all, request{method: "POST", target: path, line: "POST " + path})
	}
	return all
}

// TestRandomAccess compares who may read what on sites made at random, in both
// forms of the translation.
func TestRandomAccess(t *testing.T) {
	t.Parallel()
	rounds, sites := 1, 8
	if os.Getenv("SOAK") == "1" {
		rounds, sites = 20, 40
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(uint64(seed), 1)) // #nosec G404 -- the same sites each time
			c := randomCase(t, random, sites)
			s := startStage(t, c)
			for i := range s.requests {
				s.compareAccess(t, &s.requests[i])
			}
		})
	}
}

func (s *stage) compareAccess(t *testing.T, r *request) {
	t.Helper()
	apache, ours := s.observe(s.apache, r), s.observe(s.ours, r)
	if apache.status == ours.status && apache.body == ours.body {
		return
	}
	if apache.status == ours.status && (ours.status != 200 || strings.Contains(apache.body, "Index of")) {
		return // redirects, errors and lists of folders have pages of their own
	}
	site, _, _ := strings.Cut(r.line, " ")
	t.Errorf("%s: Apache %d, ours %d\n%s", r.line, apache.status, ours.status, s.ours.files["/etc/apache2/sites-enabled/"+site])
}
