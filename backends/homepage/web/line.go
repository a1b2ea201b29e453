package web

import (
	"html/template"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/measure"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

// line is a row of the table of services, worked out. Templates look up methods
// and promoted fields by name, each time and slowly; this has neither.
type line struct {
	ID, Title, Description string
	Tone                   look.Tone
	Word                   string // the state
	Symbol                 template.HTML
	Image                  string
	Links                  []link
	Upstreams              []string // for operators only
	Served                 string

	Away    string // until when it is in maintenance
	Source  string // of the evidence; "" for none yet
	Seen    time.Time
	Outcome string
	Health  string // where the service says itself how it is

	Measured                   bool
	Spark                      template.HTML // with requests, like those below
	Requests, Failed, P50, P95 string        // Failed is "" for none

	Days  template.HTML // with evidence
	Share string
}

// line works out the row at the time now.
func (r *row) line(now time.Time) line {
	l := line{
		ID: r.ID, Title: r.Title(), Description: r.Description, Tone: r.Tone(), Word: r.StateWord(), Symbol: r.Symbol(), Image: r.Image(),
		Links: r.Links(), Upstreams: r.Upstreams, Served: r.Served(), Health: r.HealthURL(), Measured: r.IsMeasured(),
	}
	if r.IsAway() {
		l.Away = r.Reason(now)
	}
	if !r.Basis.At.IsZero() {
		l.Source, l.Seen, l.Outcome = string(r.Basis.Source), r.Basis.At, r.Outcome()
	}
	if r.Hour.Requests > 0 {
		l.Spark, l.Requests = sparkline(r.ID, &r.Hour), look.Count(r.Hour.Requests)
		l.P50, l.P95 = spans(&r.Hour.FirstByte)
	}
	if r.Hour.Failures > 0 {
		l.Failed = look.Count(r.Hour.Failures)
	}
	if share := r.Days.Share(); share != "" {
		l.Days, l.Share = r.Days.Chart(), share
	}
	return l
}

// spans are p50 and p95 in words.
func spans(h *measure.Histogram) (p50, p95 string) {
	return look.Span(h.Quantile(0.50)), look.Span(h.Quantile(0.95))
}
