package apachelog

import "go.uber.org/zap/buffer"

// escapes tells how each byte is written: 0 means as it is, 'x' as \xhh,
// anything else as a backslash and that character.
type escapes [256]byte

// Apache escapes quotes in access logs, where fields stand in quotes, and
// leaves them in error logs.
var (
	accessEscapes = newEscapes(true)
	errorEscapes  = newEscapes(false)
)

func newEscapes(quotes bool) *escapes {
	var table escapes
	for ch := range table {
		if ch < ' ' || ch > '~' {
			table[ch] = 'x'
		}
	}
	table['\b'], table['\n'], table['\r'], table['\t'], table['\v'] = 'b', 'n', 'r', 't', 'v'
	table['\\'] = '\\'
	if quotes {
		table['"'] = '"'
	}
	return &table
}

const hexDigits = "0123456789abcdef"

// append writes text to line, escaped.
func (table *escapes) append(line *buffer.Buffer, text string) {
	done := 0
	for i := 0; i < len(text); i++ {
		escape := table[text[i]]
		if escape == 0 {
			continue
		}
		line.AppendString(text[done:i])
		line.AppendByte('\\')
		line.AppendByte(escape)
		if escape == 'x' {
			line.AppendByte(hexDigits[text[i]>>4])
			line.AppendByte(hexDigits[text[i]&0x0f])
		}
		done = i + 1
	}
	line.AppendString(text[done:])
}
