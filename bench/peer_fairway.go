package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// fairway serves its pages with as little around them as stock Caddy's respond
// has: a directive alone in a site block.
var fairway = peer{
	key:   "fairway",
	title: "Fairway, the directive alone",
	pages: []page{
		{key: "orders", title: "Orders page", host: "orders." + domain, path: "/"},
		{key: "orders-gzip", title: "Orders page, gzip", host: "orders." + domain, path: "/", gzip: true},
		{key: "payments", title: "Payments page", host: "payments." + domain, path: "/"},
		{key: "homepage", title: "Homepage page", host: "homepage." + domain, path: "/"},
	},
	prepare: func(w *workspace) ([]command, error) {
		config, err := w.write("fairway.caddyfile", struct {
			*workspace
			Services []string
		}{w, []string{"homepage", "orders", "payments"}})
		return w.caddy(config), err
	},
}

// fairwayShipped serves the Caddyfile that Fairway comes with: certificates of
// Caddy's own CA, compression, security headers, error pages, access logs, and
// the services on loopback ports too.
var fairwayShipped = peer{
	key:   "fairway-shipped",
	title: "Fairway, the shipped Caddyfile",
	pages: []page{
		{key: "orders", title: "Orders page", host: "microservice1." + shippedDomain, path: "/"},
		{key: "orders-gzip", title: "Orders page, gzip", host: "microservice1." + shippedDomain, path: "/", gzip: true},
		{key: "payments", title: "Payments page", host: "microservice2." + shippedDomain, path: "/"},
		{key: "homepage", title: "Homepage page", host: shippedDomain, path: "/"},
	},
	prepare: func(w *workspace) ([]command, error) {
		config, err := w.shippedCaddyfile()
		if err != nil {
			return nil, err
		}
		variables := map[string]int{"HTTP_PORT": w.HTTP, "HTTPS_PORT": w.HTTPS}
		for _, name := range []string{"HOMEPAGE_PORT", "ORDERS_PORT", "PAYMENTS_PORT"} {
			if variables[name], err = w.ports(); err != nil {
				return nil, err
			}
		}
		env := []string{
			"DOMAIN=" + shippedDomain,
			"FAIRWAY_DATA=" + filepath.Join(w.Folder, "data"),
			"FAIRWAY_LOGS=" + filepath.Join(w.Folder, "log"),
			"CADDY_ADMIN=127.0.0.1:" + strconv.Itoa(w.Admin),
		}
		for name, port := range variables {
			env = append(env, name+"="+strconv.Itoa(port))
		}
		commands := w.caddy(config)
		commands[0].env = append(commands[0].env, env...)
		return commands, nil
	},
}

// shippedDomain is one that Caddy's own CA certifies.
const shippedDomain = "bench.localhost"

// shippedCaddyfile copies the Caddyfile with one line more, which keeps it to
// the loopback interface.
func (w *workspace) shippedCaddyfile() (string, error) {
	text, err := os.ReadFile(w.bench.caddyfile)
	if err != nil {
		return "", err
	}
	options := []byte("\n{\n")
	if !bytes.Contains(text, options) {
		return "", errors.New(w.bench.caddyfile + " has no block of global options to add default_bind to")
	}
	text = bytes.Replace(text, options, []byte("\n{\n\tdefault_bind 127.0.0.1\n"), 1)
	path := filepath.Join(w.Folder, "Caddyfile")
	return path, os.WriteFile(path, text, 0o600)
}

// caddy runs the binary with a Caddyfile; what it stores stays in the folder.
func (w *workspace) caddy(config string) []command {
	return []command{{
		name: w.bench.caddy,
		args: []string{"run", "--config", config, "--adapter", "caddyfile"},
		env:  []string{"HOME=" + w.Folder, "XDG_DATA_HOME=" + w.Folder, "XDG_CONFIG_HOME=" + w.Folder},
	}}
}
