package translate

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// Verdict is what became of a directive.
type Verdict string

// The verdicts, from the best to the worst.
const (
	// Harmless directives change nothing that a client or a backend sees.
	Harmless Verdict = "harmless"
	// Translated directives mean the same in the Caddyfile.
	Translated Verdict = "translated"
	// Approximate directives are translated and differ in a way that Why names.
	Approximate Verdict = "approximate"
	// Ignored directives were refused, and the operator accepted the loss.
	Ignored Verdict = "unsupported-ignored"
	// Refused directives touch access or meaning and can't be carried over.
	Refused Verdict = "refused"
)

// rank orders verdicts: the worst one of a directive counts.
func (v Verdict) rank() int {
	return slices.Index([]Verdict{Harmless, Translated, Approximate, Ignored, Refused}, v)
}

// Finding is the verdict on one directive.
type Finding struct {
	apacheconf.Position
	// Directive is its name, Text the whole line.
	Directive string  `json:"directive"`
	Text      string  `json:"text"`
	Verdict   Verdict `json:"verdict"`
	// Why says what differs or is lost, Do what to do about it. Both may be
	// empty where there is nothing to say.
	Why string `json:"why,omitempty"`
	Do  string `json:"do,omitempty"`
}

// Error makes a finding an error that names the place and what to do.
func (f Finding) Error() string {
	text := f.String() + ": " + f.Text
	if f.Why != "" {
		text += ": " + f.Why
	}
	if f.Do != "" {
		text += ": " + f.Do
	}
	return text
}

// ledger holds one finding per directive, whatever the number of sites that
// ask about it.
type ledger struct {
	findings map[*apacheconf.Directive]Finding
}

// record notes a verdict on d. Of several the worst stays; of equally bad
// ones the first that gives a reason.
func (l *ledger) record(d *apacheconf.Directive, verdict Verdict, why, do string) {
	known, ok := l.findings[d]
	if ok && (known.Verdict.rank() > verdict.rank() || known.Verdict == verdict && known.Why != "") {
		return
	}
	l.findings[d] = Finding{Position: d.Position, Directive: d.Name, Text: d.Text(), Verdict: verdict, Why: why, Do: do}
}

func (l *ledger) knows(d *apacheconf.Directive) bool {
	_, ok := l.findings[d]
	return ok
}

// sorted gives the findings in the order of the tree, those of accepted lines
// turned from refused to ignored.
func (l *ledger) sorted(tree []*apacheconf.Directive, accepted []apacheconf.Position) []Finding {
	var findings []Finding
	apacheconf.Walk(tree, func(d *apacheconf.Directive) {
		finding, ok := l.findings[d]
		if !ok {
			return
		}
		if finding.Verdict == Refused && isAccepted(d, accepted) {
			finding.Verdict = Ignored
		}
		findings = append(findings, finding)
	})
	return findings
}

// isAccepted compares by line; a line of a macro is also accepted by the Use
// line that brought it.
func isAccepted(d *apacheconf.Directive, accepted []apacheconf.Position) bool {
	return slices.Contains(accepted, d.Position) || slices.ContainsFunc(d.Uses, func(use apacheconf.Position) bool {
		return slices.Contains(accepted, use)
	})
}

// RefusedError lists what can't be carried over.
type RefusedError struct {
	Findings []Finding
}

func (e *RefusedError) Error() string {
	lines := make([]string, len(e.Findings))
	for i, finding := range e.Findings {
		lines[i] = finding.Error()
	}
	return strings.Join(lines, "\n")
}

// Count is how many findings have the verdict.
func (r *Result) Count(verdict Verdict) int {
	count := 0
	for _, finding := range r.Findings {
		if finding.Verdict == verdict {
			count++
		}
	}
	return count
}

// Err is a *RefusedError with every refused finding, or nil.
func (r *Result) Err() error {
	refused := slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return f.Verdict != Refused })
	if len(refused) == 0 {
		return nil
	}
	slices.SortStableFunc(refused, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return &RefusedError{Findings: refused}
}
