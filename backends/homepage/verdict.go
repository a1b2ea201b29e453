package homepage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// Report is what the dashboard says of all services at one time.
type Report struct {
	At       time.Time
	State    State       // of the platform: that of the worst service; Unknown without any
	Verdict  string      // in one sentence, without addresses
	Services []Judgement // worst first
}

// Assess judges all entries at the time now. Times in sentences are given in
// the time zone of now.
func Assess(entries []Entry, now time.Time) Report {
	r := Report{At: now, State: Unknown, Services: worstFirst(entries, now)}
	if len(r.Services) > 0 {
		r.State = r.Services[0].State
	}
	r.Verdict = r.verdict()
	return r
}

// worstFirst judges all entries. What is sorted are places: judgements are
// kilobytes.
func worstFirst(entries []Entry, now time.Time) []Judgement {
	type place struct {
		*Judgement
		rank  int
		title string
	}
	places := make([]place, len(entries))
	for i := range entries {
		j := Judge(entries[i], now)
		places[i] = place{&j, slices.Index(States, j.State), strings.ToLower(j.Title())}
	}
	slices.SortStableFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.title, b.title))
	})
	sorted := make([]Judgement, len(places))
	for i, p := range places {
		sorted[i] = *p.Judgement
	}
	return sorted
}

// NeedsAttention are the services that are not known to answer as they should.
func (r Report) NeedsAttention() []Judgement {
	n := slices.IndexFunc(r.Services, func(j Judgement) bool { return j.State == Maintenance || j.State == Answering })
	if n < 0 {
		return r.Services
	}
	return r.Services[:n]
}

// In returns the services in a state, which are beside each other.
func (r Report) in(state State) []Judgement {
	begin := slices.IndexFunc(r.Services, func(j Judgement) bool { return j.State == state })
	if begin < 0 {
		return nil
	}
	end := begin
	for end < len(r.Services) && r.Services[end].State == state {
		end++
	}
	return r.Services[begin:end]
}

func (r Report) verdict() string {
	for _, state := range []State{Failing, Unknown, Slow} {
		switch worst := r.in(state); {
		case len(worst) == 1:
			return worst[0].Sentence(r.At)
		case len(worst) > 1:
			return titles(worst) + " are " + state.Phrase()
		}
	}
	if away := r.in(Maintenance); len(away) > 0 {
		return r.declared(away)
	}
	switch total := len(r.Services); total {
	case 0:
		return "No services yet"
	case 1:
		return r.Services[0].Sentence(r.At)
	case 2:
		return "Both services answering"
	default:
		return fmt.Sprintf("All %d services answering", total)
	}
}

// declared tells of the services in maintenance while all others answer.
func (r Report) declared(away []Judgement) string {
	verdict := titles(away) + " are in maintenance"
	if len(away) == 1 {
		verdict = away[0].Sentence(r.At)
	}
	if len(away) < len(r.Services) {
		verdict += ", all others are answering"
	}
	return verdict
}

// titles lists up to three services: "Blog, Orders and 2 more".
func titles(services []Judgement) string {
	var names []string
	for _, j := range services {
		names = append(names, j.Title())
	}
	switch n := len(names); {
	case n == 1:
		return names[0]
	case n <= 3:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	default:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:2], ", "), n-2)
	}
}

// Sentence says how the service is: "Blog is failing: upstream refused
// connections since 13:47 UTC".
func (j Judgement) Sentence(now time.Time) string {
	sentence := j.Title() + " is " + j.State.Phrase()
	switch reason := j.Reason(now); {
	case j.State == Maintenance:
		return sentence + " " + reason
	case reason != "":
		return sentence + ": " + reason
	}
	return sentence
}

// Reason is why a service is not known to answer as it should, without its name
// and without addresses: "upstream refused connections since 13:47 UTC"; in
// maintenance it is until when. It is "" when the service answers.
func (j Judgement) Reason(now time.Time) string {
	switch {
	case j.State == Answering:
		return ""
	case j.State == Maintenance:
		return "until " + clock(j.Until, now)
	case !j.Unanswered.IsZero():
		return fmt.Sprintf("a probe has waited %d s for an answer", int(max(now.Sub(j.Unanswered), time.Second).Seconds()))
	case j.State == Slow:
		return j.overTarget()
	case j.State == Unknown && j.Basis.At.IsZero():
		return "nothing measured or probed yet"
	case j.State == Unknown:
		return "nothing measured or probed since " + clock(j.Basis.At, now)
	}
	if !j.Basis.Since.IsZero() {
		return words(j.Basis) + " since " + clock(j.Basis.Since, now)
	}
	recent := j.recently(now)
	return fmt.Sprintf("%d of the last minute’s %d requests failed: %s", recent.Failures, recent.Requests, words(j.Basis))
}

// Cause is why a service fails, without a time: "upstream refused connections".
// It is "" when it does not.
func (j Judgement) Cause() string {
	if j.State != Failing {
		return ""
	}
	return words(j.Basis)
}

// words say what a failed observation shows.
func words(o Observation) string {
	if o.Unmet != "" {
		return o.Unmet
	}
	switch o.Cause {
	case measure.Refused:
		return "upstream refused connections"
	case measure.TimedOut:
		return "upstream did not answer in time"
	case measure.Unresolved:
		return "the upstream’s name could not be resolved"
	case measure.Closed:
		return "upstream closed the connection"
	case measure.Unavailable:
		return "no upstream was available"
	case measure.InternalError:
		return "internal errors"
	case measure.BadCertificate:
		return "its certificate has expired or does not cover its name"
	case measure.ServerError:
		return fmt.Sprintf("answering %d", o.Status)
	}
	if o.Source == Probed && o.Status == 0 {
		return "no answer to probes"
	}
	return "upstream could not be reached"
}

// clock is a time of today as "13:47 UTC", of another day with its date, of
// another year with that too.
func clock(t, now time.Time) string {
	t = t.In(now.Location())
	switch {
	case t.Year() != now.Year():
		return t.Format("2 Jan 2006 15:04 MST")
	case t.YearDay() != now.YearDay():
		return t.Format("2 Jan 15:04 MST")
	default:
		return t.Format("15:04 MST")
	}
}
