package platform

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/caddymodule/internal/adminapi"
	"github.com/aditechsphere/fairway/caddymodule/platform/configdiff"
)

// handleLoad has Caddy load a configuration, and notes who asked and what came
// of it. Its pattern has a method, and so comes before Caddy's own.
func handleLoad(w http.ResponseWriter, r *http.Request) error {
	load, err := caddysLoad()
	if err != nil {
		return err
	}
	config, err := io.ReadAll(r.Body)
	if err != nil {
		return adminapi.Error(http.StatusBadRequest, fmt.Errorf("reading request body: %w", err))
	}
	r.Body = io.NopCloser(bytes.NewReader(config))

	reloads.beginLoad()
	defer reloads.endLoad()
	begun, since := time.Now(), reloads.since()
	before := saved(since)
	err = load.ServeHTTP(w, r)
	switch started := reloads.since(); {
	case err != nil:
		reloads.note(homepage.Event{At: begun, Outcome: homepage.Failed, By: askedBy(r), Detail: configdiff.Redact(err.Error(), config)})
	case started != since:
		reloads.note(homepage.Event{At: started, Outcome: homepage.Succeeded, By: askedBy(r), Changes: changesOf(before, saved(started))})
	}
	return err
}

// caddysLoad is Caddy's own handler of POST /load.
func caddysLoad() (caddy.AdminHandler, error) {
	module, err := caddy.GetModule("admin.api.load")
	if err != nil {
		return nil, err
	}
	router, ok := module.New().(caddy.AdminRouter)
	if !ok {
		return nil, fmt.Errorf("the module %s has no routes", module.ID)
	}
	for _, route := range router.Routes() {
		if route.Pattern == "/load" {
			return route.Handler, nil
		}
	}
	return nil, fmt.Errorf("the module %s has no route /load", module.ID)
}

// askedBy says who sent a request to the admin endpoint: "caddy reload of
// /etc/caddy/Caddyfile, from 127.0.0.1".
func askedBy(r *http.Request) string {
	var by strings.Builder
	if file := r.Header.Get("Caddy-Config-Source-File"); file != "" {
		fmt.Fprintf(&by, "caddy reload of %s", homepage.Redact(file))
	} else {
		fmt.Fprintf(&by, "POST /load by %s", homepage.Redact(r.UserAgent()))
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		fmt.Fprintf(&by, ", %s", r.TLS.PeerCertificates[0].Subject.CommonName)
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		fmt.Fprintf(&by, ", from %s", host)
	} else {
		by.WriteString(", over its Unix socket")
	}
	// Caddy's own commands send the endpoint's address as their origin.
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		fmt.Fprintf(&by, ", page of %s", homepage.Redact(origin))
	}
	return by.String()
}
