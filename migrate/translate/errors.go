package translate

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/pcre"
)

func init() {
	Register(Part{Stage: StageEarly, Site: writeEarlyDocuments})
	Register(Part{Stage: StageDocument, Directives: []string{"ErrorDocument"}, Scope: writeDocumentChoice})
	Register(Part{Stage: StageError, Site: writeErrors})
}

// documentVariable names, while a request is answered, the pages of errors that
// its sections bring; handle_errors asks for it.
const documentVariable = "error_documents"

// documents are the pages of errors that some sections bring together: the last
// of each status, in the order of the statuses' first lines.
type documents struct {
	name string
	of   []*apacheconf.Directive
}

// hasDocuments tells of a section whether it brings pages of errors; what the
// server and the virtual host say holds everywhere and is not asked for.
func hasDocuments(section *Section) bool {
	return section.Kind != KindServer && section.Has("ErrorDocument")
}

// writeEarlyDocuments writes which pages hold before the request is mapped to a
// file or a backend: those of locations. It also forgets what an earlier run
// of the route has found.
func writeEarlyDocuments(s *Site, b *Block) {
	if !slices.ContainsFunc(s.sections, hasDocuments) {
		return
	}
	b.Line("vars", documentVariable, "none")
	s.writeDocumentsWhere(&Scope{URLPrefix: "/"}, b, func(section *Section) bool { return hasDocuments(section) && isLocationOnly(section) })
}

// writeDocumentChoice writes which pages hold for requests of a scope.
func writeDocumentChoice(s *Site, sc *Scope, b *Block) {
	s.writeDocumentsWhere(sc, b, hasDocuments)
}

func (s *Site) writeDocumentsWhere(sc *Scope, b *Block, relevant func(*Section) bool) {
	choices, ok := s.Choices(sc, relevant, nil)
	if !ok {
		for _, section := range s.Sections(sc) {
			for _, d := range section.All("ErrorDocument") {
				s.Refuse(d, "too many sections overlap here to tell their pages of errors apart", "join the sections")
			}
		}
		return
	}
	s.WriteChoices(b, choices, func(b *Block, sections []*Section) {
		if of := s.documentsOf(sections); len(of) > 0 {
			b.Line("vars", documentVariable, s.nameDocuments(of))
		}
	})
}

// documentsOf merges the pages of sections: of a status the last one counts.
func (s *Site) documentsOf(sections []*Section) []*apacheconf.Directive {
	var of []*apacheconf.Directive
	for _, section := range sections {
		for _, d := range section.All("ErrorDocument") {
			if len(d.Args) < 2 || !isNumber(d.Args[0]) || d.Args[0] < "400" || d.Args[0] > "599" {
				s.Refuse(d, "it needs a status from 400 to 599 and a document", "")
				continue
			}
			s.Translated(d)
			if i := slices.IndexFunc(of, func(known *apacheconf.Directive) bool { return known.Args[0] == d.Args[0] }); i >= 0 {
				of[i] = d
			} else {
				of = append(of, d)
			}
		}
	}
	return of
}

// nameDocuments gives the pages a name; the same pages have the same.
func (s *Site) nameDocuments(of []*apacheconf.Directive) string {
	for _, known := range s.documents {
		if slices.Equal(known.of, of) {
			return known.name
		}
	}
	name := "documents_" + strconv.Itoa(len(s.documents)+1)
	s.documents = append(s.documents, documents{name: name, of: of})
	return name
}

// writeErrors writes what answers a request that failed: the pages of its
// sections, those of the site, then a plain one.
func writeErrors(s *Site, b *Block) {
	chain := b.Detached()
	for _, brought := range s.documents {
		branch := chain.Open("route", b.Matcher(brought.name, "vars", documentVariable, brought.name))
		for _, d := range brought.of {
			s.writeDocument(b, branch, d)
		}
	}
	var server []*Section
	for _, section := range s.sections {
		if section.Kind == KindServer {
			server = append(server, section)
		}
	}
	for _, d := range s.documentsOf(server) {
		s.writeDocument(b, chain, d)
	}
	b.Append(chain)
	b.Line("apache_error")
}

// writeDocument writes one page into a branch of its own, which ends with the
// plain one. Matchers are defined in b.
func (s *Site) writeDocument(b, chain *Block, d *apacheconf.Directive) {
	status, document := d.Args[0], strings.Join(d.Args[1:], " ")
	chain.From(d)
	branch := chain.Open("route", s.statusMatcher(b, status))
	switch {
	case strings.EqualFold(document, "default"):
	case strings.Contains(document, "://"):
		branch.Line("redir", "*", Literal(document), "302")
		return
	case strings.HasPrefix(document, "/"):
		s.writeLocalDocument(branch, d, document)
	default:
		branch.Line("header", "Content-Type", "text/html; charset=iso-8859-1")
		branch.Line("respond", "*", Literal(strings.TrimPrefix(document, `"`)), status)
		return
	}
	branch.Line("apache_error")
}

// statusMatcher is the matcher of failures with a status, defined once in b.
func (s *Site) statusMatcher(b *Block, status string) string {
	key := "error_" + status
	if s.matchers[key] == "" {
		s.matchers[key] = b.Matcher(key, "expression", "{http.error.status_code} == "+status)
	}
	return s.matchers[key]
}

// writeLocalDocument writes a page of the site itself.
func (s *Site) writeLocalDocument(b *Block, d *apacheconf.Directive, document string) {
	document, _, _ = strings.Cut(document, "?")
	root, file := s.mapped(document)
	if root == "" || s.complete {
		s.Approximate(d, "the page is answered by a backend; a plain one is sent instead", "put the page into a folder, with an Alias and ProxyPass !")
		return
	}
	if isScript(file) {
		s.Approximate(d, "the page is a program; a plain page is sent instead", "write it as a file")
		return
	}
	if !s.isOpen(document, path.Join(root, file)) {
		s.Approximate(d, "the page is not open to everybody; as in Apache, a plain one is sent instead", "")
		return
	}
	b.Line("root", "*", Literal(root))
	b.Line("rewrite", "*", Literal(file))
	b.Open("route", "@error_document").Open("apache_file").Line("status", "{http.error.status_code}")
	s.needErrorFile()
}

// isOpen tells whether everybody may read a file under a path of the site.
func (s *Site) isOpen(url, file string) bool {
	var sections []*Section
	for _, section := range s.sections {
		applies := true
		for _, c := range section.Conditions {
			holds, known := c.holds(url, file)
			if !known && section.Has(accessNames...) {
				return false
			}
			applies = applies && holds
		}
		if applies {
			sections = append(sections, section)
		}
	}
	granted, decided := policyOf(sections).decided()
	compat := compatSection(sections)
	return granted && decided && (compat == nil || admitsEverybody(compat))
}

// holds tells whether the condition holds for a file that is there.
func (c Condition) holds(url, file string) (holds, known bool) {
	subject := map[Kind]string{KindLocation: url, KindDirectory: file, KindFiles: path.Base(file)}[c.Kind]
	switch {
	case c.Kind == KindProxy:
		return false, true
	case subject == "":
		return false, false
	case c.Regexp:
		expression, err := pcre.Compile(c.Pattern, false)
		return err == nil && expression.MatchString(subject), err == nil
	case c.Glob:
		matched, err := path.Match(c.Pattern, subject)
		return matched, err == nil && c.Kind != KindDirectory
	case c.Kind == KindFiles:
		return c.Pattern == subject, true
	default:
		return within(subject, c.Pattern), true
	}
}

// isScript tells whether a file is run rather than sent.
func isScript(file string) bool {
	for _, extension := range []string{".php", ".cgi", ".pl", ".py", ".shtml"} {
		if strings.HasSuffix(strings.ToLower(file), extension) {
			return true
		}
	}
	return false
}

// needErrorFile defines the matcher that holds when the document is there and
// no section keeps it from being read.
func (s *Site) needErrorFile() {
	if s.matchers["error_document"] != "" {
		return
	}
	s.matchers["error_document"] = "@error_document"
	s.definitions.Line("@error_document", "file", "{http.request.uri.path}")
}

// mapped is the folder and the path below it that a path of the site leads to.
func (s *Site) mapped(url string) (root, file string) {
	for _, list := range [][]*apacheconf.Directive{s.Own, s.Main} {
		for _, d := range list {
			if d.Is("Alias") && len(d.Args) == 2 && within(url, d.Args[0]) {
				return strings.TrimSuffix(s.t.serverPath(d.Args[1]), "/"), "/" + strings.TrimPrefix(url[len(d.Args[0]):], "/")
			}
		}
	}
	d := s.Last("DocumentRoot")
	if d == nil || len(d.Args) != 1 {
		return "", ""
	}
	return s.t.serverPath(d.Args[0]), url
}
