// Package expression evaluates the expressions of Apache 2.4 that stand in
// <If>, Require expr, SetEnvIfExpr, RewriteCond expr and Header … expr=.
//
// Parse refuses whatever it would not evaluate as Apache does.
package expression

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/ipaddr"
	"github.com/aditechsphere/fairway/migrate/pcre"
)

// Expression is a condition that was parsed.
type Expression struct {
	root condition
	uses uses
}

// uses is what an expression asks about.
type uses struct {
	user, path, response bool
	environment          []string
}

// AsksForUser tells whether the expression asks who has signed in.
func (e *Expression) AsksForUser() bool { return e.uses.user }

// AsksForPath tells whether the expression asks about the path or the query,
// which change on the way of a request.
func (e *Expression) AsksForPath() bool { return e.uses.path }

// AsksForResponse tells whether the expression asks about headers of the answer.
func (e *Expression) AsksForResponse() bool { return e.uses.response }

// Environment are the variables of the environment that the expression names.
func (e *Expression) Environment() []string { return e.uses.environment }

// mostDepth bounds how deep an expression is nested.
const mostDepth = 50

// Parse reads an expression. The error says what of it has no equivalent.
func Parse(source string) (*Expression, error) {
	p := &parser{lexer: lexer{rest: source}, made: new(Expression)}
	if err := p.advance(false); err != nil {
		return nil, err
	}
	root, err := p.either()
	if err != nil {
		return nil, err
	}
	if p.token.kind != end {
		return nil, fmt.Errorf("%q is not expected there", p.token.text)
	}
	p.made.root = root
	return p.made, nil
}

type parser struct {
	lexer lexer
	token token
	depth int
	made  *Expression
}

func (p *parser) advance(wantsPattern bool) (err error) {
	p.token, err = p.lexer.next(wantsPattern)
	return err
}

func (p *parser) is(operators ...string) bool {
	return (p.token.kind == operator || p.token.kind == identifier) && slices.Contains(operators, p.token.text)
}

// either reads conditions joined by ||, and all those joined by &&.
func (p *parser) either() (condition, error) {
	return p.joined("||", p.all, func(conditions []condition) condition { return anyOf(conditions) })
}

func (p *parser) all() (condition, error) {
	return p.joined("&&", p.one, func(conditions []condition) condition { return allOf(conditions) })
}

func (p *parser) joined(by string, read func() (condition, error), join func([]condition) condition) (condition, error) {
	if p.depth++; p.depth > 2*mostDepth {
		return nil, errors.New("the expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	var conditions []condition
	for {
		one, err := read()
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, one)
		if !p.is(by) {
			break
		}
		if err := p.advance(false); err != nil {
			return nil, err
		}
	}
	if len(conditions) == 1 {
		return conditions[0], nil
	}
	return join(conditions), nil
}

// one reads a condition without && and ||.
func (p *parser) one() (condition, error) {
	negated := false
	for p.is("!") {
		negated = !negated
		if err := p.advance(false); err != nil {
			return nil, err
		}
	}
	found, err := p.bare()
	if err == nil && negated {
		return not{found}, nil
	}
	return found, err
}

func (p *parser) bare() (condition, error) {
	switch {
	case p.is("("):
		if err := p.advance(false); err != nil {
			return nil, err
		}
		inner, err := p.either()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	case p.token.kind == identifier && (p.token.text == "true" || p.token.text == "false"):
		return truth(p.token.text == "true"), p.advance(false)
	case p.token.kind == operator && strings.HasPrefix(p.token.text, "-"):
		return p.unary(p.token.text)
	}
	return p.comparison()
}

func (p *parser) expect(text string) error {
	if !p.is(text) {
		return fmt.Errorf("%q is missing", text)
	}
	return p.advance(false)
}

func (p *parser) unary(operator string) (condition, error) {
	if err := p.advance(false); err != nil {
		return nil, err
	}
	operand, err := p.word()
	if err != nil {
		return nil, err
	}
	switch operator {
	case "-n":
		return isEmpty{operand, false}, nil
	case "-z":
		return isEmpty{operand, true}, nil
	case "-T":
		return isTrue{operand}, nil
	case "-R":
		return p.network(named{"REMOTE_ADDR"}, operand)
	}
	return nil, fmt.Errorf("the operator %s has no equivalent", operator)
}

// network is a comparison of an address with a range that is written out.
func (p *parser) network(address, within word) (condition, error) {
	fixed, ok := within.(constant)
	if !ok {
		return nil, errors.New("a range of addresses has to be written out")
	}
	prefix, err := ipaddr.Parse(string(fixed))
	if err != nil {
		return nil, err
	}
	return inNetwork{address, []netip.Prefix{prefix}}, nil
}

var (
	stringOperators  = []string{"==", "=", "!=", "<", "<=", ">", ">="}
	integerOperators = map[string]string{"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
)

func (p *parser) comparison() (condition, error) {
	left, err := p.word()
	if err != nil {
		return nil, err
	}
	operator := p.token.text
	if p.token.kind == end {
		return nil, errors.New("a comparison is missing")
	}
	integer := integerOperators[strings.TrimPrefix(operator, "-")]
	if operator == "=~" || operator == "!~" {
		return p.match(left, operator == "!~")
	}
	if err := p.advance(false); err != nil {
		return nil, err
	}
	switch {
	case operator == "in":
		list, err := p.list()
		return isIn{left, list}, err
	case !slices.Contains(stringOperators, operator) && integer == "" && operator != "-ipmatch":
		return nil, fmt.Errorf("the operator %q has no equivalent", operator)
	}
	right, err := p.word()
	switch {
	case err != nil:
		return nil, err
	case operator == "-ipmatch":
		return p.network(left, right)
	case integer != "":
		return comparesIntegers{left, right, integer}, nil
	}
	return comparesStrings{left, right, operator}, nil
}

func (p *parser) match(left word, negated bool) (condition, error) {
	if err := p.advance(true); err != nil {
		return nil, err
	}
	if strings.Trim(p.token.flags, "i") != "" {
		return nil, fmt.Errorf("the flags %s of a regular expression have no equivalent", p.token.flags)
	}
	compiled, err := pcre.Compile(p.token.text, p.token.flags != "")
	if err != nil {
		return nil, err
	}
	if negated {
		return not{matches{left, compiled}}, p.advance(false)
	}
	return matches{left, compiled}, p.advance(false)
}

// list reads { word, word }.
func (p *parser) list() ([]word, error) {
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	var list []word
	for {
		one, err := p.word()
		if err != nil {
			return nil, err
		}
		list = append(list, one)
		if p.is("}") {
			return list, p.advance(false)
		}
		if err := p.expect(","); err != nil {
			return nil, err
		}
	}
}

// word reads what stands for a text; several are joined by dots.
func (p *parser) word() (word, error) {
	var found joined
	for {
		one, err := p.singleWord()
		if err != nil {
			return nil, err
		}
		found = append(found, one)
		if !p.is(".") {
			break
		}
		if err := p.advance(false); err != nil {
			return nil, err
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return found, nil
}

func (p *parser) singleWord() (word, error) {
	if p.depth++; p.depth > 2*mostDepth {
		return nil, errors.New("the expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	current := p.token
	switch current.kind {
	case number:
		return constant(current.text), p.advance(false)
	case text:
		for _, piece := range current.pieces {
			p.note(piece)
		}
		switch len(current.pieces) {
		case 0:
			return constant(""), p.advance(false)
		case 1:
			return current.pieces[0], p.advance(false)
		}
		return joined(current.pieces), p.advance(false)
	case variable:
		found, err := newVariable(current.text)
		if err != nil {
			return nil, err
		}
		p.note(found)
		return found, p.advance(false)
	case identifier:
		return p.function(current.text)
	case end:
		return nil, errors.New("the expression ends too early")
	}
	return nil, fmt.Errorf("%q is not expected there", current.text)
}

func (p *parser) function(name string) (word, error) {
	if err := p.advance(false); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	argument, err := p.word()
	if err != nil {
		return nil, err
	}
	found, err := newFunction(name, argument)
	if err != nil {
		return nil, err
	}
	p.note(found)
	return found, p.expect(")")
}

// note remembers what the expression asks about.
func (p *parser) note(w word) {
	switch w := w.(type) {
	case named:
		p.made.uses.user = p.made.uses.user || w.name == "REMOTE_USER"
		p.made.uses.path = p.made.uses.path || w.name == "REQUEST_URI" || w.name == "QUERY_STRING"
	case lookup:
		p.made.uses.response = p.made.uses.response || w.table == "resp"
		if w.table == "env" {
			name, _ := w.argument.(constant)
			p.made.uses.environment = append(p.made.uses.environment, string(name))
		}
	}
}
