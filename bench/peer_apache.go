package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// apache is what Fairway is to replace: Debian's Apache (event) in front of
// gunicorn with two workers and a Flask app that renders its page.
var apache = peer{
	key:   "apache",
	title: "Apache → gunicorn → Flask",
	needs: []program{{"apache2", "apache2"}, {"gunicorn", "gunicorn python3-flask"}},
	pages: []page{
		{key: "file", title: "template from a file", host: "proxy." + domain, path: "/"},
		{key: "string", title: "template from a string", host: "proxy." + domain, path: "/string"},
	},
	prepare: func(w *workspace) ([]command, error) {
		config, err := w.write("apache.conf", struct {
			*workspace
			Modules []string
		}{w, []string{"mpm_event", "authz_core", "headers", "socache_shmcb", "ssl", "proxy", "proxy_http"}})
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(w.Folder, "page.html"), []byte(flaskPage(len(w.Body))), 0o600); err != nil {
			return nil, err
		}
		if _, err := w.write("app.py", w); err != nil {
			return nil, err
		}
		return []command{
			{name: "apache2", args: []string{"-D", "FOREGROUND", "-f", config}},
			{name: "gunicorn", args: []string{
				"--workers", "2", "--chdir", w.Folder, "--worker-tmp-dir", w.Folder,
				"--bind", fmt.Sprintf("127.0.0.1:%d", w.Backend), "app:app",
			}},
		}, nil
	},
}

// flaskPage is a Jinja template that renders to about size bytes.
func flaskPage(size int) string {
	const facts = `<!DOCTYPE html>
<title>{{ service }}</title>
<dl>
<dt>Service</dt><dd>{{ service }}</dd>
<dt>Host</dt><dd>{{ host }}</dd>
<dt>Python</dt><dd>{{ python }}</dd>
<dt>Started</dt><dd>{{ started.strftime("%Y-%m-%d %H:%M:%S") }}</dd>
<dt>Last checked</dt><dd>{{ checked.strftime("%Y-%m-%d %H:%M:%S") }}</dd>
</dl>
`
	return facts + filler(size-len(facts))
}
