package translate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

var indexNames = []string{"DirectoryIndex", "DirectorySlash", "FallbackResource", "Options", "DirectoryCheckHandler", "DirectoryIndexRedirect"}

func init() {
	Register(Part{Stage: StageAlias, Directives: []string{"Alias", "AliasMatch", "ScriptAlias", "ScriptAliasMatch"}, Site: writeAliases})
	Register(Part{Stage: StageIndex, Directives: indexNames, Scope: writeIndex})
	Register(Part{Stage: StageAlias, Directives: []string{"DocumentRoot", "AllowOverride", "AllowOverrideList"}, Site: writeDocumentRoot})
}

// writeAliases writes a branch per alias, the virtual host's before the main
// server's, as Apache asks them.
func writeAliases(s *Site, b *Block) {
	var aliases []*apacheconf.Directive
	for _, list := range [][]*apacheconf.Directive{s.Own, s.Main} {
		for _, d := range list {
			if d.Is("Alias", "AliasMatch", "ScriptAlias", "ScriptAliasMatch") {
				aliases = append(aliases, d)
			}
		}
	}
	for _, d := range aliases {
		if s.complete {
			s.Harmless(d, "ProxyPass answers first, as in Apache")
			continue
		}
		s.writeAlias(b, d)
	}
	for _, section := range s.sections {
		for _, d := range section.All("Alias", "ScriptAlias") {
			if section.Kind != KindServer {
				s.Refuse(d, "aliases within sections have no equivalent", "write Alias with two arguments outside of the section")
			}
		}
	}
}

func (s *Site) writeAlias(b *Block, d *apacheconf.Directive) {
	if len(d.Args) != 2 {
		s.Refuse(d, "an alias has a path and a folder", "")
		return
	}
	url, folder := d.Args[0], s.t.serverPath(d.Args[1])
	if strings.HasSuffix(d.Args[1], "/") && folder != "/" {
		folder += "/"
	}
	isMatch := d.Is("AliasMatch", "ScriptAliasMatch")
	switch {
	case isMatch && !s.compiles(url):
		s.Refuse(d, "the regular expression has no equivalent in Go", "write it without look-around and back-references")
		b.Line("error", "404")
		return
	case !isMatch && strings.HasSuffix(url, "/") != strings.HasSuffix(folder, "/") && url != "/" && strings.HasSuffix(url, "/"):
		s.Refuse(d, "one of the two ends in a slash, so that Apache leads "+url+"x to "+folder+"x", "end both in a slash, or none")
		b.Line("error", s.aliasMatcher(b, url, false), "404")
		return
	}
	b.From(d)
	branch := b.Open("route", s.aliasMatcher(b, url, isMatch))
	if d.Is("ScriptAlias", "ScriptAliasMatch") {
		s.Refuse(d, "CGI programs have no equivalent; their addresses answer 403", "run the program behind an HTTP or FastCGI server")
		branch.Line("error", "403")
		return
	}
	s.Translated(d)
	scope := &Scope{URLPrefix: url, Root: strings.TrimSuffix(folder, "/")}
	line := []string{"apache_alias", "*", Literal(url), Literal(folder)}
	if isMatch {
		scope = &Scope{URLPrefix: "/"}
		line = []string{"apache_alias", "*", "~", Literal(url), Literal(d.Args[1])}
	} else if scope.Root == "" {
		scope.Root = "/"
	}
	branch.Line(line...)
	s.WriteScope(branch, scope, nil)
}

func (s *Site) aliasMatcher(_ *Block, url string, isMatch bool) string {
	return s.Matcher([]Condition{{Kind: KindLocation, Pattern: url, Regexp: isMatch}})
}

// writeDocumentRoot writes what is left after proxies and aliases.
func writeDocumentRoot(s *Site, b *Block) {
	for _, d := range s.All("DocumentRoot") {
		s.Translated(d)
	}
	for _, section := range s.sections {
		for _, d := range section.All("AllowOverride", "AllowOverrideList") {
			s.Translated(d) // the files it lets in are looked for and read, see htaccess.go
		}
	}
	if s.complete {
		return
	}
	s.WriteDocumentRoot(b)
}

// WriteDocumentRoot writes the scope of the document root, which answers every
// request.
func (s *Site) WriteDocumentRoot(b *Block) {
	d := s.Last("DocumentRoot")
	if d == nil || len(d.Args) != 1 {
		b.Comment("no DocumentRoot")
		b.Line("error", "404")
		return
	}
	root := s.t.serverPath(d.Args[0])
	b.From(d)
	b.Line("root", "*", Literal(root))
	s.WriteScope(b, &Scope{URLPrefix: "/", Root: root}, nil)
}

// writeIndex writes what becomes of folders.
func writeIndex(s *Site, sc *Scope, b *Block) {
	if sc.Proxy != "" {
		return
	}
	relevant := func(section *Section) bool { return section.Has(indexNames...) }
	for _, section := range s.Sections(sc) {
		for _, d := range section.All(indexNames...) {
			s.noteIndex(d)
		}
	}
	hasPrograms := slices.ContainsFunc(s.Sections(sc), runsPrograms)
	choices, ok := s.Choices(sc, relevant, nil)
	if !ok {
		for _, section := range s.Sections(sc) {
			for _, d := range section.All(indexNames...) {
				s.Refuse(d, "too many sections overlap here to tell them apart", "join the sections")
			}
		}
		b.Line("error", "403")
		return
	}
	s.writeLocationHandlers(sc, b)
	s.WriteChoices(b, choices, func(b *Block, sections []*Section) { s.writeDir(b, sections, hasPrograms) })
}

func (s *Site) noteIndex(d *apacheconf.Directive) {
	switch {
	case d.Is("FallbackResource") && (len(d.Args) != 1 || !strings.HasPrefix(d.Args[0], "/") && !strings.EqualFold(d.Args[0], "disabled")):
		s.Refuse(d, "the path has to begin with a slash", "write it from the site's root")
	case d.Is("DirectoryCheckHandler") && isOn(d):
		s.Refuse(d, "index files are looked for whatever handler a folder has", "delete the line")
	case d.Is("DirectoryIndexRedirect") && indexRedirect(d) < 0:
		s.Refuse(d, "it takes on, off, permanent, temp, seeother or a status from 300 to 399", "correct the line")
	case d.Is("Options") && slices.ContainsFunc(d.Args, func(o string) bool { return strings.EqualFold(strings.TrimPrefix(o, "+"), "MultiViews") }):
		s.Approximate(d, "MultiViews is not carried over: paths have to name their files", "")
	case d.Is("Options") && slices.ContainsFunc(d.Args, func(o string) bool {
		return strings.EqualFold(strings.TrimPrefix(o, "+"), "Includes") || strings.EqualFold(strings.TrimPrefix(o, "+"), "IncludesNOEXEC")
	}):
		s.Translated(d) // the filter is what matters, and it is refused where it is set
	default:
		s.Translated(d)
	}
}

// indexRedirect is the status that DirectoryIndexRedirect says; 0 is none, -1
// what it can't say.
func indexRedirect(d *apacheconf.Directive) int {
	if len(d.Args) != 1 {
		return -1
	}
	word := strings.ToLower(d.Args[0])
	if status, ok := map[string]int{"off": 0, "on": 302, "temp": 302, "permanent": 301, "seeother": 303}[word]; ok {
		return status
	}
	if status, err := strconv.Atoi(word); err == nil && status >= 300 && status <= 399 {
		return status
	}
	return -1
}

// writeDir writes apache_dir with the settings of the sections.
func (s *Site) writeDir(b *Block, sections []*Section, pathInfo bool) {
	inner := b.Detached()
	index := s.directoryIndex(sections)
	if !slices.Equal(index, []string{"index.html"}) {
		inner.Line(append([]string{"index"}, literals(index)...)...)
	}
	if d := Last(sections, "DirectoryIndexRedirect"); d != nil && indexRedirect(d) > 0 {
		inner.Line("redirect_index", strconv.Itoa(indexRedirect(d)))
	}
	if d := Last(sections, "DirectorySlash"); d != nil && len(d.Args) == 1 && !strings.EqualFold(d.Args[0], "On") {
		slash := map[string]string{"off": "off", "notfound": "not_found"}[strings.ToLower(d.Args[0])]
		if slash != "" {
			inner.Line("slash", slash)
		}
	}
	options := optionsOf(sections)
	if s.lists(options) {
		inner.Line("browse")
	}
	if d := Last(sections, "FallbackResource"); d != nil && len(d.Args) == 1 && strings.HasPrefix(d.Args[0], "/") {
		inner.Line("fallback", Literal(d.Args[0]))
	}
	if pathInfo {
		inner.Line("path_info")
	}
	switch {
	case options["followsymlinks"]:
	case options["symlinksifownermatch"]:
		inner.Line("symlinks", "owner")
	default:
		inner.Line("symlinks", "refuse")
	}
	openUnlessEmpty(b, "apache_dir", inner)
}

// lists tells whether folders without an index file are listed.
func (s *Site) lists(options map[string]bool) bool {
	return options["indexes"] && s.HasModule("autoindex_module")
}

// directoryIndex is the index files that the last section with any names.
func (s *Site) directoryIndex(sections []*Section) []string {
	if !s.HasModule("dir_module") {
		return []string{"disabled"}
	}
	for _, section := range slices.Backward(sections) {
		var names []string
		for _, d := range section.All("DirectoryIndex") {
			names = append(names, d.Args...)
		}
		if len(names) == 0 {
			continue
		}
		if len(names) == 1 && strings.EqualFold(names[0], "disabled") {
			return []string{"disabled"}
		}
		return names
	}
	return []string{"index.html"}
}

// optionsOf merges Options as Apache does: a line without signs replaces what
// was before, one with signs adds and takes away.
func optionsOf(sections []*Section) map[string]bool {
	options := map[string]bool{"followsymlinks": true}
	for _, section := range sections {
		for _, d := range section.All("Options") {
			signed := len(d.Args) > 0 && strings.ContainsAny(d.Args[0][:min(1, len(d.Args[0]))], "+-")
			if !signed {
				clear(options)
			}
			for _, arg := range d.Args {
				name := strings.ToLower(strings.TrimLeft(arg, "+-"))
				on := !strings.HasPrefix(arg, "-")
				switch name {
				case "none":
					clear(options)
				case "all":
					for _, each := range []string{"indexes", "followsymlinks", "includes", "execcgi"} {
						options[each] = on
					}
				default:
					options[name] = on
				}
			}
		}
	}
	return options
}
