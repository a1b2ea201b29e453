package services

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// failureOf is what is known of a request that failed. Neither its query, its
// headers nor its body are.
func failureOf(r *http.Request, result measure.Result, cause measure.Cause) homepage.Failure {
	f := homepage.Failure{At: time.Now(), Status: result.Status, Cause: cause, Total: result.TTFB}
	f.Method, f.Host, f.Path = sent(r)
	if result.Err != nil {
		f.Error = result.Err.Error()
	}
	f.Upstream, f.Retries, f.Waited = proxied(r)
	return f
}

// sent is what the client asked for: handlers may have rewritten the request.
func sent(r *http.Request) (method, host, path string) {
	method, host, path = r.Method, r.Host, r.URL.Path
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		method, path = original.Method, original.URL.Path
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return method, host, path
}

// reasonOf is an error without the trace that Caddy puts around it, and with
// its cause. The reason of nil is nil.
func reasonOf(err error) error {
	var handlerError caddyhttp.HandlerError
	if errors.As(err, &handlerError) && handlerError.Err != nil {
		err = handlerError.Err
	}
	return withCause(err)
}

// proxied is what a reverse proxy tells of a request: the upstream it asked
// last, how many times it tried again, and how long that one took to answer.
func proxied(r *http.Request) (upstream string, retries int, waited time.Duration) {
	replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return "", 0, 0
	}
	upstream, _ = replacer.GetString("http.reverse_proxy.upstream.hostport")
	if tried, ok := replacer.Get("http.reverse_proxy.retries"); ok {
		retries, _ = tried.(int)
	}
	if took, ok := replacer.Get("http.reverse_proxy.upstream.latency"); ok {
		waited, _ = took.(time.Duration)
	}
	return upstream, retries, waited
}
