package translate

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/modrewrite"
)

var rewriteNames = []string{"RewriteEngine", "RewriteRule", "RewriteCond", "RewriteBase", "RewriteOptions", "RewriteMap", "RewriteLog", "RewriteLogLevel", "RewriteLock"}

func init() {
	Register(Part{Stage: StageRewrite, Directives: rewriteNames, Site: writeServerRules})
	Register(Part{Stage: StageFixup, Scope: writeDirectoryRules})
}

// rule is a RewriteRule with its conditions.
type rule struct {
	*apacheconf.Directive
	words      modrewrite.Words
	parsed     *modrewrite.Rule
	conditions []condition
}

// condition is a RewriteCond.
type condition struct {
	*apacheconf.Directive
	words modrewrite.Words
}

// ruleset is what the rewrite directives of one context say together.
type ruleset struct {
	rules   []rule
	maps    []*apacheconf.Directive
	base    string
	options []string
	closed  bool // a rule that keeps something closed can't be carried over
}

// rewriteOn tells what the last RewriteEngine says.
func rewriteOn(d *apacheconf.Directive) bool {
	return d != nil && len(d.Args) == 1 && strings.EqualFold(d.Args[0], "on")
}

// readRules reads the rewrite directives of a list, and gives verdicts on them.
func (s *Site) readRules(list []*apacheconf.Directive) *ruleset {
	set := &ruleset{}
	var conditions []condition
	var refused string // why the rule that the conditions belong to is lost
	for _, d := range list {
		switch {
		case d.Is("RewriteCond"):
			c, err := readCondition(d)
			if err != nil {
				s.Refuse(d, err.Error(), "write the condition otherwise, or accept the loss of its rule")
				refused = "a condition before it can't be carried over"
				continue
			}
			conditions = append(conditions, c)
		case d.Is("RewriteRule"):
			s.addRule(set, d, conditions, refused)
			conditions, refused = nil, ""
		case d.Is("RewriteMap"):
			if len(d.Args) < 2 {
				s.Refuse(d, "it needs a name and a source", "correct the line")
			} else if _, err := modrewrite.ParseMap(d.Args[1], "/"); err != nil {
				s.Refuse(d, err.Error(), "")
			} else {
				set.maps = append(set.maps, d)
				s.Translated(d)
			}
		case d.Is("RewriteBase"):
			if len(d.Args) == 1 {
				set.base = d.Args[0]
			}
			s.Translated(d)
		case d.Is("RewriteEngine"):
			s.Translated(d)
		case d.Is("RewriteOptions"):
			s.readRewriteOptions(set, d)
		case d.Is("RewriteLog", "RewriteLogLevel", "RewriteLock"):
			s.Harmless(d, "of Apache 2.2")
		}
	}
	for _, c := range conditions {
		s.Harmless(c.Directive, "no rule follows it")
	}
	return set
}

func readCondition(d *apacheconf.Directive) (condition, error) {
	words, err := modrewrite.Split(d.Raw)
	if err != nil {
		return condition{}, err
	}
	_, err = modrewrite.NewCondition(words)
	return condition{Directive: d, words: words}, err
}

func (s *Site) addRule(set *ruleset, d *apacheconf.Directive, conditions []condition, refused string) {
	words, err := modrewrite.Split(d.Raw)
	var parsed *modrewrite.Rule
	if err == nil {
		parsed, err = modrewrite.NewRule(words)
	}
	if err == nil && refused != "" {
		err = fmt.Errorf("%s", refused)
	}
	if err == nil {
		err = s.checkProxied(parsed)
	}
	if err == nil && handlerFlag.MatchString(words[2]) {
		err = errors.New("handlers that a rule chooses have no equivalent")
		set.closed = true
	}
	if match := typeFlag.FindStringSubmatch(words[2]); err == nil && match != nil && isProgram(match[1]) {
		err = errors.New("a type that has programs run has no equivalent")
		set.closed = true
	}
	if err != nil {
		s.Refuse(d, err.Error(), "write the rule otherwise")
		for _, c := range conditions {
			s.Refuse(c.Directive, "its rule can't be carried over", "")
		}
		set.closed = set.closed || closesFlag.MatchString(words[2]) || strings.Contains(refused, "condition") && closesFlag.MatchString(words[2])
		return
	}
	for _, c := range conditions {
		s.Translated(c.Directive)
	}
	s.Translated(d)
	set.rules = append(set.rules, rule{Directive: d, words: words, parsed: parsed, conditions: conditions})
}

// handlerFlag and typeFlag find the flags that choose what answers.
var (
	handlerFlag = regexp.MustCompile(`(?i)[\[,]\s*(?:H|handler)=`)
	typeFlag    = regexp.MustCompile(`(?i)[\[,]\s*(?:T|type)=([^,\]]*)`)
)

// closesFlag finds the flags of rules that refuse requests.
var closesFlag = regexp.MustCompile(`(?i)[\[,]\s*(F|forbidden|G|gone|R=4\d\d|redirect=4\d\d)\s*[\],]`)

func (s *Site) readRewriteOptions(set *ruleset, d *apacheconf.Directive) {
	s.Translated(d)
	for _, option := range d.Args {
		switch strings.ToLower(option) {
		case "inherit", "inheritbefore", "inheritdown", "inheritdownbefore", "ignoreinherit", "mergebase":
		case "allownoslash", "allowanyuri", "legacyprefixdocroot", "unsafeprefixstat", "ignorecontextinfo":
			set.options = append(set.options, option)
		default:
			s.Refuse(d, "the option "+option+" is not known", "")
		}
	}
}

// proxied is the substitution of a rule with the flag P: a fixed backend and a
// path.
var proxied = regexp.MustCompile(`^(?i)(https?|wss?)://([^/$%\\]+)(/.*)?$`)

// checkProxied refuses backends that are not known before a request comes.
func (s *Site) checkProxied(parsed *modrewrite.Rule) error {
	substitution, isProxied := parsed.Proxied()
	if !isProxied {
		return nil
	}
	if !proxied.MatchString(substitution) {
		return fmt.Errorf("the backend %s is none with a fixed name and http, https, ws or wss", substitution)
	}
	return nil
}

// backends are the origins of the rules with P, as apache_rewrite names them.
func (set *ruleset) backends() []string {
	var origins []string
	for _, r := range set.rules {
		if substitution, isProxied := r.parsed.Proxied(); isProxied {
			parts := proxied.FindStringSubmatch(substitution)
			origin := strings.ToLower(parts[1] + "://" + parts[2])
			if !slices.Contains(origins, origin) {
				origins = append(origins, origin)
			}
		}
	}
	return origins
}

// serverRules are the rules of the site: its own, and those of the main server
// where RewriteOptions says so.
func (s *Site) serverRules() *ruleset {
	own := s.readRules(s.ownOrMain())
	if s.Own == nil {
		return own
	}
	inherit := func(names ...string) bool {
		return slices.ContainsFunc(s.All("RewriteOptions"), func(d *apacheconf.Directive) bool {
			return slices.ContainsFunc(d.Args, func(arg string) bool {
				return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, arg) })
			})
		})
	}
	switch {
	case inherit("IgnoreInherit"):
	case inherit("Inherit", "InheritDown"):
		main := s.readRules(s.Main)
		own.rules, own.maps = append(own.rules, main.rules...), append(own.maps, main.maps...)
	case inherit("InheritBefore", "InheritDownBefore"):
		main := s.readRules(s.Main)
		own.rules, own.maps = append(main.rules, own.rules...), append(own.maps, main.maps...)
	default:
		for _, d := range s.Main {
			if d.Is(rewriteNames...) {
				s.Harmless(d, "virtual hosts do not inherit it")
			}
		}
	}
	return own
}

func (s *Site) ownOrMain() []*apacheconf.Directive {
	if s.Own == nil {
		return s.Main
	}
	return s.Own
}

// writeServerRules writes the rules of the site, before anything else decides.
func writeServerRules(s *Site, b *Block) {
	set := s.serverRules()
	if !rewriteOn(s.Last("RewriteEngine")) {
		for _, d := range s.ownOrMain() {
			if d.Is(rewriteNames...) {
				s.Harmless(d, "RewriteEngine is off here")
			}
		}
		return
	}
	if set.closed {
		b.Comment("a rule that refuses requests can't be carried over, so that all are refused")
		b.Line("error", "403")
	}
	set.rules = s.withoutWebSocketRules(set.rules)
	if len(set.rules) == 0 {
		return
	}
	if s.writeNative(b, set) {
		return
	}
	inner := s.openRules(b, set, nil)
	s.writeServerName(inner)
	s.writeRules(inner, set)
	s.writeProxiedRules(b, set)
	if s.leadsToFiles(set) {
		b.Comment("paths that a rule has mapped to files pass by proxies, redirects and aliases, as in Apache")
		name := b.Matcher("rewritten", "vars", "apache_rewritten", "file")
		s.WriteDocumentRoot(b.Open("route", name))
	}
}

// openRules opens apache_rewrite.
func (s *Site) openRules(b *Block, set *ruleset, words []string) *Block {
	inner := b.Open(append([]string{"apache_rewrite"}, words...)...)
	if d := s.Last("DocumentRoot"); d != nil && len(d.Args) == 1 {
		inner.Line("document_root", Literal(s.t.serverPath(d.Args[0])))
	}
	if len(set.options) > 0 {
		inner.Line(append([]string{"options"}, set.options...)...)
	}
	for _, d := range set.maps {
		inner.Line("map", ruleWord(d.Args[0]), ruleWord(s.mapSource(d.Args[1])))
	}
	return inner
}

// mapSource makes a file of a map absolute.
func (s *Site) mapSource(source string) string {
	kind, name, found := strings.Cut(source, ":")
	if !found {
		kind, name = "txt", source
	}
	if kind == "int" {
		return source
	}
	return kind + ":" + s.t.serverPath(name)
}

func (s *Site) writeServerName(inner *Block) {
	switch {
	case s.Name() == "":
	case s.host.serverPort == 0:
		inner.Line("server_name", Literal(s.Name()))
	default:
		words := []string{"server_name", fmt.Sprintf("%s:%d", s.Name(), s.host.serverPort)}
		inner.Line(append(words, s.host.names[1:]...)...)
	}
}

func (s *Site) writeRules(inner *Block, set *ruleset) {
	for _, r := range set.rules {
		inner.Comment("%s", shortName(r.Position))
		for _, c := range r.conditions {
			inner.Line(append([]string{"cond"}, ruleWords(c.words)...)...)
		}
		inner.Line(append([]string{"rule"}, ruleWords(r.words)...)...)
	}
}

func ruleWords(words modrewrite.Words) []string {
	list := []string{ruleWord(words[0]), ruleWord(words[1])}
	if words[2] != "" {
		list = append(list, ruleWord(words[2]))
	}
	return list
}

// placeholder finds what Caddy would take for a placeholder, and what Literal
// would be needed to tell from an escaped brace.
var placeholder = regexp.MustCompile(`\{[a-z$]|\\[{}]`)

// ruleWord is a word of a rule for apache_rewrite, which replaces nothing;
// braces are escaped only where Caddy would see a placeholder.
func ruleWord(word string) string {
	if placeholder.MatchString(word) {
		return Literal(word)
	}
	return word
}

// writeProxiedRules writes a branch for each backend of the rules with P.
func (s *Site) writeProxiedRules(b *Block, set *ruleset) {
	for _, origin := range set.backends() {
		target, err := parseTarget(origin + "/")
		if err != nil {
			continue // checkProxied has seen it
		}
		branch := b.Open("route", b.Matcher("proxy_"+target.authority, "vars", "apache_proxy", origin))
		sc := &Scope{URLPrefix: "/", Proxy: target.url()}
		if target.tls() && s.checkTLS(target, balancer{}) != "" {
			branch.Comment("without SSLProxyEngine, as in Apache")
			branch.Line("error", "500")
			continue
		}
		if target.tls() && s.checkBackendTLS(sc) != "" {
			branch.Line("error", "503")
			continue
		}
		s.WriteScope(branch, sc, func(b *Block) {
			s.writeReverse(b, sc)
			s.writeReverseProxy(b, sc, proxyPass{target: target}, balancer{})
		})
	}
}

// leadsToFiles tells whether a rule maps paths to files that something after
// it would otherwise answer.
func (s *Site) leadsToFiles(set *ruleset) bool {
	others := slices.ContainsFunc([][]*apacheconf.Directive{s.Main, s.Own}, func(list []*apacheconf.Directive) bool {
		return slices.ContainsFunc(list, func(d *apacheconf.Directive) bool {
			return d.Is("ProxyPass", "ProxyPassMatch", "Alias", "AliasMatch", "ScriptAlias", "ScriptAliasMatch") || d.Is(redirectNames...)
		})
	})
	for _, section := range s.sections {
		others = others || section.Has("ProxyPass", "ProxyPassMatch")
	}
	return others && slices.ContainsFunc(set.rules, func(r rule) bool {
		_, isProxied := r.parsed.Proxied()
		return r.parsed.Substitutes() && !isProxied && !elsewhereFlag.MatchString(r.words[2]) && !strings.Contains(r.words[1], "://")
	})
}

// elsewhereFlag finds the flags of rules that lead to no file.
var elsewhereFlag = regexp.MustCompile(`(?i)[\[,]\s*(R|redirect|PT|passthrough)\s*(=[^\],]*)?[\],]`)

// withoutWebSocketRules leaves out the rules that send WebSockets to the backend
// to which ProxyPass sends everything: reverse_proxy forwards both.
func (s *Site) withoutWebSocketRules(rules []rule) []rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r rule) bool {
		substitution, isProxied := r.parsed.Proxied()
		parts := proxied.FindStringSubmatch(substitution)
		isSame := isProxied && strings.HasPrefix(strings.ToLower(parts[1]), "ws") && parts[3] == "/$1" &&
			slices.Contains([]string{"^/?(.*)", "^/?(.*)$", "^/(.*)", "^/(.*)$", "/(.*)", "/(.*)$"}, r.words[0]) && s.asksForWebSocket(r)
		return isSame && slices.ContainsFunc(s.All("ProxyPass"), func(d *apacheconf.Directive) bool {
			return len(d.Args) > 1 && d.Args[0] == "/" && strings.EqualFold(d.Args[1], strings.Replace(strings.ToLower(parts[1]), "ws", "http", 1)+"://"+parts[2]+"/")
		})
	})
}

// asksForWebSocket tells whether the conditions are those of the upgrade alone.
func (s *Site) asksForWebSocket(r rule) bool {
	return len(r.conditions) > 0 && !slices.ContainsFunc(r.conditions, func(c condition) bool {
		test := strings.ToLower(c.words[0])
		return test != "%{http:upgrade}" && test != "%{http:connection}"
	})
}

// rewriteVariables are the variables that rules of the site set with E.
func (s *Site) rewriteVariables() map[string]bool {
	names := map[string]bool{}
	if !rewriteOn(s.Last("RewriteEngine")) {
		return names
	}
	for _, d := range s.ownOrMain() {
		if !d.Is("RewriteRule") {
			continue
		}
		words, err := modrewrite.Split(d.Raw)
		if err != nil {
			continue
		}
		for _, match := range environmentFlag.FindAllStringSubmatch(words[2], -1) {
			names[match[1]] = true
		}
	}
	return names
}

var environmentFlag = regexp.MustCompile(`(?i)[\[,]\s*(?:E|env)=([^:\],]+)`)
