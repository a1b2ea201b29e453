package translate

import (
	"net/netip"
)

var remoteIPNames = []string{
	"RemoteIPHeader", "RemoteIPInternalProxy", "RemoteIPTrustedProxy", "RemoteIPInternalProxyList", "RemoteIPTrustedProxyList",
	"RemoteIPProxiesHeader", "RemoteIPProxyProtocol", "RemoteIPProxyProtocolExceptions",
}

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
		if d.Is("RemoteIPInternalProxy", "RemoteIPTrustedProxy") {
			list = s.Own
		}
	}
	for _, d := range s.All(remoteIPNames[1:3]...) {
		s.t.record(d, Harmless, "", "")
	}
	for _, d := range list {
		if !d.Is("RemoteIPInternalProxy", "RemoteIPTrustedProxy") {
			continue
		}
		words := []string{"internal"}
		if d.Is("RemoteIPTrustedProxy") {
			words[0] = "trusted"
		}
		for _, arg := range d.Args {
			prefix, err := readRange(arg)
			if err != nil {
				s.Refuse(d, arg+" is no address and no range", "write the addresses instead of names")
				continue
			}
			words = append(words, prefix)
		}
		if len(words) > 1 {
			inner.Line(words...)
		}
		s.Translated(d)
	}
	for _, d := range s.All(remoteIPNames[3:]...) {
		if d.Is("RemoteIPProxyProtocol") && len(d.Args) == 1 && !saysOn(d) {
			s.Harmless(d, "")
		} else if !d.Is("RemoteIPProxiesHeader") {
			s.Refuse(d, "it has no equivalent", "write the addresses with RemoteIPInternalProxy; for the PROXY protocol see the listener wrapper proxy_protocol")
		}
	}
	if d := s.Last("RemoteIPHeader"); d != nil {
		b.Open("apache_remote_ip").Append(inner)
	}
}

// readRange is an address or a range as Apache writes them.
func readRange(text string) (string, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return address.String(), nil
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.String(), err
}
