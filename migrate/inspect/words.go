package inspect

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/translate"
)

// words of the verdicts, for people.
var verdictWords = map[translate.Verdict]string{
	translate.Translated:  "carried over",
	translate.Harmless:    "not needed",
	translate.Approximate: "differs",
	translate.Ignored:     "lost, accepted",
	translate.Refused:     "refused",
}

// Outcome says what becomes of the site, in a few words.
func (s *Site) Outcome() string {
	var parts []string
	add := func(count int, words string) {
		if count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count, words))
		}
	}
	add(s.Counts.Refused, "refused")
	add(s.Counts.Ignored, "lost, accepted")
	add(s.Counts.Approximate, plural(s.Counts.Approximate, "differs", "differ"))
	if len(parts) == 0 {
		return "carried over"
	}
	return strings.Join(parts, ", ")
}

func plural(count int, one, many string) string {
	if count == 1 {
		return one
	}
	return many
}

// counted is "1 site" or "3 sites".
func counted(count int, noun string) string {
	return fmt.Sprintf("%d %s", count, plural(count, noun, noun+"s"))
}

// short is a position without the folder everything is in.
func (r *Report) short(at apacheconf.Position) string {
	return strings.TrimPrefix(at.String(), strings.TrimSuffix(r.ServerRoot, "/")+"/")
}

// Summary says how it went with the directives.
func (r *Report) Summary() string {
	c := r.Counts
	text := fmt.Sprintf("%s: %d carried over, %d not needed", counted(c.All(), "directive"), c.Translated, c.Harmless)
	for _, part := range []struct {
		count int
		words string
	}{
		{c.Approximate, plural(c.Approximate, "differs", "differ")},
		{c.Ignored, "lost, accepted"},
		{c.Refused, "refused"},
	} {
		if part.count > 0 {
			text += fmt.Sprintf(", %d %s", part.count, part.words)
		}
	}
	return text + "."
}

// Opinion says what Apache thinks of the reading.
func (w Witness) Opinion(sites int) string {
	switch {
	case !w.Asked:
		return "Apache was not asked what it makes of it."
	case w.Error != "":
		return "Apache has no opinion: " + complaint(w.Error)
	case len(w.Differences) > 0:
		return fmt.Sprintf("Apache reads it differently in %s.", counted(len(w.Differences), "place"))
	default:
		return fmt.Sprintf("Apache reads the same %s.", counted(sites, "virtual host"))
	}
}

// complaint is what is wrong, without the warnings that Apache prints before it.
func complaint(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.Contains(line, "AH00558") && !strings.Contains(line, "warn]") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[:min(len(lines), 3)], " ")
}

// Renewal says who renews the certificate.
func (c *Certificate) Renewal() string {
	switch {
	case c.Lineage == "":
		return "nobody known"
	case c.Authenticator != "":
		return "certbot (" + c.Authenticator + ")"
	default:
		return "certbot"
	}
}

// Expiry is the date and the days left.
func (c *Certificate) Expiry() string {
	if c.Expires.IsZero() {
		return "unknown"
	}
	days := c.DaysLeft()
	if days < 0 {
		return c.Expires.Format("2006-01-02") + ", expired"
	}
	return c.Expires.Format("2006-01-02") + ", " + counted(days, "day")
}

// Title is what people call the certificate.
func (c *Certificate) Title() string {
	if c.Lineage != "" {
		return c.Lineage
	}
	return c.File
}

// Holder is the program that listens, with its process number.
func (p Port) Holder() string {
	if p.Free {
		return "nobody"
	}
	if p.PID == 0 {
		return "another user's process (root may see it)"
	}
	return fmt.Sprintf("%s (%d)", filepath.Base(p.Program), p.PID)
}
