package apacheadapter

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"pgregory.net/rapid"

	"github.com/aditechsphere/fairway/migrate/translate"
)

// words are texts full of what Caddyfiles and placeholders are made of.
func words() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.SampledFrom([]string{
			"{", "}", "{$", "{$HOME}", "{$HOME:", "{host}", "{env.HOME}", "{re.a.1}", "{http.request.uri}", "{file./etc/passwd}",
			`\`, `\"`, `\{`, `"`, "`", "#", "<<", "<<END", "END", " ", "\t", "\n", "*", "@", "/", "import", "%{HTTP_HOST}", "$1", "é", "{args[0]}",
		}),
		rapid.StringMatching(`[a-z0-9./_-]{1,6}`),
		rapid.String(),
	)
	return rapid.Custom(func(t *rapid.T) string {
		text := strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "")
		text = strings.ToValidUTF8(text, "?")
		return strings.NewReplacer("\r", "", "\uFEFF", "").Replace(text)
	})
}

// Every text reaches a directive's argument as it is, whatever it is made of.
func TestWordsSurvive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(words(), 1, 4).Draw(t, "words")
		block := translate.NewBlock()
		site := block.Open(":80")
		site.Comment("%s", want[0])
		line := []string{"respond"}
		for _, word := range want {
			line = append(line, translate.Literal(word))
		}
		site.Line(line...)
		site.Line("file_server")
		text := block.String()

		blocks, err := caddyfile.Parse("Caddyfile", []byte(text))
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if len(blocks) != 1 || len(blocks[0].Segments) != 2 {
			t.Fatalf("the text has other directives:\n%s", text)
		}
		segment := blocks[0].Segments[0]
		httpcaddyfile.NewShorthandReplacer().ApplyToSegment(&segment)
		if len(segment) != len(want)+1 {
			t.Fatalf("%d tokens\n%s", len(segment), text)
		}
		replacer := caddy.NewReplacer()
		for i, word := range want {
			token := segment[i+1]
			if got := replacer.ReplaceAll(token.Text, ""); got != word {
				t.Errorf("Caddy reads %q, want %q\n%s", got, word, text)
			}
			if got := unescape(token.Text); got != word {
				t.Errorf("unescape gives %q, want %q", got, word)
			}
			if (word == "{" || word == "}") && !token.Quoted() {
				t.Errorf("%q is not quoted\n%s", word, text)
			}
		}
	})
}

// The text is as "caddy fmt" would have it.
func TestTextIsFormatted(t *testing.T) {
	t.Parallel()
	block := translate.NewBlock()
	site := block.Open("http://a.example,", "http://:80")
	site.Comment("a \"quoted\" {$comment}")
	route := site.Open("route")
	route.Line("respond", translate.Literal(`a "b" {c} \d{2} {$x} end\`))
	route.Line("respond", "", "{http.request.uri.path}/x")
	route.Open("handle", route.Matcher("x", "path_regexp", `^\.ht`)).Line("error", "403")
	text := block.String()
	if got := string(caddyfile.Format([]byte(text))); got != text {
		t.Errorf("caddy fmt gives\n%s\ninstead of\n%s", got, text)
	}
}
