package apacheconf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestDebianAsApache reads Debian's own configuration, with every module that
// starts without more and all of conf-available enabled through links.
func TestDebianAsApache(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "etc")
	if err := os.Mkdir(root, 0o750); err != nil {
		t.Fatal(err)
	}
	copyDebian(t, root)
	enable(t, root, "mods", "info", "proxy", "proxy_http", "proxy_fcgi", "proxy_balancer", "slotmem_shm", "ssl", "socache_shmcb", "rewrite",
		"headers", "expires", "macro", "userdir", "vhost_alias", "cgid", "dav", "dav_fs", "remoteip", "http2", "autoindex", "mime",
		"negotiation", "setenvif", "status", "dir", "alias", "env", "deflate", "filter", "reqtimeout", "access_compat", "auth_basic",
		"authn_core", "authn_file", "authz_core", "authz_host", "authz_user", "mpm_event", "include", "actions", "usertrack")
	enable(t, root, "conf")
	enable(t, root, "sites", "000-default.conf")
	environment := map[string]string{"APACHE_LOG_DIR": root, "APACHE_RUN_DIR": root, "APACHE_LOCK_DIR": root, "APACHE_PID_FILE": root + "/pid", "APACHE_RUN_USER": "www-data", "APACHE_RUN_GROUP": "www-data"}
	tree := agree(t, root, Options{Environment: environment})
	if len(tree.Files) < 50 || len(tree.Skipped) == 0 {
		t.Errorf("%d files, %d skipped sections: less than Debian has", len(tree.Files), len(tree.Skipped))
	}
	for _, warning := range tree.Warnings {
		t.Errorf("warning: %v", warning)
	}
	Walk(tree.Directives, func(d *Directive) {
		if _, ok := d.Known(); !ok {
			t.Errorf("%s: %s is not known", d.Position, d.Text())
		}
	})
}

// copyDebian copies what the package apache2 brings.
func copyDebian(t *testing.T, root string) {
	t.Helper()
	for _, part := range []string{"apache2.conf", "ports.conf", "envvars", "magic"} {
		text, err := os.ReadFile(filepath.Join("/etc/apache2", part))
		if err != nil {
			t.Fatalf("%v: install the Debian package apache2", err)
		}
		rewrite(t, root, part, string(text))
	}
	for _, folder := range []string{"mods-available", "conf-available", "sites-available"} {
		if err := os.CopyFS(filepath.Join(root, folder), os.DirFS("/etc/apache2/"+folder)); err != nil {
			t.Fatal(err)
		}
	}
}

// enable links the named files of KIND-available, or those that come with the
// package apache2, into KIND-enabled.
func enable(t *testing.T, root, kind string, names ...string) {
	t.Helper()
	enabled := filepath.Join(root, kind+"-enabled")
	if err := os.Mkdir(enabled, 0o750); err != nil {
		t.Fatal(err)
	}
	if names == nil {
		names = []string{"charset.conf", "localized-error-pages.conf", "other-vhosts-access-log.conf", "security.conf", "serve-cgi-bin.conf"}
	}
	available, err := os.ReadDir(filepath.Join(root, kind+"-available"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range available {
		stem := strings.TrimSuffix(strings.TrimSuffix(file.Name(), ".load"), ".conf")
		if !slices.Contains(names, file.Name()) && (kind != "mods" || !slices.Contains(names, stem)) {
			continue
		}
		if err := os.Symlink("../"+kind+"-available/"+file.Name(), filepath.Join(enabled, file.Name())); err != nil {
			t.Fatal(err)
		}
	}
}
