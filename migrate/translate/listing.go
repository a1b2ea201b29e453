package translate

import (
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/wildcard"
)

// ignoreNames say which names the list of a folder leaves out, autoindexNames
// are all of mod_autoindex.
var (
	ignoreNames    = []string{"IndexIgnore", "IndexIgnoreReset"}
	autoindexNames = append([]string{"IndexOptions", "IndexOrderDefault", "IndexStyleSheet", "IndexHeadInsert", "AddIcon", "AddIconByType",
		"AddIconByEncoding", "AddAlt", "AddAltByType", "AddAltByEncoding", "AddDescription", "DefaultIcon", "ReadmeName", "HeaderName"}, ignoreNames...)
)

func init() {
	Register(Part{Stage: StageHeader, Directives: ignoreNames, Scope: noteIgnored})
}

// noteIgnored gives the verdicts; writeFile writes the names.
func noteIgnored(s *Site, sc *Scope, _ *Block) {
	for _, section := range s.Sections(sc) {
		for _, d := range section.All("IndexOptions") {
			if showsForbidden(d) {
				s.Approximate(d, "lists leave out what the visitor may not read all the same", "")
			}
		}
		for _, d := range section.All("IndexIgnore") {
			if section.Opening != nil && !ignoresIn(sc, section) {
				s.Harmless(d, "Apache compares the argument of its section with the path of a file, and so it leaves nothing out here")
				continue
			}
			s.Translated(d)
		}
		for _, d := range section.All("IndexIgnoreReset") {
			s.Translated(d)
		}
	}
}

// mayList tells whether some folder of the scope may be listed.
func (s *Site) mayList(sc *Scope) bool {
	return sc.Proxy == "" && slices.ContainsFunc(s.Sections(sc), func(section *Section) bool { return s.lists(optionsOf([]*Section{section})) })
}

// showsForbidden tells whether IndexOptions asks for the names of what the
// visitor may not read.
func showsForbidden(d *apacheconf.Directive) bool {
	return slices.ContainsFunc(d.Args, func(option string) bool {
		return strings.EqualFold(strings.TrimPrefix(option, "+"), "ShowForbidden")
	})
}

// writeListing writes whether folders are listed, and without which names.
func (s *Site) writeListing(inner *Block, lists bool, ignored []string) {
	if !lists {
		return
	}
	inner.Line("browse")
	if len(ignored) > 0 {
		inner.Line(append([]string{"ignore"}, literals(ignored)...)...)
	}
}

// decidesListings tells of a section whether it says what lists leave out.
func (s *Site) decidesListings(sc *Scope) func(*Section) bool {
	resets := slices.ContainsFunc(s.Sections(sc), func(section *Section) bool { return section.Has("IndexIgnoreReset") })
	return func(section *Section) bool {
		return resets && section.Has(autoindexNames...) || section.Has("IndexIgnore") && ignoresIn(sc, section)
	}
}

// ignoredNames are the patterns of the names that lists leave out, by Apache's
// merging: a reset counts only where no other section of its kind has anything
// for mod_autoindex, because merging two forgets it.
func ignoredNames(sc *Scope, sections []*Section) []string {
	var all ignoreList
	for _, kinds := range [][]Kind{{KindServer}, {KindDirectory, KindDirectoryMatch}, {KindLocation}} {
		merged := ignoreList{none: true}
		for _, section := range sections {
			if slices.Contains(kinds, section.Kind) && section.Has(autoindexNames...) {
				merged = merged.merge(ignoreListOf(sc, section))
			}
		}
		all = all.merge(merged)
	}
	return all.names
}

// ignoreList is what mod_autoindex knows of a section.
type ignoreList struct {
	names []string
	reset bool
	none  bool // no section at all
}

func (l ignoreList) merge(later ignoreList) ignoreList {
	switch {
	case later.none:
		return l
	case l.none:
		return later
	case later.reset:
		return ignoreList{names: later.names}
	default:
		return ignoreList{names: append(slices.Clip(l.names), later.names...)}
	}
}

func ignoreListOf(sc *Scope, section *Section) ignoreList {
	list := ignoreList{}
	if d := Last([]*Section{section}, "IndexIgnoreReset"); d != nil {
		list.reset = isOn(d)
	}
	if !ignoresIn(sc, section) {
		return list
	}
	for _, d := range section.All("IndexIgnore") {
		for _, pattern := range d.Args {
			if name := pattern[strings.LastIndexByte(pattern, '/')+1:]; name != "" { // of a path the last element counts
				list.names = append(list.names, name)
			}
		}
	}
	return list
}

// ignoresIn tells whether IndexIgnore may leave something out in a section:
// Apache takes the section's argument, a regular expression or a URL too, for
// the beginning of the path of a file, with wildcards.
func ignoresIn(sc *Scope, section *Section) bool {
	for _, c := range section.Conditions {
		if c.Kind == KindDirectory && !c.Regexp {
			continue
		}
		begins := wildcard.Match(c.Pattern+"*", sc.Root+"/") || strings.HasPrefix(c.Pattern, sc.Root+"/")
		if c.Kind == KindFiles || !begins {
			return false
		}
	}
	return true
}
