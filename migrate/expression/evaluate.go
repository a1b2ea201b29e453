package expression

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/pcre"
)

// Result is what an expression says of a request.
type Result struct {
	Holds bool
	// Match is that of the last regular expression that fitted, or nil.
	Match *pcre.Match
	// Vary are the headers of the request that were looked at.
	Vary []string
}

type evaluation struct {
	Request
	match *pcre.Match
	vary  []string
}

// Evaluate says whether the expression holds for a request.
func (e *Expression) Evaluate(r Request) Result {
	run := &evaluation{Request: r}
	holds := e.root.holds(run)
	return Result{Holds: holds, Match: run.match, Vary: run.vary}
}

// condition is what holds or not.
type condition interface{ holds(r *evaluation) bool }

type (
	truth   bool
	not     struct{ of condition }
	anyOf   []condition
	allOf   []condition
	isEmpty struct {
		of   word
		want bool
	}
	isTrue    struct{ of word }
	inNetwork struct {
		of     word
		ranges []netip.Prefix
	}
	isIn struct {
		of   word
		list []word
	}
	matches struct {
		of     word
		regexp *pcre.Regexp
	}
	comparesIntegers struct {
		left, right word
		operator    string
	}
	comparesStrings struct {
		left, right word
		operator    string
	}
)

func (c truth) holds(*evaluation) bool { return bool(c) }
func (c not) holds(r *evaluation) bool { return !c.of.holds(r) }
func (c anyOf) holds(r *evaluation) bool {
	return slices.ContainsFunc(c, func(one condition) bool { return one.holds(r) })
}

func (c allOf) holds(r *evaluation) bool {
	return !slices.ContainsFunc(c, func(one condition) bool { return !one.holds(r) })
}
func (c isEmpty) holds(r *evaluation) bool { return (c.of.value(r) == "") == c.want }

func (c isTrue) holds(r *evaluation) bool {
	return !slices.Contains([]string{"", "0", "off", "false", "no"}, lower(c.of.value(r)))
}

func (c inNetwork) holds(r *evaluation) bool {
	address, err := netip.ParseAddr(c.of.value(r))
	return err == nil && slices.ContainsFunc(c.ranges, func(p netip.Prefix) bool { return p.Contains(address.Unmap().WithZone("")) })
}

func (c isIn) holds(r *evaluation) bool {
	own := c.of.value(r)
	return slices.ContainsFunc(c.list, func(one word) bool { return one.value(r) == own })
}

func (c matches) holds(r *evaluation) bool {
	found := c.regexp.Find(c.of.value(r))
	if found != nil {
		r.match = found
	}
	return found != nil
}

func (c comparesIntegers) holds(r *evaluation) bool {
	return ordered(cmp.Compare(integer(c.left.value(r)), integer(c.right.value(r))), c.operator)
}

func (c comparesStrings) holds(r *evaluation) bool {
	return ordered(strings.Compare(c.left.value(r), c.right.value(r)), c.operator)
}

func ordered(order int, operator string) bool {
	switch operator {
	case "==", "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}

// integer is the number that a text begins with, 0 without one.
func integer(s string) int64 {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	var value int64
	for i := 0; i < len(s) && s[i] >= '0' && s[i] <= '9' && value < 1<<59; i++ {
		value = value*10 + int64(s[i]-'0')
	}
	if negative {
		return -value
	}
	return value
}
