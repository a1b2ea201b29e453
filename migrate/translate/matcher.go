package translate

// Matcher defines a named matcher for conditions that must all hold, and
// returns its name.
func (s *Site) Matcher(b *Block, hint string, conditions []Condition) string {
	if len(conditions) == 1 {
		return b.Matcher(hint, matcherWords(conditions[0])...)
	}
	name, inner := b.OpenMatcher(hint)
	for _, condition := range conditions {
		inner.Line(matcherWords(condition)...)
	}
	return name
}

// matcherWords is a condition as a matcher of caddymodule/apacheadapter.
func matcherWords(c Condition) []string {
	name := map[Kind]string{
		KindDirectory: "apache_directory",
		KindFiles:     "apache_files",
		KindProxy:     "apache_proxy",
		KindLocation:  "apache_location",
		KindIf:        "apache_if",
	}[c.Kind]
	if c.Regexp {
		return []string{name, "~", Literal(c.Pattern)}
	}
	return []string{name, Literal(c.Pattern)}
}
