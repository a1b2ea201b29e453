package translate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// Block is a part of a Caddyfile under construction: lines, comments and
// blocks. Words are tokens; quoting is the writer's business. A word may hold
// placeholders; text that comes from Apache's configuration goes through
// Literal first.
type Block struct {
	lines []line
	names map[string]int // matcher names given out, shared by a whole site
}

type line struct {
	isComment bool
	comment   string
	words     []string
	block     *Block
}

// NewBlock is an empty block for a site of its own.
func NewBlock() *Block { return &Block{names: map[string]int{}} }

// Line adds a directive: its name and its arguments.
func (b *Block) Line(words ...string) {
	b.lines = append(b.lines, line{words: words})
}

// Open adds a directive with a block and returns the block.
func (b *Block) Open(words ...string) *Block {
	inner := &Block{names: b.names}
	b.lines = append(b.lines, line{words: words, block: inner})
	return inner
}

// openUnlessEmpty adds a directive with the block inner, or without one where
// there is nothing to say.
func openUnlessEmpty(b *Block, name string, inner *Block) {
	if inner.Empty() {
		b.Line(name)
		return
	}
	b.Open(name).Append(inner)
}

// Comment adds a comment of one line.
func (b *Block) Comment(format string, args ...any) {
	b.lines = append(b.lines, line{isComment: true, comment: fmt.Sprintf(format, args...)})
}

// From adds a comment that tells which directive the following lines come from.
func (b *Block) From(d *apacheconf.Directive) {
	b.Comment("%s %s", shortName(d.Position), d.Text())
}

// Matcher defines a named matcher and returns its name with the @: hint, or
// hint with a number where the site has that already. The words are those of
// a matcher on a single line.
func (b *Block) Matcher(hint string, words ...string) string {
	name := b.matcherName(hint)
	b.Line(append([]string{name}, words...)...)
	return name
}

// OpenMatcher defines a named matcher with several lines, all of which must match.
func (b *Block) OpenMatcher(hint string) (string, *Block) {
	name := b.matcherName(hint)
	return name, b.Open(name)
}

func (b *Block) matcherName(hint string) string {
	hint = strings.Trim(notWord.ReplaceAllString(strings.ToLower(hint), "_"), "_")
	if hint == "" {
		hint = "m"
	}
	if len(hint) > 40 {
		hint = hint[:40]
	}
	return "@" + freeName(b.names, hint)
}

// freeName is name, with a number where it is taken, and takes it.
func freeName(taken map[string]int, name string) string {
	for {
		taken[name]++
		if taken[name] == 1 {
			return name
		}
		if numbered := fmt.Sprintf("%s_%d", name, taken[name]); taken[numbered] == 0 {
			taken[numbered] = 1
			return numbered
		}
	}
}

// Empty tells whether nothing but comments was written.
func (b *Block) Empty() bool {
	for _, l := range b.lines {
		if !l.isComment {
			return false
		}
	}
	return true
}

// Append adds the lines of other, which was made by Detached.
func (b *Block) Append(other *Block) {
	b.lines = append(b.lines, other.lines...)
}

// Detached is a block to be filled first and appended later, or never. Its
// matchers have names of their own in the site of b.
func (b *Block) Detached() *Block { return &Block{names: b.names} }

// hostName is what can stand in a site's address.
var hostName = regexp.MustCompile(`^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

var notWord = regexp.MustCompile(`[^a-z0-9]+`)

// String is the text, indented as "caddy fmt" does.
func (b *Block) String() string {
	var p printer
	p.block(b)
	return p.text.String()
}

// printer writes blocks. It indents as "caddy fmt", which counts no more than
// ten opening braces, but each closing one.
type printer struct {
	text    strings.Builder
	nesting int
}

func (p *printer) line(parts ...string) {
	p.text.WriteString(strings.Repeat("\t", p.nesting))
	for _, part := range parts {
		p.text.WriteString(part)
	}
}

func (p *printer) block(b *Block) {
	escaped := false
	for _, l := range b.lines {
		if l.isComment {
			comment := commentText(l.comment)
			p.line("# ", comment, "\n")
			escaped = escaped || strings.Contains(comment, `\`)
			continue
		}
		if escaped && slices.ContainsFunc(l.words, func(word string) bool { return strings.Contains(quote(word), "\n") }) {
			// Caddy's lexer loses count of lines after a backslash in a comment,
			// and then takes an argument of several lines for another directive.
			p.text.WriteByte('\n')
		}
		escaped = false
		p.directive(l)
	}
}

func (p *printer) directive(l line) {
	quoted := make([]string, len(l.words))
	for i, word := range l.words {
		quoted[i] = quote(word)
	}
	if l.block != nil {
		quoted = append(quoted, "{")
	}
	p.line(strings.Join(quoted, " "), "\n")
	if l.block == nil {
		return
	}
	const most = 10
	if p.nesting < most {
		p.nesting++
	}
	p.block(l.block)
	p.nesting = max(p.nesting-1, 0)
	p.line("}\n")
}

// commentText makes a comment of one line in which Caddy finds nothing to
// replace: it looks for environment variables in comments too.
func commentText(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	const longest = 200
	if runes := []rune(s); len(runes) > longest {
		s = string(runes[:longest]) + " …"
	}
	return strings.TrimSpace(strings.ReplaceAll(s, "{$", "{ $"))
}

// shortName is a position for comments: the last two elements of the path.
func shortName(p apacheconf.Position) string {
	elements := strings.Split(p.File, "/")
	if len(elements) > 2 {
		elements = elements[len(elements)-2:]
	}
	return fmt.Sprintf("%s:%d", strings.Join(elements, "/"), p.Line)
}

// bare are the words that need no quotes, placeholders included.
var bare = regexp.MustCompile(`^(?:[A-Za-z0-9_./:@%+,=~^$*?!&;()|>-]|\{[A-Za-z0-9_.>%?-]+\})+$`)

// isPlain tells at a glance that a word is bare, as most are.
func isPlain(word string) bool {
	for i := range len(word) {
		c := word[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '/' && c != '.' && c != '-' {
			return false
		}
	}
	return word != ""
}

// quote writes word so that Caddy's lexer gives it back as it is.
func quote(word string) string {
	if isPlain(word) {
		return word
	}
	word = strings.ToValidUTF8(word, "\uFFFD")
	if bare.MatchString(word) {
		return word
	}
	var quoted string
	switch {
	case !strings.Contains(word, `\"`) && !strings.HasSuffix(word, `\`):
		quoted = `"` + strings.ReplaceAll(word, `"`, `\"`) + `"`
	case !strings.Contains(word, "`") && !strings.HasSuffix(word, `\`): // "caddy fmt" takes \` for no end
		quoted = "`" + word + "`"
	default:
		quoted = heredoc(word)
	}
	return withoutEnvironment(quoted)
}

// heredoc is for words that fit into no kind of quotes. It can't hold a
// carriage return; Apache's lines have none.
func heredoc(word string) string {
	marker := "END"
	for strings.Contains(word, marker) {
		marker += "_"
	}
	return "<<" + marker + "\n" + strings.ReplaceAll(word, "\r", "") + "\n" + marker
}

// withoutEnvironment keeps Caddy from taking "{$" for an environment variable,
// for which its Caddyfile has no escape: the brace becomes the default of a
// variable that does not exist.
func withoutEnvironment(s string) string {
	return strings.ReplaceAll(s, "{$", "{$_OPEN_BRACE:{}$")
}

var escapeBraces = strings.NewReplacer("{", `\{`, "}", `\}`)

// Literal protects text from Caddy's placeholders. It is undone where Caddy
// replaces placeholders, and by the modules of caddymodule/apacheadapter in
// arguments in which they replace none.
func Literal(text string) string { return escapeBraces.Replace(text) }
