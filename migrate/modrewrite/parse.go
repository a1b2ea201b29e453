package modrewrite

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/expression"
	"github.com/aditechsphere/fairway/migrate/pcre"
)

// maxRounds is how often [N] may start from the top, unless it says.
const maxRounds = 32000

// Rule is a RewriteRule with the conditions before it.
type Rule struct {
	Conditions []*Condition

	pattern      *pcre.Regexp
	negated      bool
	substitution string
	none         bool // the substitution is "-", or the rule only answers

	redirect, proxy, passThrough           bool
	answers                                bool // with status, without substitution
	status                                 int
	last, end, chain, next, noSubrequest   bool
	rounds, skip                           int
	noCase, noEscape                       bool
	appendQuery, discardQuery, splitAtLast bool
	dropQuery                              bool // a final "?" in the substitution
	escapeReferences, noPlus, escapeCTLs   bool
	escapes, noEscapes                     string
	discardPathInfo                        bool
	unsafePrefix, allow3F, keepSlashes     bool
	environment, cookies                   []string
	mimeType, handler                      string
}

// Answers tells whether the rule ends a request with a status, as with F and G.
func (r *Rule) Answers() bool { return r.answers }

// Condition is a RewriteCond.
type Condition struct {
	input   string
	kind    conditionKind
	pattern string // what the input is compared with
	regexp  *pcre.Regexp
	negated bool
	noCase  bool
	or      bool
	noVary  bool

	expression *expression.Expression // of isExpression
}

type conditionKind int

const (
	matches conditionKind = iota
	isFile
	isNonEmptyFile
	isLink
	isDirectory
	isExecutable
	stringLess
	stringLessOrEqual
	stringEqual
	stringGreater
	stringGreaterOrEqual
	numberLess
	numberLessOrEqual
	numberEqual
	numberGreater
	numberGreaterOrEqual
	isExpression
)

// ParseRule reads the arguments of a RewriteRule as they stand in the file:
// pattern, substitution, and flags in brackets. Conditions are the RewriteCond
// lines since the rule before.
func ParseRule(arguments string, conditions ...*Condition) (*Rule, error) {
	words, err := Split(arguments)
	if err != nil {
		return nil, err
	}
	return NewRule(words, conditions...)
}

// NewRule is ParseRule for arguments that Split has split.
func NewRule(words Words, conditions ...*Condition) (*Rule, error) {
	rule := &Rule{Conditions: conditions, substitution: words[1], status: http.StatusFound, rounds: maxRounds}
	if err := eachFlag(words[2], rule.setFlag); err != nil {
		return nil, err
	}
	pattern, negated := strings.CutPrefix(words[0], "!")
	rule.negated = negated
	var err error
	if rule.pattern, err = pcre.Compile(pattern, rule.noCase); err != nil {
		return nil, err
	}
	rule.none = rule.answers || rule.substitution == "-"
	rule.readFinalQuestionMark()
	for _, text := range append([]string{rule.substitution, rule.mimeType, rule.handler}, append(rule.environment, rule.cookies...)...) {
		if err := checkVariables(text); err != nil {
			return nil, err
		}
	}
	return rule, nil
}

// readFinalQuestionMark notes whether the substitution drops the query.
func (r *Rule) readFinalQuestionMark() {
	switch {
	case strings.HasSuffix(r.substitution, "?"):
		if r.appendQuery {
			r.splitAtLast = true
			return
		}
		r.dropQuery = true
		r.substitution = strings.TrimSuffix(r.substitution, "?")
	case r.discardQuery && !strings.Contains(r.substitution, "?"):
		r.dropQuery = true
	}
}

// ParseCondition reads the arguments of a RewriteCond as they stand in the
// file: test string, pattern, and flags in brackets.
func ParseCondition(arguments string) (*Condition, error) {
	words, err := Split(arguments)
	if err != nil {
		return nil, err
	}
	return NewCondition(words)
}

// newExpression is a condition that is an expression.
func newExpression(words Words) (*Condition, error) {
	parsed, err := expression.Parse(words[1])
	if err != nil {
		return nil, fmt.Errorf("expr: %w", err)
	}
	if parsed.AsksForResponse() {
		return nil, errors.New("expr: there is no answer yet")
	}
	condition := &Condition{kind: isExpression, expression: parsed}
	return condition, eachFlag(words[2], condition.setFlag)
}

// NewCondition is ParseCondition for arguments that Split has split.
func NewCondition(words Words) (*Condition, error) {
	if strings.EqualFold(words[0], "expr") {
		return newExpression(words)
	}
	condition := &Condition{input: words[0]}
	if err := eachFlag(words[2], condition.setFlag); err != nil {
		return nil, err
	}
	pattern, negated := strings.CutPrefix(words[1], "!")
	condition.negated = negated
	if err := condition.readPattern(pattern); err != nil {
		return nil, err
	}
	return condition, checkVariables(condition.input)
}

var fileTests = map[string]conditionKind{
	"-f": isFile, "-s": isNonEmptyFile, "-d": isDirectory, "-x": isExecutable, "-h": isLink, "-L": isLink, "-l": isLink,
}

var numberTests = map[string]conditionKind{
	"-lt": numberLess, "-le": numberLessOrEqual, "-eq": numberEqual, "-gt": numberGreater, "-ge": numberGreaterOrEqual, "-ne": numberEqual,
}

var stringTests = []struct {
	prefix string
	kind   conditionKind
}{
	{">=", stringGreaterOrEqual}, {">", stringGreater}, {"<=", stringLessOrEqual}, {"<", stringLess}, {"=", stringEqual},
}

func (c *Condition) readPattern(pattern string) (err error) {
	c.pattern = pattern
	if kind, ok := fileTests[pattern]; ok {
		c.kind = kind
		return nil
	}
	if pattern == "-F" || pattern == "-U" {
		return fmt.Errorf("the test %s asks the server in a request of its own, which is not translated", pattern)
	}
	if len(pattern) > 3 {
		if kind, ok := numberTests[pattern[:3]]; ok {
			c.kind, c.pattern = kind, pattern[3:]
			c.negated = c.negated != (pattern[:3] == "-ne")
			return nil
		}
	}
	if len(pattern) > 1 { // a lone operator is a pattern
		for _, test := range stringTests {
			if rest, ok := strings.CutPrefix(pattern, test.prefix); ok {
				c.kind, c.pattern = test.kind, rest
				if test.kind == stringEqual && rest == `""` {
					c.pattern = ""
				}
				return nil
			}
		}
	}
	c.regexp, err = pcre.Compile(pattern, c.noCase)
	return err
}

func (c *Condition) setFlag(name, _ string) error {
	switch strings.ToLower(name) {
	case "nc", "nocase":
		c.noCase = true
	case "or", "ornext":
		c.or = true
	case "nv", "novary":
		c.noVary = true
	default:
		return fmt.Errorf("unknown flag %q", name)
	}
	return nil
}

// setFlag reads one flag of a rule.
func (r *Rule) setFlag(name, value string) error {
	switch strings.ToLower(name) {
	case "b", "backrefescaping":
		r.escapeReferences = true
		r.escapes = value
	case "bne":
		if value == "" {
			return errors.New("the flag BNE wants a list of characters: [BNE=…]")
		}
		r.noEscapes = value
	case "bnp", "backrefernoplus":
		r.noPlus = true
	case "bctls":
		r.escapeReferences, r.escapeCTLs = true, true
	case "c", "chain":
		r.chain = true
	case "co", "cookie":
		r.cookies = append(r.cookies, value)
	case "dpi", "discardpath", "d":
		r.discardPathInfo = true
	case "e", "env":
		r.environment = append(r.environment, value)
	case "end":
		r.end = true
	case "f", "forbidden":
		r.answers, r.status = true, http.StatusForbidden
	case "g", "gone":
		r.answers, r.status = true, http.StatusGone
	case "h", "handler":
		r.handler = value
	case "l", "last":
		r.last = true
	case "n", "next":
		r.next = true
		if value != "" {
			r.rounds = leadingInteger(value)
		}
	case "nc", "nocase":
		r.noCase = true
	case "ne", "noescape":
		r.noEscape = true
	case "ns", "nosubreq":
		r.noSubrequest = true
	case "p", "proxy":
		r.proxy = true
	case "pt", "passthrough":
		r.passThrough = true
	case "qsa", "qsappend":
		r.appendQuery = true
	case "qsd", "qsdiscard":
		r.discardQuery = true
	case "qsl", "qslast":
		r.splitAtLast = true
	case "r", "redirect":
		return r.setStatus(value)
	case "s", "skip":
		r.skip = leadingInteger(value)
	case "t", "type":
		r.mimeType = value
	case "unsafeallow3f":
		r.allow3F = true
	case "unsafeprefixstat":
		r.unsafePrefix = true
	case "unc":
		r.keepSlashes = true
	default:
		return fmt.Errorf("unknown flag %q", name)
	}
	return nil
}

// setStatus reads the value of [R]: a name, a number, or nothing.
func (r *Rule) setStatus(value string) error {
	r.redirect = true
	switch strings.ToLower(value) {
	case "permanent":
		r.status = http.StatusMovedPermanently
	case "temp", "":
		r.status = http.StatusFound
	case "seeother":
		r.status = http.StatusSeeOther
	default:
		if value[0] < '0' || value[0] > '9' {
			r.status = http.StatusFound
			return nil
		}
		r.status = leadingInteger(value)
		if http.StatusText(r.status) == "" {
			return fmt.Errorf("invalid status %q for the flag R", value)
		}
		r.answers = r.status < 300 || r.status > 399
	}
	return nil
}

// eachFlag calls set for every flag of "[A,B=c]".
func eachFlag(field string, set func(name, value string) error) error {
	if field == "" {
		return nil
	}
	if len(field) < 2 || field[0] != '[' || field[len(field)-1] != ']' {
		return fmt.Errorf("flags %q are not in brackets; quote them if they contain spaces", field)
	}
	for flag := range strings.SplitSeq(field[1:len(field)-1], ",") {
		flag = strings.Trim(flag, " \t")
		if flag == "" {
			continue
		}
		name, value, _ := strings.Cut(flag, "=")
		if err := set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// Words are the arguments of a RewriteRule or RewriteCond. The third, the
// flags in their brackets, may be empty.
type Words [3]string

// Split is the two or three arguments of a line, which mod_rewrite splits by
// rules of its own: a backslash keeps a space inside a word, and stays.
func Split(line string) (words Words, err error) {
	rest := line
	for i := range words {
		rest = strings.TrimLeft(rest, " \t\r\n\v\f")
		if rest == "" && i > 0 {
			if i == 1 {
				return words, fmt.Errorf("%q needs two arguments", line)
			}
			return words, nil
		}
		words[i], rest = nextWord(rest)
		if i == 0 && rest == "" {
			return words, fmt.Errorf("%q needs two arguments", line)
		}
	}
	return words, nil
}

func nextWord(s string) (word, rest string) {
	var quote byte
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		quote, s = s[0], s[1:]
	}
	for i := 0; i < len(s); i++ {
		switch {
		case quote == 0 && isSpace(s[i]), quote != 0 && s[i] == quote:
			return s[:i], s[i+1:]
		case s[i] == '\\' && i+1 < len(s) && isSpace(s[i+1]):
			i++
		}
	}
	return s, ""
}

func isSpace(c byte) bool {
	return c == ' ' || '\t' <= c && c <= '\r'
}

// leadingInteger reads a number as C's atoi does: what follows is ignored.
func leadingInteger(s string) int {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	end := 0
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		end = 1
	}
	for end < len(s) && '0' <= s[end] && s[end] <= '9' {
		end++
	}
	n, _ := strconv.Atoi(s[:end]) // no digits: 0
	return n
}

// Proxied is the substitution of a rule with the flag P.
func (r *Rule) Proxied() (substitution string, ok bool) { return r.substitution, r.proxy }

// Substitutes says whether the rule may change the path, rather than only
// match or answer.
func (r *Rule) Substitutes() bool { return !r.none }
