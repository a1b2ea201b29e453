package apacheadapter

import (
	"errors"
	"fmt"
	"html"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() { registerHandler[ErrorDocument]("apache_error", httpcaddyfile.Before, "respond") }

// ErrorDocument answers a request that failed with a plain page of HTML and the
// type and charset of Apache's, without adding headers. It belongs into
// handle_errors.
//
//	apache_error [<matcher>]
type ErrorDocument struct{}

// CaddyModule returns the Caddy module information.
func (*ErrorDocument) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_error", New: func() caddy.Module { return new(ErrorDocument) }}
}

func (*ErrorDocument) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	status := http.StatusInternalServerError
	var failure caddyhttp.HandlerError
	if err, ok := r.Context().Value(caddyhttp.ErrorCtxKey).(error); ok && errors.As(err, &failure) && failure.StatusCode >= 400 {
		status = failure.StatusCode
	}
	title := html.EscapeString(fmt.Sprintf("%d %s", status, http.StatusText(status)))
	page := "<!DOCTYPE html>\n<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>\n"
	w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
	w.Header().Del("Content-Encoding")
	w.Header().Del("Last-Modified")
	w.Header().Del("Etag")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err := w.Write([]byte(page))
	return err
}

// UnmarshalCaddyfile reads the directive. It takes no arguments and no block.
func (*ErrorDocument) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(0) {
		return d.Errf("apache_error takes no block, but has %q", d.Val())
	}
	return nil
}

// Interface guards
var (
	_ caddyhttp.MiddlewareHandler = (*ErrorDocument)(nil)
	_ caddyfile.Unmarshaler       = (*ErrorDocument)(nil)
)
