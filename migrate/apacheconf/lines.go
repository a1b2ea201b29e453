package apacheconf

import "strings"

// line is a logical line: what backslashes join, trimmed.
type line struct {
	Position
	last int // its last line in the file
	text string
	uses []Position
}

// comment tells whether Apache passes over the line.
func (l line) comment() bool { return l.text == "" || l.text[0] == '#' }

const spaces = " \t\n\v\f\r"

// splitLines joins continued lines and trims the result. A backslash before the
// end of the line continues it even in a comment and after another backslash,
// as in Apache; one at the very end of the file does not.
func splitLines(file, text string) []line {
	lines := make([]line, 0, strings.Count(text, "\n")+1)
	var joined strings.Builder
	first, number := 0, 0
	for text != "" {
		number++
		physical, rest, ended := strings.Cut(text, "\n")
		text = rest
		if first == 0 {
			first = number
		}
		physical, cut := cutNUL(physical)
		if ended && !cut {
			if continued, ok := strings.CutSuffix(strings.TrimSuffix(physical, "\r"), `\`); ok {
				joined.WriteString(continued)
				if text != "" {
					continue
				}
				physical = ""
			}
		}
		if joined.Len() > 0 {
			joined.WriteString(physical)
			physical = joined.String()
			joined.Reset()
		}
		lines = append(lines, line{
			Position: Position{File: file, Line: first},
			last:     number,
			text:     strings.Trim(physical, spaces),
		})
		first = 0
	}
	return lines
}

// cutNUL ends a line where a C string ends.
func cutNUL(text string) (string, bool) {
	before, _, found := strings.Cut(text, "\x00")
	return before, found
}

// word takes the next word as Apache's ap_getword_conf does: a word that begins
// with a quote ends at the next same quote or with the line; backslashes escape
// backslashes and, in quotes, the quote; what follows a closing quote is the
// next word even without a space.
func word(text string) (next, rest string) {
	text = strings.TrimLeft(text, spaces)
	if text == "" {
		return "", ""
	}
	quote := text[0]
	if quote != '"' && quote != '\'' {
		end := strings.IndexAny(text, spaces)
		if end < 0 {
			end = len(text)
		}
		return unescape(text[:end], 0), strings.TrimLeft(text[end:], spaces)
	}
	end := 1
	for end < len(text) && text[end] != quote {
		if text[end] == '\\' && end+1 < len(text) && (text[end+1] == quote || text[end+1] == '\\') {
			end++
		}
		end++
	}
	rest = text[min(end+1, len(text)):]
	return unescape(text[1:end], quote), strings.TrimLeft(rest, spaces)
}

func unescape(text string, quote byte) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var plain strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (text[i+1] == '\\' || quote != 0 && text[i+1] == quote) {
			i++
		}
		plain.WriteByte(text[i])
	}
	return plain.String()
}

// Words splits text into words as Apache does.
func Words(text string) []string {
	var words []string
	for text = strings.TrimLeft(text, spaces); text != ""; {
		var next string
		next, text = word(text)
		words = append(words, next)
	}
	return words
}
