package rehearse

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Formats that Apache's own configuration files define.
const (
	Common        = `%h %l %u %t "%r" %>s %O`
	Combined      = `%h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"`
	VhostCombined = `%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"`
)

// Format reads lines of a log that Apache writes with a LogFormat.
type Format struct {
	pattern *regexp.Regexp
	fields  []string // what each group of the pattern is
}

// The fields that say what was asked for; the others are passed over.
const (
	fieldRequest = "request" // GET /path?query HTTP/1.1
	fieldMethod  = "method"
	fieldPath    = "path"
	fieldQuery   = "query" // with its question mark
	fieldHost    = "host"
	fieldPort    = "port"
	fieldStatus  = "status"
)

// interesting maps directives to fields. A later one that means the same as an
// earlier is passed over.
var interesting = map[string]string{
	"r": fieldRequest, "m": fieldMethod, "U": fieldPath, "q": fieldQuery, "v": fieldHost, "V": fieldHost, "{host}i": fieldHost, "p": fieldPort, "s": fieldStatus,
}

// directive is one % of a LogFormat: modifiers, an argument in braces, a letter.
var directive = regexp.MustCompile(`^%([!<>,0-9]*)(\{[^}]*\})?(\^?[A-Za-z][a-z]?|%)`)

// ParseFormat reads a LogFormat as it stands in Apache's configuration, without
// the quotes around it.
func ParseFormat(format string) (*Format, error) {
	parsed, seen := new(Format), make(map[string]bool)
	var pattern strings.Builder
	pattern.WriteString("^")
	for rest := strings.ReplaceAll(format, `\"`, `"`); rest != ""; {
		if rest[0] != '%' {
			pattern.WriteString(regexp.QuoteMeta(rest[:1]))
			rest = rest[1:]
			continue
		}
		token, field, err := nextDirective(rest)
		if err != nil {
			return nil, fmt.Errorf("the log format %q: %w", format, err)
		}
		rest = rest[len(token):]
		if token == "%%" {
			pattern.WriteString("%")
			continue
		}
		if field != "" && !seen[field] {
			seen[field] = true
			parsed.fields = append(parsed.fields, field)
			pattern.WriteString("(" + valuePattern(token, field, rest) + ")")
			continue
		}
		pattern.WriteString(valuePattern(token, "", rest))
	}
	pattern.WriteString("$")
	if !seen[fieldRequest] && (!seen[fieldMethod] || !seen[fieldPath]) {
		return nil, fmt.Errorf("the log format %q does not say what was asked for: it has neither %%r nor %%m and %%U", format)
	}
	var err error
	parsed.pattern, err = regexp.Compile(pattern.String())
	return parsed, err
}

// nextDirective is the directive at the front of text, and the field it is.
func nextDirective(text string) (token, field string, err error) {
	match := directive.FindStringSubmatch(text)
	if match == nil {
		return "", "", fmt.Errorf("%q is not a directive", text[:min(len(text), 10)])
	}
	letter := match[3]
	// Letters of two exist only after a caret: ^ti, ^to.
	if letter[0] != '^' && len(letter) > 1 {
		token, letter = match[0][:len(match[0])-1], letter[:1]
	} else {
		token = match[0]
	}
	return token, interesting[strings.ToLower(match[2])+letter], nil
}

// valuePattern matches what a directive writes, given what follows it.
func valuePattern(token, field, rest string) string {
	switch {
	case field == fieldPort || field == fieldStatus:
		return `\d+|-`
	case field == fieldHost && strings.HasPrefix(rest, ":"):
		return `[^\s:]*|\[[^\]]*\]`
	case strings.HasPrefix(rest, `"`):
		return `(?:[^"\\]|\\.)*`
	case field == fieldPath && strings.HasPrefix(rest, "%"):
		return `[^\s?]*`
	case token == "%t":
		return `\[[^\]]*\]`
	case rest == "":
		return `.*`
	case rest[0] != ' ' && rest[0] != '%':
		return `[^` + regexp.QuoteMeta(rest[:1]) + `]*`
	}
	return `\S*`
}

// entry is a line of a log.
type entry struct {
	method, target, host string
	port                 int
}

// parse reads a line; ok is false when it is not of the format.
func (f *Format) parse(line string) (e entry, ok bool) {
	match := f.pattern.FindStringSubmatch(line)
	if match == nil {
		return entry{}, false
	}
	path, query := "", ""
	for i, field := range f.fields {
		value := unescape(match[i+1])
		switch field {
		case fieldRequest:
			method, rest, _ := strings.Cut(value, " ")
			target := rest
			if i := strings.LastIndex(rest, " HTTP/"); i >= 0 {
				target = rest[:i]
			}
			e.method, e.target = method, target
		case fieldMethod:
			e.method = value
		case fieldPath:
			path = value
		case fieldQuery:
			query = value
		case fieldHost:
			e.host = value
		case fieldPort:
			e.port, _ = strconv.Atoi(value) // "-" is none
		}
	}
	if e.target == "" {
		e.target = path + query
	}
	return e, true
}

// unescape undoes what Apache does to a logged value.
func unescape(value string) string {
	if !strings.Contains(value, `\`) {
		return value
	}
	var text strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' || i+1 == len(value) {
			text.WriteByte(value[i])
			continue
		}
		i++
		if value[i] == 'x' && i+2 < len(value) {
			if code, err := strconv.ParseUint(value[i+1:i+3], 16, 8); err == nil {
				text.WriteByte(byte(code))
				i += 2
				continue
			}
		}
		if at := strings.IndexByte("bfnrtv", value[i]); at >= 0 {
			text.WriteByte("\b\f\n\r\t\v"[at])
			continue
		}
		text.WriteByte(value[i])
	}
	return text.String()
}
