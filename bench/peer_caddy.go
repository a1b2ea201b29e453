package main

// caddyRespond is stock Caddy answering by itself, from the same binary.
var caddyRespond = peer{
	key:   "caddy",
	title: "stock Caddy, respond",
	pages: []page{
		{key: "short", title: "13 bytes", host: "short." + domain, path: "/"},
		{key: "sized", title: "a page as large", host: "sized." + domain, path: "/"},
	},
	prepare: func(w *workspace) ([]command, error) {
		config, err := w.write("caddy.caddyfile", w)
		return w.caddy(config), err
	},
}

// caddyTuned is caddyRespond with the garbage collector set as Fairway sets it,
// to tell what that alone makes.
var caddyTuned = peer{
	key:   "caddy-gogc",
	title: "stock Caddy, respond, GOGC=400",
	pages: caddyRespond.pages,
	prepare: func(w *workspace) ([]command, error) {
		config, err := w.write("caddy.caddyfile", w)
		commands := w.caddy(config)
		commands[0].env = append(commands[0].env, "GOGC=400")
		return commands, err
	},
}

// caddySite answers like caddyRespond, with what the shipped Caddyfile has around
// a page. It is a server of its own: where one site has an access log, Caddy
// does part of the work for all sites of the server.
var caddySite = peer{
	key:   "caddy-site",
	title: "stock Caddy, respond with headers, encode, log",
	pages: []page{{key: "site", title: "a page as large", host: "site." + domain, path: "/"}},
	prepare: func(w *workspace) ([]command, error) {
		config, err := w.write("caddy-site.caddyfile", w)
		return w.caddy(config), err
	},
}

// caddyProxy is stock Caddy in front of a Go service, from the same binary.
var caddyProxy = peer{
	key:   "caddy-proxy",
	title: "stock Caddy → Go service",
	pages: proxied,
	prepare: func(w *workspace) ([]command, error) {
		config, err := w.write("caddy-proxy.caddyfile", w)
		if err != nil {
			return nil, err
		}
		return append(w.caddy(config), w.goService()), nil
	},
}

// proxied are the pages of every stack that proxies to a Go service.
var proxied = []page{
	{key: "template", title: "a template as large", host: "proxy." + domain, path: "/"},
	{key: "memory", title: "a page as large, in memory", host: "proxy." + domain, path: "/memory"},
}
