package apacheconf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestLimits: what multiplies is refused soon, with its place.
func TestLimits(t *testing.T) {
	t.Parallel()
	var macros, variables strings.Builder
	macros.WriteString("LoadModule macro_module x\n<Macro M0>\nSetEnv A 1\nSetEnv A 1\n</Macro>\n")
	variables.WriteString("Define V0 aaaaaaaaaaaaaaaa\n")
	for i := range 40 {
		fmt.Fprintf(&macros, "<Macro M%d>\n%s</Macro>\n", i+1, strings.Repeat(fmt.Sprintf("Use M%d\n", i), 20))
		fmt.Fprintf(&variables, "Define V%d ${V%d}${V%d}\n", i+1, i, i)
	}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"macros":    {map[string]string{"etc/m.conf": macros.String() + "Use M15\n"}, "larger than"},
		"nested":    {map[string]string{"etc/m.conf": macros.String() + "Use M40\n"}, "macros are nested deeper than 16"},
		"variables": {map[string]string{"etc/m.conf": variables.String()}, "/etc/m.conf:17: variables make the line longer"},
		"two loops": {map[string]string{"etc/m.conf": "Include a.conf\n", "etc/a.conf": "Include b.conf\nInclude b.conf\n", "etc/b.conf": "Include a.conf\nInclude a.conf\n"}, "nested deeper than 128"},
		"problems":  {map[string]string{"etc/m.conf": strings.Repeat("Include none\n", 1000)}, "too many problems"},
		"wide loop": {map[string]string{"etc/m.conf": "Include /etc\n"}, "nested deeper than 128"},
		"long line": {map[string]string{"etc/m.conf": "SetEnv A " + strings.Repeat("x", maxLine) + "\n"}, "larger than 16 MiB"},
		"no file":   {map[string]string{}, "/etc/m.conf cannot be read: file does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := fstest.MapFS{}
			for name, text := range c.files {
				files[name] = &fstest.MapFile{Data: []byte(text)}
			}
			_, err := Load(t.Context(), Options{FS: files, File: "/etc/m.conf"})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Load = %.300v, want %q", err, c.want)
			}
			if err != nil && len(err.Error()) > 1<<14 {
				t.Errorf("the error is %d bytes long", len(err.Error()))
			}
		})
	}
}

// TestNothingOutsideTheRoot: in a root that is a folder, names that lead out of
// it stay in it.
func TestNothingOutsideTheRoot(t *testing.T) {
	t.Parallel()
	outside := folderWith(t, map[string]string{"secret.conf": "SetEnv SECRET 1\n", "root/etc/apache2.conf": ""})
	root, err := os.OpenRoot(filepath.Join(outside, "root"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if err := os.Symlink("../../secret.conf", filepath.Join(outside, "root/etc/link.conf")); err != nil {
		t.Fatal(err)
	}
	for _, include := range []string{"../secret.conf", "../../../../secret.conf", outside + "/secret.conf", "link.conf", "/../secret.conf", "l*.conf", "../*.conf", "*/../../*.conf"} {
		rewrite(t, filepath.Join(outside, "root/etc"), "apache2.conf", "IncludeOptional "+include+"\nInclude "+include+"\n")
		tree, err := Load(t.Context(), Options{FS: root.FS(), File: "/etc/apache2.conf"})
		if err == nil || len(tree.Directives) > 0 {
			t.Errorf("Include %s: %v, %d directives", include, err, len(tree.Directives))
		}
	}
}

// largeServer is a configuration of n virtual hosts in Debian's layout.
func largeServer(n int) fstest.MapFS {
	files := fstest.MapFS{
		"etc/apache2/apache2.conf":                {Data: []byte("Include ports.conf\nIncludeOptional sites-enabled/*.conf\nLoadModule ssl_module x\n")},
		"etc/apache2/ports.conf":                  {Data: []byte("Listen 80\n<IfModule ssl_module>\n\tListen 443\n</IfModule>\n")},
		"etc/letsencrypt/options-ssl-apache.conf": {Data: []byte("SSLEngine on\nSSLProtocol all -SSLv2 -SSLv3 -TLSv1 -TLSv1.1\nSSLCipherSuite ECDHE\nSSLHonorCipherOrder off\n")},
	}
	for i := range n {
		files[fmt.Sprintf("etc/apache2/sites-enabled/%04d.conf", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, `# site %[1]d
<VirtualHost *:80>
	ServerName site%[1]d.example
	ServerAlias www.site%[1]d.example
	DocumentRoot /var/www/site%[1]d
	ErrorLog ${APACHE_LOG_DIR}/site%[1]d-error.log
	CustomLog ${APACHE_LOG_DIR}/site%[1]d-access.log combined
	RewriteEngine on
	RewriteCond %%{SERVER_NAME} =site%[1]d.example
	RewriteRule ^ https://%%{SERVER_NAME}%%{REQUEST_URI} [END,NE,R=permanent]
</VirtualHost>
<IfModule mod_ssl.c>
<VirtualHost *:443>
	ServerName site%[1]d.example
	ProxyPreserveHost On
	ProxyPass /static !
	ProxyPass / http://127.0.0.1:5000/
	ProxyPassReverse / http://127.0.0.1:5000/
	Include /etc/letsencrypt/options-ssl-apache.conf
	SSLCertificateFile /etc/letsencrypt/live/site%[1]d.example/fullchain.pem
	SSLCertificateKeyFile /etc/letsencrypt/live/site%[1]d.example/privkey.pem
</VirtualHost>
</IfModule>
`, i)}
	}
	return files
}

func BenchmarkLoadThousandSites(b *testing.B) {
	root := b.TempDir()
	if err := os.CopyFS(root, largeServer(1000)); err != nil {
		b.Fatal(err)
	}
	options := Options{FS: os.DirFS(root), File: "/etc/apache2/apache2.conf", AssumeModules: true}
	for b.Loop() {
		if _, err := Load(b.Context(), options); err != nil {
			b.Fatal(err)
		}
	}
}
