package apacheadapter

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/expression"
	"github.com/aditechsphere/fairway/migrate/ipaddr"
)

// answer is what a requirement says of a visitor.
type answer int

const (
	neutral answer = iota
	granted
	denied403
	deniedWithoutUser // a user may change it
)

// Requirement is one Require, or a group of them.
type Requirement struct {
	// Kind is "any", "all" or "none" for a group; "all granted", "all denied",
	// "ip", "local", "method", "env", "expr", "valid-user", "user" or "group" for one.
	Kind string `json:"kind"`
	// Args are addresses, methods, names, or one expression of Apache.
	Args []string `json:"args,omitempty"`
	// Not turns a grant into a refusal, and a refusal into no answer.
	Not bool `json:"not,omitempty"`
	// Methods limit it to some methods, ExceptMethods to all but some.
	Methods       []string `json:"methods,omitempty"`
	ExceptMethods []string `json:"except_methods,omitempty"`
	// Of are the members of a group.
	Of []*Requirement `json:"of,omitempty"`

	prefixes   []netip.Prefix
	expression *expression.Expression
}

func (q *Requirement) isGroup() bool { return q.Kind == "any" || q.Kind == "all" || q.Kind == "none" }

func (q *Requirement) prepare() error {
	switch q.Kind {
	case "any", "all", "none":
		if len(q.Of) == 0 {
			return fmt.Errorf("a group of requirements is empty")
		}
		for _, member := range q.Of {
			if err := member.prepare(); err != nil {
				return err
			}
		}
		return nil
	case "ip":
		q.prefixes = nil
		for _, arg := range q.Args {
			prefix, err := ipaddr.Parse(arg)
			if err != nil {
				return err
			}
			q.prefixes = append(q.prefixes, prefix)
		}
	case "all granted", "all denied", "local", "valid-user":
		if len(q.Args) > 0 {
			return fmt.Errorf("require %s takes no arguments", q.Kind)
		}
		return nil
	case "expr":
		var err error
		if q.expression, err = expression.Parse(strings.Join(q.Args, " ")); err != nil {
			return fmt.Errorf("require expr: %w", err)
		}
	case "method", "env", "user", "group":
	default:
		return fmt.Errorf("unknown requirement %q", q.Kind)
	}
	if len(q.Args) == 0 {
		return fmt.Errorf("require %s needs an argument", q.Kind)
	}
	return nil
}

// limited tells whether the requirement is about other methods only. A group
// is when all of its members are.
func (q *Requirement) limited(method string) bool {
	switch {
	case q.isGroup():
		return !slices.ContainsFunc(q.Of, func(member *Requirement) bool { return !member.limited(method) })
	case len(q.Methods) > 0:
		return !slices.Contains(q.Methods, method)
	default:
		return slices.Contains(q.ExceptMethods, method)
	}
}

// check asks the root of the requirements.
func (q *Requirement) check(v *visitor) answer { return q.ask(v, true) }

func (q *Requirement) ask(v *visitor, withinAll bool) answer {
	if q.limited(v.method()) {
		if withinAll {
			return granted
		}
		return neutral
	}
	var result answer
	if q.isGroup() {
		result = q.askMembers(v)
	} else {
		result = q.askOne(v)
	}
	if q.Not || q.Kind == "none" {
		if result == granted {
			return denied403
		}
		return neutral
	}
	return result
}

// askMembers combines: in a group "all" a refusal wins, in the others a grant.
func (q *Requirement) askMembers(v *visitor) answer {
	all := q.Kind == "all"
	result := neutral
	for _, member := range q.Of {
		one := member.ask(v, all)
		switch {
		case one == neutral:
		case all && one == denied403, !all && one == granted:
			return one
		case one == deniedWithoutUser && (all || result == denied403), result == neutral:
			result = one
		}
	}
	return result
}

func (q *Requirement) askOne(v *visitor) answer {
	switch q.Kind {
	case "all granted":
		return granted
	case "all denied":
		return denied403
	case "valid-user":
		return q.askUser(v, true)
	case "user":
		return q.askUser(v, slices.Contains(q.Args, v.user))
	case "group":
		return q.askGroup(v)
	case "ip":
		return yes(v.client.IsValid() && slices.ContainsFunc(q.prefixes, func(p netip.Prefix) bool { return p.Contains(v.client) }))
	case "local":
		return yes(v.client.IsValid() && (v.client.IsLoopback() || v.client == v.local))
	case "method":
		return yes(slices.Contains(q.Args, v.method()))
	case "expr":
		if q.expression.AsksForUser() && v.user == "" {
			return deniedWithoutUser
		}
		result := q.expression.Evaluate(visitorSubject{subject{Request: v.request}, v.user})
		noteVary(v.request, result.Vary)
		return yes(result.Holds)
	case "env":
		return yes(slices.ContainsFunc(q.Args, v.environment))
	default:
		return denied403
	}
}

// visitorSubject is a request whose user is known to the access check alone.
type visitorSubject struct {
	subject
	user string
}

// Variable implements expression.Request.
func (s visitorSubject) Variable(name string) string {
	if name == "REMOTE_USER" {
		return s.user
	}
	return s.subject.Variable(name)
}

func yes(holds bool) answer {
	if holds {
		return granted
	}
	return denied403
}

func (q *Requirement) askUser(v *visitor, right bool) answer {
	if v.user == "" {
		return deniedWithoutUser
	}
	return yes(right)
}

func (q *Requirement) askGroup(v *visitor) answer {
	if v.user == "" {
		return deniedWithoutUser
	}
	groups, err := v.groups(v.user)
	return yes(err == nil && slices.ContainsFunc(q.Args, func(group string) bool { return slices.Contains(groups, group) }))
}

// environmentOf reads "env=NAME".
func environmentOf(from string) (string, bool) { return strings.CutPrefix(from, "env=") }

func cutNot(name string) (string, bool) { return strings.CutPrefix(name, "!") }
