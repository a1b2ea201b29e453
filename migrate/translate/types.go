package translate

import (
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

var typeNames = []string{"AddType", "AddDefaultCharset", "ForceType", "DefaultType", "TypesConfig", "AddCharset", "AddEncoding",
	"AddLanguage", "RemoveType", "RemoveLanguage", "RemoveCharset", "RemoveEncoding", "LanguagePriority", "ForceLanguagePriority", "DefaultLanguage", "MultiviewsMatch", "MaxRanges"}

func init() {
	Register(Part{Stage: StageHeader, Directives: typeNames, Scope: noteTypes})
}

// noteTypes gives the verdicts; writeFileServer writes them.
func noteTypes(s *Site, sc *Scope, _ *Block) {
	for _, section := range s.Sections(sc) {
		for _, d := range section.Directives {
			switch {
			case d.Is("AddType"):
				if len(d.Args) >= 2 && !isProgram(d.Args[0]) {
					s.Translated(d)
				}
			case d.Is("ForceType", "AddDefaultCharset", "TypesConfig", "MaxRanges", "DefaultLanguage") || isMetadata(d):
				s.Translated(d)
			case d.Is("DefaultType"):
				s.Harmless(d, "Apache 2.4 ignores it")
			case d.Is("LanguagePriority", "ForceLanguagePriority", "MultiviewsMatch"):
				s.Harmless(d, "languages are not negotiated")
			}
		}
	}
}

// isMetadata tells whether a directive gives extensions a meaning, or takes it.
func isMetadata(d *apacheconf.Directive) bool {
	_, _, ok := metadataOption(d)
	return ok
}

// metadataOption is the option of apache_file for a directive such as
// AddCharset, and how many arguments it has at least.
func metadataOption(d *apacheconf.Directive) (option string, least int, ok bool) {
	for _, kind := range []string{"Type", "Charset", "Encoding", "Language"} {
		switch {
		case d.Is("Add" + kind):
			return "add_" + strings.ToLower(kind), 2, true
		case d.Is("Remove" + kind):
			return "remove_" + strings.ToLower(kind), 1, true
		}
	}
	return "", 0, false
}

// writeFileServer writes what sends files, with the types and lists of sections.
func (s *Site) writeFileServer(sc *Scope, b *Block) {
	s.writeBodyLimit(sc, b)
	relevant := s.decidesListings(sc)
	choices, ok := s.Choices(sc, func(section *Section) bool {
		return section.Has(typeNames...) || section.Has("Options") || relevant(section)
	}, nil)
	if !ok {
		s.writeUndecidedFile(sc, b, choices[len(choices)-1].Sections)
		return
	}
	s.WriteChoices(b, s.sameChoices(sc, choices), func(b *Block, sections []*Section) { s.writeFile(b, sc, sections) })
}

// writeUndecidedFile writes what sends files where sections overlap too often
// to be told apart: with the types of the server's, and lists that leave out
// what any of them names. Which folders are listed, apache_dir tells.
func (s *Site) writeUndecidedFile(sc *Scope, b *Block, sections []*Section) {
	const tooMany = "too many sections overlap here to tell them apart; "
	inner, ignored, lists := b.Detached(), []string{}, false
	s.writeTypes(inner, sections)
	for _, section := range s.Sections(sc) {
		for _, d := range section.All("ForceType", "AddType", "AddDefaultCharset") {
			s.Approximate(d, tooMany+"types are those of the server", "")
		}
		for _, d := range section.All(ignoreNames...) {
			s.Approximate(d, tooMany+"lists leave out what any of them names", "")
		}
		ignored = append(ignored, ignoreListOf(sc, section).names...)
		lists = lists || s.lists(optionsOf([]*Section{section}))
	}
	s.writeListing(inner, lists, ignored)
	openUnlessEmpty(b, "apache_file", inner)
}

// sameChoices leaves the last choice alone where all say the same.
func (s *Site) sameChoices(sc *Scope, choices []Choice) []Choice {
	text := func(c Choice) string {
		b := NewBlock()
		s.writeFile(b, sc, c.Sections)
		return b.String()
	}
	last := choices[len(choices)-1]
	want := text(last)
	for _, choice := range choices {
		if text(choice) != want {
			return choices
		}
	}
	return []Choice{last}
}

func (s *Site) writeFile(b *Block, sc *Scope, sections []*Section) {
	inner := b.Detached()
	s.writeTypes(inner, sections)
	s.writeListing(inner, s.lists(optionsOf(sections)), ignoredNames(sc, sections))
	openUnlessEmpty(b, "apache_file", inner)
}

// writeTypes writes which Content-Type files have.
func (s *Site) writeTypes(inner *Block, sections []*Section) {
	if d := s.Last("TypesConfig"); d != nil && len(d.Args) == 1 {
		inner.Line("types_config", Literal(s.t.serverPath(d.Args[0])))
	}
	for _, section := range sections {
		for _, d := range section.Directives {
			if option, least, ok := metadataOption(d); ok && len(d.Args) >= least && (!d.Is("AddType") || !isProgram(d.Args[0])) {
				inner.Line(append([]string{option}, literals(d.Args)...)...)
			}
		}
	}
	if d := Last(sections, "DefaultLanguage"); d != nil && len(d.Args) == 1 {
		inner.Line("default_language", Literal(d.Args[0]))
	}
	if d := Last(sections, "MaxRanges"); d != nil && len(d.Args) == 1 {
		switch most := strings.ToLower(d.Args[0]); {
		case most == "none":
			inner.Line("max_ranges", "0")
		case isNumber(most) && most != "0":
			inner.Line("max_ranges", most)
		}
	}
	if d := Last(sections, "AddDefaultCharset"); d != nil && len(d.Args) == 1 && !strings.EqualFold(d.Args[0], "Off") {
		charset := d.Args[0]
		if strings.EqualFold(charset, "On") {
			charset = "iso-8859-1"
		}
		inner.Line("default_charset", Literal(charset))
	}
	if d := Last(sections, "ForceType"); d != nil && len(d.Args) == 1 && !strings.EqualFold(d.Args[0], "None") {
		inner.Line("force_type", Literal(d.Args[0]))
	}
}
