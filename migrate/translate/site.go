package translate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// Site is one virtual host, or the main server, with what it inherits.
type Site struct {
	t    *translation
	host *host
	// groups are the addresses it answers on.
	groups []group
	plain  []group     // those that are not written as a table
	table  *tableEntry // while it is written into one
	// Main are the directives of the main server outside of virtual hosts, Own
	// those of the virtual host; Own is nil when the site is the main server.
	Main, Own []*apacheconf.Directive
	sections  []*Section
	complete  bool // every request is answered before aliases and the document root
	closed    bool // nobody may come in, because a rule was refused
	// definitions are the matchers at the top of the site, matchers their names
	// by what they ask.
	definitions *Block
	documents   []documents     // the pages of errors that sections bring together
	environment map[string]bool // variables that something sets
	matchers    map[string]string
	ifs         []string // expressions of <If>, each with a variable
}

func (t *translation) newSite(h *host) *Site {
	s := &Site{t: t, host: h, definitions: NewBlock(), environment: map[string]bool{}, matchers: map[string]string{}}
	for _, d := range t.tree.Directives {
		if !d.Is("VirtualHost") {
			s.Main = append(s.Main, d)
		}
	}
	if h.section != nil {
		s.Own = h.section.Children
	}
	s.sections = s.mergeOrder()
	s.refuseUnknownConditions()
	return s
}

// Name is the site's ServerName, or "" when it has none.
func (s *Site) Name() string {
	if len(s.host.names) == 0 {
		return ""
	}
	return s.host.names[0]
}

// Complete notes that what was written so far answers every request, so that
// nothing after it is asked, as with ProxyPass / in Apache.
func (s *Site) Complete() { s.complete = true }

// IsComplete tells whether Complete was called.
func (s *Site) IsComplete() bool { return s.complete }

// HTTPS tells whether the site speaks TLS.
func (s *Site) HTTPS() bool {
	engine := s.Last("SSLEngine")
	return engine != nil && len(engine.Args) == 1 && strings.EqualFold(engine.Args[0], "on")
}

// Port is the first port the site answers on.
func (s *Site) Port() int {
	if len(s.groups) > 0 {
		return s.groups[0].port
	}
	return 80
}

// All gives the directives of one of names that stand outside of sections: the
// main server's, then the virtual host's. What a virtual host does not inherit
// is in Own alone.
func (s *Site) All(names ...string) []*apacheconf.Directive {
	var all []*apacheconf.Directive
	for _, list := range [][]*apacheconf.Directive{s.Main, s.Own} {
		for _, d := range list {
			if d.Is(names...) {
				all = append(all, d)
			}
		}
	}
	return all
}

// Last gives the last of All, for directives of which a later one replaces an
// earlier one. Nil when there is none.
func (s *Site) Last(names ...string) *apacheconf.Directive {
	all := s.All(names...)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

// HasModule tells whether Apache has loaded a module, such as "rewrite_module".
func (s *Site) HasModule(name string) bool {
	_, ok := s.t.tree.Modules[name]
	return ok
}

// Sections gives the sections that apply to some or all requests of the scope,
// in merge order.
func (s *Site) Sections(sc *Scope) []*Section {
	var sections []*Section
	for _, section := range s.sections {
		if sc.reach(section) != Never {
			section.applied = true
			sections = append(sections, section)
		}
	}
	return sections
}

// sorter collects sections by kind.
type sorter struct {
	byKind map[Kind][]*Section
	files  []*Section // nested in a Directory
	ifs    []*Section // nested anywhere
}

// mergeOrder gives all sections of the site in the order in which Apache
// merges them.
func (s *Site) mergeOrder() []*Section {
	sorted := &sorter{byKind: map[Kind][]*Section{}}
	lists := [][]*apacheconf.Directive{s.Main}
	if s.host.section != nil {
		lists = append(lists, s.Own)
	}
	for i, list := range lists {
		sorted.add(list, &Section{Kind: KindServer, Main: i == 0}, nil)
	}
	sorted.byKind[KindDirectory] = append(sorted.byKind[KindDirectory], s.htaccess(sorted.byKind[KindDirectory])...)
	slices.SortStableFunc(sorted.byKind[KindDirectory], func(a, b *Section) int {
		return cmp.Or(cmp.Compare(a.depth, b.depth), cmp.Compare(len(a.Folder), len(b.Folder)))
	})
	sorted.nested(sorted.byKind[KindDirectory])
	sorted.nested(sorted.byKind[KindDirectoryMatch])
	sorted.byKind[KindFiles] = append(sorted.byKind[KindFiles], sorted.files...)
	for _, kind := range []Kind{KindFiles, KindProxy, KindLocation} {
		sorted.nested(sorted.byKind[kind])
	}
	sorted.byKind[KindIf] = append(sorted.byKind[KindIf], sorted.ifs...)
	var sections []*Section
	for kind := KindServer; kind <= KindIf; kind++ {
		sections = append(sections, sorted.byKind[kind]...)
	}
	return sections
}

// refuseUnknownConditions refuses the sections of which it can't be told when
// they apply. Nothing of them is carried over, and access they speak of stays
// closed.
func (s *Site) refuseUnknownConditions() {
	for _, section := range s.sections {
		for _, c := range section.Conditions {
			switch {
			case section.Opening == nil || s.understands(c) || c.Kind == KindProxy && !c.Regexp:
			case c.Kind == KindIf:
				s.Refuse(section.Opening, "the expression is not understood: "+checkIf(c.Pattern).Error(), "write it with <Location> or <Files>, or as a RewriteCond")
			case c.Regexp && c.Kind != KindProxy:
				s.Refuse(section.Opening, "the regular expression has no equivalent in Go", "write it without look-around and back-references")
			default:
				s.Refuse(section.Opening, "backends are not matched by regular expressions", "name the backend")
			}
		}
	}
}

// add fills section with the plain directives of list and files the sections
// in it.
func (o *sorter) add(list []*apacheconf.Directive, section *Section, outer []Condition) {
	previous := "" // that any of <If> and <ElseIf> so far holds, for <Else>
	for _, d := range list {
		condition, ok := conditionOf(d)
		if d.Section && d.Is("ElseIf", "Else") {
			condition, ok = elseCondition(d, previous), true
		}
		if !ok {
			section.Directives = append(append(section.Directives, d), unlimited(d)...)
			continue
		}
		switch {
		case d.Is("If"):
			previous = "(" + condition.Pattern + ")"
		case d.Is("ElseIf"):
			previous += " || (" + strings.Join(d.Args, " ") + ")"
		}
		inner := &Section{
			Kind:       condition.Kind,
			Opening:    d,
			Conditions: append(slices.Clip(outer), condition),
			Main:       section.Main,
			depth:      strings.Count(strings.TrimSuffix(condition.Pattern, "/"), "/"),
		}
		if condition.Kind == KindDirectory && condition.Regexp {
			inner.Kind = KindDirectoryMatch
		}
		inner.Directives = d.Children
		if section.Kind == KindServer {
			o.byKind[inner.Kind] = append(o.byKind[inner.Kind], inner)
		} else if inner.Kind == KindIf {
			o.ifs = append(o.ifs, inner)
		} else {
			o.files = append(o.files, inner)
		}
	}
	if section.Kind == KindServer {
		o.byKind[KindServer] = append(o.byKind[KindServer], section)
	}
}

// unlimited are the directives in a section of rules of access that are no such
// rules: Apache takes them as if they stood outside, as AuthType in <Limit>.
func unlimited(d *apacheconf.Directive) []*apacheconf.Directive {
	if !d.Is("Limit", "LimitExcept", "RequireAny", "RequireAll", "RequireNone") {
		return nil
	}
	var others []*apacheconf.Directive
	for _, child := range d.Children {
		switch {
		case child.Section:
			others = append(others, unlimited(child)...)
		case !child.Is(requireNames...) && !child.Is(compatNames...):
			others = append(others, child)
		}
	}
	return others
}

// nested splits the sections within sections off.
func (o *sorter) nested(sections []*Section) {
	for _, section := range sections {
		all := section.Directives
		section.Directives = nil
		o.add(all, section, section.Conditions)
	}
}

// elseCondition is the expression of <ElseIf> or <Else> after others.
func elseCondition(d *apacheconf.Directive, previous string) Condition {
	pattern := "!(" + previous + ")"
	if d.Is("ElseIf") {
		pattern += " && (" + strings.Join(d.Args, " ") + ")"
	}
	return Condition{Kind: KindIf, Pattern: pattern}
}

// WriteScope writes what all requests of a scope go through; answer writes the
// handler, and is nil in a scope of files.
func (s *Site) WriteScope(b *Block, sc *Scope, answer func(b *Block)) {
	if sc.URLPrefix == "" {
		sc.URLPrefix = "/"
	}
	s.writeIfs(sc, b)
	for stage := StageDocument; stage < StageHandler; stage++ {
		for _, part := range parts[stage] {
			part.Scope(s, sc, b)
		}
	}
	if answer != nil {
		answer(b)
		return
	}
	for _, part := range parts[StageHandler] {
		part.Scope(s, sc, b)
	}
}

// siteParts are what a site consists of.
type siteParts struct {
	definitions *Block // matchers that the others use
	site        *Block // outside of the route: TLS, logs
	route       *Block
	errors      *Block // what answers failed requests
}

// writeParts writes the site. Names of matchers are unique within b.
func (s *Site) writeParts(b *Block) siteParts {
	s.definitions, s.matchers, s.ifs, s.complete, s.documents = b.Detached(), map[string]string{}, nil, false, nil
	p := siteParts{definitions: s.definitions, site: b.Detached(), route: b.Detached(), errors: b.Detached()}
	for _, part := range parts[StageSite] {
		part.Site(s, p.site)
	}
	route := p.route.Open("route")
	if s.closed {
		route.Comment("a rule of access that is not understood: closed")
		route.Line("error", "403")
	}
	for stage := StageEarly; stage <= StageAlias; stage++ {
		for _, part := range parts[stage] {
			part.Site(s, route)
		}
	}
	for _, part := range parts[StageError] {
		part.Site(s, p.errors)
	}
	return p
}
