package translate

import "slices"

// Choice is a set of sections that hold together, and what a request has to
// meet for it. Choices are tried in order; the first that is met counts.
type Choice struct {
	Conditions []Condition
	Sections   []*Section // in merge order
}

// mostChoices bounds how many combinations of sections are told apart.
const mostChoices = 128

// Choices works out which of the site's sections hold together for requests of
// the scope. Only those that relevant selects take part. Sections are decided
// from the last to the first; as soon as enough says that earlier ones can't
// change anything any more, they are left out. A nil enough is never satisfied.
// The last choice has no conditions. ok is false when there are too many
// combinations: the caller must refuse, and keep closed what it guards.
func (s *Site) Choices(sc *Scope, relevant func(*Section) bool, enough func([]*Section) bool) (choices []Choice, ok bool) {
	var candidates []*Section
	for _, section := range s.Sections(sc) {
		if relevant(section) {
			candidates = append(candidates, section)
		}
	}
	chooser := chooser{scope: sc, candidates: candidates, enough: enough}
	chooser.decide(len(candidates)-1, nil, nil, nil)
	return chooser.choices, !chooser.tooMany
}

type chooser struct {
	scope      *Scope
	candidates []*Section
	enough     func([]*Section) bool
	choices    []Choice
	tooMany    bool
}

// decide splits by whether candidate i holds, given what was found so far.
func (c *chooser) decide(i int, taken []*Section, met []Condition, unmet [][]Condition) {
	if c.tooMany {
		return
	}
	if i < 0 || c.enough != nil && c.enough(taken) {
		c.tooMany = len(c.choices) >= mostChoices
		c.choices = append(c.choices, Choice{Conditions: met, Sections: taken})
		return
	}
	section := c.candidates[i]
	with := append([]*Section{section}, taken...)
	open := c.openConditions(section, met)
	switch {
	case len(open) == 0:
		c.decide(i-1, with, met, unmet)
	case impossible(open, met, unmet):
		c.decide(i-1, taken, met, unmet)
	default:
		c.decide(i-1, with, append(slices.Clip(met), open...), unmet)
		c.decide(i-1, taken, met, append(slices.Clip(unmet), open))
	}
}

// openConditions are those of the section that are not known to hold.
func (c *chooser) openConditions(section *Section, met []Condition) []Condition {
	var open []Condition
	for _, condition := range section.Conditions {
		if c.scope.reachOf(condition) == Always {
			continue
		}
		if slices.ContainsFunc(met, func(m Condition) bool { return implies(m, condition) }) {
			continue
		}
		open = append(open, condition)
	}
	return open
}

// impossible tells whether the conditions contradict what was found.
func impossible(conditions, met []Condition, unmet [][]Condition) bool {
	for _, condition := range conditions {
		if slices.ContainsFunc(met, func(m Condition) bool { return excludes(m, condition) }) {
			return true
		}
	}
	all := append(slices.Clip(met), conditions...)
	return slices.ContainsFunc(unmet, func(missing []Condition) bool {
		// What was decided not to hold would follow from these.
		return !slices.ContainsFunc(missing, func(u Condition) bool {
			return !slices.ContainsFunc(all, func(a Condition) bool { return implies(a, u) })
		})
	})
}

// WriteChoices writes a chain of which the first choice that is met counts.
// write fills the block of one choice. Nothing is written when all are empty.
func (s *Site) WriteChoices(b *Block, choices []Choice, write func(b *Block, sections []*Section)) {
	inner := make([]*Block, len(choices))
	last := -1 // the last choice that says something
	for i, choice := range choices {
		inner[i] = b.Detached()
		write(inner[i], choice.Sections)
		if !inner[i].Empty() {
			last = i
		}
	}
	switch {
	case last < 0:
	case len(choices[0].Conditions) == 0:
		b.Append(inner[0])
	case last == 0:
		b.Open("route", s.Matcher(choices[0].Conditions)).Append(inner[0])
	default:
		chain := b.Open("route")
		for i, choice := range choices[:last+1] {
			words := []string{"handle"}
			if len(choice.Conditions) > 0 {
				words = append(words, s.Matcher(choice.Conditions))
			}
			chain.Open(words...).Append(inner[i])
		}
	}
}
