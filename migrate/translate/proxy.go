package translate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

var (
	proxyNames      = []string{"ProxyPass", "ProxyPassMatch"}
	reverseNames    = []string{"ProxyPassReverse", "ProxyPassReverseCookieDomain", "ProxyPassReverseCookiePath"}
	settingNames    = []string{"ProxyPreserveHost", "ProxyAddHeaders", "ProxyTimeout", "ProxyErrorOverride"}
	backendTLSNames = []string{
		"SSLProxyEngine", "SSLProxyVerify", "SSLProxyCheckPeerName", "SSLProxyCheckPeerCN", "SSLProxyCheckPeerExpire", "SSLProxyProtocol",
		"SSLProxyCipherSuite", "SSLProxyCACertificateFile", "SSLProxyVerifyDepth", "SSLProxyMachineCertificateFile", "SSLProxyCACertificatePath",
	}
	idleProxyNames = []string{
		"ProxyBadHeader", "ProxyIOBufferSize", "ProxyReceiveBufferSize", "ProxyMaxForwards", "NoProxy", "BalancerPersist", "BalancerInherit", "ProxyFtpDirCharset",
		"ProxyFtpListOnWildcard", "ProxyFtpEscapeWildcards", "BalancerNonce", "ProxySourceAddress", "Proxy100Continue", "BalancerGrowth", "ProxyWebsocketFallbackToProxyHttp",
	}
	foreignProxyNames = []string{"ProxyRemote", "ProxyRemoteMatch", "ProxyBlock", "ProxyDomain", "ProxyPassInherit", "ProxyPassInterpolateEnv", "ProxyMatch", "ProxyPassInterpolate", "BalancerMember", "ProxySet", "ProxyRequests"}
)

func init() {
	names := slices.Concat(proxyNames, reverseNames, settingNames, backendTLSNames, idleProxyNames, foreignProxyNames)
	Register(Part{Stage: StageProxy, Directives: names, Site: writeProxies})
}

// writeProxies writes a branch for each ProxyPass, in Apache's order.
func writeProxies(s *Site, b *Block) {
	s.noteProxySettings()
	refused := map[*apacheconf.Directive]string{}
	list := s.proxyPasses(func(p proxyPass, why string) { refused[p.Directive] = why })
	for d, why := range refused {
		s.Refuse(d, why, "change the line; until then its paths answer 503")
	}
	complete := s.IsComplete()
	nested := false
	for _, p := range list {
		switch why := refused[p.Directive]; {
		case complete:
			if why == "" {
				s.Approximate(p.Directive, "never asked, in Apache neither: a ProxyPass before it takes every request", "delete the line, or move it up")
			}
			continue
		case p.exclude:
			b.From(p.Directive)
			b = b.Open("route", s.exceptMatcher(b, p))
			s.Translated(p.Directive)
			nested = true
			if len(p.conditions()) == 0 {
				complete = true // nothing is left that could be proxied
			}
			continue
		default:
			s.writeProxy(b, p, why)
		}
		if len(p.conditions()) == 0 {
			complete = true
			if !nested {
				s.Complete()
			}
		}
	}
}

// exceptMatcher is a matcher for what a ProxyPass with "!" does not exempt.
func (s *Site) exceptMatcher(b *Block, p proxyPass) string {
	conditions := p.conditions()
	if len(conditions) == 0 {
		return s.never()
	}
	words := s.matcherWords(conditions[0])
	return s.definitions.Matcher("except_"+hintOf(conditions[0]), append([]string{"not"}, words...)...)
}

// writeProxy writes the branch of one ProxyPass; with a reason why not, one
// that keeps its paths from being answered by something else.
func (s *Site) writeProxy(b *Block, p proxyPass, why string) {
	b.From(p.Directive)
	words := []string{"route"}
	if conditions := p.conditions(); len(conditions) > 0 {
		words = append(words, s.Matcher(conditions))
	}
	branch := b.Open(words...)
	var members balancer
	if why == "" && p.target.scheme == "balancer" {
		members = s.balancerOf(p.target.authority)
		if why = members.check(); why == "" {
			p.target.path = strings.TrimSuffix(members.members[0].target.path, "/") + p.target.path
		}
	}
	if why == "" {
		why = s.checkTLS(p.target, members)
	}
	prefix := p.prefix
	if prefix == "" {
		prefix = "/"
	}
	sc := &Scope{URLPrefix: prefix, Proxy: p.target.url()}
	if why == "" && members.first(p.target).tls() {
		why = s.checkBackendTLS(sc)
	}
	if why != "" {
		s.Refuse(p.Directive, why, "change the line; until then its paths answer 503")
		branch.Line("error", "503")
		return
	}
	s.Translated(p.Directive)
	if p.isMismatched() {
		s.Approximate(p.Directive, "without a slash after the name of the backend Apache serves only "+p.prefix+" itself; here all paths are forwarded", "end the URL in a slash")
		p.target.path = "/"
		sc.Proxy = p.target.url()
	}
	s.WriteScope(branch, sc, func(b *Block) { s.writeBackend(b, sc, p, members) })
}

// writeBackend writes what forwards the requests of a scope.
func (s *Site) writeBackend(b *Block, sc *Scope, p proxyPass, members balancer) {
	if p.target.scheme == "fcgi" {
		s.writeFastCGIProxy(b, sc, p)
		return
	}
	s.writeReverse(b, sc)
	if p.mapsPath() {
		words := []string{"apache_proxy_path"}
		if p.regexp != "" {
			words = append(words, "~", Literal(p.regexp), Literal(p.target.path))
		} else {
			words = append(words, "prefix", Literal(p.prefix), Literal(p.target.path))
		}
		if _, raw := p.parameters["nocanon"]; raw {
			words = append(words, "nocanon")
		}
		b.Line(words...)
	}
	s.writeReverseProxy(b, sc, p, members)
}

// writeFastCGIProxy writes a ProxyPass to a FastCGI server. The folder in its
// URL is where the server finds the scripts.
func (s *Site) writeFastCGIProxy(b *Block, sc *Scope, p proxyPass) {
	dial := p.target.dial()
	root := strings.TrimSuffix(strings.TrimSuffix(p.target.path, "$1"), "/")
	if root == "" || strings.ContainsAny(root, "$") || p.regexp == "" && p.prefix != "/" {
		s.Refuse(p.Directive, "the folder of the scripts can't be told from this URL", "write ProxyPassMatch ^/(.*\\.php)$ fcgi://HOST:PORT/FOLDER/$1")
		b.Line("error", "503")
		return
	}
	var passes []*Section
	if d := s.setting(sc, "CGIPassAuth"); d != nil {
		s.Translated(d)
		passes = []*Section{{Directives: []*apacheconf.Directive{d}}}
	}
	s.WriteFastCGI(b, dial, root, passes)
}

// setting is the last directive of one of names that holds for all requests of
// the scope.
func (s *Site) setting(sc *Scope, names ...string) *apacheconf.Directive {
	var certain []*Section
	for _, section := range s.Sections(sc) {
		if sc.reach(section) == Always {
			certain = append(certain, section)
		} else {
			for _, d := range section.All(names...) {
				s.Approximate(d, "holds for a part of what the backend answers only, and is left out", "move it into the Location of the ProxyPass")
			}
		}
	}
	return Last(certain, names...)
}

// writeReverse writes proxy_pass_reverse for the scope.
func (s *Site) writeReverse(b *Block, sc *Scope) {
	inner := b.Detached()
	for _, section := range s.Sections(sc) {
		for _, d := range section.All(reverseNames...) {
			s.writeReverseLine(inner, section, d)
		}
	}
	if !inner.Empty() {
		b.Open("proxy_pass_reverse").Append(inner)
	}
}

func (s *Site) writeReverseLine(inner *Block, section *Section, d *apacheconf.Directive) {
	args := d.Args
	if d.Is("ProxyPassReverse") && section.Kind == KindLocation && len(args) == 1 {
		condition := section.Conditions[len(section.Conditions)-1]
		if condition.Regexp || condition.Glob {
			s.Approximate(d, "the path of this Location is not fixed, so that URLs of the backend stay as they are", "write ProxyPassReverse with a path outside of it")
			return
		}
		args = []string{condition.Pattern, args[0]}
	}
	if len(args) > 2 && args[2] == "interpolate" {
		args = args[:2]
	}
	if len(args) != 2 {
		s.Refuse(d, "these are not the arguments of "+d.Name, "correct the line")
		return
	}
	s.Translated(d)
	switch {
	case d.Is("ProxyPassReverseCookieDomain"):
		inner.Line("cookie_domain", Literal(args[0]), Literal(args[1]))
	case d.Is("ProxyPassReverseCookiePath"):
		inner.Line("cookie_path", Literal(args[0]), Literal(args[1]))
	default:
		for _, url := range s.reversedURLs(args[1]) {
			inner.Line("url", Literal(url), Literal(args[0]))
		}
	}
}

// reversedURLs are the backend's URLs that a ProxyPassReverse means: for a
// balancer those of its members.
func (s *Site) reversedURLs(url string) []string {
	t, err := parseTarget(url)
	if err != nil {
		return []string{url}
	}
	if t.socket != "" {
		return []string{t.url()}
	}
	if t.scheme != "balancer" {
		return []string{url}
	}
	var urls []string
	for _, m := range s.balancerOf(t.authority).members {
		urls = append(urls, strings.TrimSuffix(m.target.url(), "/")+t.path)
	}
	return urls
}

// writeReverseProxy writes reverse_proxy with Apache's headers and time-outs.
func (s *Site) writeReverseProxy(b *Block, sc *Scope, p proxyPass, members balancer) {
	rp := b.Detached()
	dials := []string{Literal(p.target.dial())}
	first := members.first(p.target)
	if len(members.members) > 0 {
		dials = s.writeBalancing(rp, p.Directive, members)
	}
	s.writeHost(rp, sc, first, len(dials) > 1)
	if p.parameters["flushpackets"] == "on" || p.parameters["flushpackets"] == "auto" {
		rp.Line("flush_interval", "-1")
	}
	s.writeTransport(rp.Open("transport", "apache"), sc, first, p.parameters)
	s.writeErrorOverride(rp, sc)
	b.Open(append([]string{"reverse_proxy"}, dials...)...).Append(rp)
}

// writeHost writes which Host the backend sees.
func (s *Site) writeHost(rp *Block, sc *Scope, t target, several bool) {
	switch {
	case saysOn(s.setting(sc, "ProxyPreserveHost")):
		rp.Line("header_up", "Host", "{hostport}")
	case several:
		rp.Line("header_up", "Host", "{upstream_hostport}")
	default:
		rp.Line("header_up", "Host", Literal(t.host()))
	}
}

// writeTransport writes the options of the connection to the backend.
func (s *Site) writeTransport(tr *Block, sc *Scope, t target, parameters map[string]string) {
	if name := s.Name(); name != "" {
		tr.Line("server_name", Literal(name))
	}
	if d := s.setting(sc, "ProxyAddHeaders"); d != nil && !saysOn(d) {
		tr.Line("add_headers", "off")
	}
	timeout := parameters["timeout"]
	if timeout == "" {
		if d := s.Last("ProxyTimeout"); d != nil && len(d.Args) == 1 {
			timeout = d.Args[0]
		} else if d := s.Last("Timeout"); d != nil && len(d.Args) == 1 {
			timeout = d.Args[0]
		}
	}
	read := apacheDuration(timeout, "60s")
	tr.Line("dial_timeout", apacheDuration(parameters["connectiontimeout"], read))
	// Not read_timeout: its clock also runs while a connection waits for a
	// request, and would cut the answer to one that comes late.
	tr.Line("response_header_timeout", read)
	tr.Line("write_timeout", read)
	if strings.EqualFold(parameters["disablereuse"], "on") || strings.EqualFold(parameters["enablereuse"], "off") {
		tr.Line("keepalive", "off")
	} else {
		if ttl := parameters["ttl"]; ttl != "" {
			tr.Line("keepalive", apacheDuration(ttl, "60s"))
		}
		tr.Line("keepalive_idle_conns_per_host", "128")
	}
	tr.Line("compression", "off")
	if !strings.HasPrefix(t.scheme, "h2") {
		tr.Line("versions", "1.1")
	}
	if size := parameters["responsefieldsize"]; isNumber(size) {
		tr.Line("max_response_header", size)
	}
	if t.tls() {
		s.writeBackendTLS(tr, sc)
	}
}

// apacheDuration is a number of seconds, or of milliseconds and the like, as
// a duration of Caddy.
func apacheDuration(value, fallback string) string {
	switch {
	case isNumber(value) && value != "0":
		return value + "s"
	case strings.HasSuffix(value, "ms") && isNumber(strings.TrimSuffix(value, "ms")),
		strings.HasSuffix(value, "s") && isNumber(strings.TrimSuffix(value, "s")):
		return value
	case strings.HasSuffix(value, "min") && isNumber(strings.TrimSuffix(value, "min")):
		return strings.TrimSuffix(value, "in")
	}
	return fallback
}

// writeErrorOverride has errors of the backend answered by ErrorDocument.
func (s *Site) writeErrorOverride(rp *Block, sc *Scope) {
	d := s.setting(sc, "ProxyErrorOverride")
	if !saysOn(d) {
		return
	}
	words := []string{"status"}
	for _, code := range d.Args[1:] {
		if _, err := strconv.Atoi(code); err == nil {
			words = append(words, code)
		}
	}
	if len(words) == 1 {
		words = append(words, "4xx", "5xx")
	}
	name := rp.Matcher("failed", words...)
	response := rp.Open("handle_response", name)
	response.Open("copy_response_headers").Line("include", "WWW-Authenticate")
	response.Line("error", "the backend failed", "{rp.status_code}")
}

// noteProxySettings gives verdicts on what needs no line of its own.
func (s *Site) noteProxySettings() {
	for _, section := range s.sections {
		for _, d := range section.All(slices.Concat(settingNames, backendTLSNames)...) {
			s.noteProxySetting(d)
		}
		for _, d := range section.All(idleProxyNames...) {
			if d.Is("ProxyMaxForwards") && len(d.Args) == 1 && isNumber(d.Args[0]) {
				s.Approximate(d, "backends do not get the header Max-Forwards", "")
				continue
			}
			s.Harmless(d, "steers Apache's own connections")
		}
		for _, d := range section.All(foreignProxyNames...) {
			s.noteForeign(section, d)
		}
		for _, d := range section.All(reverseNames...) {
			s.t.record(d, Harmless, "", "")
		}
	}
}

func (s *Site) noteProxySetting(d *apacheconf.Directive) {
	switch {
	case d.Is("SSLProxyCipherSuite"):
		s.Approximate(d, "Go's own settings of TLS hold for backends", "")
	default:
		s.Translated(d)
	}
}

func (s *Site) noteForeign(section *Section, d *apacheconf.Directive) {
	switch {
	case d.Is("BalancerMember"):
		// What a ProxyPass uses gets its verdict there; the rest serves nobody.
		s.t.record(d, Harmless, "", "")
	case d.Is("ProxySet"):
		if section.Kind == KindProxy && len(section.Conditions) == 1 && strings.HasPrefix(section.Conditions[0].Pattern, "balancer:") || len(d.Args) > 0 && strings.HasPrefix(d.Args[0], "balancer:") {
			s.t.record(d, Harmless, "", "")
			return
		}
		s.Approximate(d, "parameters of single backends are taken from ProxyPass only", "write them behind the URL of the ProxyPass")
	case d.Is("ProxyRequests"):
		if saysOn(d) {
			s.Refuse(d, "a forward proxy has no equivalent", "delete the line; it lets anybody reach other servers through this one")
			return
		}
		s.Harmless(d, "")
	case d.Is("ProxyPassInherit", "ProxyPassInterpolateEnv") && len(d.Args) == 1 && strings.EqualFold(d.Args[0], "off"):
		s.Harmless(d, "")
	case d.Is("ProxyPassInherit"):
		s.Harmless(d, "")
	default:
		s.Refuse(d, "it has no equivalent", "")
	}
}

// saysOn tells whether d is there and its first argument is On.
func saysOn(d *apacheconf.Directive) bool {
	return d != nil && len(d.Args) > 0 && strings.EqualFold(d.Args[0], "on")
}
