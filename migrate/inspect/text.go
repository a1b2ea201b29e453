package inspect

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/migrate/translate"
)

// TextOptions say how to write a report for a terminal.
type TextOptions struct {
	// Colour marks verdicts with ANSI colours.
	Colour bool
	// All lists every directive, not only those that differ or are lost.
	All bool
}

// WriteText writes the report for people.
func (r *Report) WriteText(out io.Writer, options TextOptions) error {
	t := &text{options: options}
	t.head(r)
	t.sites(r)
	if options.All {
		t.directives(r)
	} else {
		t.lost(r)
	}
	t.notes(r)
	t.certificates(r)
	t.ports(r)
	t.line("")
	t.line(t.bold(r.Summary()))
	_, err := io.WriteString(out, t.out.String())
	return err
}

type text struct {
	out     strings.Builder
	options TextOptions
}

func (t *text) line(format string, args ...any) {
	if len(args) > 0 {
		format = fmt.Sprintf(format, args...)
	}
	t.out.WriteString(strings.TrimRight(format, " ") + "\n")
}

func (t *text) colour(code, words string) string {
	if !t.options.Colour || words == "" {
		return words
	}
	return "\x1b[" + code + "m" + words + "\x1b[0m"
}

func (t *text) bold(words string) string { return t.colour("1", words) }
func (t *text) dim(words string) string  { return t.colour("2", words) }

// verdict colours words as fits a verdict.
func (t *text) verdict(verdict translate.Verdict, words string) string {
	switch verdict {
	case translate.Refused:
		return t.colour("1;31", words)
	case translate.Approximate, translate.Ignored:
		return t.colour("33", words)
	case translate.Translated:
		return t.colour("32", words)
	default:
		return t.dim(words)
	}
}

// table writes rows in columns. Colours have no width.
func (t *text) table(rows [][]string, paint func(row, column int, words string) string) {
	var widths []int
	for _, row := range rows {
		for column, words := range row {
			if column == len(widths) {
				widths = append(widths, 0)
			}
			widths[column] = max(widths[column], utf8.RuneCountInString(words))
		}
	}
	for i, row := range rows {
		var line strings.Builder
		for column, words := range row {
			line.WriteString(paint(i, column, words))
			if column < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[column]-utf8.RuneCountInString(words)+2))
			}
		}
		t.line("%s", line.String())
	}
}

// heading paints the first row of a table bold.
func (t *text) heading(row, _ int, words string) string {
	if row == 0 {
		return t.bold(words)
	}
	return words
}

func (t *text) head(r *Report) {
	t.line("%s", t.bold(r.Config+" on "+r.Host))
	modules := counted(r.Modules, "module")
	if r.Assumed {
		modules = "no module is loaded, so all of Apache's own are assumed"
	}
	t.line("%s, %s. %s", counted(len(r.Files), "file"), modules, r.Apache.Opinion(len(r.Sites)))
	for _, difference := range r.Apache.Differences {
		t.line("  %s", t.colour("1;31", difference))
	}
}

func (t *text) sites(r *Report) {
	rows := [][]string{{"SITE", "ADDRESS", "TLS", "RESULT", "FROM"}}
	shown := append([]*Site{}, r.Sites...)
	if r.Server.Counts.Refused+r.Server.Counts.Ignored+r.Server.Counts.Approximate > 0 || len(r.Sites) == 0 {
		shown = append(shown, r.Server)
	}
	for _, site := range shown {
		tls, from := "", r.short(site.Position)
		if site.HTTPS {
			tls = "yes"
		}
		title := site.Title()
		if len(site.Aliases) > 0 {
			title += fmt.Sprintf(" +%d", len(site.Aliases))
		}
		if len(site.DefaultOn) > 0 {
			title += " (default)"
		}
		if site.File == "" {
			from = ""
		}
		rows = append(rows, []string{title, strings.Join(site.Addresses, " "), tls, site.Outcome(), from})
	}
	t.line("")
	t.table(rows, func(row, column int, words string) string {
		if row > 0 && column == 3 {
			return t.verdict(shown[row-1].Verdict, words)
		}
		return t.heading(row, column, words)
	})
}

var lostHeadings = map[translate.Verdict]string{
	translate.Refused:     "Cannot be carried over. Change it, or accept its loss with --accept FILE:LINE",
	translate.Ignored:     "Lost, as accepted",
	translate.Approximate: "Carried over, and differs",
}

// shownLines is how many lines with the same reason are shown.
const shownLines = 20

func (t *text) lost(r *Report) {
	var verdict translate.Verdict
	for _, loss := range r.Losses() {
		if loss.Verdict != verdict {
			verdict = loss.Verdict
			t.line("")
			t.line("%s", t.verdict(verdict, lostHeadings[verdict]))
		}
		for i, finding := range loss.Lines {
			if i == shownLines {
				t.line("  and %d more; --all lists them", len(loss.Lines)-i)
				break
			}
			t.line("  %s  %s", t.bold(finding.String()), finding.Text)
		}
		t.reason("      ", loss.Why, loss.Do)
	}
}

func (t *text) reason(indent, why, do string) {
	if why != "" {
		t.line("%s%s", indent, why)
	}
	if do != "" {
		t.line("%sdo: %s", indent, do)
	}
}

func (t *text) directives(r *Report) {
	for _, site := range append([]*Site{r.Server}, r.Sites...) {
		if len(site.Findings) == 0 {
			continue
		}
		t.line("")
		t.line("%s", t.bold(site.Title()))
		for _, finding := range site.Findings {
			t.line("  %s %s  %s", t.verdict(finding.Verdict, fmt.Sprintf("%-14s", verdictWords[finding.Verdict])), t.dim(r.short(finding.Position)), finding.Text)
			t.reason(strings.Repeat(" ", 17), finding.Why, finding.Do)
		}
	}
}

func (t *text) notes(r *Report) {
	if len(r.Skipped) > 0 && t.options.All {
		t.line("")
		t.line("%s", t.bold("Left out by Apache"))
		for _, skipped := range r.Skipped {
			t.line("  %s  %s: %s", t.dim(r.short(skipped.Position)), skipped.Text, skipped.Why)
		}
	}
	if len(r.Warnings) > 0 {
		t.line("")
		t.line("%s", t.colour("33", "Worth a look"))
		for _, warning := range r.Warnings {
			t.line("  %s", warning.Error())
		}
	}
}

func (t *text) certificates(r *Report) {
	if len(r.Certificates) > 0 {
		rows := [][]string{{"CERTIFICATE", "NAMES", "EXPIRES", "RENEWED BY", "SITES"}}
		for _, c := range r.Certificates {
			expiry := c.Expiry()
			if c.Error != "" {
				expiry = c.Error
			}
			rows = append(rows, []string{c.Title(), summary(c.Names), expiry, c.Renewal(), summary(c.Sites)})
		}
		t.line("")
		t.table(rows, func(row, column int, words string) string {
			if row > 0 && column == 2 && (r.Certificates[row-1].Error != "" || r.Certificates[row-1].DaysLeft() < 10) {
				return t.colour("1;31", words)
			}
			return t.heading(row, column, words)
		})
	}
	for _, finding := range r.Certbot {
		subject := finding.Lineage
		if subject == "" {
			subject = finding.File
		}
		t.line("  %s: %s", subject, finding.Text)
		if finding.Do != "" {
			t.line("      do: %s", finding.Do)
		}
	}
}

// summary is a list of names on one line.
func summary(names []string) string {
	const shown = 3
	if len(names) > shown {
		return strings.Join(names[:shown], " ") + fmt.Sprintf(" +%d", len(names)-shown)
	}
	return strings.Join(names, " ")
}

func (t *text) ports(r *Report) {
	if len(r.Ports) == 0 {
		return
	}
	rows := [][]string{{"PORT", "ADDRESS", "HELD BY"}}
	for _, port := range r.Ports {
		rows = append(rows, []string{fmt.Sprint(port.Port), port.Address, port.Holder()})
	}
	t.line("")
	t.table(rows, t.heading)
}
