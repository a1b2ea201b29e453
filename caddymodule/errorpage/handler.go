// Package errorpage plugs Fairway's error pages into Caddy.
package errorpage

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/errorpage"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler answers a request that failed with the status of its error: as a
// page for browsers, as application/problem+json for clients that prefer JSON,
// as one line of text for others. The answer never says why in terms of the
// server's inside; it carries the id under which Caddy logged the error.
//
// It belongs into the error routes of a server. Anywhere else there is no
// error to tell of, and it answers 500.
//
// It has no settings.
type Handler struct{}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.error_page",
		New: func() caddy.Module { return new(Handler) },
	}
}

func (*Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	failure, _ := r.Context().Value(caddyhttp.ErrorCtxKey).(error)
	var handlerErr caddyhttp.HandlerError
	errors.As(failure, &handlerErr) // any other error is a 500, as for Caddy itself
	errorpage.Error{Status: handlerErr.StatusCode, Reference: handlerErr.ID}.ServeHTTP(w, r)
	return nil
}

// Interface guards
var (
	_ caddy.Module                = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
