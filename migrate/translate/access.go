package translate

import (
	"path"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/expression"
	"github.com/aditechsphere/fairway/migrate/ipaddr"
)

var (
	requireNames = []string{"Require", "RequireAny", "RequireAll", "RequireNone"}
	compatNames  = []string{"Order", "Allow", "Deny", "Satisfy"}
	authNames    = []string{"AuthType", "AuthName", "AuthUserFile", "AuthGroupFile", "AuthBasicProvider"}
	accessNames  = slices.Concat(requireNames, compatNames, authNames, []string{
		"SSLRequireSSL", "SSLRequire", "SSLVerifyClient", "AuthMerging", "AuthzSendForbiddenOnFailure", "AuthBasicAuthoritative", "AuthBasicFake", "Limit", "LimitExcept",
	})
)

func init() {
	Register(Part{Stage: StageAccess, Directives: accessNames, Scope: writeAccess})
}

// writeAccess writes who may come in: for each combination of sections the
// policy that Apache would arrive at.
func writeAccess(s *Site, sc *Scope, b *Block) {
	relevant := func(section *Section) bool { return section.Has(accessNames...) }
	for _, section := range s.Sections(sc) {
		s.noteAccess(section)
	}
	if s.hasUnknownConditions(sc, relevant) {
		s.refuseAll(sc, func(section *Section) bool { return relevant(section) && s.isUnknown(sc, section) }, "the condition of its section is not understood; access stays closed")
		b.Line("error", "403")
		return
	}
	hasCompat := false
	for _, section := range s.Sections(sc) {
		if !relevant(section) {
			continue
		}
		hasCompat = hasCompat || section.Has(compatNames...)
	}
	settled := func(taken []*Section) bool { return policyIsSettled(taken, hasCompat) }
	if slices.ContainsFunc(s.Sections(sc), func(section *Section) bool { return section.Kind != KindServer && section.Has(tlsRules...) }) {
		settled = nil
	}
	choices, ok := s.Choices(sc, relevant, settled)
	if !ok {
		s.refuseAll(sc, relevant, "too many sections overlap here to tell their rules of access apart")
		b.Line("error", "403")
		return
	}
	inner := b.Detached()
	s.WriteChoices(inner, choices, func(b *Block, sections []*Section) { s.writePolicy(b, sections) })
	if len(choices) > 1 && s.mayList(sc) && !inner.Empty() {
		b.Open("apache_guard").Append(inner) // where all say the same, what is listed may be read
		return
	}
	b.Append(inner)
}

// noteAccess marks what is understood; writing the policy refuses the rest.
func (s *Site) noteAccess(section *Section) {
	apacheconf.Walk(section.Directives, func(d *apacheconf.Directive) {
		if !d.Is(accessNames...) {
			return
		}
		switch {
		case d.Is("AuthBasicFake"), d.Is("AuthBasicAuthoritative") && !isOn(d):
			s.Refuse(d, "only one source of users is asked", "delete the line")
		default:
			s.Translated(d)
		}
	})
}

// hasUnknownConditions tells whether it can't be told when a relevant section
// applies.
func (s *Site) hasUnknownConditions(sc *Scope, relevant func(*Section) bool) bool {
	return slices.ContainsFunc(s.Sections(sc), func(section *Section) bool { return relevant(section) && s.isUnknown(sc, section) })
}

// isUnknown tells whether it can't be told when the section applies.
func (s *Site) isUnknown(sc *Scope, section *Section) bool {
	return slices.ContainsFunc(section.Conditions, func(c Condition) bool { return sc.reachOf(c) == Sometimes && !s.understands(c) })
}

func (s *Site) refuseAll(sc *Scope, relevant func(*Section) bool, why string) {
	for _, section := range s.Sections(sc) {
		if !relevant(section) {
			continue
		}
		for _, d := range section.Directives {
			if d.Is(accessNames...) {
				s.Refuse(d, why, "join the sections")
			}
		}
	}
}

// policyIsSettled tells whether sections before those taken can't change who
// may come in.
func policyIsSettled(taken []*Section, hasCompat bool) bool {
	if hasCompat && !slices.ContainsFunc(taken, func(s *Section) bool { return s.Has(compatNames...) }) {
		return false
	}
	for _, section := range slices.Backward(taken) {
		if section.Has("AuthMerging") {
			return false
		}
		if section.Has(requireNames...) {
			return !needsUser(section.Directives) || Last(taken, "AuthType") != nil && Last(taken, "AuthName") != nil &&
				Last(taken, "AuthUserFile") != nil && Last(taken, "AuthGroupFile") != nil
		}
	}
	return false
}

// needsUser tells whether some requirement asks who the visitor is.
func needsUser(list []*apacheconf.Directive) bool {
	found := false
	apacheconf.Walk(list, func(d *apacheconf.Directive) {
		if d.Is("Require") {
			words := requirement(d)
			found = found || len(words) > 0 && slices.Contains([]string{"valid-user", "user", "group", "expr"}, strings.ToLower(words[0]))
		}
	})
	return found
}

// requirement is the words of a Require without "not".
func requirement(d *apacheconf.Directive) []string {
	if len(d.Args) > 0 && strings.EqualFold(d.Args[0], "not") {
		return d.Args[1:]
	}
	return d.Args
}

// policy is the requirements that hold: lists of directives, joined by merging.
type policy struct {
	of    []*apacheconf.Directive // nil for a joined policy
	group string                  // "require_all" or "require_any"
	both  []*policy
}

// policyOf follows AuthMerging from the first section to the last.
func policyOf(sections []*Section) *policy {
	var current *policy
	for _, section := range sections {
		if !section.Has(requireNames...) {
			continue
		}
		next := &policy{}
		for _, d := range section.Directives {
			if d.Is(requireNames...) || d.Is("Limit", "LimitExcept") && (&Section{Directives: d.Children}).Has(requireNames...) {
				next.of = append(next.of, d)
			}
		}
		merging := Last([]*Section{section}, "AuthMerging")
		switch {
		case current == nil || merging == nil || len(merging.Args) == 0 || strings.EqualFold(merging.Args[0], "Off"):
			current = next
		case strings.EqualFold(merging.Args[0], "Or"):
			current = &policy{group: "require_any", both: []*policy{current, next}}
		default:
			current = &policy{group: "require_all", both: []*policy{current, next}}
		}
	}
	return current
}

// decided tells whether the policy says the same to everybody.
func (p *policy) decided() (granted, ok bool) {
	if p == nil {
		return true, true
	}
	if p.both != nil {
		return false, false
	}
	denied := true
	for _, d := range p.of {
		if !d.Is("Require") {
			denied = false
			continue
		}
		if len(d.Args) == 2 && strings.EqualFold(d.Args[0], "all") && strings.EqualFold(d.Args[1], "granted") {
			return true, true
		}
		denied = denied && len(d.Args) == 2 && strings.EqualFold(d.Args[0], "all") && strings.EqualFold(d.Args[1], "denied")
	}
	return false, denied
}

// compatSection is the last section with Order, Allow, Deny or Satisfy: they
// replace those of earlier ones as a whole.
func compatSection(sections []*Section) *Section {
	for _, section := range slices.Backward(sections) {
		if section.Has(compatNames...) {
			return section
		}
	}
	return nil
}

// writePolicy writes what the sections together ask of a visitor.
func (s *Site) writePolicy(b *Block, sections []*Section) {
	if s.tlsRuleCloses(sections) {
		b.Line("error", "403")
		return
	}
	requirements, compat := policyOf(sections), compatSection(sections)
	granted, decided := requirements.decided()
	if decided && !granted && (compat == nil || !satisfiesAny(compat)) {
		b.Line("error", "403")
		return
	}
	if decided && granted && requirements == nil && Last(sections, "AuthType") != nil && !authIsNone(sections) && compat == nil {
		b.Comment("AuthType without Require: Apache answers 500")
		b.Line("error", "500")
		return
	}
	if decided && granted && (compat == nil || admitsEverybody(compat)) {
		return
	}
	w := &accessWriter{site: s, sections: sections, ok: true}
	inner := b.Detached()
	if requirements != nil {
		w.writeRequirements(inner, requirements)
	}
	if compat != nil {
		w.writeCompat(inner, compat)
	}
	if w.needsUser {
		w.writeAuthentication(inner)
	}
	if !w.ok {
		b.Comment("a rule of access that is not understood: closed")
		b.Line("error", "403")
		return
	}
	b.Open("apache_access").Append(inner)
}

// tlsRules are rules of access of mod_ssl. Of a whole site they are in tls.go.
var tlsRules = []string{"SSLRequireSSL", "SSLRequire", "SSLVerifyClient"}

// tlsRuleCloses tells whether a rule of mod_ssl in the sections refuses
// everybody, or is not understood.
func (s *Site) tlsRuleCloses(sections []*Section) bool {
	closes := false
	for _, section := range sections {
		for _, d := range section.All(tlsRules...) {
			switch {
			case section.Kind == KindServer:
			case d.Is("SSLRequireSSL"):
				closes = closes || !s.HTTPS()
			case d.Is("SSLVerifyClient") && len(d.Args) == 1 && strings.EqualFold(d.Args[0], "none"):
			default:
				s.Refuse(d, "certificates of clients are asked for by a whole site or not at all; access stays closed", "move it to the virtual host")
				closes = true
			}
		}
	}
	return closes
}

func satisfiesAny(section *Section) bool {
	d := Last([]*Section{section}, "Satisfy")
	return d != nil && len(d.Args) == 1 && strings.EqualFold(d.Args[0], "any")
}

// admitsEverybody tells whether Order, Allow and Deny refuse nobody.
func admitsEverybody(section *Section) bool {
	if section.Has("Limit", "LimitExcept") {
		return false
	}
	only := []*Section{section}
	order, denied := Last(only, "Order"), section.All("Deny")
	if order != nil && strings.EqualFold(strings.Join(order.Args, ""), "allow,deny") {
		return len(denied) == 0 && slices.ContainsFunc(section.All("Allow"), fromAll)
	}
	return (order == nil || strings.EqualFold(strings.Join(order.Args, ""), "deny,allow")) &&
		(len(denied) == 0 || slices.ContainsFunc(section.All("Allow"), fromAll))
}

func fromAll(d *apacheconf.Directive) bool {
	return len(d.Args) == 2 && strings.EqualFold(d.Args[0], "from") && strings.EqualFold(d.Args[1], "all")
}

func authIsNone(sections []*Section) bool {
	d := Last(sections, "AuthType")
	return d == nil || len(d.Args) == 1 && strings.EqualFold(d.Args[0], "None")
}

// accessWriter writes the block of one apache_access. What it does not
// understand it refuses, and then the block is not used.
type accessWriter struct {
	site      *Site
	sections  []*Section
	needsUser bool
	ok        bool
}

func (w *accessWriter) refuse(d *apacheconf.Directive, why, do string) {
	w.ok = false
	w.site.Refuse(d, why+"; access stays closed", do)
}

func (w *accessWriter) writeRequirements(b *Block, p *policy) {
	if p.both == nil {
		w.writeList(b, p.of)
		return
	}
	group := b.Open(p.group)
	for _, part := range p.both {
		w.writeRequirements(group.Open("require_any"), part)
	}
}

func (w *accessWriter) writeList(b *Block, list []*apacheconf.Directive) {
	for _, d := range list {
		switch {
		case d.Is("Require"):
			w.writeRequire(b, d)
		case d.Is("RequireAny"):
			w.writeGroup(b, "require_any", d)
		case d.Is("RequireAll"):
			w.writeGroup(b, "require_all", d)
		case d.Is("RequireNone"):
			w.writeGroup(b, "require_none", d)
		case d.Is("Limit", "LimitExcept"):
			w.writeLimit(b, d)
		}
	}
}

func (w *accessWriter) writeGroup(b *Block, name string, d *apacheconf.Directive) {
	isRule := func(child *apacheconf.Directive) bool {
		return child.Is(requireNames...) || child.Is("Limit", "LimitExcept")
	}
	if !slices.ContainsFunc(d.Children, isRule) {
		w.refuse(d, "there is no rule in it, and Apache does not start", "write a rule, or delete the section")
		return
	}
	w.writeList(b.Open(name), d.Children)
}

func (w *accessWriter) writeLimit(b *Block, d *apacheconf.Directive) {
	if len(d.Args) == 0 {
		w.refuse(d, "no methods are named", "name them")
		return
	}
	name := "limit"
	if d.Is("LimitExcept") {
		name = "limit_except"
	}
	inner := b.Detached()
	w.writeList(inner, slices.DeleteFunc(slices.Clone(d.Children), func(c *apacheconf.Directive) bool { return !c.Is(requireNames...) }))
	if !inner.Empty() {
		b.Open(append([]string{name}, literals(d.Args)...)...).Append(inner)
	}
}

func (w *accessWriter) writeRequire(b *Block, d *apacheconf.Directive) {
	words := requirement(d)
	if len(words) == 0 {
		w.refuse(d, "it requires nothing", "delete the line")
		return
	}
	kind := strings.ToLower(words[0])
	args := words[1:]
	switch kind {
	case "all":
		if len(args) != 1 || !slices.Contains([]string{"granted", "denied"}, strings.ToLower(args[0])) {
			w.refuse(d, "only granted and denied are known", "")
			return
		}
		args = []string{strings.ToLower(args[0])}
	case "ip":
		if !w.areAddresses(d, args) {
			return
		}
	case "local", "valid-user":
		args = nil
	case "user", "group", "method":
		if len(args) == 0 {
			w.refuse(d, "a name is missing", "")
			return
		}
	case "env":
		if len(args) == 0 || !w.site.knowsEnvironment(args...) {
			w.refuse(d, "nothing that is carried over sets this variable", "set it with SetEnvIf in the same file")
			return
		}
	case "expr":
		text, ok := w.readExpression(d)
		if !ok {
			return
		}
		args = []string{text}
	case "host", "forward-dns":
		w.refuse(d, "the names of clients are not looked up", "name the addresses: Require ip")
		return
	default:
		w.refuse(d, "this kind of requirement has no equivalent", "")
		return
	}
	if kind == "valid-user" || kind == "user" || kind == "group" {
		w.needsUser = true
	}
	line := []string{"require"}
	if len(words) < len(d.Args) {
		line = append(line, "not")
	}
	b.Line(append(append(line, kind), literals(args)...)...)
}

// readExpression is the expression of a Require expr, as Apache takes it: the
// rest of the line, less quotes around all of it.
func (w *accessWriter) readExpression(d *apacheconf.Directive) (text string, ok bool) {
	text = strings.TrimSpace(d.Raw)
	for _, word := range []string{"not", "expr"} {
		if first, rest, found := strings.Cut(text, " "); found && strings.EqualFold(first, word) {
			text = strings.TrimSpace(rest)
		}
	}
	if len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"' {
		text = text[1 : len(text)-1]
	}
	parsed, err := expression.Parse(text)
	switch {
	case err != nil:
		w.refuse(d, "the expression is not understood: "+err.Error(), "write it otherwise")
	case parsed.AsksForResponse():
		w.refuse(d, "there is no answer yet", "leave out resp")
	case len(parsed.Environment()) > 0 && !w.site.knowsEnvironment(parsed.Environment()...):
		w.refuse(d, "nothing that is carried over sets its variables", "set them with SetEnvIf in the same file")
	default:
		w.needsUser = w.needsUser || parsed.AsksForUser()
		return text, true
	}
	return "", false
}

func (w *accessWriter) areAddresses(d *apacheconf.Directive, args []string) bool {
	if len(args) == 0 {
		w.refuse(d, "an address is missing", "")
		return false
	}
	for _, arg := range args {
		if _, err := ipaddr.Parse(arg); err != nil {
			w.refuse(d, err.Error(), "write an IP address")
			return false
		}
	}
	return true
}

// writeCompat writes Order, Allow, Deny and Satisfy of one section.
func (w *accessWriter) writeCompat(b *Block, section *Section) {
	for _, d := range section.All("Limit", "LimitExcept") {
		if (&Section{Directives: d.Children}).Has(compatNames...) {
			w.refuse(d, "Order, Allow and Deny for some methods only have no equivalent", "write Require within <Limit>")
		}
	}
	order := "deny,allow"
	if d := Last([]*Section{section}, "Order"); d != nil {
		order = strings.ToLower(strings.Join(d.Args, ""))
		if !slices.Contains([]string{"deny,allow", "allow,deny", "mutual-failure"}, order) {
			w.refuse(d, "no such order", "write Order deny,allow")
		}
	}
	b.Line("order", order)
	for _, d := range section.All("Allow", "Deny") {
		w.writeSources(b, d)
	}
	if satisfiesAny(section) {
		b.Line("satisfy", "any")
	}
}

func (w *accessWriter) writeSources(b *Block, d *apacheconf.Directive) {
	if len(d.Args) < 2 || !strings.EqualFold(d.Args[0], "from") {
		w.refuse(d, "it has to go on with from", "")
		return
	}
	line := []string{strings.ToLower(d.Name), "from"}
	for _, from := range d.Args[1:] {
		name, isVariable := strings.CutPrefix(strings.ToLower(from), "env=")
		switch {
		case strings.EqualFold(from, "all"):
			line = append(line, "all")
		case isVariable && w.site.knowsEnvironment(strings.TrimPrefix(from[len("env="):], "!")):
			line = append(line, "env="+Literal(from[len("env="):]))
		case isVariable:
			w.refuse(d, "nothing that is carried over sets the variable "+name, "set it with SetEnvIf in the same file")
			return
		default:
			if _, err := ipaddr.Parse(from); err != nil {
				w.refuse(d, "the names of clients are not looked up", "name the addresses")
				return
			}
			line = append(line, from)
		}
	}
	b.Line(line...)
}

// writeAuthentication writes how users prove who they are.
func (w *accessWriter) writeAuthentication(b *Block) {
	kind := Last(w.sections, "AuthType")
	if kind == nil {
		return // as in Apache, the answer is 500
	}
	if len(kind.Args) != 1 || !strings.EqualFold(kind.Args[0], "Basic") {
		w.refuse(kind, "only Basic authentication against a file has an equivalent", "")
		return
	}
	if d := Last(w.sections, "AuthBasicProvider"); d != nil && (len(d.Args) != 1 || !strings.EqualFold(d.Args[0], "file")) {
		w.refuse(d, "users come from something else than a file", "write them into a file with htpasswd")
		return
	}
	if d := Last(w.sections, "AuthzSendForbiddenOnFailure"); d != nil && isOn(d) {
		b.Line("forbidden_on_fail")
	}
	for _, name := range []string{"AuthName", "AuthUserFile"} {
		if d := Last(w.sections, name); d == nil || len(d.Args) != 1 {
			w.refuse(kind, "there is no "+name+" for it", "add it")
			return
		}
	}
	b.Line("auth_name", Literal(Last(w.sections, "AuthName").Args[0]))
	b.Line("auth_user_file", Literal(w.site.t.serverPath(Last(w.sections, "AuthUserFile").Args[0])))
	if d := Last(w.sections, "AuthGroupFile"); d != nil && len(d.Args) == 1 {
		b.Line("auth_group_file", Literal(w.site.t.serverPath(d.Args[0])))
	}
}

// serverPath makes a path absolute, from Apache's ServerRoot.
func (t *translation) serverPath(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join("/", t.tree.ServerRoot, name)
}

func isOn(d *apacheconf.Directive) bool {
	return len(d.Args) == 1 && strings.EqualFold(d.Args[0], "On")
}

// literals is Literal for every word.
func literals(words []string) []string {
	out := make([]string, len(words))
	for i, word := range words {
		out[i] = Literal(word)
	}
	return out
}
