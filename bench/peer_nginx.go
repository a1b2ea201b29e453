package main

// nginx is Debian's, a worker per core, keeping connections to the Go service.
var nginx = peer{
	key:   "nginx",
	title: "nginx → Go service",
	needs: []program{{"nginx", "nginx"}},
	pages: proxied,
	prepare: func(w *workspace) ([]command, error) {
		config, err := w.write("nginx.conf", w)
		return []command{w.nginx(config), w.goService()}, err
	},
}

func (w *workspace) nginx(config string) command {
	// -e: it opens its error log before it reads where that is.
	return command{name: "nginx", args: []string{"-p", w.Folder, "-e", w.Folder + "/error.log", "-c", config}}
}
