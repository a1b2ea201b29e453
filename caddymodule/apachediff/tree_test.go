package apachediff_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// debianModules are loaded in every case: what Debian enables, and what its
// users add most often.
var debianModules = strings.Fields(`access_compat alias allowmethods auth_basic authn_core authn_file authz_core
	authz_groupfile authz_host authz_user autoindex deflate dir env expires filter headers http2 macro
	mime negotiation proxy proxy_balancer proxy_fcgi proxy_http proxy_wstunnel lbmethod_byrequests remoteip
	rewrite setenvif slotmem_shm socache_shmcb ssl`)

// mainConfig is Debian's apache2.conf, less its comments.
const mainConfig = `DefaultRuntimeDir ${APACHE_RUN_DIR}
PidFile ${APACHE_PID_FILE}
Mutex file:${APACHE_LOCK_DIR} default
Timeout 300
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
User ${APACHE_RUN_USER}
Group ${APACHE_RUN_GROUP}
HostnameLookups Off
ErrorLog ${APACHE_LOG_DIR}/error.log
LogLevel warn
IncludeOptional mods-enabled/*.load
IncludeOptional mods-enabled/*.conf
Include ports.conf
<Directory />
	Options FollowSymLinks
	AllowOverride None
	Require all denied
</Directory>
<Directory /usr/share>
	AllowOverride None
	Require all granted
</Directory>
<Directory /var/www/>
	Options Indexes FollowSymLinks
	AllowOverride None
	Require all granted
</Directory>
AccessFileName .htaccess
<FilesMatch "^\.ht">
	Require all denied
</FilesMatch>
LogFormat "%v:%p %h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" vhost_combined
LogFormat "%h %l %u %t \"%r\" %>s %O \"%{Referer}i\" \"%{User-Agent}i\"" combined
LogFormat "%h %l %u %t \"%r\" %>s %O" common
IncludeOptional conf-enabled/*.conf
IncludeOptional sites-enabled/*.conf
`

// certbotOptions says what certbot's options-ssl-apache.conf says.
const certbotOptions = `SSLEngine on
SSLProtocol all -SSLv2 -SSLv3 -TLSv1 -TLSv1.1
SSLHonorCipherOrder off
SSLSessionTickets off
SSLOptions +StrictRequire
LogFormat "%v:%p %h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\"" vhost_combined
`

const debianApache = "/etc/apache2/mods-available"

// tree is one server's copy of a case's files.
type tree struct {
	root  string            // stands for /
	ports map[string]string // port as written → port in use
	apps  *apps
	files map[string]string // path as written → text

	accepted []string // lines whose loss is accepted, as FILE:LINE
}

// writeTree lays out a case for one server.
func writeTree(t *testing.T, c *apacheCase, backends *apps) *tree {
	t.Helper()
	made := &tree{root: publicFolder(t), ports: make(map[string]string), apps: backends, files: make(map[string]string)}
	for _, port := range c.ports() {
		made.ports[port] = strconv.Itoa(porttest.Free(t))
	}
	for _, folder := range []string{"/etc/apache2/mods-enabled", "/var/log/apache2", "/var/run/apache2", "/var/lock/apache2", "/var/www"} {
		if err := os.MkdirAll(made.root+folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	made.write(t, file{name: "/etc/apache2/apache2.conf", text: mainConfig})
	made.write(t, file{name: "/etc/apache2/envvars", text: strings.Join(made.environment(), "\n") + "\n"})
	made.write(t, file{name: "/etc/apache2/ports.conf", text: made.listens()})
	made.enableModules(t, c.modules)
	backends.serveSockets(t, made)
	made.writePeers(t, c)
	made.write(t, file{name: "/etc/letsencrypt/options-ssl-apache.conf", text: certbotOptions})
	for _, f := range c.files {
		if !strings.HasPrefix(f.name, "/") {
			f.name = "/etc/apache2/sites-enabled/" + f.name
		}
		made.write(t, f)
		made.writeCertificates(t, f.text)
	}
	for _, line := range c.accept {
		made.accepted = append(made.accepted, made.root+"/etc/apache2/sites-enabled/"+line)
	}
	return made
}

// environment is what Debian's envvars exports.
func (m *tree) environment() []string {
	return []string{
		"export APACHE_RUN_USER=www-data", "export APACHE_RUN_GROUP=www-data",
		"export APACHE_PID_FILE=" + m.root + "/var/run/apache2/apache2.pid",
		"export APACHE_RUN_DIR=" + m.root + "/var/run/apache2",
		"export APACHE_LOCK_DIR=" + m.root + "/var/lock/apache2",
		"export APACHE_LOG_DIR=" + m.root + "/var/log/apache2",
		"export LANG=C",
	}
}

func (m *tree) listens() string {
	var text strings.Builder
	for written := range m.ports {
		fmt.Fprintf(&text, "Listen %s\n", written)
	}
	return text.String()
}

// enableModules does what a2enmod does, with Debian's own snippets.
func (m *tree) enableModules(t *testing.T, changes []string) {
	t.Helper()
	names := append(slices.Clone(debianModules), "mpm_event")
	for _, change := range changes {
		if off, ok := strings.CutPrefix(change, "-"); ok {
			names = slices.DeleteFunc(names, func(name string) bool { return name == off })
		} else {
			names = append(names, change)
		}
	}
	for _, name := range names {
		for _, suffix := range []string{".load", ".conf"} {
			text, err := os.ReadFile(filepath.Join(debianApache, name+suffix))
			if os.IsNotExist(err) && suffix == ".conf" {
				continue
			}
			if err != nil {
				t.Fatalf("Debian's Apache is needed (package apache2): %v", err)
			}
			m.write(t, file{name: "/etc/apache2/mods-enabled/" + name + suffix, text: string(text)})
		}
	}
}

// write puts one file into the tree, with ports and paths as they are here.
func (m *tree) write(t *testing.T, f file) {
	t.Helper()
	path := m.root + f.name
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { // #nosec G301 -- another user reads them
		t.Fatal(err)
	}
	if f.target != "" {
		target := f.target
		if filepath.IsAbs(target) {
			target = m.root + target
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return
	}
	text := f.text
	if isConfiguration(f.name) {
		text = m.localise(text)
	} else if text == "" {
		text = "this is " + f.name + "\n"
	}
	m.files[f.name] = text
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	when := time.Date(2024, 5, 4, 3, 2, 1, 0, time.UTC)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
}

func isConfiguration(name string) bool {
	return strings.HasPrefix(name, "/etc/apache2/") && !strings.Contains(name, "passw") || filepath.Base(name) == ".htaccess"
}

var (
	listenLine = regexp.MustCompile(`(?im)^(\s*(?:Listen|NameVirtualHost|<VirtualHost)\b)([^\n#]*)`)
	portOnly   = regexp.MustCompile(`(^|[\s:])(\d+)\b(\s+https?\b)?`)
	treePath   = regexp.MustCompile(`(^|[\s"'=:(,|])(/(?:var/www|var/run|var/log|run|etc/apache2|etc/ssl|etc/letsencrypt|srv|home|opt|usr/local/app)\b)`)
	appAddress = regexp.MustCompile(`\b(127\.0\.0\.1|localhost):(50\d\d|9000)\b`)
)

// localise replaces the ports and paths of a Debian server by those in use.
func (m *tree) localise(text string) string {
	text = listenLine.ReplaceAllStringFunc(text, func(line string) string {
		return portOnly.ReplaceAllStringFunc(line, func(found string) string {
			parts := portOnly.FindStringSubmatch(found)
			if actual, ok := m.ports[parts[2]]; ok {
				return parts[1] + actual + parts[3]
			}
			return found
		})
	})
	text = treePath.ReplaceAllString(text, "${1}"+m.root+"${2}")
	return appAddress.ReplaceAllStringFunc(text, func(found string) string {
		host, port, _ := strings.Cut(found, ":")
		if actual, ok := m.apps.ports[port]; ok {
			return host + ":" + actual
		}
		return found
	})
}

// generalise is the way back: what a server says, in the words of the case.
func (m *tree) generalise(text string) string {
	for written, actual := range m.ports {
		text = strings.ReplaceAll(text, ":"+actual, ":"+written)
	}
	for written, actual := range m.apps.ports {
		text = strings.ReplaceAll(text, ":"+actual, ":"+written)
	}
	return strings.ReplaceAll(text, m.root, "")
}
