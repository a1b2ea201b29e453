package subdomain

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// Upstream checks the address of an app that requests are passed on to, and
// returns it in its shortest form:
//
//	127.0.0.1:8000        host and port, plain HTTP
//	[::1]:8000
//	unix//run/app.sock    a Unix socket, by its absolute path
//	unix+h2c//run/app.sock
//	https://10.0.0.7:8443 a URL without a path; http:// is dropped
//	h2c://127.0.0.1:8000
//
// Placeholders are refused: nothing in a request may choose where it goes.
func Upstream(address string) (string, error) {
	short, err := upstream(address)
	if err != nil {
		return "", fmt.Errorf("%w: upstream %q: %w", ErrTarget, address, err)
	}
	return short, nil
}

func upstream(address string) (string, error) {
	for i := range len(address) {
		switch c := address[i]; {
		case c == '{' || c == '}':
			return "", fmt.Errorf("placeholders are not allowed; use a handler block with reverse_proxy")
		case c <= ' ' || c >= 0x7f:
			return "", fmt.Errorf("%q is not allowed", c)
		}
	}
	if strings.Contains(address, "://") {
		return upstreamURL(address)
	}
	for _, network := range []string{"unix/", "unix+h2c/"} {
		if path, ok := strings.CutPrefix(address, network); ok {
			if !strings.HasPrefix(path, "/") || path == "/" {
				return "", fmt.Errorf("write the absolute path of the socket: %s/run/app.sock", network)
			}
			return address, nil
		}
	}
	if strings.Contains(address, "/") {
		return "", fmt.Errorf("write host:port, unix//path/of/the.sock or a URL without a path")
	}
	return address, hostPort(address)
}

func upstreamURL(address string) (string, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	if parsed.User != nil || parsed.Path != "" || parsed.RawQuery != "" || parsed.ForceQuery || parsed.Fragment != "" {
		return "", fmt.Errorf("the URL of an upstream has a scheme, a host and a port, nothing else")
	}
	port := parsed.Port()
	switch parsed.Scheme {
	case "http", "h2c":
		if port == "" {
			port = "80"
		}
	case "https":
		if port == "" {
			port = "443"
		}
	default:
		return "", fmt.Errorf("the scheme is http, https or h2c")
	}
	authority := net.JoinHostPort(parsed.Hostname(), port)
	if err := hostPort(authority); err != nil {
		return "", err
	}
	if parsed.Scheme == "http" {
		return authority, nil
	}
	return parsed.Scheme + "://" + authority, nil
}

func hostPort(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("write host:port: %w", err)
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 || port[0] == '+' {
		return fmt.Errorf("port %q is not a number from 1 to 65535", port)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	if host == "" || len(host) > maxName {
		return fmt.Errorf("the host is missing or too long")
	}
	for i := range len(host) {
		// Container networks have names with underscores.
		c := host[i] | 0x20 // lower case, and harmless to what is no letter
		if !isLetterOrDigit(c) && c != '-' && c != '.' && host[i] != '_' {
			return fmt.Errorf("%q is not allowed in a host", host[i])
		}
	}
	return nil
}

// Dial returns the address of a target that is one upstream speaking plain
// HTTP/1.1, of which there is no more to say.
func (t Target) Dial() (address string, ok bool) {
	if len(t.Upstreams) != 1 || t.About != nil {
		return "", false
	}
	address = t.Upstreams[0]
	return address, !strings.Contains(address, "://") && !strings.HasPrefix(address, "unix+h2c/")
}
