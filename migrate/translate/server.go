package translate

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// endpoint is an address and a port; an empty host stands for all addresses.
type endpoint struct {
	host string // an IP address without brackets, or ""
	port int
}

func (e endpoint) String() string { return net.JoinHostPort(e.host, strconv.Itoa(e.port)) }

// listener is a Listen directive.
type listener struct {
	endpoint
	https bool // the optional protocol argument
	from  *apacheconf.Directive
}

// host is a virtual host as Apache has it, or the main server.
type host struct {
	section    *apacheconf.Directive // nil for the main server
	addresses  []endpoint            // port 0 is every port
	names      []string              // ServerName, then ServerAlias; lower case
	serverPort int                   // of ServerName, 0 when not given
	scheme     string                // of ServerName, or ""
}

// server is the whole configuration: what listens, and who answers where.
type server struct {
	main      *host
	listeners []listener
	hosts     []*host // in file order
}

// group is the virtual hosts that share an address. The first is the default.
type group struct {
	endpoint
	hosts []*host
}

// serverOf reads Listen, VirtualHost, ServerName and ServerAlias.
func (t *translation) serverOf(tree *apacheconf.Tree) *server {
	s := &server{main: &host{}}
	t.readNames(s.main, tree.Directives)
	for _, d := range tree.Directives {
		switch {
		case d.Is("Listen"):
			t.readListen(s, d)
		case d.Section && d.Is("VirtualHost"):
			s.hosts = append(s.hosts, t.readHost(d, s.main))
		}
	}
	if len(s.listeners) == 0 {
		t.assumeListeners(s)
	}
	return s
}

// assumeListeners has a configuration without any Listen, such as the file of a
// single site, listen on the ports that its virtual hosts name.
func (t *translation) assumeListeners(s *server) {
	for _, h := range s.hosts {
		for _, at := range h.addresses {
			if at.port == 0 {
				at.port = 80
			}
			assumed := listener{endpoint: endpoint{port: at.port}, https: at.port == 443}
			if !slices.Contains(s.listeners, assumed) {
				s.listeners = append(s.listeners, assumed)
				t.approximate(h.section, "the file has no Listen, and its virtual hosts are taken to be reachable; what the main server says of access is not known", "adapt the main file, apache2.conf")
			}
		}
	}
}

func (t *translation) readListen(s *server, d *apacheconf.Directive) {
	if len(d.Args) == 0 || len(d.Args) > 2 {
		t.refuse(d, "Listen needs an address and at most a protocol", "correct the line")
		return
	}
	at, err := parseEndpoint(d.Args[0])
	if err != nil || at.port == 0 {
		t.refuse(d, "the address is not one: "+d.Args[0], "write Listen PORT or Listen ADDRESS:PORT")
		return
	}
	l := listener{endpoint: at, https: at.port == 443, from: d}
	if len(d.Args) == 2 {
		l.https = strings.EqualFold(d.Args[1], "https")
	}
	s.listeners = append(s.listeners, l)
	t.translated(d)
}

func (t *translation) readHost(d *apacheconf.Directive, main *host) *host {
	h := &host{section: d}
	if len(d.Args) == 0 {
		t.refuse(d, "a virtual host needs an address", "write <VirtualHost *:80>")
	}
	for _, arg := range d.Args {
		at, err := parseEndpoint(arg)
		if err != nil {
			t.refuse(d, err.Error(), "write the IP address, or * for all of them")
			continue
		}
		h.addresses = append(h.addresses, at)
	}
	t.readNames(h, d.Children)
	if len(h.names) == 0 && len(main.names) > 0 {
		h.names = main.names[:1]
	}
	if !t.knows(d) {
		t.translated(d)
	}
	return h
}

// readNames reads the last ServerName and all ServerAlias lines of list.
func (t *translation) readNames(h *host, list []*apacheconf.Directive) {
	var aliases []string
	for _, d := range list {
		switch {
		case d.Is("ServerName"):
			t.readServerName(h, d)
		case d.Is("ServerAlias", "ServerPath"):
			if d.Is("ServerPath") {
				t.refuse(d, "name-based hosts for clients without a Host header", "delete the line")
				continue
			}
			for _, name := range d.Args {
				aliases = append(aliases, strings.ToLower(strings.TrimSuffix(name, ".")))
			}
			t.translated(d)
		}
	}
	for _, name := range aliases {
		if name != "" && !slices.Contains(h.names, name) {
			h.names = append(h.names, name)
		}
	}
}

// readServerName reads [scheme://]name[:port].
func (t *translation) readServerName(h *host, d *apacheconf.Directive) {
	if len(d.Args) != 1 {
		t.refuse(d, "ServerName takes one name", "write the others into ServerAlias")
		return
	}
	name := d.Args[0]
	h.scheme, h.serverPort = "", 0
	if scheme, rest, ok := strings.Cut(name, "://"); ok {
		h.scheme, name = strings.ToLower(scheme), rest
	}
	name = strings.TrimSuffix(name, "/")
	if host, port, err := net.SplitHostPort(name); err == nil {
		name = host
		h.serverPort, _ = strconv.Atoi(port)
	}
	h.names = []string{strings.ToLower(strings.Trim(strings.TrimSuffix(name, "."), "[]"))}
	t.translated(d)
}

// parseEndpoint reads the address of Listen or VirtualHost: PORT, HOST, HOST:PORT
// with an IP address, * or _default_ as host and * as port.
func parseEndpoint(s string) (endpoint, error) {
	if port, err := strconv.ParseUint(s, 10, 16); err == nil {
		return endpoint{port: int(port)}, nil
	}
	host, port := s, "*"
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") && strings.Count(strings.Trim(s[:i], "[]"), ":") != strings.Count(s, ":") {
		host, port = s[:i], s[i+1:]
	}
	at := endpoint{}
	if port != "*" {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return at, fmt.Errorf("%q has no port", s)
		}
		at.port = int(number)
	}
	host = strings.Trim(host, "[]")
	switch host {
	case "*", "_default_", "0.0.0.0", "::", "":
		return at, nil
	default:
		ip, err := netip.ParseAddr(host)
		if err != nil {
			return at, fmt.Errorf("%q is a name, whose address is not known here", host)
		}
		at.host = ip.String()
		return at, nil
	}
}

// groups sorts the virtual hosts by the address they answer on, as far as
// something listens there. Where no virtual host answers, the main server does.
func (s *server) groups() []group {
	var groups []group
	for _, l := range s.listeners {
		for _, at := range s.endpointsOf(l) {
			if slices.ContainsFunc(groups, func(g group) bool { return g.endpoint == at }) {
				continue
			}
			groups = append(groups, group{endpoint: at, hosts: s.hostsAt(at)})
		}
	}
	return groups
}

// endpointsOf gives the addresses below a listener that have virtual hosts of
// their own, and the listener's itself.
func (s *server) endpointsOf(l listener) []endpoint {
	endpoints := []endpoint{l.endpoint}
	if l.host != "" {
		return endpoints
	}
	for _, h := range s.hosts {
		for _, at := range h.addresses {
			if at.host != "" && (at.port == 0 || at.port == l.port) {
				endpoints = append(endpoints, endpoint{host: at.host, port: l.port})
			}
		}
	}
	return endpoints
}

// hostsAt is who answers at an endpoint: those who name its address, else those
// who name all addresses, else the main server.
func (s *server) hostsAt(at endpoint) []*host {
	var exact, wild []*host
	for _, h := range s.hosts {
		for _, own := range h.addresses {
			if own.port != 0 && own.port != at.port {
				continue
			}
			if own.host == "" && !slices.Contains(wild, h) {
				wild = append(wild, h)
			}
			if own.host != "" && own.host == at.host && !slices.Contains(exact, h) {
				exact = append(exact, h)
			}
		}
	}
	switch {
	case len(exact) > 0:
		return exact
	case len(wild) > 0:
		return wild
	default:
		return []*host{s.main}
	}
}
