package apachelog

import (
	"errors"
	"fmt"
	"strings"

	"go.uber.org/zap/buffer"
)

// The formats that have a name. Apache's httpd.conf defines common and
// combined; vhost_combined is Debian's, with %b where Debian has %O.
var namedFormats = map[string]string{
	"common":         `%h %l %u %t "%r" %>s %b`,
	"combined":       `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`,
	"vhost_combined": `%v:%p %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`,
}

const defaultFormat = "combined"

// serverIdentity is what the configuration says about the site: the zero
// value leaves it to each request.
type serverIdentity struct {
	name string
	port int
}

// appender writes the value of one directive.
type appender func(line *buffer.Buffer, r *record)

// item is one directive or one stretch of literal text of a format.
type item struct {
	append appender
	// statuses limit the item to these response statuses, or, negated, to all
	// others; elsewhere it prints "-". Empty means always.
	statuses []int
	negated  bool
}

func (i *item) applies(status int) bool {
	if len(i.statuses) == 0 {
		return true
	}
	for _, s := range i.statuses {
		if s == status {
			return !i.negated
		}
	}
	return i.negated
}

// wanted names a header or field that a format prints.
type wanted struct {
	scope scope
	name  string
}

// format is a compiled LogFormat.
type format struct {
	items []item
	// wanted are the values a record has to keep, at the same place in
	// record.values.
	wanted []wanted
}

// place returns where a value belongs in record.values, or -1.
func (f *format) place(s scope, name string) int {
	for i := range f.wanted {
		if f.wanted[i].scope == s && f.wanted[i].name == name {
			return i
		}
	}
	return -1
}

// appendLine writes the access log line of r, with its line ending.
func (f *format) appendLine(line *buffer.Buffer, r *record) {
	for i := range f.items {
		if !f.items[i].applies(r.sentStatus()) {
			line.AppendByte('-')
			continue
		}
		f.items[i].append(line, r)
	}
	line.AppendByte('\n')
}

// compileFormat turns the name of a format or a LogFormat string into a
// format. An error names the directive that is unknown, incomplete or cannot
// be answered from Caddy's log records.
func compileFormat(text string, server serverIdentity) (*format, error) {
	if text == "" {
		text = defaultFormat
	}
	if named, ok := namedFormats[text]; ok {
		text = named
	} else if !strings.Contains(text, "%") {
		return nil, fmt.Errorf("unknown log format %q: neither common, combined or vhost_combined, nor a LogFormat string with %%-directives", text)
	}

	c := compiler{server: server}
	for rest := text; rest != ""; {
		if rest[0] != '%' {
			rest = c.literal(rest)
			continue
		}
		n, err := c.directive(rest)
		if err != nil {
			return nil, fmt.Errorf("log format directive %s: %w", rest[:n], err)
		}
		rest = rest[n:]
	}
	return &c.format, nil
}

// compiler builds a format.
type compiler struct {
	format
	server serverIdentity
}

// want makes records keep a value and returns its place in record.values.
func (c *compiler) want(s scope, name string) int {
	if at := c.place(s, name); at >= 0 {
		return at
	}
	c.wanted = append(c.wanted, wanted{s, name})
	return len(c.wanted) - 1
}

// literal compiles the text up to the next directive and returns the rest.
func (c *compiler) literal(text string) (rest string) {
	end := strings.IndexByte(text, '%')
	if end < 0 {
		end = len(text)
	}
	plain := unescapeLiteral(text[:end])
	c.items = append(c.items, item{append: func(line *buffer.Buffer, _ *record) {
		line.AppendString(plain)
	}})
	return text[end:]
}

var literalEscapes = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r", `\t`, "\t", `\"`, `"`)

// unescapeLiteral resolves the escapes mod_log_config knows in literal text,
// and \", which Apache's configuration parser resolves before. Any other
// backslash stays.
func unescapeLiteral(text string) string { return literalEscapes.Replace(text) }

// spec is a directive as written: %!400,501{User-agent}>i.
type spec struct {
	name     string // the letter, or ^ and two letters
	arg      string // what stands in braces
	final    bool   // > : of the last request of an internal redirect
	original bool   // < : of the first
	statuses []int
	negated  bool
}

// directive compiles the directive text starts with and returns its length,
// which with an error is that of the part to show.
func (c *compiler) directive(text string) (int, error) {
	if strings.HasPrefix(text, "%%") {
		c.items = append(c.items, item{append: func(line *buffer.Buffer, _ *record) {
			line.AppendByte('%')
		}})
		return 2, nil
	}
	s, n, err := parseSpec(text)
	if err != nil {
		return n, err
	}
	build, known := directives[s.name]
	if !known {
		return n, errors.New("mod_log_config has no such directive")
	}
	appendValue, err := build(c, s)
	if err != nil {
		return n, err
	}
	c.items = append(c.items, item{append: appendValue, statuses: s.statuses, negated: s.negated})
	return n, nil
}

// parseSpec reads one directive: modifiers in any order, then its name.
func parseSpec(text string) (s spec, n int, err error) {
	for n = 1; n < len(text); {
		switch ch := text[n]; {
		case ch == '!':
			s.negated = !s.negated
			n++
		case ch == '<':
			s.original, s.final = true, false
			n++
		case ch == '>':
			s.original, s.final = false, true
			n++
		case ch == ',':
			n++
		case ch == '{':
			end := strings.IndexByte(text[n:], '}')
			if end < 0 {
				return s, len(text), errors.New("the closing brace is missing")
			}
			s.arg = text[n+1 : n+end]
			n += end + 1
		case '0' <= ch && ch <= '9':
			status := 0
			for ; n < len(text) && '0' <= text[n] && text[n] <= '9'; n++ {
				if status = status*10 + int(text[n]-'0'); status > 999 {
					return s, n + 1, errors.New("a status has three digits")
				}
			}
			s.statuses = append(s.statuses, status)
		case ch == '^' && n+2 < len(text):
			s.name = text[n : n+3]
			return s, n + 3, nil
		default:
			s.name = text[n : n+1]
			return s, n + 1, nil
		}
	}
	return s, len(text), errors.New("the format ends within it")
}
