package apacheadapter

import (
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/aditechsphere/fairway/migrate/pcre"
)

// Pattern is the argument of a section: a path or a name, with wildcards or
// without, or a regular expression.
type Pattern struct {
	// Text is compared as it is, or holds the wildcards *, ? and [a-z], none of
	// which stands for a slash.
	Text string `json:"text,omitempty"`
	// Regexp is an expression in PCRE's syntax, found anywhere unless anchored.
	Regexp string `json:"regexp,omitempty"`

	compiled *pcre.Regexp // of Regexp or of wildcards
}

// Patterns are patterns that must all match.
type Patterns struct {
	Patterns []*Pattern `json:"patterns"`
}

// UnmarshalCaddyfile reads "PATTERN" or "~ REGEXP" after the matcher's name.
func (p *Patterns) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		args := d.RemainingArgs()
		one := new(Pattern)
		switch {
		case len(args) == 1:
			one.Text = unescape(args[0])
		case len(args) == 2 && args[0] == "~":
			one.Regexp = unescape(args[1])
		default:
			return d.ArgErr()
		}
		if d.NextBlock(0) {
			return d.Errf("no block is expected, but there is %q", d.Val())
		}
		if err := one.provision(); err != nil {
			return d.WrapErr(err)
		}
		p.Patterns = append(p.Patterns, one)
	}
	return nil
}

func (p *Patterns) provision() error {
	for _, one := range p.Patterns {
		if err := one.provision(); err != nil {
			return err
		}
	}
	return nil
}

// all tells whether every pattern matches.
func (p *Patterns) all(matches func(*Pattern) bool) bool {
	for _, one := range p.Patterns {
		if !matches(one) {
			return false
		}
	}
	return len(p.Patterns) > 0
}

func (p *Pattern) provision() error {
	var err error
	switch {
	case (p.Text == "") == (p.Regexp == ""):
		return fmt.Errorf("just one of text and regexp is needed")
	case p.Regexp != "":
		p.compiled, err = pcre.Compile(p.Regexp, false)
	case p.wild():
		p.compiled, err = pcre.Compile(globExpression(p.Text), false)
	}
	return err
}

// wild tells whether the text has wildcards.
func (p *Pattern) wild() bool { return p.Regexp == "" && strings.ContainsAny(p.Text, "*?[") }

// globExpression is the regular expression of a pattern with wildcards.
func globExpression(glob string) string {
	var out strings.Builder
	out.WriteString(`^`)
	for i := 0; i < len(glob); i++ {
		switch c := glob[i]; c {
		case '*':
			out.WriteString(`[^/]*`)
		case '?':
			out.WriteString(`[^/]`)
		case '[':
			end := strings.IndexByte(glob[min(i+2, len(glob)):], ']')
			if end < 0 {
				out.WriteString(`\[`)
				continue
			}
			class := glob[i+1 : i+2+end]
			i += 2 + end
			if class[0] == '!' || class[0] == '^' {
				out.WriteString(`[^/` + escapeClass(class[1:]) + `]`)
			} else {
				out.WriteString(`[` + escapeClass(class) + `]`)
			}
		case '\\':
			if i+1 < len(glob) {
				i++
				c = glob[i]
			}
			out.WriteString(quoteByte(c))
		default:
			out.WriteString(quoteByte(c))
		}
	}
	out.WriteString(`$`)
	return out.String()
}

func escapeClass(class string) string {
	return strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`).Replace(class)
}

func quoteByte(c byte) string {
	if strings.IndexByte(`\.+*?()|[]{}^$`, c) >= 0 {
		return `\` + string(c)
	}
	return string(c)
}

// below tells whether path is prefix or lies below it. A prefix that ends in a
// slash does not hold for the folder without its slash.
func below(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(prefix, "/"))
}
