package platform

import (
	"context"
	"net"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// dialTimeout bounds the look at an upstream.
const dialTimeout = time.Second

// gone reports whether none of a proxied service's upstreams takes a
// connection. It only says when a probe is worth making before it is due: a
// connection costs a few dozen microseconds, a probe a handshake and a
// request. Without an address that can be dialed nothing is known.
func gone(ctx context.Context, service homepage.Service) bool {
	dialed := false
	for _, upstream := range service.Upstreams {
		network, address, ok := dialable(upstream)
		if !ok {
			return false
		}
		dialed = true
		dialer := net.Dialer{Timeout: dialTimeout}
		connection, err := dialer.DialContext(ctx, network, address)
		if err == nil {
			_ = connection.Close() // nothing was sent
			return false
		}
	}
	return dialed && ctx.Err() == nil
}

// dialable tells how to connect to an upstream as the configuration has it;
// ok is false for one that is known only with a request.
func dialable(upstream string) (network, address string, ok bool) {
	if strings.Contains(upstream, "{") {
		return "", "", false
	}
	parsed, err := caddy.ParseNetworkAddress(upstream)
	switch {
	case err != nil, parsed.PortRangeSize() > 1, !parsed.IsUnixNetwork() && parsed.StartPort == 0:
		return "", "", false
	case parsed.IsUnixNetwork():
		return parsed.Network, parsed.Host, true
	case parsed.Network != "tcp":
		return "", "", false
	}
	return "tcp", parsed.JoinHostPort(0), true
}
