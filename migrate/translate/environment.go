package translate

import (
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/expression"
	"github.com/aditechsphere/fairway/migrate/pcre"
)

var (
	conditionalNames = []string{"SetEnvIf", "SetEnvIfNoCase", "BrowserMatch", "BrowserMatchNoCase", "SetEnvIfExpr"}
	environmentNames = []string{"SetEnv", "UnsetEnv", "PassEnv"}
)

func init() {
	Register(Part{Stage: StageEarly, Directives: conditionalNames, Site: writeConditionalEnvironment})
	Register(Part{Stage: StageFixup, Scope: writeSectionEnvironment})
	Register(Part{Stage: StageHeader, Directives: environmentNames, Scope: writeEnvironment})
}

// steering are variables with which Apache itself is steered, and that mean
// nothing to Caddy.
var steering = map[string]bool{
	"nokeepalive": true, "downgrade-1.0": true, "force-response-1.0": true, "ssl-unclean-shutdown": true, "ssl-accurate-shutdown": true,
	"no-gzip": true, "gzip-only-text/html": true, "force-no-vary": true, "dont-vary": true, "redirect-carefully": true, "no-cache": true,
	"suppress-error-charset": true, "proxy-nokeepalive": true, "proxy-initial-not-pooled": true, "force-proxy-request-1.0": true,
	"proxy-sendchunked": true, "proxy-sendcl": true, "proxy-chain-auth": true, "proxy-interim-response": true, "prefer-language": true,
	"no-brotli": true, "force-gzip": true, "proxy-sendchunks": true,
	// FastCGI has it from Caddy anyway; see handsOnAuthorization.
	"HTTP_AUTHORIZATION": true,
}

// environmentLine is a SetEnvIf or BrowserMatch as a line of apache_env.
func environmentLine(d *apacheconf.Directive) (words []string, why string) {
	if d.Is("SetEnvIfExpr") {
		return expressionLine(d)
	}
	name, args := "if", d.Args
	if d.Is("SetEnvIfNoCase", "BrowserMatchNoCase") {
		name = "if_nocase"
	}
	if d.Is("BrowserMatch", "BrowserMatchNoCase") {
		args = append([]string{"User-Agent"}, args...)
	}
	if len(args) < 3 {
		return nil, "it needs an attribute, an expression and a variable"
	}
	if strings.ContainsAny(args[0], `^$*[(.\`) {
		return nil, "headers are not named by regular expressions"
	}
	if _, err := pcre.Compile(args[1], false); err != nil {
		return nil, err.Error()
	}
	return append([]string{name}, literals(args)...), ""
}

// expressionLine is a SetEnvIfExpr as a line of apache_env.
func expressionLine(d *apacheconf.Directive) (words []string, why string) {
	if len(d.Args) < 2 {
		return nil, "it needs an expression and a variable"
	}
	parsed, err := expression.Parse(d.Args[0])
	switch {
	case err != nil:
		return nil, "the expression is not understood: " + err.Error()
	case parsed.AsksForResponse(), parsed.AsksForUser():
		return nil, "neither the answer nor the user are known when it is asked"
	}
	return append([]string{"if_expr"}, literals(d.Args)...), ""
}

// variablesOf are the names of the variables that the directive sets.
func variablesOf(d *apacheconf.Directive) []string {
	var args []string
	switch {
	case d.Is("BrowserMatch", "BrowserMatchNoCase", "SetEnvIfExpr") && len(d.Args) > 1:
		args = d.Args[1:]
	case d.Is("SetEnvIf", "SetEnvIfNoCase") && len(d.Args) > 2:
		args = d.Args[2:]
	case d.Is("SetEnv") && len(d.Args) > 0:
		args = d.Args[:1]
	}
	names := make([]string, len(args))
	for i, arg := range args {
		names[i], _, _ = strings.Cut(strings.TrimPrefix(arg, "!"), "=")
	}
	return names
}

// onlySteers tells whether all that the directive sets steers Apache itself.
func onlySteers(d *apacheconf.Directive) bool {
	names := variablesOf(d)
	return len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return !steering[name] })
}

// conditionalLines writes the lines of directives into inner.
func (s *Site) conditionalLines(inner *Block, directives []*apacheconf.Directive) {
	for _, d := range directives {
		if onlySteers(d) {
			s.Harmless(d, "steers Apache itself")
			continue
		}
		words, why := environmentLine(d)
		if why != "" {
			s.Refuse(d, why, "write it otherwise, or accept that the variable is not set")
			continue
		}
		inner.From(d)
		inner.Line(words...)
		s.Translated(d)
	}
}

// writeConditionalEnvironment writes what is set as soon as a request comes.
func writeConditionalEnvironment(s *Site, b *Block) {
	inner := b.Detached()
	s.conditionalLines(inner, s.All(conditionalNames...))
	if !inner.Empty() {
		b.Open("apache_env").Append(inner)
	}
	for _, section := range s.sections {
		if !isLocationOnly(section) {
			continue
		}
		inner := b.Detached()
		s.conditionalLines(inner, section.All(conditionalNames...))
		if !inner.Empty() {
			b.Open("apache_env", s.Matcher(section.Conditions)).Append(inner)
		}
	}
}

// isLocationOnly tells whether a section is one of URLs alone, of which it can
// be told early whether it holds.
func isLocationOnly(section *Section) bool {
	return section.Kind == KindLocation && !slices.ContainsFunc(section.Conditions, func(c Condition) bool { return c.Kind != KindLocation })
}

// writeSectionEnvironment writes what is set once the folder is known.
func writeSectionEnvironment(s *Site, sc *Scope, b *Block) {
	for _, section := range s.Sections(sc) {
		if section.Kind == KindServer || isLocationOnly(section) {
			continue
		}
		inner := b.Detached()
		s.conditionalLines(inner, section.All(conditionalNames...))
		if !inner.Empty() {
			s.openFor(b, sc, section, "apache_env").Append(inner)
		}
	}
}

// openFor opens a directive for the requests of the scope for which the
// section holds.
func (s *Site) openFor(b *Block, sc *Scope, section *Section, words ...string) *Block {
	var open []Condition
	for _, condition := range section.Conditions {
		if sc.reachOf(condition) != Always {
			open = append(open, condition)
		}
	}
	if len(open) == 0 {
		return b.Open(words...)
	}
	return b.Open(append([]string{words[0], s.Matcher(open)}, words[1:]...)...)
}

// writeEnvironment writes what Apache sets last, just before the handler.
func writeEnvironment(s *Site, sc *Scope, b *Block) {
	for _, section := range s.Sections(sc) {
		inner := b.Detached()
		for _, d := range section.All(environmentNames...) {
			s.writeSetEnv(inner, d)
		}
		if !inner.Empty() {
			s.openFor(b, sc, section, "apache_env").Append(inner)
		}
	}
}

func (s *Site) writeSetEnv(inner *Block, d *apacheconf.Directive) {
	switch {
	case d.Is("PassEnv"):
		s.writePassEnv(inner, d)
	case onlySteers(d):
		s.Harmless(d, "steers Apache itself")
	case len(d.Args) == 0:
		s.Refuse(d, "the name is missing", "correct the line")
	case d.Is("UnsetEnv"):
		for _, name := range d.Args {
			inner.Line("unset", Literal(name))
		}
		s.Translated(d)
	default:
		inner.Line(append([]string{"set"}, literals(d.Args[:min(2, len(d.Args))])...)...)
		s.Translated(d)
	}
}

// writePassEnv writes the variables of Apache's process, as far as envvars sets
// them.
func (s *Site) writePassEnv(inner *Block, d *apacheconf.Directive) {
	s.Translated(d)
	for _, name := range d.Args {
		if value, set := s.t.tree.Environment[name]; set {
			inner.Line("set", Literal(name), Literal(value))
			continue
		}
		s.Approximate(d, "envvars does not set "+name+", and what else Apache was started with is not known", "write it with SetEnv")
	}
}

// knowsEnvironment tells whether every one of the variables is set by
// something that is carried over before access is checked.
func (s *Site) knowsEnvironment(names ...string) bool {
	known := map[string]bool{}
	note := func(d *apacheconf.Directive) {
		if words, _ := environmentLine(d); words != nil {
			for _, name := range variablesOf(d) {
				known[name] = true
			}
		}
	}
	for _, d := range s.All(conditionalNames...) {
		note(d)
	}
	for _, section := range s.sections {
		if isLocationOnly(section) {
			for _, d := range section.All(conditionalNames...) {
				note(d)
			}
		}
	}
	for name := range s.rewriteVariables() {
		known[name] = true
	}
	return !slices.ContainsFunc(names, func(name string) bool { return !known[name] })
}
