package main

// haproxy is Debian's, a thread per core, keeping connections to the Go service.
var haproxy = peer{
	key:   "haproxy",
	title: "HAProxy → Go service",
	needs: []program{{"haproxy", "haproxy"}},
	pages: proxied,
	prepare: func(w *workspace) ([]command, error) {
		config, err := w.write("haproxy.cfg", w)
		return []command{{name: "haproxy", args: []string{"-db", "-f", config}}, w.goService()}, err
	},
}
