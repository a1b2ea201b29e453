package modrewrite

import (
	"maps"
	"net/http"
	"strings"

	"github.com/aditechsphere/fairway/migrate/pcre"
)

// maxLength is how long rules may make a path: twice Apache's LimitRequestLine.
const maxLength = 2 * 8190

// evaluation is the state of one request while rules are applied.
type evaluation struct {
	*Request
	rules *Ruleset

	filename    string // what rules match and substitute: a path of a URL, or of a file
	pathInfo    string // in a directory: what follows the file
	query       query
	environment map[string]string

	subject         string // what the pattern of the rule was matched with
	ruleMatch       *pcre.Match
	conditionMatch  *pcre.Match
	conditionOnPath bool // conditionMatch is of a text made of the path

	outcome Outcome
	status  int
	varyNow []string // headers looked at since the last decision
	varyAll []string // those that decided the present rule
	reduced bool     // the path was a URL that points to this server
	final   *Rule    // the last that substituted
}

// effect is what one rule did.
type effect int

const (
	noMatch effect = iota
	substituted
	matchedOnly
	refused // with evaluation.status
)

// change is what the rules together did.
type change int

const (
	unchanged change = iota
	changed
	changedRaw // by a rule with [NE]
	answered   // with evaluation.status
)

// Apply runs the rules on a request, and changes request.Environment as [E]
// says. A request for which rewriting has ended must not come here again.
func (rules *Ruleset) Apply(request *Request) Outcome {
	if request.Environment == nil {
		request.Environment = make(map[string]string)
	}
	e := &evaluation{
		Request:     request,
		rules:       rules,
		query:       query{request.Query, request.Query != "" || request.EmptyQuery},
		environment: maps.Clone(request.Environment),
	}
	if rules.Directory == "" {
		e.applyToServer()
	} else {
		e.applyToDirectory()
	}
	maps.Copy(request.Environment, e.environment)
	for name := range request.Environment {
		if _, kept := e.environment[name]; !kept {
			delete(request.Environment, name)
		}
	}
	return e.outcome
}

// run applies the whole list.
func (e *evaluation) run() change {
	result, round := unchanged, 1
	for i := 0; i < len(e.rules.Rules); i++ {
		rule := e.rules.Rules[i]
		if e.Subrequest && (rule.noSubrequest || rule.redirect) {
			continue
		}
		e.varyAll = nil
		did := e.apply(rule)
		if did == noMatch {
			for rule.chain && i+1 < len(e.rules.Rules) {
				i++
				rule = e.rules.Rules[i]
			}
			continue
		}
		if !rule.none {
			e.final = rule
		}
		if len(e.filename) > maxLength {
			e.status = http.StatusInternalServerError
			return answered
		}
		e.outcome.Vary = append(e.outcome.Vary, e.varyAll...)
		if did == refused {
			return answered
		}
		if rule.answers {
			e.status = rule.status
			return answered
		}
		if did == substituted {
			result = changed
			if rule.noEscape {
				result = changedRaw
			}
		}
		switch {
		case rule.passThrough:
			e.outcome.Action = PassThrough
			return changed
		case rule.end:
			e.outcome.End = true
			return result
		case rule.proxy, rule.last:
			return result
		case rule.next:
			if round++; round >= rule.rounds {
				e.status = http.StatusInternalServerError
				return answered
			}
			i = -1
		default:
			i += rule.skip
		}
	}
	return result
}

// apply runs one rule.
func (e *evaluation) apply(rule *Rule) effect {
	e.subject = e.subjectOfRule()
	match := rule.pattern.Find(e.subject)
	if (match != nil) == rule.negated {
		return noMatch
	}
	e.varyNow, e.conditionMatch, e.ruleMatch = nil, nil, match
	if !e.conditionsHold(rule.Conditions) {
		return noMatch
	}
	target := ""
	if !rule.none {
		mark := &questionMark{last: rule.splitAtLast}
		target = e.expand(rule.substitution, rule, mark)
		if mark.unsafe && !rule.allow3F {
			e.status = http.StatusForbidden
			return refused
		}
	}
	e.setEnvironment(rule.environment)
	e.setCookies(rule.cookies)
	if rule.none {
		e.forceType(rule)
		return matchedOnly
	}
	e.substitute(rule, target)
	return substituted
}

// subjectOfRule is what the pattern sees: the path, in a directory without
// the directory.
func (e *evaluation) subjectOfRule() string {
	if e.rules.Directory == "" {
		return e.filename
	}
	subject := e.filename + e.pathInfo
	return strings.TrimPrefix(subject, e.rules.Directory)
}

// substitute makes target the new path.
func (e *evaluation) substitute(rule *Rule, target string) {
	prefixed := false
	if !strings.HasPrefix(target, "/") && schemeLength(target) == 0 {
		switch {
		case e.rules.Directory != "":
			target, prefixed = e.rules.Directory+target, true
		case !rule.proxy && !rule.redirect:
			target, prefixed = "/"+target, true
		}
	}
	e.filename = target
	if rule.discardPathInfo {
		e.pathInfo = ""
	}
	e.splitQuery(rule)
	if rule.proxy {
		e.qualify()
		e.filename = proxyPrefix + e.filename
		return
	}
	if rule.redirect {
		e.qualify()
		e.status = rule.status
		return
	}
	e.reduce()
	if schemeLength(e.filename) > 0 {
		e.status = rule.status
		return
	}
	if !prefixed && !rule.keepSlashes && !strings.HasPrefix(rule.substitution, "//") {
		for strings.HasPrefix(e.filename, "//") {
			e.filename = e.filename[1:]
		}
	}
	e.forceType(rule)
}

// proxyPrefix marks a filename as the URL of a backend, as in Apache: later
// rules of a chain can see it.
const proxyPrefix = "proxy:"

func (e *evaluation) forceType(rule *Rule) {
	if rule.mimeType != "" {
		e.outcome.Type = lowerASCII(e.expand(rule.mimeType, rule, nil))
	}
	if rule.handler != "" {
		e.outcome.Handler = lowerASCII(e.expand(rule.handler, rule, nil))
	}
}

func (e *evaluation) setEnvironment(assignments []string) {
	for _, assignment := range assignments {
		text := e.expand(assignment, nil, nil)
		if name, unset := strings.CutPrefix(text, "!"); unset {
			delete(e.environment, name)
			continue
		}
		name, value, _ := strings.Cut(text, ":")
		e.environment[name] = value
	}
}
