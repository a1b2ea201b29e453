package apacheconf

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestHtaccess(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"etc/m.conf": {Data: []byte("LoadModule rewrite_module x\nDefine BACKEND http://127.0.0.1:5000\nSetEnv MAIN 1\n")},
		"var/www/.htaccess": {Data: []byte(`# of an application
<IfModule mod_rewrite.c>
RewriteEngine On
RewriteRule ^api/(.*) ${BACKEND}/$1 [P]
</IfModule>
<IfModule mod_php.c>
php_value memory_limit 1G
</IfModule>
Define INNER 1
`)},
		"var/www/broken/.htaccess": {Data: []byte("<Files x>\n")},
		"var/www/long/.htaccess":   {Data: []byte("SetEnv A " + strings.Repeat("x", 9000) + "\n")},
	}
	tree, err := Load(t.Context(), Options{FS: files, File: "/etc/m.conf"})
	if err != nil {
		t.Fatal(err)
	}
	access, err := tree.Htaccess(t.Context(), "/var/www/.htaccess")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range access.Directives {
		got = append(got, d.String()+" "+d.Text())
	}
	want := "/var/www/.htaccess:3 RewriteEngine On;/var/www/.htaccess:4 RewriteRule ^api/(.*) http://127.0.0.1:5000/$1 [P]"
	if strings.Join(got, ";") != want {
		t.Errorf("directives %q", got)
	}
	if len(access.Skipped) != 1 || access.Skipped[0].Line != 6 || access.Skipped[0].LastLine != 8 || access.Skipped[0].Text != "<IfModule mod_php.c>" {
		t.Errorf("skipped %+v", access.Skipped)
	}
	everyLineHasFate(t, access)
	if _, defined := tree.Defines["INNER"]; defined || len(tree.Directives) != 1 || len(tree.Files) != 1 {
		t.Error("reading .htaccess changed the tree of the server")
	}
	for file, want := range map[string]string{
		"/var/www/broken/.htaccess": "<Files> is not closed",
		"/var/www/long/.htaccess":   "longer than 8192 bytes",
		"/var/www/none/.htaccess":   "does not exist",
	} {
		if _, err := tree.Htaccess(t.Context(), file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", file, err, want)
		}
	}
}

// TestSkippedSayWhy: what is left out is told with its reason.
func TestSkippedSayWhy(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"m.conf": {Data: []byte(`LoadModule macro_module x
<IfModule mod_ssl.c>
</IfModule>
<IfModule !core.c>
</IfModule>
<IfDefine X>
</IfDefine>
<IfVersion < 2.4>
</IfVersion>
<IfFile /none>
</IfFile>
<Macro Unused $a>
</Macro>
SetEnv A ${UNDEFINED}
`)}}
	tree, err := Load(t.Context(), Options{FS: files, File: "/m.conf"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/m.conf:2 <IfModule mod_ssl.c> module mod_ssl.c is not loaded",
		"/m.conf:4 <IfModule !core.c> module core.c is loaded",
		"/m.conf:6 <IfDefine X> X is not defined",
		"/m.conf:8 <IfVersion < 2.4> Apache is 2.4.71",
		"/m.conf:10 <IfFile /none> file /none does not exist",
		"/m.conf:12 <Macro Unused $a> no Use line uses this macro",
	}
	for i, skipped := range tree.Skipped {
		if got := skipped.String() + " " + skipped.Text + " " + skipped.Why; i >= len(want) || got != want[i] {
			t.Errorf("skipped: %s", got)
		}
	}
	if len(tree.Skipped) != len(want) {
		t.Errorf("%d skipped, want %d", len(tree.Skipped), len(want))
	}
	if len(tree.Warnings) != 1 || !strings.Contains(tree.Warnings[0].Error(), "/m.conf:14: variable ${UNDEFINED} is not defined") {
		t.Errorf("warnings %v", tree.Warnings)
	}
}

// TestPartOfAConfiguration: where nothing is loaded, Apache's modules count as
// loaded and others do not.
func TestPartOfAConfiguration(t *testing.T) {
	t.Parallel()
	site := `<IfModule mod_ssl.c>
SetEnv A 1
</IfModule>
<IfModule !rewrite_module>
SetEnv B 1
</IfModule>
<IfModule mod_security2.c>
SetEnv C 1
</IfModule>
`
	for text, want := range map[string]string{site: "A 1", "LoadModule rewrite_module x\n" + site: ""} {
		files := fstest.MapFS{"etc/apache2/sites-available/a.conf": {Data: []byte(text)}}
		tree, err := Load(t.Context(), Options{FS: files, File: "/etc/apache2/sites-available/a.conf"})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, d := range tree.Directives {
			got += d.Raw
		}
		if got != want || tree.Assumed != (want != "") || tree.ServerRoot != "/etc/apache2" {
			t.Errorf("%q, assumed %t, root %s; want %q", got, tree.Assumed, tree.ServerRoot, want)
		}
	}
}
