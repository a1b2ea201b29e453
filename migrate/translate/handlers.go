package translate

import (
	"maps"
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
	relevant := func(section *Section) bool { return section.Has("SetHandler", "CGIPassAuth") }
	sets := func(section *Section) bool { return section.Has("SetHandler") }
	if !slices.ContainsFunc(s.Sections(sc), sets) {
		return
	}
	enough := func(taken []*Section) bool { return len(taken) > 0 }
	if slices.ContainsFunc(s.Sections(sc), func(section *Section) bool { return section.Has("CGIPassAuth") }) {
		enough = nil
	}
	choices, ok := s.Choices(sc, relevant, enough)
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
		deciding := slices.Clone(sections)
		for len(deciding) > 0 && !sets(deciding[len(deciding)-1]) {
			deciding = deciding[:len(deciding)-1]
		}
		if d := Last(deciding, "SetHandler"); d != nil && len(d.Args) == 1 && wanted(deciding[len(deciding)-1]) {
			s.writeHandler(b, d, d.Args[0], sections)
		}
	})
}

// writeHandler writes the handler of one SetHandler or AddHandler. Handlers
// that have no equivalent answer 403: what they would have run must not be
// sent as a file.
func (s *Site) writeHandler(b *Block, d *apacheconf.Directive, name string, sections []*Section) {
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
		s.WriteFastCGI(b, dial, "", sections)
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
func (s *Site) handsOnAuthorization(sections []*Section) bool {
	if d := Last(sections, "CGIPassAuth"); d != nil {
		return isOn(d)
	}
	return slices.ContainsFunc(s.sections, func(section *Section) bool {
		return slices.ContainsFunc(section.Directives, func(d *apacheconf.Directive) bool {
			return strings.Contains(strings.ToUpper(d.Raw), "HTTP_AUTHORIZATION")
		})
	})
}

// writeAddedHandlers writes AddHandler, and AddType where it makes programs of
// files, for names with the extension anywhere in them, as Apache reads them.
// Later sections replace and remove what earlier ones say of an extension.
func (s *Site) writeAddedHandlers(sc *Scope, b *Block) {
	adds := func(section *Section) bool { return slices.ContainsFunc(section.Directives, isAddedHandler) }
	relevant := func(section *Section) bool {
		return adds(section) || section.Has("RemoveHandler", "CGIPassAuth")
	}
	sections := s.Sections(sc)
	for _, section := range sections {
		for _, d := range section.Directives {
			s.noteAddedHandler(d)
		}
	}
	if !slices.ContainsFunc(sections, adds) {
		return
	}
	choices, ok := s.Choices(sc, relevant, nil)
	if !ok || s.hasUnknownConditions(sc, relevant) {
		for _, section := range sections {
			for _, d := range section.All("AddHandler", "RemoveHandler") {
				s.Refuse(d, "it can't be told where this handler answers", "join the sections")
			}
		}
		b.Line("error", "403")
		return
	}
	s.WriteChoices(b, choices, func(b *Block, sections []*Section) { s.writeHandlersOf(b, sections) })
}

// isAddedHandler tells whether a directive hands files of an extension to a program.
func isAddedHandler(d *apacheconf.Directive) bool {
	return len(d.Args) > 1 && (d.Is("AddHandler") || d.Is("AddType") && isProgram(d.Args[0]))
}

func (s *Site) noteAddedHandler(d *apacheconf.Directive) {
	switch {
	case d.Is("RemoveHandler"):
		s.Translated(d)
	case !isAddedHandler(d):
	case strings.EqualFold(d.Args[0], "type-map"):
		s.Harmless(d, "type maps are not evaluated; their files are sent as they are")
	case strings.EqualFold(d.Args[0], "send-as-is"), strings.Contains(d.Args[0], "httpd-php-source"):
		s.Refuse(d, "the handler "+d.Args[0]+" has no equivalent; its files answer 403", "")
	default:
		s.Translated(d)
	}
}

// writeHandlersOf writes the handlers that hold where the sections do.
func (s *Site) writeHandlersOf(b *Block, sections []*Section) {
	handlers := map[string]*apacheconf.Directive{} // by extension
	for _, section := range sections {
		for _, d := range section.All("RemoveHandler") {
			for _, extension := range d.Args {
				if d := handlers[extensionOf(extension)]; d != nil && d.Is("AddHandler") {
					delete(handlers, extensionOf(extension))
				}
			}
		}
		for _, d := range section.Directives {
			if !isAddedHandler(d) {
				continue
			}
			for _, extension := range d.Args[1:] {
				handlers[extensionOf(extension)] = d
			}
		}
	}
	var written []*apacheconf.Directive
	for _, extension := range slices.Sorted(maps.Keys(handlers)) {
		d := handlers[extension]
		if slices.Contains(written, d) {
			continue
		}
		written = append(written, d)
		var extensions []string
		for _, other := range slices.Sorted(maps.Keys(handlers)) {
			if handlers[other] == d {
				extensions = append(extensions, quoteRegexp(other))
			}
		}
		inner := b.Detached()
		s.writeHandler(inner, d, strings.ToLower(d.Args[0]), sections) // Apache compares handlers in lower case
		if !inner.Empty() {
			b.Open("route", s.Matcher([]Condition{filesWith(extensions)})).Append(inner)
		}
	}
}

// filesWith are the files of which the name has one of the extensions anywhere;
// these are patterns.
func filesWith(extensions []string) Condition {
	return Condition{Kind: KindFiles, Regexp: true, Pattern: `(?i)\.(?:` + strings.Join(extensions, "|") + `)(?:\.|$)`}
}

// extensionOf is an extension as it is compared: in lower case, without its dot.
func extensionOf(word string) string { return strings.ToLower(strings.TrimPrefix(word, ".")) }

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
func (s *Site) WriteFastCGI(b *Block, dial, root string, sections []*Section) {
	if s.asksExpressions() {
		b.Line("apache_vary")
	}
	proxy := b.Open("reverse_proxy", Literal(dial))
	s.WriteFastCGIHeaders(proxy)
	if !s.handsOnAuthorization(sections) {
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

// asksExpressions tells whether something in the site evaluates an expression.
func (s *Site) asksExpressions() bool {
	found := false
	for _, section := range s.sections {
		found = found || slices.ContainsFunc(section.Conditions, func(c Condition) bool { return c.Kind == KindIf })
		apacheconf.Walk(section.Directives, func(d *apacheconf.Directive) {
			words := requirement(d)
			found = found || d.Is("SetEnvIfExpr") || d.Is("Require") && len(words) > 0 && strings.EqualFold(words[0], "expr")
		})
	}
	return found
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
