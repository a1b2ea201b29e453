package translate

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// target is the URL of a backend as ProxyPass has it.
type target struct {
	scheme    string // lower case
	authority string // host, or host:port; of a balancer its name
	path      string // with its slash, or empty
	socket    string // of unix:PATH|URL
}

var defaultPorts = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "h2c": "80", "h2": "443", "fcgi": "8000"}

// parseTarget reads the URL of a backend. The error says why it has no
// equivalent.
func parseTarget(url string) (target, error) {
	var t target
	if len(url) > 5 && strings.EqualFold(url[:5], "unix:") {
		socket, rest, found := strings.Cut(url[5:], "|")
		if !found || !strings.HasPrefix(socket, "/") {
			return t, errors.New("a socket is written unix:/PATH|http://NAME/")
		}
		t.socket, url = socket, rest
	}
	scheme, rest, found := strings.Cut(url, "://")
	if !found {
		return t, fmt.Errorf("%q is no URL of a backend", url)
	}
	t.scheme = strings.ToLower(scheme)
	if _, known := defaultPorts[t.scheme]; !known && t.scheme != "balancer" {
		return t, fmt.Errorf("backends that speak %s have no equivalent", t.scheme)
	}
	t.authority = rest
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		t.authority, t.path = rest[:slash], rest[slash:]
	}
	switch {
	case t.authority == "" && t.socket == "":
		return t, errors.New("the name of the backend is missing")
	case t.scheme != "balancer" && !validPort(t.authority):
		return t, fmt.Errorf("the port of %s is not a number", t.authority)
	case strings.ContainsAny(t.authority, "$%{}@ "):
		return t, errors.New("the name of the backend is not fixed")
	}
	return t, nil
}

// url is the target as Apache compares it with <Proxy> sections.
func (t target) url() string { return t.scheme + "://" + t.authority + t.path }

// tls tells whether the backend speaks TLS.
func (t target) tls() bool { return slices.Contains([]string{"https", "wss", "h2"}, t.scheme) }

// dial is the address for Caddy.
func (t target) dial() string {
	if t.socket != "" {
		return "unix/" + t.socket
	}
	if _, port, err := net.SplitHostPort(t.authority); err == nil && port != "" {
		return t.authority
	}
	return net.JoinHostPort(strings.Trim(strings.TrimSuffix(t.authority, ":"), "[]"), defaultPorts[t.scheme])
}

// host is what the backend sees as Host: without the scheme's own port.
func (t target) host() string {
	host, port, err := net.SplitHostPort(t.authority)
	if err != nil || port != defaultPorts[t.scheme] {
		return t.authority
	}
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}

// validPort tells whether what follows the name is nothing or a port.
func validPort(authority string) bool {
	colon := strings.LastIndexByte(authority, ':')
	if colon < 0 || strings.HasSuffix(authority, "]") {
		return true
	}
	port, err := strconv.ParseUint(authority[colon+1:], 10, 16)
	return err == nil && port > 0
}
