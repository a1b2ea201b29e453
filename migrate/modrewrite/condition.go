package modrewrite

import (
	"cmp"
	"io/fs"
	"strings"
)

// conditionsHold evaluates the conditions of a rule: all must hold, where
// those joined by [OR] count as one.
func (e *evaluation) conditionsHold(conditions []*Condition) bool {
	for i := 0; i < len(conditions); i++ {
		condition := conditions[i]
		holds := e.holds(condition)
		if condition.noVary {
			e.varyNow = nil
		}
		switch {
		case condition.or && !holds:
			e.varyNow = nil
			continue
		case condition.or:
			for i < len(conditions) && conditions[i].or {
				i++
			}
		case !holds:
			return false
		}
		e.varyAll = append(e.varyAll, e.varyNow...)
		e.varyNow = nil
	}
	return true
}

// subject answers what an expression asks.
type subject struct{ *evaluation }

// Variable implements expression.Request.
func (s subject) Variable(name string) string {
	if strings.HasPrefix(name, "SSL_") && s.SSL != nil {
		return s.SSL(name)
	}
	return s.named(name)
}

// Header implements expression.Request. Which ones were asked for, the result says.
func (s subject) Header(name string) string {
	if strings.EqualFold(name, "Host") {
		return s.Host
	}
	return strings.Join(s.evaluation.Header.Values(name), ", ")
}

// ResponseHeader implements expression.Request.
func (s subject) ResponseHeader(string) string { return "" }

// Environment implements expression.Request.
func (s subject) Environment(name string) string { return s.environment[name] }

func (e *evaluation) holdsExpression(c *Condition) bool {
	result := c.expression.Evaluate(subject{e})
	e.varyNow = append(e.varyNow, result.Vary...)
	if result.Match != nil {
		e.conditionMatch, e.conditionOnPath = result.Match, c.expression.AsksForPath()
	}
	return result.Holds
}

func (e *evaluation) holds(c *Condition) bool {
	if c.kind == isExpression {
		return e.holdsExpression(c)
	}
	input := e.expand(c.input, nil, nil)
	var result bool
	switch c.kind {
	case matches:
		result = e.matchCondition(c, input)
	case isFile, isNonEmptyFile, isLink, isDirectory, isExecutable:
		result = e.testFile(c.kind, input)
	default:
		result = c.compare(input)
	}
	return result != c.negated
}

func (e *evaluation) matchCondition(c *Condition, input string) bool {
	match := c.regexp.Find(input)
	if match != nil && !c.negated {
		e.conditionMatch = match
		e.conditionOnPath = strings.Contains(c.input, "REQUEST_") && !strings.Contains(c.input, "QUERY_STRING")
	}
	return match != nil
}

func (e *evaluation) testFile(kind conditionKind, name string) bool {
	if name == "" || strings.Contains(name, "\x00") {
		return false
	}
	files := e.Files
	if files == nil {
		files = Disk{}
	}
	look := files.Stat
	if kind == isLink {
		look = files.Lstat
	}
	info, err := look(name)
	if err != nil {
		return false
	}
	switch kind {
	case isFile:
		return info.Mode().IsRegular()
	case isNonEmptyFile:
		return info.Mode().IsRegular() && info.Size() > 0
	case isDirectory:
		return info.IsDir()
	case isLink:
		return info.Mode()&fs.ModeSymlink != 0
	}
	return info.Mode().Perm()&0o111 != 0
}

// compare evaluates the operators on strings and numbers.
func (c *Condition) compare(input string) bool {
	switch c.kind {
	case numberLess:
		return leadingInteger(input) < leadingInteger(c.pattern)
	case numberLessOrEqual:
		return leadingInteger(input) <= leadingInteger(c.pattern)
	case numberEqual:
		return leadingInteger(input) == leadingInteger(c.pattern)
	case numberGreater:
		return leadingInteger(input) > leadingInteger(c.pattern)
	case numberGreaterOrEqual:
		return leadingInteger(input) >= leadingInteger(c.pattern)
	case stringEqual:
		return input == c.pattern || c.noCase && lowerASCII(input) == lowerASCII(c.pattern)
	}
	order := c.order(input)
	switch c.kind {
	case stringLess:
		return order < 0
	case stringLessOrEqual:
		return order <= 0
	case stringGreater:
		return order > 0
	}
	return order >= 0
}

// order compares as mod_rewrite does: with NC by letters, otherwise a longer
// string is the greater one.
func (c *Condition) order(input string) int {
	if c.noCase {
		return cmp.Compare(lowerASCII(input), lowerASCII(c.pattern))
	}
	if order := cmp.Compare(len(input), len(c.pattern)); order != 0 {
		return order
	}
	return cmp.Compare(input, c.pattern)
}
