package translate

import (
	"path"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/pcre"
)

func init() {
	Register(Part{Stage: StageError, Directives: []string{"ErrorDocument"}, Site: writeErrors})
}

// writeErrors writes what answers a request that failed: the documents of the
// site, then a plain page.
func writeErrors(s *Site, b *Block) {
	chain := b.Detached()
	byStatus := map[string]bool{}
	for _, section := range s.sections {
		for _, d := range section.All("ErrorDocument") {
			if section.Kind != KindServer && !s.ofWholeSite(section) {
				s.Approximate(d, "pages of errors hold for a whole site; this one is not used", "write it outside of the section")
			}
		}
	}
	for i := len(s.sections) - 1; i >= 0; i-- { // the last one of a status counts
		section := s.sections[i]
		if section.Kind != KindServer && !s.ofWholeSite(section) {
			continue
		}
		documents := section.All("ErrorDocument")
		for j := len(documents) - 1; j >= 0; j-- {
			d := documents[j]
			if len(d.Args) < 2 || !isNumber(d.Args[0]) || d.Args[0] < "400" || d.Args[0] > "599" {
				s.Refuse(d, "it needs a status from 400 to 599 and a document", "")
				continue
			}
			s.Translated(d)
			if byStatus[d.Args[0]] || strings.EqualFold(d.Args[1], "default") {
				byStatus[d.Args[0]] = true
				continue
			}
			byStatus[d.Args[0]] = true
			s.writeDocument(b, chain, d)
		}
	}
	if !chain.Empty() {
		b.Append(chain)
	}
	b.Line("apache_error")
}

// ofWholeSite tells whether a section applies to every file of the document root.
func (s *Site) ofWholeSite(section *Section) bool {
	d := s.Last("DocumentRoot")
	if d == nil || len(d.Args) != 1 {
		return false
	}
	sc := &Scope{URLPrefix: "/", Root: s.t.serverPath(d.Args[0])}
	return sc.reach(section) == Always
}

// writeDocument writes one document into a branch of its own. Matchers are
// defined in b.
func (s *Site) writeDocument(b, chain *Block, d *apacheconf.Directive) {
	status, document := d.Args[0], strings.Join(d.Args[1:], " ")
	matcher := b.Matcher("error_"+status, "expression", "{http.error.status_code} == "+status)
	chain.From(d)
	branch := chain.Open("route", matcher)
	switch {
	case strings.Contains(document, "://"):
		branch.Line("redir", "*", Literal(document), "302")
	case strings.HasPrefix(document, "/"):
		s.writeLocalDocument(branch, d, document)
	default:
		code, _ := strconv.Atoi(status)
		branch.Line("header", "Content-Type", "text/html; charset=iso-8859-1")
		branch.Line("respond", "*", Literal(strings.TrimPrefix(document, `"`)), strconv.Itoa(code))
	}
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
