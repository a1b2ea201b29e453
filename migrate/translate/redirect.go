package translate

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/pcre"
)

var redirectNames = []string{"Redirect", "RedirectMatch", "RedirectPermanent", "RedirectTemp"}

func init() {
	Register(Part{Stage: StageRedirect, Directives: append([]string{"RedirectRelative"}, redirectNames...), Site: writeRedirects})
	Register(Part{Stage: StageFixup, Scope: writeSectionRedirects})
}

// redirect is a Redirect or RedirectMatch.
type redirect struct {
	status  int
	pattern string // a prefix or an expression; "" for every path
	regexp  bool
	url     string

	relative bool // as RedirectRelative On
}

// readRedirect reads a directive; within a section the path may be missing.
func readRedirect(d *apacheconf.Directive, inSection bool) (r redirect, why string) {
	args := d.Args
	r = redirect{status: http.StatusFound, regexp: d.Is("RedirectMatch")}
	if d.Is("RedirectPermanent") {
		r.status = http.StatusMovedPermanently
	}
	if len(args) > 0 && d.Is("Redirect", "RedirectMatch") {
		if status, ok := redirectStatus(args[0]); ok && (len(args) > 1 || inSection || status < 300 || status > 399) {
			r.status, args = status, args[1:]
		}
	}
	isRedirect := r.status >= 300 && r.status <= 399
	switch {
	case isRedirect && len(args) == 2:
		r.pattern, r.url = args[0], args[1]
	case isRedirect && len(args) == 1 && inSection:
		r.url = args[0]
	case !isRedirect && len(args) == 1:
		r.pattern = args[0]
	case !isRedirect && len(args) == 0 && inSection:
	default:
		return r, "these are not the arguments of " + d.Name
	}
	return r, r.problem()
}

func (r redirect) problem() string {
	switch {
	case http.StatusText(r.status) == "":
		return "the status is none of HTTP"
	case r.regexp && r.pattern != "":
		if _, err := pcre.Compile(r.pattern, false); err != nil {
			return err.Error()
		}
	case strings.Contains(r.url, "%{"):
		return "expressions in the URL have no equivalent"
	case r.pattern != "" && !strings.HasPrefix(r.pattern, "/"):
		return "the path does not begin with a slash, so that it fits no request"
	}
	return ""
}

func redirectStatus(word string) (int, bool) {
	switch strings.ToLower(word) {
	case "permanent":
		return http.StatusMovedPermanently, true
	case "temp":
		return http.StatusFound, true
	case "seeother":
		return http.StatusSeeOther, true
	case "gone":
		return http.StatusGone, true
	}
	status, err := strconv.Atoi(word)
	return status, err == nil
}

// words is the line that does what the redirect does.
func (r redirect) words() []string {
	words := []string{"apache_redirect", strconv.Itoa(r.status)}
	switch {
	case r.regexp && r.pattern != "":
		words = append(words, "~", Literal(r.pattern))
	case r.pattern != "":
		words = append(words, Literal(r.pattern))
	}
	if r.url != "" {
		words = append(words, Literal(r.url))
	}
	return words
}

// write writes the line.
func (r redirect) write(b *Block) {
	if r.relative && strings.HasPrefix(r.url, "/") {
		b.Open(r.words()...).Line("relative")
		return
	}
	b.Line(r.words()...)
}

// redirectsRelative tells whether the redirects of a section leave paths as
// they are. What other sections say about it is not asked.
func (s *Site) redirectsRelative(section *Section) bool {
	if d := Last([]*Section{section}, "RedirectRelative"); d != nil {
		return saysOn(d)
	}
	return saysOn(s.Last("RedirectRelative"))
}

// answersAll tells whether no path passes it by.
func (r redirect) answersAll() bool { return r.pattern == "" || !r.regexp && r.pattern == "/" }

// writeRedirects writes the redirects of virtual host and main server, in this
// order, as Apache asks them.
func writeRedirects(s *Site, b *Block) {
	for _, section := range s.sections {
		for _, d := range section.All("RedirectRelative") {
			if section.Kind != KindServer && !section.Has(redirectNames...) {
				s.Approximate(d, "it holds for redirects of the same section only", "write it there")
				continue
			}
			s.Translated(d)
		}
	}
	for _, list := range [][]*apacheconf.Directive{s.Own, s.Main} {
		for _, d := range list {
			if d.Is(redirectNames...) {
				s.writeRedirect(b, d)
			}
		}
	}
}

func (s *Site) writeRedirect(b *Block, d *apacheconf.Directive) {
	r, why := readRedirect(d, false)
	switch {
	case s.IsComplete():
		s.Approximate(d, "never asked, in Apache neither: what stands before it, as ProxyPass /, answers every request", "delete the line, or exempt its path with ProxyPass PATH !")
		return
	case why != "":
		s.refuseRedirect(b, d, r, why)
		return
	}
	b.From(d)
	r.relative = saysOn(s.Last("RedirectRelative"))
	r.write(b)
	s.Translated(d)
	if r.answersAll() {
		s.Complete()
	}
}

// refuseRedirect keeps closed what a refused redirect would have kept closed.
func (s *Site) refuseRedirect(b *Block, d *apacheconf.Directive, r redirect, why string) {
	s.Refuse(d, why, "write it otherwise")
	if r.status >= 400 {
		b.From(d)
		b.Line("error", "403")
	}
}

// writeSectionRedirects writes the redirects of sections: those of later ones
// are asked first, and before them the one that goes for the whole section.
func writeSectionRedirects(s *Site, sc *Scope, b *Block) {
	sections := slices.Clone(s.Sections(sc))
	slices.Reverse(sections)
	for _, whole := range []bool{true, false} {
		for _, section := range sections {
			if section.Kind == KindServer {
				continue
			}
			inner := b.Detached()
			for _, d := range section.All(redirectNames...) {
				r, why := readRedirect(d, true)
				switch {
				case why != "":
					s.refuseRedirect(inner, d, r, why)
				case (r.pattern == "") == whole:
					inner.From(d)
					r.relative = s.redirectsRelative(section)
					r.write(inner)
					s.Translated(d)
				}
			}
			if !inner.Empty() {
				s.openFor(b, sc, section, "route").Append(inner)
			}
		}
	}
}
