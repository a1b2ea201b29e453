package platform

import (
	"net"
	"net/http"
	"time"
)

// lateTime is how long a connection of a configuration that is over may be idle.
const lateTime = 5 * time.Second

// over tells whether the configuration is about to stop, or has.
func (a *App) over() bool {
	select {
	case <-a.ending:
		return true
	default:
		return false
	}
}

// watchLatecomers ends HTTP/2 connections that are idle once the configuration
// is over. Those whose handshake ends while their server shuts down are not told
// to go (net/http, golang.org/x/net/http2): the old server and with it the end
// of the process would wait for them.
func (a *App) watchLatecomers(connection net.Conn, state http.ConnState) {
	if state != http.StateIdle && state != http.StateActive || !a.over() || !speaksHTTP2(connection) {
		return
	}
	var until time.Time // whatever an active one takes
	if state == http.StateIdle {
		until = time.Now().Add(lateTime)
	}
	_ = connection.SetReadDeadline(until) // fails for one that is closed
}

func speaksHTTP2(connection net.Conn) bool {
	state, ok := tlsOf(connection)
	return ok && state.NegotiatedProtocol == "h2"
}

// dismiss has a client that asks a configuration that is over, or is about to
// be, make its next connection to the one that runs.
func (a *App) dismiss(writer http.ResponseWriter, r *http.Request) {
	upgrades := r.Header["Upgrade"] != nil // the answer says so in the same field
	if (a.superseded.Load() || a.over()) && !upgrades {
		writer.Header().Set("Connection", "close") // for HTTP/2 a GOAWAY, which names this request
	}
}
