package modrewrite

import (
	"strings"

	"github.com/aditechsphere/fairway/migrate/urlpath"
)

// questionMark notes whether the "?" at which a substitution will be split
// stands in the rule or came with the request.
type questionMark struct {
	last   bool // the last "?" counts, not the first
	seen   bool
	unsafe bool
}

func (q *questionMark) note(text string, expanded bool) {
	if q == nil || q.seen && !q.last || !strings.Contains(text, "?") {
		return
	}
	q.seen, q.unsafe = true, expanded
}

// expand replaces variables, maps and back-references in text, in one pass:
// what was inserted is never looked at again. rule gives the escaping of
// back-references, if not nil.
func (e *evaluation) expand(text string, rule *Rule, mark *questionMark) string {
	return e.expandAs(text, rule, mark, rule.keepsEncoding())
}

// expandAs is expand, which encodes what comes from the path or leaves it.
func (e *evaluation) expandAs(text string, rule *Rule, mark *questionMark, encodes bool) string {
	var out strings.Builder
	for text != "" {
		i := strings.IndexAny(text, `\$%`)
		if i < 0 {
			i = len(text)
		}
		mark.note(text[:i], false)
		out.WriteString(text[:i])
		text = text[i:]
		if text == "" {
			break
		}
		value, length, expanded := e.special(text, rule)
		if expanded {
			mark.note(value, true)
		}
		if expanded && encodes && e.fromPath(text[:length]) && !strings.Contains(out.String(), "?") {
			value = keepEncoding(value, rule)
		}
		out.WriteString(value)
		text = text[length:]
	}
	return out.String()
}

// special is what stands for the start of text, which is one of \ $ %, how
// much of text that is, and whether it was replaced.
func (e *evaluation) special(text string, rule *Rule) (value string, length int, expanded bool) {
	switch {
	case len(text) == 1:
		return text, 1, false
	case text[0] == '\\':
		return text[1:2], 2, false
	case text[1] == '{':
		return e.braces(text, rule)
	case '0' <= text[1] && text[1] <= '9':
		return e.reference(text[0], int(text[1]-'0'), rule), 2, true
	}
	return text[:1], 1, false
}

// braces reads %{variable} and ${map:key|default}.
func (e *evaluation) braces(text string, rule *Rule) (string, int, bool) {
	end := closingBrace(text, 2)
	if end < 0 {
		return text[:2], 2, false
	}
	inner := text[2:end]
	if text[0] == '%' {
		return e.variable(inner), end + 1, true
	}
	colon := outsideBraces(inner, ':')
	if colon < 0 {
		return text[:2], 2, false
	}
	name, key, fallback := inner[:colon], inner[colon+1:], ""
	if bar := outsideBraces(key, '|'); bar >= 0 {
		key, fallback = key[:bar], key[bar+1:]
	}
	if table, ok := e.rules.Maps[name]; ok {
		if value, found := table.Lookup(e.expandAs(key, rule, nil, false)); found && value != "" {
			if _, computes := table.(internalMap); computes && rule.keepsEncoding() {
				value = keepEncoding(value, rule)
			}
			return value, end + 1, true
		} else if found && !isFileMap(table) {
			return "", end + 1, true
		}
	}
	return e.expand(fallback, rule, nil), end + 1, true
}

func isFileMap(table Map) bool {
	_, ok := table.(*fileMap)
	return ok
}

// reference is $n or %n, escaped as the flags B… say.
func (e *evaluation) reference(sign byte, n int, rule *Rule) string {
	match := e.ruleMatch
	if sign == '%' {
		match = e.conditionMatch
	}
	value := match.Group(n)
	if rule != nil && rule.escapeReferences {
		return rule.escapeReference(value)
	}
	return value
}

func (r *Rule) escapeReference(value string) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for i := range len(value) {
		c := value[i]
		switch {
		case !r.mustEscape(c), isWord(c):
			out.WriteByte(c)
		case c == ' ' && !r.noPlus:
			out.WriteByte('+')
		default:
			out.WriteByte('%')
			out.WriteByte(digits[c>>4])
			out.WriteByte(digits[c&0xf])
		}
	}
	return out.String()
}

func (r *Rule) mustEscape(c byte) bool {
	byDefault := r.escapes == ""
	if r.escapeCTLs {
		byDefault = c <= ' ' || c == 0x7f
	}
	listed := r.escapes != "" && strings.IndexByte(r.escapes, c) >= 0
	return (byDefault || listed) && strings.IndexByte(r.noEscapes, c) < 0
}

func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// keepsEncoding says whether the rule is a redirect with [NE]. Apache inserts
// the decoded path into its Location, where "a b" makes no URL; here what
// comes from the path is encoded again, and what the rule says stays as it is.
func (r *Rule) keepsEncoding() bool {
	return r != nil && r.noEscape && !r.proxy && !r.escapeReferences && (r.redirect || schemeLength(r.substitution) > 0)
}

// fromPath says whether the expansion inserts a part of the path.
func (e *evaluation) fromPath(text string) bool {
	switch {
	case text[0] == '$' && text[1] != '{':
		return true
	case strings.EqualFold(text, "%{REQUEST_URI}"), strings.EqualFold(text, "%{REQUEST_FILENAME}"):
		return true
	}
	return text[0] == '%' && text[1] != '{' && e.conditionOnPath
}

func keepEncoding(value string, rule *Rule) string {
	if rule.allow3F {
		before, after, found := strings.Cut(value, "?")
		if found {
			return urlpath.Escape(before) + "?" + after
		}
	}
	return urlpath.Escape(value)
}

// closingBrace is the index of the brace that closes those open before start.
func closingBrace(text string, start int) int {
	depth := 1
	for i := start; i < len(text); i++ {
		switch text[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// outsideBraces is the index of the first c that is not in braces.
func outsideBraces(text string, c byte) int {
	depth := 0
	for i := range len(text) {
		switch {
		case text[i] == c && depth == 0:
			return i
		case text[i] == '{':
			depth++
		case text[i] == '}':
			depth--
		}
	}
	return -1
}
