package web

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

// chartHeight is that of the view box of the small charts.
const chartHeight = 20

// sparkline draws the requests of each minute of an hour as an area, and the
// failed ones as bars over it. It is nothing without requests. The paths are
// kept current under the service's ID.
func sparkline(id string, hour *history.Hour) template.HTML {
	area, bars, most := sparkPaths(hour)
	if most == 0 {
		return ""
	}
	label := fmt.Sprintf("Last hour: %s, at most %s in a minute, %s failed.",
		requests(hour.Requests), look.Count(most), look.Count(hour.Failures))
	return chart("spark", 60, chartHeight, label, livePath("flow", id+"/flow", area)+livePath("bad", id+"/bars", bars))
}

// sparkPaths are the area and the bars, and the most requests of a minute.
func sparkPaths(hour *history.Hour) (area, bars outline, most uint64) {
	for _, minute := range hour.Minutes {
		most = max(most, minute.Requests)
	}
	scale := func(n uint64) float64 { return chartHeight * float64(n) / float64(max(most, 1)) }
	area, bars = make(outline, 0, 600), make(outline, 0, 600) // a few dozen commands of ten bytes
	area.to('M', 0, chartHeight)
	last := uint64(0)
	for i, minute := range hour.Minutes {
		if minute.Requests != last { // a line to here, then up or down
			area.to('H', float64(i))
			area.to('V', chartHeight-scale(minute.Requests))
			last = minute.Requests
		}
		if minute.Failures > 0 {
			// At least a pixel or two: one failure among thousands is seen.
			bars.column(float64(i), chartHeight, max(scale(minute.Failures), 2))
		}
	}
	area.to('H', 60)
	area.to('V', chartHeight)
	return append(area, 'z'), bars, most
}

// chart is an SVG that says in words what it shows.
func chart(class string, width, height int, label, paths string) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg class="%s" viewBox="0 0 %d %d" preserveAspectRatio="none" role="img" aria-label="%s">%s</svg>`, //nolint:gosec // the label is escaped, the paths are numbers
		class, width, height, template.HTMLEscapeString(label), paths))
}

func barPath(class string, d outline) string {
	if len(d) == 0 {
		return ""
	}
	return `<path class="` + class + `" d="` + string(d) + `"/>`
}

// livePath is a path that the script keeps current, empty ones too.
func livePath(class, name string, d outline) string {
	return fmt.Sprintf(`<path class="%s" data-live="%s" data-attribute="d" d="%s"/>`, class, template.HTMLEscapeString(name), d)
}

// outline is the data of an SVG path.
type outline []byte

// to adds a command; coordinates have one decimal at most.
func (o *outline) to(command byte, coordinates ...float64) {
	*o = append(*o, command)
	for i, v := range coordinates {
		if i > 0 {
			*o = append(*o, ' ')
		}
		*o = appendTenths(*o, int64(math.Round(v*10)))
	}
}

// appendTenths adds n/10: "-3", "0.5", "12.3".
func appendTenths(b []byte, n int64) []byte {
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendInt(b, n/10, 10)
	if n%10 != 0 {
		b = append(b, '.', byte('0'+n%10))
	}
	return b
}

// column adds a bar of width 1 that stands on the ground.
func (o *outline) column(x, ground, height float64) {
	o.to('M', x, ground)
	o.to('h', 1)
	o.to('v', -height)
	o.to('h', -1)
	*o = append(*o, 'z')
}

// toleratedShare of a day in failure makes its bar a warning, more a failure.
const toleratedShare = 0.05

// barHeights tell the tones apart without their colours; the stylesheet has
// the same as widths of strokes.
var barHeights = map[look.Tone]int{look.Good: 12, look.Warn: 16, look.Bad: 20, look.None: 2}

// dayBar is a day of a service as its bar shows it.
type dayBar struct {
	tone              look.Tone
	answering, failed time.Duration
}

// barOf judges a day: time in which this server was down counts as failed, time
// in maintenance neither way.
func barOf(day history.Day, down time.Duration) dayBar {
	b := dayBar{answering: day.Spent[homepage.Answering] + day.Spent[homepage.Slow], failed: day.Spent[homepage.Failing] + down}
	switch known := b.answering + b.failed; {
	case known == 0:
		b.tone = look.None
	case b.failed == 0:
		b.tone = look.Good
	case float64(b.failed) <= toleratedShare*float64(known):
		b.tone = look.Warn
	default:
		b.tone = look.Bad
	}
	return b
}

// days is what the 90 daily bars of a service show.
type days struct {
	bars              []dayBar
	answering, failed time.Duration
	known             int // days with evidence
}

func newDays(all []history.Day, down []history.Interval) days {
	d := days{bars: make([]dayBar, 0, len(all))}
	first := -1
	for i, day := range all {
		if first < 0 && len(day.Spent) > 0 {
			first = i // before, the service was not there
		}
		var lost time.Duration
		if first >= 0 {
			lost = overlap(down, day.Start, day.Start.Add(24*time.Hour)) // in UTC
		}
		bar := barOf(day, lost)
		if bar.tone != look.None {
			d.known++
		}
		d.bars = append(d.bars, bar)
		d.answering += bar.answering
		d.failed += bar.failed
	}
	return d
}

// overlap is how much of the time from one instant to another lies in the intervals.
func overlap(intervals []history.Interval, from, to time.Time) (sum time.Duration) {
	for _, i := range intervals {
		start, end := i.From, i.To
		if start.Before(from) {
			start = from
		}
		if end.After(to) {
			end = to
		}
		sum += max(end.Sub(start), 0)
	}
	return sum
}

// Share is the part of the known time in which the service answered:
// "99.95%". It is never rounded up to 100%.
func (d days) Share() string {
	known := d.answering + d.failed
	switch {
	case known == 0:
		return ""
	case d.failed == 0:
		return "100%"
	}
	hundredths := int(10000 * float64(d.answering) / float64(known))
	return fmt.Sprintf("%d.%02d%%", hundredths/100, hundredths%100)
}

// Chart draws a bar for each day, oldest first.
func (d days) Chart() template.HTML {
	if d.known == 0 {
		return ""
	}
	var paths strings.Builder
	counts := make(map[look.Tone]int)
	for _, tone := range []look.Tone{look.None, look.Good, look.Warn, look.Bad} {
		paths.WriteString(barPath(string(tone), d.path(tone, counts)))
	}
	label := fmt.Sprintf("Last %d days: %d without failure, %d with a little, %d failing, %d without evidence.",
		len(d.bars), counts[look.Good], counts[look.Warn], counts[look.Bad], counts[look.None])
	return chart("days", len(d.bars), chartHeight, label, paths.String())
}

// path is that of all bars of one tone: a line for each run of days, which the
// stylesheet makes as thick as the bars are high and cuts into days.
func (d days) path(tone look.Tone, counts map[look.Tone]int) (path outline) {
	middle := chartHeight - float64(barHeights[tone])/2
	for i := 0; i < len(d.bars); i++ {
		begin := i
		for i < len(d.bars) && d.bars[i].tone == tone {
			i++
		}
		if i > begin {
			counts[tone] += i - begin
			path.to('M', float64(begin), middle)
			path.to('h', float64(i-begin))
		}
	}
	return path
}
