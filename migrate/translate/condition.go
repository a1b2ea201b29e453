package translate

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aditechsphere/fairway/migrate/expression"
)

// checkIf tells why the expression of an <If> is not evaluated. Apache asks it
// before anybody has signed in, and before most variables are set.
func checkIf(text string) error {
	parsed, err := expression.Parse(text)
	switch {
	case err != nil:
		return err
	case parsed.AsksForUser():
		return errors.New("no user is known when a section is chosen")
	case parsed.AsksForResponse():
		return errors.New("there is no answer yet when a section is chosen")
	case len(parsed.Environment()) > 0:
		return errors.New("variables of the environment are not known when a section is chosen")
	}
	return nil
}

// ifVariable is the variable that says whether the expression holds.
func (s *Site) ifVariable(text string) string {
	at := slices.Index(s.ifs, text)
	if at < 0 {
		at, s.ifs = len(s.ifs), append(s.ifs, text)
	}
	return fmt.Sprintf("apache_if_%d", at+1)
}

// writeIfs writes what evaluates the expressions of the scope's sections, once
// for each request and before all that depends on them.
func (s *Site) writeIfs(sc *Scope, b *Block) {
	var written []string
	for _, section := range s.Sections(sc) {
		var outer []Condition
		for _, condition := range section.Conditions {
			if condition.Kind != KindIf {
				if sc.reachOf(condition) != Always {
					outer = append(outer, condition)
				}
				continue
			}
			if !s.understands(condition) {
				continue
			}
			words := []string{"apache_if"}
			if len(outer) > 0 {
				words = append(words, s.Matcher(outer))
			}
			words = append(words, s.ifVariable(condition.Pattern), Literal(condition.Pattern))
			if key := fmt.Sprint(words); !slices.Contains(written, key) {
				written = append(written, key)
				b.Line(words...)
			}
			outer = append(outer, condition)
		}
	}
}
