package translate

import (
	"slices"
	"strings"
)

// writeDirectoryRules writes the rules of folders and .htaccess files. Those of
// the last section that speaks of rewriting hold alone, unless it inherits.
func writeDirectoryRules(s *Site, sc *Scope, b *Block) {
	relevant := func(section *Section) bool { return section.Kind != KindServer && section.Has(rewriteNames...) }
	found := false
	for _, section := range s.Sections(sc) {
		if relevant(section) {
			s.readRules(section.Directives) // for the verdicts
			found = true
		}
	}
	if !found {
		return
	}
	choices, ok := s.Choices(sc, func(section *Section) bool { return relevant(section) || section.Has("Options") }, nil)
	if !ok {
		s.refuseDirectoryRules(sc, relevant, "too many sections overlap here to tell them apart")
		b.Line("error", "403")
		return
	}
	s.WriteChoices(b, choices, func(b *Block, sections []*Section) {
		options := optionsOf(sections)
		speaking := slices.DeleteFunc(slices.Clone(sections), func(section *Section) bool { return !relevant(section) })
		if len(speaking) > 0 {
			s.writeRulesOf(b, sc, speaking, options["followsymlinks"] || options["symlinksifownermatch"])
		}
	})
}

func (s *Site) refuseDirectoryRules(sc *Scope, relevant func(*Section) bool, why string) {
	for _, section := range s.Sections(sc) {
		if relevant(section) {
			for _, d := range section.All(rewriteNames...) {
				s.Refuse(d, why, "join the sections")
			}
		}
	}
}

// writeRulesOf writes the rules that hold where all of sections do.
// Without the option to follow symbolic links Apache refuses to rewrite.
func (s *Site) writeRulesOf(b *Block, sc *Scope, sections []*Section, allowed bool) {
	engine := Last(sections, "RewriteEngine")
	if engine == nil {
		engine = s.Last("RewriteEngine")
	}
	last := sections[len(sections)-1]
	set := s.readRules(last.Directives)
	if !rewriteOn(engine) {
		for _, d := range last.All(rewriteNames...) {
			s.Harmless(d, "RewriteEngine is off here")
		}
		return
	}
	for _, word := range inheriting(last) {
		for i := len(sections) - 2; i >= 0; i-- {
			s.inheritRules(set, s.readRules(sections[i].Directives), word)
		}
	}
	if !allowed && sc.Proxy == "" {
		b.Comment("rules take Options FollowSymLinks or SymLinksIfOwnerMatch; without, Apache answers 403")
		b.Line("error", "403")
		return
	}
	if set.closed {
		b.Comment("a rule that refuses requests can't be carried over, so that all are refused")
		b.Line("error", "403")
	}
	if len(set.rules) == 0 {
		return
	}
	directory, why := directoryOf(last)
	if why == "" && sc.Proxy != "" || why != "" {
		if !onlyMatches(set) {
			if why == "" {
				why = "rules on proxied requests can't change the path here"
			}
			for _, r := range set.rules {
				s.Refuse(r.Directive, why, "write the rules outside of sections, with the whole path")
			}
			if closes(set) {
				b.Line("error", "403")
			}
			return
		}
		if directory == "" {
			directory = "/"
		}
	}
	inner := s.openRules(b, set, nil)
	inner.Line("directory", Literal(directory))
	if set.base != "" {
		inner.Line("base", Literal(set.base))
	}
	if sc.Root != "" && sc.URLPrefix != "/" {
		inner.Line("context", Literal(sc.URLPrefix), Literal(sc.Root))
	}
	s.writeRules(inner, set)
	s.writeProxiedRules(b, set)
}

// inheriting are the words of RewriteOptions that bring rules of outer sections.
func inheriting(section *Section) []string {
	for _, d := range section.All("RewriteOptions") {
		for _, word := range d.Args {
			if strings.EqualFold(word, "Inherit") || strings.EqualFold(word, "InheritBefore") {
				return []string{strings.ToLower(word)}
			}
		}
	}
	return nil
}

func (s *Site) inheritRules(set, outer *ruleset, word string) {
	if word == "inheritbefore" {
		set.rules = append(outer.rules, set.rules...)
		return
	}
	set.rules = append(set.rules, outer.rules...)
}

// directoryOf is the folder whose rules stand in the section.
func directoryOf(section *Section) (directory, why string) {
	if section.Folder != "" {
		return section.Folder, ""
	}
	if len(section.Conditions) != 1 {
		return "", "rules in nested sections can't tell their folder"
	}
	condition := section.Conditions[0]
	switch {
	case condition.Kind == KindDirectory && !condition.Regexp && !condition.Glob:
		return condition.Pattern, ""
	case condition.Kind == KindDirectory:
		return "", "rules for folders with wildcards see the whole path of the file, which has no equivalent"
	}
	return "", "rules in this kind of section see the whole path of the file, which has no equivalent"
}

// onlyMatches tells whether the rules look at no path and change none, as those
// that only set variables.
func onlyMatches(set *ruleset) bool {
	for _, r := range set.rules {
		switch r.words[0] {
		case ".", ".*", "^", "^.*", "^.*$", "(.*)", "^(.*)$", "^(.*)":
		default:
			return false
		}
		for _, c := range r.conditions {
			if strings.Contains(strings.ToUpper(c.words[0]), "FILENAME") {
				return false
			}
		}
		if r.parsed.Substitutes() && !strings.Contains(r.words[1], "://") && !strings.HasPrefix(r.words[1], "/") {
			return false
		}
		if _, isProxied := r.parsed.Proxied(); isProxied {
			return false
		}
	}
	return true
}

// closes tells whether a rule refuses requests.
func closes(set *ruleset) bool {
	for _, r := range set.rules {
		if closesFlag.MatchString(r.words[2]) {
			return true
		}
	}
	return false
}
