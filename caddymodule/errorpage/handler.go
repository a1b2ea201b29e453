// Package errorpage plugs Fairway's error pages into Caddy.
package errorpage

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/aditechsphere/fairway/backends/errorpage"
)

func init() {
	caddy.RegisterModule(new(Handler))
}

// Handler answers a request that failed with the status of its error: as a
// page for browsers, as application/problem+json for clients that prefer JSON,
// as one line of text for others. The answer never says why in terms of the
// server's inside; it carries the id of the error.
//
// Under this id errors of status 500 and above are logged, where Caddy logs
// them for a site without error routes: logger http.log.error.<name>, level
// ERROR. Requests marked by log_skip are left out.
//
// It belongs into the error routes of a server. Anywhere else there is no
// error to tell of, and it answers 500.
//
// It has no settings.
type Handler struct {
	logger *zap.Logger // of Caddy's errors
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.error_page",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Provision sets up the handler.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger(new(caddyhttp.App)).Named("log.error")
	return nil
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	failure := failureOf(r)
	if failure.StatusCode >= http.StatusInternalServerError && caddyhttp.GetVar(r.Context(), caddyhttp.LogSkipVar) != true {
		h.logError(r, failure)
	}
	errorpage.Error{Status: failure.StatusCode, Reference: failure.ID}.ServeHTTP(w, r)
	return nil
}

// failureOf is the error whose route this is; one without the status of an
// error is a 500.
func failureOf(r *http.Request) caddyhttp.HandlerError {
	err, _ := r.Context().Value(caddyhttp.ErrorCtxKey).(error)
	var failure caddyhttp.HandlerError
	if !errors.As(err, &failure) {
		failure.Err = err
	}
	if failure.StatusCode < 400 {
		failure.StatusCode = http.StatusInternalServerError
	}
	return failure
}

// Interface guards
var (
	_ caddy.Module                = (*Handler)(nil)
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
