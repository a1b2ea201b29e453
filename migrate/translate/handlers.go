package translate

import (
	"net/url"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

var handlerNames = []string{"SetHandler", "AddHandler", "RemoveHandler", "Action", "CGIPassAuth", "AcceptPathInfo", "ProxyFCGIBackendType", "ProxyFCGISetEnvIf"}

func init() {
	Register(Part{Stage: StageHandler, Directives: handlerNames, Scope: writeHandlers})
}

// writeHandlers writes what answers for files: PHP, nothing where a program
// would have run, or the file itself.
func writeHandlers(s *Site, sc *Scope, b *Block) {
	s.writeAddedHandlers(sc, b)
	for _, section := range s.Sections(sc) {
		for _, d := range section.All("SetHandler", "AcceptPathInfo", "ProxyFCGIBackendType", "CGIPassAuth") {
			s.Translated(d)
		}
		for _, d := range section.All("Action") {
			s.Refuse(d, "scripts that handle other files have no equivalent", "")
		}
		for _, d := range section.All("ProxyFCGISetEnvIf") {
			s.Refuse(d, "conditional FastCGI variables have no equivalent", "")
		}
	}
	s.writeSetHandlers(sc, b, func(section *Section) bool { return section.Kind != KindLocation })
	s.writeFileServer(sc, b)
}

// writeLocationHandlers writes the handlers of locations, for which no file has
// to be there.
func (s *Site) writeLocationHandlers(sc *Scope, b *Block) {
	s.writeSetHandlers(sc, b, func(section *Section) bool { return section.Kind == KindLocation })
}

// writeSetHandlers writes SetHandler where the section that decides is one of those wanted.
func (s *Site) writeSetHandlers(sc *Scope, b *Block, wanted func(*Section) bool) {
	relevant := func(section *Section) bool { return section.Has("SetHandler") }
	choices, ok := s.Choices(sc, relevant, func(taken []*Section) bool { return len(taken) > 0 })
	if !ok || s.hasUnknownConditions(sc, relevant) {
		for _, section := range s.Sections(sc) {
			for _, d := range section.All("SetHandler") {
				s.Refuse(d, "it can't be told where this handler answers", "join the sections")
			}
		}
		b.Line("error", "403")
		return
	}
	s.WriteChoices(b, choices, func(b *Block, sections []*Section) {
		if d := Last(sections, "SetHandler"); d != nil && len(d.Args) == 1 && wanted(sections[len(sections)-1]) {
			s.writeHandler(b, d, d.Args[0], sc)
		}
	})
}

// writeHandler writes the handler of one SetHandler or AddHandler. Handlers
// that have no equivalent answer 403: what they would have run must not be
// sent as a file.
func (s *Site) writeHandler(b *Block, d *apacheconf.Directive, name string, sc *Scope) {
	lower := strings.ToLower(name)
	switch {
	case lower == "none" || lower == "default-handler" || lower == "type-map":
		return
	case strings.HasPrefix(lower, "proxy:"):
		dial, ok := fastCGIAddress(name[len("proxy:"):])
		if !ok {
			s.Refuse(d, "only FastCGI servers are handlers of files", "use ProxyPass for an HTTP server")
			b.Line("error", "403")
			return
		}
		s.WriteFastCGI(b, dial, "")
	case slices.Contains([]string{"server-status", "server-info", "balancer-manager", "ldap-status"}, lower):
		s.Approximate(d, "Apache's own pages are not carried over; the address answers 404", "")
		b.Line("error", "404")
	default:
		s.Refuse(d, "the handler "+name+" has no equivalent; what it would have answered is 403", "run the program behind an HTTP or FastCGI server")
		b.Line("error", "403")
	}
}

// isProgram tells whether a type or handler is that of files that are run, not sent.
func isProgram(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "php") || strings.Contains(name, "cgi") || strings.Contains(name, "script") ||
		strings.HasPrefix(name, "proxy:") || strings.Contains(name, "perl") || strings.Contains(name, "python") ||
		strings.Contains(name, "server-parsed") || strings.Contains(name, "lua") || strings.Contains(name, "wsgi")
}

// runsPrograms tells whether a section hands files to programs, to which paths
// may go on behind the file.
func runsPrograms(section *Section) bool {
	return slices.ContainsFunc(section.All("SetHandler", "AddHandler"), func(d *apacheconf.Directive) bool {
		return len(d.Args) > 0 && strings.HasPrefix(strings.ToLower(d.Args[0]), "proxy:")
	})
}

// handsOnAuthorization tells whether programs get to see what users sign in
// with; Apache keeps it from them unless it is told otherwise.
func (s *Site) handsOnAuthorization() bool {
	return slices.ContainsFunc(s.sections, func(section *Section) bool {
		return slices.ContainsFunc(section.Directives, func(d *apacheconf.Directive) bool {
			return d.Is("CGIPassAuth") && isOn(d) || strings.Contains(strings.ToUpper(d.Raw), "HTTP_AUTHORIZATION")
		})
	})
}

// writeAddedHandlers writes AddHandler, and AddType where it makes programs of
// files, for names with the extension anywhere in them, as Apache reads them.
func (s *Site) writeAddedHandlers(sc *Scope, b *Block) {
	for _, section := range s.Sections(sc) {
		for _, d := range section.All("AddHandler", "AddType") {
			if len(d.Args) < 2 || d.Is("AddType") && !isProgram(d.Args[0]) {
				continue
			}
			if strings.EqualFold(d.Args[0], "type-map") {
				s.Harmless(d, "type maps are not evaluated; their files are sent as they are")
				continue
			}
			if d.Is("AddHandler") && strings.EqualFold(d.Args[0], "send-as-is") || d.Is("AddType") && strings.Contains(d.Args[0], "httpd-php-source") {
				s.Refuse(d, "the handler "+d.Args[0]+" has no equivalent; its files answer 403", "")
			} else {
				s.Translated(d)
			}
			var extensions []string
			for _, extension := range d.Args[1:] {
				extensions = append(extensions, quoteRegexp(strings.TrimPrefix(extension, ".")))
			}
			condition := Condition{Kind: KindFiles, Regexp: true, Pattern: `(?i)\.(?:` + strings.Join(extensions, "|") + `)(?:\.|$)`}
			conditions := []Condition{condition}
			for _, c := range section.Conditions {
				if sc.reachOf(c) != Always && s.understands(c) {
					conditions = append(conditions, c)
				}
			}
			branch := b.Open("route", s.Matcher(conditions))
			s.writeHandler(branch, d, d.Args[0], sc)
		}
		for _, d := range section.All("RemoveHandler") {
			s.Approximate(d, "the handler stays, so that no program is sent as a file", "")
		}
	}
}

// fastCGIAddress reads unix:/path|fcgi://host or fcgi://host:port and gives
// the address for Caddy to dial.
func fastCGIAddress(target string) (string, bool) {
	if rest, ok := strings.CutPrefix(target, "unix:"); ok {
		socket, scheme, ok := strings.Cut(rest, "|")
		if !ok || !strings.HasPrefix(scheme, "fcgi:") || !strings.HasPrefix(socket, "/") {
			return "", false
		}
		return "unix/" + socket, true
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "fcgi" || u.Hostname() == "" {
		return "", false
	}
	if u.Port() == "" {
		return u.Hostname() + ":8000", true // mod_proxy_fcgi's default
	}
	return u.Host, true
}

// WriteFastCGI writes a FastCGI server as the answer. The script's file is the
// site's root and the path of the request, or root and the path.
func (s *Site) WriteFastCGI(b *Block, dial, root string) {
	proxy := b.Open("reverse_proxy", Literal(dial))
	s.WriteFastCGIHeaders(proxy)
	if !s.handsOnAuthorization() {
		proxy.Line("header_up", "-Authorization")
	}
	transport := proxy.Open("transport", "fastcgi")
	transport.Line("split", ".php")
	if root != "" {
		transport.Line("root", Literal(root))
	}
	for _, d := range s.All("SetEnv") {
		if len(d.Args) >= 1 {
			value := strings.Join(d.Args[1:], " ")
			transport.Line("env", Literal(d.Args[0]), Literal(value))
		}
	}
	if d := s.Last("ProxyTimeout", "Timeout"); d != nil && len(d.Args) == 1 && isNumber(d.Args[0]) {
		transport.Line("read_timeout", d.Args[0]+"s")
	}
}

func isNumber(s string) bool {
	return s != "" && len(s) < 10 && strings.Trim(s, "0123456789") == ""
}

// quoteRegexp escapes a text for PCRE.
func quoteRegexp(text string) string {
	var out strings.Builder
	for i := range len(text) {
		if strings.IndexByte(`\.+*?()|[]{}^$-`, text[i]) >= 0 {
			out.WriteByte('\\')
		}
		out.WriteByte(text[i])
	}
	return out.String()
}
