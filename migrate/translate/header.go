package translate

import (
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/expression"
	"github.com/aditechsphere/fairway/migrate/modssl"
	"github.com/aditechsphere/fairway/migrate/pcre"
)

var headerNames = []string{"Header", "RequestHeader"}

func init() {
	Register(Part{Stage: StageEarly, Directives: headerNames, Site: writeEarlyHeaders})
	Register(Part{Stage: StageHeader, Scope: writeHeaders})
}

// table is what a line of mod_headers changes.
type table int

const (
	onSuccess table = iota
	always
	onRequest
)

// headerLine is a Header or RequestHeader.
type headerLine struct {
	*apacheconf.Directive
	table       table
	early       bool
	action      string
	name        string
	regexp      string
	value       string
	environment string // of env=
	expression  string // of expr=
}

// readHeader reads a directive; why says what has no equivalent.
func readHeader(d *apacheconf.Directive) (line headerLine, why string) {
	line = headerLine{Directive: d}
	args := d.Args
	if d.Is("RequestHeader") {
		line.table = onRequest
	} else if len(args) > 0 && (strings.EqualFold(args[0], "always") || strings.EqualFold(args[0], "onsuccess")) {
		if strings.EqualFold(args[0], "always") {
			line.table = always
		}
		args = args[1:]
	}
	if len(args) < 2 {
		return line, "an action and a name are needed"
	}
	line.action, line.name = strings.ToLower(args[0]), strings.TrimSuffix(args[1], ":")
	args, why = line.readCondition(args[2:])
	if why != "" {
		return line, why
	}
	return line, line.readValue(args)
}

// readCondition takes early, env= or expr= from the end of the arguments.
func (l *headerLine) readCondition(args []string) (rest []string, why string) {
	if len(args) == 0 {
		return args, ""
	}
	last := args[len(args)-1]
	lower := strings.ToLower(last)
	switch {
	case lower == "early" && len(args) > l.arguments():
		l.early = true
	case strings.HasPrefix(lower, "env=") && len(args) > l.arguments():
		l.environment = last[len("env="):]
	case strings.HasPrefix(lower, "expr=") && len(args) > l.arguments():
		l.expression = last[len("expr="):]
		return args[:len(args)-1], l.checkExpression()
	case strings.HasPrefix(lower, "expr="):
		return nil, "values that are expressions have no equivalent"
	default:
		return args, ""
	}
	return args[:len(args)-1], ""
}

// checkExpression tells why the expression of the line is not carried over.
func (l *headerLine) checkExpression() (why string) {
	parsed, err := expression.Parse(l.expression)
	switch {
	case err != nil:
		return "the expression is not understood: " + err.Error()
	case parsed.AsksForResponse() && l.table != onSuccess:
		return "the expression asks about the answer before there is one"
	}
	return ""
}

// asksTooEarly tells whether a line for all answers asks what is known only
// when the request has been mapped.
func (l *headerLine) asksTooEarly() bool {
	parsed, err := expression.Parse(l.expression)
	return l.expression != "" && (err != nil || parsed.AsksForUser() || len(parsed.Environment()) > 0 || parsed.AsksForPath())
}

// arguments is how many follow the name.
func (l *headerLine) arguments() int {
	switch l.action {
	case "unset", "echo":
		return 0
	case "edit", "edit*":
		return 2
	}
	return 1
}

func (l *headerLine) readValue(args []string) (why string) {
	if l.action == "note" {
		return "notes of Apache's modules have no equivalent"
	}
	if !slices.Contains([]string{"set", "append", "merge", "add", "setifempty", "unset", "edit", "edit*", "echo"}, l.action) {
		return "the action " + l.action + " is not known"
	}
	if len(args) != l.arguments() {
		return "these are not the arguments of " + l.action
	}
	switch len(args) {
	case 1:
		l.value = args[0]
	case 2:
		l.regexp, l.value = args[0], args[1]
		if _, err := pcre.Compile(l.regexp, false); err != nil {
			return err.Error()
		}
	}
	if l.action == "echo" {
		if _, err := pcre.Compile(l.name, true); err != nil {
			return err.Error()
		}
	}
	if unknownFormat(l.value) {
		return "the value has a format other than %%, %t, %D, %{NAME}e and %{NAME}s, or a variable of TLS that is not known"
	}
	return ""
}

// unknownFormat tells whether a value has a format without equivalent.
func unknownFormat(value string) bool {
	for {
		_, rest, found := strings.Cut(value, "%")
		if !found || rest == "" {
			return false
		}
		switch rest[0] {
		case '%', 't', 'D':
			value = rest[1:]
		case '{':
			name, after, closed := strings.Cut(rest[1:], "}")
			if !closed || after == "" || after[0] != 'e' && (after[0] != 's' || !modssl.Known(name)) {
				return true
			}
			value = after[1:]
		default:
			return true
		}
	}
}

// isPlain tells whether the value is a text and the line always holds.
func (l headerLine) isPlain() bool {
	return l.environment == "" && l.expression == "" && !strings.Contains(strings.ReplaceAll(l.value, "%%", ""), "%")
}

// text is the value of a plain line.
func (l headerLine) text() string { return Literal(strings.ReplaceAll(l.value, "%%", "%")) }

// words is the line of apache_header.
func (l headerLine) words() []string {
	var words []string
	switch l.table {
	case always:
		words = append(words, "always")
	case onRequest:
		words = append(words, "request")
	}
	words = append(words, l.action, Literal(l.name))
	if l.regexp != "" {
		words = append(words, Literal(l.regexp))
	}
	if l.arguments() > 0 {
		words = append(words, Literal(l.value))
	}
	if l.environment != "" {
		words = append(words, "env="+l.environment)
	}
	if l.expression != "" {
		words = append(words, "expr="+Literal(l.expression))
	}
	return words
}

// headerLines reads the lines of directives for one table.
func (s *Site) headerLines(directives []*apacheconf.Directive, early bool, wanted func(headerLine) bool) []headerLine {
	var lines []headerLine
	for _, d := range directives {
		line, why := readHeader(d)
		if why != "" {
			s.Refuse(d, why, "write the line otherwise, or accept its loss")
			continue
		}
		if wanted(line) {
			if early && line.asksTooEarly() {
				s.Refuse(d, "what the expression asks is not known yet when this table is written", "move the line into <Location />")
				continue
			}
			s.Translated(d)
			lines = append(lines, line)
		}
	}
	return lines
}

// writeEarlyHeaders writes what all answers have, errors and redirects
// included: the table always, and what is marked early.
func writeEarlyHeaders(s *Site, b *Block) {
	lines := s.headerLines(s.All(headerNames...), true, func(l headerLine) bool { return l.table == always || l.early })
	s.writeHeaderLines(b, lines, "")
}

// writeHeaders writes what the answers of a scope have, and what its requests
// are given. Handlers on the way back run from the last to the first, so that
// the lines for answers are written from the last section to the first.
func writeHeaders(s *Site, sc *Scope, b *Block) {
	sections := s.Sections(sc)
	for _, section := range sections {
		s.writeSectionHeaders(b, sc, section, func(l headerLine) bool {
			return !l.early && (l.table == onRequest || l.table == always && section.Kind != KindServer)
		})
	}
	for _, section := range slices.Backward(sections) {
		s.writeSectionHeaders(b, sc, section, func(l headerLine) bool { return !l.early && l.table == onSuccess })
	}
}

func (s *Site) writeSectionHeaders(b *Block, sc *Scope, section *Section, wanted func(headerLine) bool) {
	lines := s.headerLines(section.All(headerNames...), false, wanted)
	if len(lines) == 0 {
		return
	}
	matcher := ""
	var open []Condition
	for _, condition := range section.Conditions {
		if sc.reachOf(condition) != Always {
			open = append(open, condition)
		}
	}
	if len(open) > 0 {
		matcher = s.Matcher(open)
	}
	s.writeHeaderLines(b, lines, matcher)
}

// writeHeaderLines writes lines of one table, with Caddy's own directives where
// those do the same.
func (s *Site) writeHeaderLines(b *Block, lines []headerLine, matcher string) {
	if len(lines) == 0 {
		return
	}
	for _, line := range lines {
		b.From(line.Directive)
	}
	if s.writeNativeHeaders(b, lines, matcher) {
		return
	}
	words := []string{"apache_header"}
	if matcher != "" {
		words = append(words, matcher)
	}
	inner := b.Open(words...)
	for _, line := range lines {
		inner.Line(line.words()...)
	}
}

// writeNativeHeaders writes lines as header and request_header. It can where
// each header is named once and simply set or unset.
func (s *Site) writeNativeHeaders(b *Block, lines []headerLine, matcher string) bool {
	names := map[string]bool{}
	for _, line := range lines {
		name := strings.ToLower(line.name)
		simple := line.action == "set" || line.action == "unset" || line.action == "add" && line.table != always
		if !simple || !line.isPlain() || names[name] || line.table != lines[0].table || strings.ContainsAny(line.name, "*?{}") || line.value == "" && line.action != "unset" {
			return false
		}
		names[name] = true
	}
	add := func(words ...string) []string {
		if matcher != "" {
			return append([]string{words[0], matcher}, words[1:]...)
		}
		return words
	}
	switch lines[0].table {
	case onRequest:
		for _, line := range lines {
			b.Line(add(append([]string{"request_header"}, line.nativeWords()...)...)...)
		}
	case always:
		for _, line := range lines {
			if line.action == "set" { // before any answer there is nothing to unset
				b.Line(add("header", line.name, line.text())...)
			}
		}
	default:
		inner := b.Open(add("header")...)
		for _, line := range lines {
			inner.Line(line.nativeWords()...)
		}
		inner.Line("defer")
	}
	return true
}

func (l headerLine) nativeWords() []string {
	switch l.action {
	case "unset":
		return []string{"-" + l.name}
	case "add":
		return []string{"+" + l.name, l.text()}
	}
	return []string{l.name, l.text()}
}

// WriteFastCGIHeaders writes into a reverse_proxy to a FastCGI server what the
// table always does to the server's headers: Apache takes those into this
// table, where they are replaced and removed.
func (s *Site) WriteFastCGIHeaders(b *Block) {
	done := map[string]bool{}
	for _, d := range s.All("Header") {
		line, why := readHeader(d)
		if why != "" || line.table != always || line.early || done[line.name] || line.action != "set" && line.action != "unset" || line.environment != "" || line.expression != "" {
			continue
		}
		done[line.name] = true
		b.Line("header_down", "-"+line.name)
	}
}
