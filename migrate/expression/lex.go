package expression

import (
	"fmt"
	"regexp"
	"strings"
)

// kind is a kind of token.
type kind int

const (
	end kind = iota
	number
	text       // between quotes, with its pieces
	variable   // %{NAME} or %{function:argument}
	identifier // a function, a word operator or true and false
	operator
	pattern // of a regular expression
)

// token is a piece of an expression.
type token struct {
	kind   kind
	text   string
	flags  string // of a pattern
	pieces []word // of a text
}

type lexer struct {
	rest string
}

var (
	numberForm     = regexp.MustCompile(`^[0-9]+`)
	identifierForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*`)
	operatorForm   = regexp.MustCompile(`^(?:&&|\|\||==|!=|<=|>=|=~|!~|-[A-Za-z_]+|[=<>!().,{}])`)
)

// next reads a token. A regular expression is read only where one can stand.
func (l *lexer) next(wantsPattern bool) (token, error) {
	l.rest = strings.TrimLeft(l.rest, " \t\r\n")
	switch {
	case l.rest == "":
		return token{kind: end}, nil
	case wantsPattern:
		return l.pattern()
	case l.rest[0] == '"' || l.rest[0] == '\'':
		return l.quoted(l.rest[0])
	case strings.HasPrefix(l.rest, "%{"):
		name, rest, closed := strings.Cut(l.rest[2:], "}")
		if !closed {
			return token{}, fmt.Errorf("%%{%s is not closed", name)
		}
		l.rest = rest
		return token{kind: variable, text: name}, nil
	}
	for _, form := range []struct {
		kind kind
		form *regexp.Regexp
	}{{number, numberForm}, {identifier, identifierForm}, {operator, operatorForm}} {
		if found := form.form.FindString(l.rest); found != "" {
			l.rest = l.rest[len(found):]
			return token{kind: form.kind, text: found}, nil
		}
	}
	return token{}, fmt.Errorf("%.20q is not understood", l.rest)
}

// pattern reads /…/flags or m#…#flags.
func (l *lexer) pattern() (token, error) {
	rest := strings.TrimPrefix(l.rest, "m")
	if rest == "" || rest == l.rest && rest[0] != '/' || !strings.ContainsRune(`/#$%^|?!'",;:._-`, rune(rest[0])) {
		return token{}, fmt.Errorf("a regular expression is needed instead of %.20q", l.rest)
	}
	found, after, closed := strings.Cut(rest[1:], rest[:1]) // Apache has no escape for the delimiter
	if !closed {
		return token{}, fmt.Errorf("the regular expression %.20q is not closed", l.rest)
	}
	flags := identifierForm.FindString(after)
	l.rest = after[len(flags):]
	return token{kind: pattern, text: found, flags: flags}, nil
}

// quoted reads a text, in which variables stand.
func (l *lexer) quoted(quote byte) (token, error) {
	found := token{kind: text}
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			found.pieces = append(found.pieces, constant(plain.String()))
			plain.Reset()
		}
	}
	for i := 1; i < len(l.rest); i++ {
		switch c := l.rest[i]; {
		case c == '\\' && i+1 < len(l.rest):
			i++
			plain.WriteByte(unescaped(l.rest[i]))
		case c == quote:
			flush()
			l.rest = l.rest[i+1:]
			return found, nil
		case c == '$' && i+1 < len(l.rest) && l.rest[i+1] >= '0' && l.rest[i+1] <= '9':
			return found, fmt.Errorf("$%c, what a regular expression found, has no equivalent", l.rest[i+1])
		case c == '%' && strings.HasPrefix(l.rest[i:], "%{"):
			name, _, closed := strings.Cut(l.rest[i+2:], "}")
			if !closed {
				return found, fmt.Errorf("%%{%s is not closed", name)
			}
			piece, err := newVariable(name)
			if err != nil {
				return found, err
			}
			flush()
			found.pieces = append(found.pieces, piece)
			i += len("%{") + len(name)
		default:
			plain.WriteByte(c)
		}
	}
	return found, fmt.Errorf("the text %.20q is not closed", l.rest)
}

func unescaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	}
	return c
}
