package logtail

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// maxText bounds the text of a line, in bytes.
const maxText = 400

// stamps are where lines of text have their time, and how it is written: that of
// an access log, of Apache's error log, and of Caddy's console format.
var stamps = []struct {
	at     *regexp.Regexp
	layout string
}{
	{regexp.MustCompile(`\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\] ?`), "02/Jan/2006:15:04:05 -0700"},
	{regexp.MustCompile(`^\[([A-Z][a-z]{2} [A-Z][a-z]{2} \d{2} \d{2}:\d{2}:\d{2}\.\d+ \d{4})\] ?`), "Mon Jan 02 15:04:05.999999 2006"},
	{regexp.MustCompile(`^(\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}\.\d+)\s+`), "2006/01/02 15:04:05.999"},
}

// parse reads a line in whatever format it is.
func parse(text string) Line {
	if strings.HasPrefix(text, "{") {
		if line, ok := parseJSON(text); ok {
			return line
		}
	}
	line := Line{}
	for _, stamp := range stamps {
		found := stamp.at.FindStringSubmatchIndex(text)
		if found == nil {
			continue
		}
		// Where no zone is written the time is the server's own.
		if at, err := time.ParseInLocation(stamp.layout, text[found[2]:found[3]], time.Local); err == nil {
			line.At, text = at, text[:found[0]]+text[found[1]:]
			break
		}
	}
	line.Text = shown(text)
	return line
}

// entry is what Caddy's JSON logs have.
type entry struct {
	Level   string          `json:"level"`
	TS      json.RawMessage `json:"ts"`
	Logger  string          `json:"logger"`
	Msg     string          `json:"msg"`
	Error   string          `json:"error"`
	Status  int             `json:"status"`
	Request *struct {
		Method string `json:"method"`
		Host   string `json:"host"`
		URI    string `json:"uri"`
	} `json:"request"`
}

func parseJSON(text string) (Line, bool) {
	var e entry
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return Line{}, false
	}
	words := []string{e.Level, e.Logger, e.Msg}
	if e.Request != nil {
		words = append(words, e.Request.Method, e.Request.Host+homepage.RedactPath(e.Request.URI))
	}
	if e.Status != 0 {
		words = append(words, fmt.Sprint(e.Status))
	}
	words = append(words, e.Error)
	return Line{At: e.at(), Text: shown(strings.Join(words, " "))}, true
}

// at is the time of the entry: seconds since 1970, or in one of the layouts in
// which Caddy writes it when it is told to; zero for others.
func (e entry) at() time.Time {
	var seconds float64
	if json.Unmarshal(e.TS, &seconds) == nil {
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(part*1e9))
	}
	var text string
	if json.Unmarshal(e.TS, &text) != nil {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.000Z0700", "2006/01/02 15:04:05.000", "2006/01/02 15:04:05"} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at
		}
	}
	return time.Time{}
}

// shown is a text as people may see it.
func shown(text string) string {
	if len(text) > 4*maxText {
		text = text[:4*maxText]
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return '�'
		}
		return r
	}, text)
	text = strings.TrimSpace(homepage.Redact(text))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text
}
