package translate

import (
	"errors"
	"io/fs"
	"net/netip"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

var remoteIPNames = []string{
	"RemoteIPHeader", "RemoteIPInternalProxy", "RemoteIPTrustedProxy", "RemoteIPInternalProxyList", "RemoteIPTrustedProxyList",
	"RemoteIPProxiesHeader", "RemoteIPProxyProtocol", "RemoteIPProxyProtocolExceptions",
}

// proxyListNames name proxies, on the line or in a file.
var proxyListNames = []string{"RemoteIPInternalProxy", "RemoteIPTrustedProxy", "RemoteIPInternalProxyList", "RemoteIPTrustedProxyList"}

func init() {
	Register(Part{Stage: StageEarly, Directives: remoteIPNames, Site: writeRemoteIP})
}

// writeRemoteIP writes where the client's address comes from. Virtual hosts
// with a list of proxies of their own do not use the main server's.
func writeRemoteIP(s *Site, b *Block) {
	inner := b.Detached()
	for _, name := range []string{"RemoteIPHeader", "RemoteIPProxiesHeader"} {
		for _, d := range s.All(name) {
			s.Translated(d)
		}
		if d := s.Last(name); d != nil && len(d.Args) == 1 {
			inner.Line(map[string]string{"RemoteIPHeader": "header", "RemoteIPProxiesHeader": "proxies_header"}[name], Literal(d.Args[0]))
		}
	}
	list := s.Main
	for _, d := range s.Own {
		if d.Is(proxyListNames...) {
			list = s.Own
		}
	}
	for _, d := range s.All(proxyListNames...) {
		s.t.record(d, Harmless, "", "")
	}
	for _, d := range list {
		if d.Is(proxyListNames...) {
			s.writeProxies(inner, d)
		}
	}
	for _, d := range s.All("RemoteIPProxyProtocol", "RemoteIPProxyProtocolExceptions") {
		if d.Is("RemoteIPProxyProtocol") && len(d.Args) == 1 && !saysOn(d) {
			s.Harmless(d, "")
		} else {
			s.Refuse(d, "it has no equivalent", "see the listener wrapper proxy_protocol")
		}
	}
	if d := s.Last("RemoteIPHeader"); d != nil {
		b.Open("apache_remote_ip").Append(inner)
	}
}

// writeProxies writes the addresses of a line, or of the file that it names.
func (s *Site) writeProxies(inner *Block, d *apacheconf.Directive) {
	words := []string{"internal"}
	if d.Is("RemoteIPTrustedProxy", "RemoteIPTrustedProxyList") {
		words[0] = "trusted"
	}
	addresses := d.Args
	if d.Is("RemoteIPInternalProxyList", "RemoteIPTrustedProxyList") {
		var err error
		if addresses, err = s.t.proxyList(d); err != nil {
			s.Refuse(d, err.Error(), "write the addresses into the configuration")
			return
		}
	}
	for _, address := range addresses {
		prefix, err := readRange(address)
		if err != nil {
			s.Refuse(d, address+" is no address and no range", "write the addresses instead of names")
			continue
		}
		words = append(words, prefix)
	}
	if len(words) > 1 {
		inner.Line(words...)
	}
	s.Translated(d)
}

// proxyList reads a file of addresses, one a line, with comments.
func (t *translation) proxyList(d *apacheconf.Directive) ([]string, error) {
	if len(d.Args) != 1 {
		return nil, errors.New("it takes the name of a file")
	}
	text, err := fs.ReadFile(t.options.FS, strings.TrimPrefix(t.serverPath(d.Args[0]), "/"))
	if err != nil {
		return nil, err
	}
	var addresses []string
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		addresses = append(addresses, strings.Fields(line)...)
	}
	return addresses, nil
}

// readRange is an address or a range as Apache writes them.
func readRange(text string) (string, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return address.String(), nil
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.String(), err
}
