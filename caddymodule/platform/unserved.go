package platform

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// watchServers has what comes to the servers of the configuration looked at
// before any of its sites: nobody else sees the requests that no site takes, and
// connections that outlive the configuration. Nothing else about the answers
// changes.
func (a *App) watchServers(ctx caddy.Context) {
	value, err := ctx.AppIfConfigured("http")
	if err != nil {
		return // Caddy comes upon the same error, and says so
	}
	app, ok := value.(*caddyhttp.App)
	if !ok {
		return
	}
	for _, server := range app.Servers {
		server.RegisterConnState(a.watchHandshake)
		server.RegisterConnState(a.watchLatecomers)
		server.RegisterConnState(a.watchNewcomers)
		server.RegisterConnContext(a.watchRequests(server))
		a.watchHTTP3(server)
	}
}

// watchRequests puts a watcher before the server's handler when its first
// connection comes. The server is known only then, and what serves
// connections starts after this function has returned.
func (a *App) watchRequests(of *caddyhttp.Server) func(context.Context, net.Conn) context.Context {
	var once sync.Once
	return func(ctx context.Context, _ net.Conn) context.Context {
		once.Do(func() {
			if server, ok := ctx.Value(http.ServerContextKey).(*http.Server); ok {
				server.Handler = &watcher{server.Handler, of, a}
			}
		})
		return ctx
	}
}

// watcher counts requests that no site takes, sends clients of a configuration
// that is over away, and hands all requests on.
type watcher struct {
	next http.Handler
	of   *caddyhttp.Server
	app  *App
}

// ServeHTTP implements [http.Handler].
func (w *watcher) ServeHTTP(writer http.ResponseWriter, r *http.Request) {
	w.look(r)
	w.app.dismiss(writer, r)
	w.next.ServeHTTP(writer, r)
}

// watchHTTP3 has requests over HTTP/3 looked at by a matcher, as Caddy keeps
// that server to itself: before those of the first route that has some, which
// every request comes to. Its list is the one that the compiled routes share.
func (a *App) watchHTTP3(server *caddyhttp.Server) {
	for _, route := range server.Routes {
		if sets := route.MatcherSets; len(sets) > 0 {
			sets[0] = append(caddyhttp.MatcherSet{http3Watcher{watcher{of: server, app: a}}}, sets[0]...)
			return
		}
	}
}

// http3Watcher matches everything, and looks at what came over HTTP/3.
type http3Watcher struct{ watcher }

// MatchWithError implements [caddyhttp.RequestMatcherWithError].
func (w http3Watcher) MatchWithError(r *http.Request) (bool, error) {
	if r.ProtoMajor == 3 {
		w.look(r)
	}
	return true, nil
}

func (w *watcher) look(r *http.Request) {
	known := w.app.names.Load()
	if known == nil {
		return // the configuration starts at this moment
	}
	host, sni := nameOf(r.Host), ""
	if r.TLS != nil && !strings.EqualFold(r.TLS.ServerName, host) {
		sni = r.TLS.ServerName
	}
	switch {
	case !known.any[w.of] && !known.has(host):
		w.app.NoteUnserved(homepage.UnknownHost, host, sni)
	case sni != "":
		w.app.NoteUnserved(homepage.OtherName, host, sni)
	}
}

// watchHandshake counts handshakes that failed for a name that no site has.
func (a *App) watchHandshake(connection net.Conn, state http.ConnState) {
	if state != http.StateClosed {
		return
	}
	was, ok := tlsOf(connection)
	if !ok || was.HandshakeComplete || was.ServerName == "" {
		return
	}
	if known, name := a.names.Load(), nameOf(was.ServerName); known != nil && !known.has(name) {
		a.NoteUnserved(homepage.UnknownName, name, "")
	}
}

// tlsOf is what is known of a connection's TLS, if it has any.
func tlsOf(connection net.Conn) (state tls.ConnectionState, ok bool) {
	secured, ok := connection.(interface{ ConnectionState() tls.ConnectionState })
	if !ok {
		return tls.ConnectionState{}, false
	}
	return secured.ConnectionState(), true
}

// NoteUnserved counts a request that came to nothing; name and SNI are as the
// client sent them. Only for use once the stores are open.
func (a *App) NoteUnserved(kind homepage.UnservedKind, name, sni string) {
	a.state.unserved.Add(kind, name, sni, time.Now())
}

// Unserved is the traffic that came to nothing, since this process started.
// Only for use once the stores are open.
func (a *App) Unserved() []homepage.UnservedOfKind { return a.state.unserved.All() }

var _ caddyhttp.RequestMatcherWithError = http3Watcher{}
