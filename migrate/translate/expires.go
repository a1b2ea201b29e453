package translate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

var expiresNames = []string{"ExpiresActive", "ExpiresByType", "ExpiresDefault"}

func init() {
	Register(Part{Stage: StageHeader, Directives: expiresNames, Scope: writeExpires})
}

// writeExpires writes how long answers may be kept.
func writeExpires(s *Site, sc *Scope, b *Block) {
	relevant := func(section *Section) bool { return section.Has(expiresNames...) }
	for _, section := range s.Sections(sc) {
		for _, d := range section.All(expiresNames...) {
			s.noteExpires(d)
		}
	}
	choices, ok := s.Choices(sc, relevant, nil)
	if !ok {
		for _, section := range s.Sections(sc) {
			for _, d := range section.All(expiresNames...) {
				s.Approximate(d, "too many sections overlap here to tell their times apart; none is sent", "join the sections")
			}
		}
		return
	}
	s.WriteChoices(b, choices, writeExpiresOf)
}

func writeExpiresOf(b *Block, sections []*Section) {
	active := Last(sections, "ExpiresActive")
	if active == nil || !isOn(active) {
		return
	}
	inner := b.Detached()
	for _, section := range sections {
		for _, d := range section.All("ExpiresByType") {
			if base, age, err := expiry(d, 1); err == nil {
				inner.Line("by_type", Literal(d.Args[0]), base, age)
			}
		}
	}
	if d := Last(sections, "ExpiresDefault"); d != nil {
		if base, age, err := expiry(d, 0); err == nil {
			inner.Line("default", base, age)
		}
	}
	if !inner.Empty() {
		b.Open("apache_expires").Append(inner)
	}
}

func (s *Site) noteExpires(d *apacheconf.Directive) {
	first := 0
	if d.Is("ExpiresByType") {
		first = 1
	}
	if d.Is("ExpiresActive") {
		s.Translated(d)
		return
	}
	if _, _, err := expiry(d, first); err != nil {
		s.Refuse(d, err.Error(), `write "access plus 1 month"`)
		return
	}
	s.Translated(d)
}

// units are those of a time, in seconds.
var units = map[string]int{"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800, "month": 2592000, "year": 31536000}

// expiry reads a time from the argument at first on: A3600, M3600 or "access
// plus 1 month 2 days". The base is access or modification, the age in seconds.
func expiry(d *apacheconf.Directive, first int) (base, age string, err error) {
	words := strings.Fields(strings.ToLower(strings.Join(d.Args[min(first, len(d.Args)):], " ")))
	if len(words) == 0 {
		return "", "", errors.New("a time is missing")
	}
	if rest, ok := strings.CutPrefix(words[0], "a"); ok && isNumber(rest) {
		return "access", rest, nil
	}
	if rest, ok := strings.CutPrefix(words[0], "m"); ok && isNumber(rest) {
		return "modification", rest, nil
	}
	base = map[string]string{"access": "access", "now": "access", "modification": "modification"}[words[0]]
	if base == "" {
		return "", "", fmt.Errorf("%q is not access, now or modification", words[0])
	}
	words = words[1:]
	if len(words) > 0 && words[0] == "plus" {
		words = words[1:]
	}
	total := 0
	for ; len(words) >= 2; words = words[2:] {
		number, err := strconv.ParseInt(words[0], 10, 16)
		unit, ok := units[strings.TrimSuffix(words[1], "s")]
		if err != nil || !ok {
			return "", "", fmt.Errorf("%q is not a time", words[0]+" "+words[1])
		}
		total += int(number) * unit
	}
	if len(words) != 0 {
		return "", "", fmt.Errorf("%q is not a time", words[0])
	}
	return base, strconv.Itoa(total), nil
}
