package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

// dashboard is the report as the template shows it.
type dashboard struct {
	homepage.Report
	Rows []*row

	// For operators only.
	Certificates []homepage.Certificate // worst first
	Undelivered  []deliver.Trouble      // alerts
	Timeline     timeline
	Unserved     []unserved
	Log          logLines // the last of all logs
}

func newDashboard(report homepage.Report, past History) dashboard {
	d := dashboard{Report: report}
	down := downtime(past, report.At)
	d.Rows = make([]*row, 0, len(report.Services))
	for _, judgement := range report.Services {
		d.Rows = append(d.Rows, newRow(judgement, past, down, report.At))
	}
	return d
}

// group is the services that are shown under a heading.
type group struct {
	Name  string // "" for all services when none has a group
	Lines []line
}

// Groups are the rows by group, that of the worst service first. Those without
// one are a group of their own.
func (d dashboard) Groups() []*group {
	var groups []*group
	byName := make(map[string]*group)
	for _, r := range d.Rows {
		g := byName[r.Group]
		if g == nil {
			g = &group{Name: r.Group}
			byName[r.Group] = g
			groups = append(groups, g)
		}
		g.Lines = append(g.Lines, r.line(d.At))
	}
	if rest := byName[""]; rest != nil && len(groups) > 1 {
		rest.Name = "Other services"
	}
	return groups
}

// NeedsAttention are the rows of the services not known to answer as they should.
func (d dashboard) NeedsAttention() []*row { return d.Rows[:len(d.Report.NeedsAttention())] }

// Alarms are the certificates somebody should look at.
func (d dashboard) Alarms() []certificate {
	return certificatesOf(homepage.CertificatesNeedingAttention(d.Certificates, d.At), d.At)
}

// AllCertificates are the rows of the table of certificates.
func (d dashboard) AllCertificates() []certificate { return certificatesOf(d.Certificates, d.At) }

// Lede sums up all measured services, and says for operators when the next
// certificate is renewed.
func (d dashboard) Lede() string {
	sentences := []string{d.lastMinute(), d.lastHour(), d.nextRenewal()}
	return strings.Join(slices.DeleteFunc(sentences, func(s string) bool { return s == "" }), " ")
}

// lastHour is how long requests took.
func (d dashboard) lastHour() string {
	var all measure.Histogram
	for _, r := range d.Rows {
		for i, count := range r.Hour.FirstByte {
			all[i] += count
		}
	}
	if all.Count() == 0 {
		return ""
	}
	_, p95 := spans(&all)
	return "p95 to the first byte in the last hour: " + p95 + "."
}

// nextRenewal is when the next of the certificates that this server renews is
// due.
func (d dashboard) nextRenewal() string {
	var next time.Time
	for i := range d.Certificates {
		due := d.Certificates[i].RenewalDue()
		if due.After(d.At) && (next.IsZero() || due.Before(next)) {
			next = due
		}
	}
	if next.IsZero() {
		return ""
	}
	return "Next renewal of a certificate in " + look.Span(next.Sub(d.At)) + "."
}

func (d dashboard) lastMinute() string {
	var recent measure.Recent
	measured := false
	for _, r := range d.Rows {
		measured = measured || r.IsMeasured()
		recent.Requests += r.Evidence.Recent.Requests
		recent.Failures += r.Evidence.Recent.Failures
	}
	switch {
	case !measured:
		return ""
	case recent.Requests == 0:
		return "No requests in the last minute."
	case recent.Failures == 0:
		return fmt.Sprintf("%s in the last minute, none failed.", requests(recent.Requests))
	default:
		return fmt.Sprintf("%s in the last minute, %s failed.", requests(recent.Requests), look.Count(recent.Failures))
	}
}

func requests(n uint64) string {
	if n == 1 {
		return "1 request"
	}
	return look.Count(n) + " requests"
}

// row is a service as the template shows it.
type row struct {
	homepage.Judgement
	Hour   history.Hour // of real requests
	Days   days
	Causes []event // what happened just before it began to fail; for operators only
}

// causedBy finds what happened just before the service began to fail.
func (r *row) causedBy(t timeline) {
	for _, e := range r.Before(t.events) {
		r.Causes = append(r.Causes, event{e, t.now})
	}
}

// downtime is when this server was down in the days that are shown.
func downtime(past History, now time.Time) []history.Interval {
	return past.Down(now.AddDate(0, 0, -history.RecentDays))
}

func newRow(j homepage.Judgement, past History, down []history.Interval, now time.Time) *row {
	r := &row{Judgement: j, Days: newDays(past.LastDays(j.ID, history.RecentDays, now), down)}
	if r.IsMeasured() {
		r.Hour = past.LastHour(j.ID, now)
	}
	return r
}

func toneOf(state homepage.State) look.Tone {
	switch state {
	case homepage.Answering:
		return look.Good
	case homepage.Slow:
		return look.Warn
	case homepage.Failing:
		return look.Bad
	case homepage.Maintenance:
		return look.Info
	default:
		return look.None
	}
}

func (r *row) Tone() look.Tone { return toneOf(r.State) }

// Word is the state within a sentence, StateWord the same at its start.
func (r *row) Word() string { return r.State.Phrase() }

func (r *row) StateWord() string { return strings.ToUpper(string(r.State[:1])) + string(r.State[1:]) }

// IsAway reports whether the service is in maintenance, of which Reason says
// until when.
func (r *row) IsAway() bool { return r.State == homepage.Maintenance }

// Served says how, in words.
func (r *row) Served() string {
	if r.Kind == "" {
		return string(homepage.Other)
	}
	return string(r.Kind)
}

type link struct{ URL, Text string }

// Links are the service's addresses, shown without a scheme when it is https.
func (r *row) Links() []link {
	var links []link
	for _, url := range r.URLs {
		links = append(links, link{url, strings.TrimPrefix(url, "https://")})
	}
	return links
}

// HealthURL is where the service says itself how it is, "" when it doesn't.
func (r *row) HealthURL() string {
	if r.Health == "" || r.Health == "/" || len(r.URLs) == 0 {
		return ""
	}
	return r.URLs[0] + r.Health
}

// Outcome is what was seen: "200 in 2 ms".
func (r *row) Outcome() string {
	seen := r.Basis
	if seen.Status == 0 {
		return "no answer"
	}
	return fmt.Sprintf("%d in %s", seen.Status, look.Span(seen.Latency))
}

// IsMeasured reports whether real requests are.
func (r *row) IsMeasured() bool { return !r.Evidence.Since.IsZero() }
