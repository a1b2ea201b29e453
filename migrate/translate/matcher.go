package translate

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/pcre"
)

// Matcher gives the name of a matcher for conditions that must all hold. It is
// defined at the top of the site, once.
func (s *Site) Matcher(conditions []Condition) string {
	if slices.ContainsFunc(conditions, func(c Condition) bool { return !s.understands(c) }) {
		return s.never()
	}
	key := fmt.Sprint(conditions)
	if name, ok := s.matchers[key]; ok {
		return name
	}
	var hints []string
	for _, condition := range conditions {
		hints = append(hints, hintOf(condition))
	}
	hint := strings.Join(hints, "_")
	var name string
	if len(conditions) == 1 {
		name = s.definitions.Matcher(hint, s.matcherWords(conditions[0])...)
	} else {
		var inner *Block
		name, inner = s.definitions.OpenMatcher(hint)
		for _, condition := range conditions {
			inner.Line(s.matcherWords(condition)...)
		}
	}
	s.matchers[key] = name
	return name
}

// hintOf is a word for the name of a condition's matcher.
func hintOf(c Condition) string {
	switch c.Kind {
	case KindIf:
		return "if"
	case KindDirectory:
		return path.Base(c.Pattern)
	default:
		return c.Pattern
	}
}

// matcherWords is a condition as a matcher of caddymodule/apacheadapter.
func (s *Site) matcherWords(c Condition) []string {
	if c.Kind == KindIf {
		return []string{"vars", s.ifVariable(c.Pattern), "true"}
	}
	name := map[Kind]string{
		KindDirectory: "apache_directory",
		KindFiles:     "apache_files",
		KindLocation:  "apache_location",
	}[c.Kind]
	if c.Regexp {
		return []string{name, "~", Literal(c.Pattern)}
	}
	return []string{name, Literal(c.Pattern)}
}

// understands tells whether a condition has a matcher.
func (s *Site) understands(c Condition) bool {
	switch c.Kind {
	case KindDirectory, KindFiles, KindLocation:
		return !c.Regexp || s.compiles(c.Pattern)
	case KindIf:
		return checkIf(c.Pattern) == nil
	default:
		return false
	}
}

// compiles tells whether a regular expression has the same meaning in Go.
func (s *Site) compiles(pattern string) bool {
	_, err := pcre.Compile(pattern, false)
	return err == nil
}

// never is a matcher that holds never, for what was refused.
func (s *Site) never() string {
	if s.matchers["never"] == "" {
		s.matchers["never"] = s.definitions.Matcher("never", "not", "path", "*")
	}
	return s.matchers["never"]
}
