package translate

import (
	"strings"
)

var typeNames = []string{"AddType", "AddDefaultCharset", "ForceType", "DefaultType", "TypesConfig", "AddCharset", "AddEncoding",
	"AddLanguage", "RemoveType", "RemoveLanguage", "RemoveCharset", "RemoveEncoding", "LanguagePriority", "ForceLanguagePriority", "DefaultLanguage", "MultiviewsMatch"}

func init() {
	Register(Part{Stage: StageHeader, Directives: typeNames, Scope: noteTypes})
}

// noteTypes gives the verdicts; writeTypes writes them before file_server.
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

// writeTypes writes which Content-Type files have.
func (s *Site) writeTypes(sc *Scope, b *Block) {
	relevant := func(section *Section) bool { return section.Has(typeNames...) }
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
	s.WriteChoices(b, choices, func(b *Block, sections []*Section) { s.writeTypesOf(b, sections) })
}

func (s *Site) writeTypesOf(b *Block, sections []*Section) {
	inner := b.Detached()
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
	if inner.Empty() {
		b.Line("apache_file")
		return
	}
	b.Open("apache_file").Append(inner)
}
