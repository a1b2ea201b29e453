package look

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

var funcs = template.FuncMap{
	"mark":      Mark,
	"state":     state,
	"ago":       ago,
	"timestamp": timestamp,
	"span":      Span,
	"count":     Count,
	"asset":     AssetURL,
	"spaced":    spaced,
	"percent":   percent,
}

// shapes holds one path per tone in a 20 × 20 box; they differ without colour.
var shapes = map[Tone]template.HTML{
	Good: `<path fill-rule="evenodd" d="M10 1a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm4.900 6.700-6 6.300a1 1 0 0 1-1.450 0L5.100 11.500l1.450-1.370 1.640 1.720 5.260-5.520Z"/>`,
	Warn: `<path fill-rule="evenodd" d="M8.700 2.250a1.500 1.500 0 0 1 2.600 0l7.500 13.250a1.500 1.500 0 0 1-1.300 2.250h-15a1.500 1.500 0 0 1-1.300-2.250ZM9 7v5.200h2V7Zm0 6.600v2h2v-2Z"/>`,
	Bad:  `<path fill-rule="evenodd" d="M3.500 1.500h13a2 2 0 0 1 2 2v13a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2v-13a2 2 0 0 1 2-2ZM6.800 5.400 5.400 6.800 8.600 10l-3.200 3.200 1.400 1.400L10 11.400l3.200 3.200 1.400-1.400-3.200-3.200 3.200-3.200-1.400-1.400L10 8.600Z"/>`,
	Info: `<path fill-rule="evenodd" d="M8.900 1.400a1.560 1.560 0 0 1 2.200 0l7.500 7.500a1.560 1.560 0 0 1 0 2.200l-7.500 7.500a1.560 1.560 0 0 1-2.200 0l-7.500-7.500a1.560 1.560 0 0 1 0-2.200ZM9 5.400v2h2v-2ZM9 8.800v5.800h2V8.800Z"/>`,
	None: `<circle cx="10" cy="10" r="7.900" fill="none" stroke="currentColor" stroke-width="2.200" stroke-dasharray="4.200 2.005"/>`,
}

// Mark is the shape of a tone as inline SVG, for decoration beside a word.
func Mark(t Tone) (template.HTML, error) {
	shape, ok := shapes[t]
	if !ok {
		return "", fmt.Errorf("mark: unknown tone %q", t)
	}
	return `<svg class="mark" viewBox="0 0 20 20" aria-hidden="true">` + shape + `</svg>`, nil
}

func state(t Tone, word string) (template.HTML, error) {
	m, err := Mark(t)
	if err != nil {
		return "", err
	}
	return template.HTML(`<span class="state `+string(t)+`">`) + m + //nolint:gosec // the tone is one of shapes, the word is escaped
		template.HTML(template.HTMLEscapeString(word)+`</span>`), nil //nolint:gosec // as above
}

const instant = "2006-01-02 15:04:05 MST"

func ago(now, t time.Time) template.HTML {
	if t.IsZero() {
		return "never"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s ago</time>`, //nolint:gosec // formatted times only
		t.UTC().Format(time.RFC3339), t.UTC().Format(instant), Span(max(now.Sub(t), 0))))
}

func timestamp(t time.Time) template.HTML {
	if t.IsZero() {
		return "never"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, //nolint:gosec // formatted times only
		t.UTC().Format(time.RFC3339), t.UTC().Format(instant)))
}

// Span is a duration in its largest unit, rounded down: "2 ms", "3 s", "4 min", "5 h", "6 d".
func Span(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + " µs"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatInt(int64(d/time.Second), 10) + " s"
	case d < time.Hour:
		return strconv.FormatInt(int64(d/time.Minute), 10) + " min"
	case d < 48*time.Hour:
		return strconv.FormatInt(int64(d/time.Hour), 10) + " h"
	default:
		return strconv.FormatInt(int64(d/(24*time.Hour)), 10) + " d"
	}
}

// Count is an integer of any type with its thousands separated: "12,345".
func Count(n any) string {
	var digits, sign string
	if counted, ok := n.(uint64); ok { // as most are
		digits = strconv.FormatUint(counted, 10)
	} else {
		digits = fmt.Sprint(n)
	}
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// spaced is a name of the API for people: "partially paid".
func spaced(name any) string { return strings.ReplaceAll(fmt.Sprint(name), "_", " ") }

// percent is a rate in hundredths of a percent: "19%", "2.5%".
func percent(rate int64) string {
	return strconv.FormatFloat(float64(rate)/100, 'f', -1, 64) + "%"
}
