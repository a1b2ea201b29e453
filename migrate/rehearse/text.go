package rehearse

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// shownExamples is how many requests are named for each kind of difference.
const shownExamples = 3

// Verdict is the result in a line.
func (r *Report) Verdict() string {
	switch {
	case r.Compared == 0:
		return "Nothing was compared: there are no GET or HEAD requests for these sites."
	case r.Differ == 0:
		return fmt.Sprintf("The same: %d of %d requests are answered as Apache answers them.", r.Same, r.Compared)
	}
	return fmt.Sprintf("Different: %d of %d requests are not answered as Apache answers them.", r.Differ, r.Compared)
}

// Write writes the report for people: what differs, kind by kind, then how much
// was looked at, then the verdict.
func (r *Report) Write(out io.Writer) error {
	var text strings.Builder
	r.writeKinds(&text, false)
	r.writeKinds(&text, true)
	r.writeVolatile(&text)
	s := r.Selection
	fmt.Fprintf(&text, "\n%d lines read; %d different requests, of which %d were sent: these stand for %.0f%% of all, and for %d of %d paths.\n",
		s.Lines, s.Distinct, s.Chosen, 100*s.Covered, s.Paths, s.AllPaths)
	for _, left := range []struct {
		count int
		what  string
	}{
		{s.Others, "lines with other methods than GET and HEAD, which are not replayed"},
		{s.Nowhere, "lines for hosts that no site has, or without a path"},
		{s.Unread, "lines that are not of their log's format"},
		{s.Excluded, "different requests that --exclude left out"},
	} {
		if left.count > 0 {
			fmt.Fprintf(&text, "Left out: %d %s.\n", left.count, left.what)
		}
	}
	if len(s.Unseen) > 0 {
		fmt.Fprintf(&text, "Nothing was replayed for: %s.\n", strings.Join(s.Unseen, ", "))
	}
	fmt.Fprintf(&text, "\n%s\n", r.Verdict())
	_, err := io.WriteString(out, strings.Map(visible, text.String()))
	return err
}

// visible replaces what would do something to a terminal.
func visible(r rune) rune {
	if r != '\n' && unicode.IsControl(r) {
		return '·'
	}
	return r
}

// kind is a difference that several requests have.
type kind struct {
	Difference
	urls  []string
	count int
}

// writeKinds lists differences, the most frequent first.
func (r *Report) writeKinds(text *strings.Builder, expected bool) {
	byText := make(map[string]*kind)
	for _, outcome := range r.Outcomes {
		for _, difference := range outcome.Differences {
			if difference.Expected != expected {
				continue
			}
			id := string(difference.Aspect) + "\n" + difference.Name + "\n" + difference.Why
			if !expected && difference.Aspect != Body && difference.Aspect != Location {
				id += "\n" + difference.Apache + "\n" + difference.New
			}
			if byText[id] == nil {
				byText[id] = &kind{Difference: difference}
			}
			k := byText[id]
			k.count++
			if len(k.urls) < shownExamples {
				k.urls = append(k.urls, outcome.Method+" "+outcome.URL)
			}
		}
	}
	if len(byText) == 0 {
		return
	}
	kinds := slices.SortedFunc(maps.Values(byText), func(a, b *kind) int {
		return cmp.Or(cmp.Compare(b.count, a.count), strings.Compare(string(a.Aspect)+a.Name, string(b.Aspect)+b.Name), strings.Compare(a.urls[0], b.urls[0]))
	})
	heading := "DIFFERENT"
	if expected {
		heading = "EXPECTED, comes of the change of server"
	}
	fmt.Fprintf(text, "\n%s\n", heading)
	for _, k := range kinds {
		k.write(text)
	}
}

func (k *kind) write(text *strings.Builder) {
	name := strings.TrimSpace(string(k.Aspect) + " " + k.Name)
	fmt.Fprintf(text, "\n  %s, %s", name, requests(k.count))
	if k.Why != "" {
		fmt.Fprintf(text, ": %s", k.Why)
	}
	fmt.Fprintf(text, "\n    Apache  %s\n    new     %s\n", cmp.Or(k.Apache, "(none)"), cmp.Or(k.New, "(none)"))
	for _, address := range k.urls {
		fmt.Fprintf(text, "      %s\n", address)
	}
	if k.count > len(k.urls) {
		fmt.Fprintf(text, "      and %d more\n", k.count-len(k.urls))
	}
}

func requests(count int) string {
	if count == 1 {
		return "1 request"
	}
	return fmt.Sprintf("%d requests", count)
}

// writeVolatile says what could not be compared, since Apache itself answers
// it differently each time.
func (r *Report) writeVolatile(text *strings.Builder) {
	counts := make(map[string]int)
	for _, outcome := range r.Outcomes {
		for _, name := range outcome.Volatile {
			counts[name]++
		}
	}
	if len(counts) == 0 {
		return
	}
	text.WriteString("\nNOT COMPARED, differs between two answers of Apache itself\n\n")
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(text, "  %s, %s\n", name, requests(counts[name]))
	}
}
