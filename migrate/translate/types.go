package translate

import (
	"strings"
)

var typeNames = []string{"AddType", "AddDefaultCharset", "ForceType", "DefaultType", "TypesConfig", "AddCharset", "AddEncoding",
	"AddLanguage", "RemoveType", "RemoveLanguage", "RemoveCharset", "RemoveEncoding", "LanguagePriority", "ForceLanguagePriority", "DefaultLanguage", "MultiviewsMatch"}

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
			case d.Is("ForceType", "AddDefaultCharset", "TypesConfig"):
				s.Translated(d)
			case d.Is("AddCharset", "RemoveCharset"):
				s.Harmless(d, "the charset of a file is not read from its name")
			case d.Is("DefaultType"):
				s.Harmless(d, "Apache 2.4 ignores it")
			case d.Is("AddEncoding", "RemoveEncoding"):
				s.Translated(d)
			case d.Is("AddLanguage", "DefaultLanguage", "RemoveLanguage", "LanguagePriority", "ForceLanguagePriority", "MultiviewsMatch"):
				s.Harmless(d, "Content-Language is not sent")
			case d.Is("RemoveType"):
				s.Translated(d)
			}
		}
	}
}

// writeFileServer writes what sends files, with the types and lists of sections.
func (s *Site) writeFileServer(sc *Scope, b *Block) {
	s.writeBodyLimit(sc, b)
	relevant := func(section *Section) bool { return section.Has(typeNames...) || section.Has("Options") }
	choices, ok := s.Choices(sc, relevant, nil)
	if !ok {
		for _, section := range s.Sections(sc) {
			for _, d := range section.All("ForceType", "AddType", "AddDefaultCharset") {
				s.Approximate(d, "too many sections overlap here to tell their types apart; those of the server hold", "")
			}
		}
		choices = choices[len(choices)-1:]
		choices[0].Conditions = nil
	}
	s.WriteChoices(b, s.sameChoices(choices), func(b *Block, sections []*Section) { s.writeFile(b, sections) })
}

// sameChoices leaves the last choice alone where all say the same.
func (s *Site) sameChoices(choices []Choice) []Choice {
	text := func(c Choice) string {
		b := NewBlock()
		s.writeFile(b, c.Sections)
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

func (s *Site) writeFile(b *Block, sections []*Section) {
	inner := b.Detached()
	s.writeTypes(inner, sections)
	if s.lists(optionsOf(sections)) {
		inner.Line("browse")
	}
	if inner.Empty() {
		b.Line("apache_file")
		return
	}
	b.Open("apache_file").Append(inner)
}

// writeTypes writes which Content-Type files have.
func (s *Site) writeTypes(inner *Block, sections []*Section) {
	if d := s.Last("TypesConfig"); d != nil && len(d.Args) == 1 {
		inner.Line("types_config", Literal(s.t.serverPath(d.Args[0])))
	}
	for _, section := range sections {
		for _, d := range section.Directives {
			switch {
			case d.Is("AddType") && len(d.Args) >= 2 && !isProgram(d.Args[0]):
				inner.Line(append([]string{"add_type", Literal(d.Args[0])}, literals(d.Args[1:])...)...)
			case d.Is("AddEncoding") && len(d.Args) >= 2:
				inner.Line(append([]string{"add_encoding", Literal(d.Args[0])}, literals(d.Args[1:])...)...)
			case d.Is("RemoveType") && len(d.Args) >= 1:
				inner.Line(append([]string{"remove_type"}, literals(d.Args)...)...)
			}
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
