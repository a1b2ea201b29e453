package homepage

import (
	"fmt"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// State is what may be said of a service now.
type State string

// The states. Absence of evidence is never Answering.
const (
	Answering   State = "answering"   // a success or a passed probe at most 60 s old
	Slow        State = "slow"        // the same, but over the service's target
	Failing     State = "failing"     // see Judge
	Maintenance State = "maintenance" // declared
	Unknown     State = "unknown"     // nothing seen for 60 s
)

// States are all of them, worst first.
var States = []State{Failing, Unknown, Slow, Maintenance, Answering}

// Phrase is the state after "is": "in maintenance".
func (s State) Phrase() string {
	if s == Maintenance {
		return "in maintenance"
	}
	return string(s)
}

const (
	// A service fails when more than this share of its recent requests failed…
	failingShare = 0.05
	// …and the last one did, or at least this many.
	failingCount = 5

	// slowCount is the least number of requests whose p95 is held against a target.
	slowCount = 20

	// patience is how long a probe may wait before a service is said to be slow.
	patience = 1500 * time.Millisecond
)

// Source is how an observation was made.
type Source string

// The sources.
const (
	Measured Source = "measured" // on a real request
	Probed   Source = "probed"   // on a request made to see whether it works
)

// Observation is one thing seen of a service.
type Observation struct {
	Source  Source
	At      time.Time
	OK      bool          // the service answered, with anything below 500
	Status  int           // 0 without an answer
	Latency time.Duration // to the first byte
	Cause   measure.Cause // when not OK
	Unmet   string        // what a probe's answer lacks; for anyone
	Detail  string        // the error; may name addresses, so for operators only
	Since   time.Time     // start of the unbroken run of failures; zero when OK or when successes come between
}

// Judgement is a service's state and what it rests on.
type Judgement struct {
	Entry
	State State

	// Basis is what decided; for Unknown what was seen last, however old. Its At
	// is zero when nothing was ever seen.
	Basis Observation

	Until time.Time // end of the maintenance; zero in other states

	// Unanswered is since when a probe waits, while nothing else was answered
	// since, for so long that the service is Slow by that; else zero.
	Unanswered time.Time
}

// Judge says how the service is at the time now.
//
// It is Failing when the last thing seen within 60 s is a failed probe; or a
// failed request, with more than 5% of the last minute's requests failed; or
// when more than 5% of them and at least five failed, even if the last one did
// not; or when the last probe, at most 60 s old, lacks what is expected of it or
// was shown a certificate that does not serve, whatever came after: those who
// are connected do not see it. Otherwise it is Answering when a success or a passed
// probe is at most 60 s old, and Unknown when not.
//
// One that answers is Slow when the p95 of the last five minutes' requests, at
// least 20 of them, is over its target; with fewer, when the probe that shows it
// to answer took longer; and when a probe has waited for 1.5 s and nothing was
// answered since it began. One in a window of maintenance is in Maintenance,
// whatever is seen of it.
func Judge(e Entry, now time.Time) Judgement {
	j := judge(e, now)
	if until, ok := e.maintenance(now); ok {
		j.State, j.Until = Maintenance, until
		return j
	}
	if j.State != Answering {
		return j
	}
	if !e.Waiting.IsZero() && now.Sub(e.Waiting) > patience && e.Waiting.After(j.Basis.At) {
		j.State, j.Unanswered = Slow, e.Waiting
	} else if j.overTarget() != "" {
		j.State = Slow
	}
	return j
}

// judge goes by the evidence alone.
func judge(e Entry, now time.Time) Judgement {
	j := Judgement{Entry: e, State: Unknown}
	success, failure, probe := succeeded(e), failed(e), probed(e)
	if success.At.After(failure.At) {
		failure.Since = time.Time{} // that run is over
	}
	last := latest(success, failure, probe)
	j.Basis = last

	switch recent := e.recently(now); {
	case fresh(probe, now) && (probe.Unmet != "" || probe.Cause == measure.BadCertificate):
		j.State, j.Basis = Failing, probe
	case fresh(last, now) && !last.OK && (last.Source == Probed || !recent.tolerable()):
		j.State = Failing
		j.Basis.Since = startOfRun(failure, probe, last)
		if last.Source == Probed && sameRun(failure, probe) && failure.Status == probe.Status {
			// A probe sees only what the proxy answered; the request knew why.
			j.Basis.Cause, j.Basis.Detail = failure.Cause, failure.Detail
		}
		if last.Source == Measured && e.Evidence.LastFailure.Run < recent.Failures {
			j.Basis.Since = time.Time{}
		}
	case fresh(failure, now) && !recent.tolerable() && recent.Failures >= failingCount:
		j.State = Failing
		j.Basis = failure
		j.Basis.Since = time.Time{} // successes come between
	default:
		if best := latest(success, passed(probe)); fresh(best, now) {
			j.State, j.Basis = Answering, best
		}
	}
	return j
}

// overTarget is by what an answering service is over its target, in words; "" when
// it is not.
func (j Judgement) overTarget() string {
	switch {
	case j.Target <= 0:
		return ""
	case j.Lately.Requests >= slowCount && j.Lately.P95 > j.Target:
		return fmt.Sprintf("p95 of %s, over its target of %s", spoken(j.Lately.P95), spoken(j.Target))
	case j.Lately.Requests < slowCount && j.Basis.Source == Probed && j.Basis.Latency > j.Target:
		return fmt.Sprintf("a probe took %s, over its target of %s", spoken(j.Basis.Latency), spoken(j.Target))
	}
	return ""
}

// spoken is a duration in words, with about three digits: "820 ms", "1.25 s".
func spoken(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
	default:
		return fmt.Sprintf("%.3g s", d.Seconds())
	}
}

// recent is what the last minute's requests came to.
type recent measure.Recent

func (e Entry) recently(now time.Time) recent {
	if now.Sub(e.Evidence.Last) > measure.FreshFor {
		return recent{}
	}
	return recent(e.Evidence.Recent)
}

// tolerable reports whether requests were made and few of them failed.
func (r recent) tolerable() bool {
	return r.Requests > 0 && float64(r.Failures) <= failingShare*float64(r.Requests)
}

// fresh reports whether o is evidence at the time now. What seems to come from
// the future, because a clock was set back, is none.
func fresh(o Observation, now time.Time) bool {
	age := now.Sub(o.At)
	return !o.At.IsZero() && age >= 0 && age <= measure.FreshFor
}

// latest is the observation made last; a failure where two are as old.
func latest(first Observation, others ...Observation) Observation {
	last := first
	for _, o := range others {
		if o.At.After(last.At) || o.At.Equal(last.At) && !o.OK && !o.At.IsZero() {
			last = o
		}
	}
	return last
}

func succeeded(e Entry) Observation {
	s := e.Evidence.LastSuccess
	return Observation{Source: Measured, OK: true, At: s.At, Status: s.Status, Latency: s.Latency}
}

func failed(e Entry) Observation {
	f := e.Evidence.LastFailure
	return Observation{Source: Measured, At: f.At, Status: f.Status, Latency: f.Latency, Cause: f.Cause, Detail: f.Detail, Since: f.Since}
}

func probed(e Entry) Observation {
	if e.Probe == nil {
		return Observation{Source: Probed}
	}
	p := e.Probe
	o := Observation{Source: Probed, At: p.At, OK: p.Passed(), Status: p.Status, Latency: p.Latency, Unmet: p.Unmet, Detail: p.Err}
	if o.OK {
		return o
	}
	o.Cause, o.Since = causeOf(p), p.FailingSince
	if o.Since.IsZero() {
		o.Since = p.At
	}
	return o
}

// passed is the probe, or nothing when it failed.
func passed(probe Observation) Observation {
	if !probe.OK {
		return Observation{Source: Probed}
	}
	return probe
}

// causeOf tells a service that answered 5xx from one that could not be reached.
func causeOf(p *Probe) measure.Cause {
	switch {
	case p.Cause != measure.NoFailure:
		return p.Cause
	case p.Err != "":
		return measure.Unreachable
	case p.Status == 502:
		return measure.Unreachable
	case p.Status == 504:
		return measure.TimedOut
	default:
		return measure.ServerError
	}
}

// startOfRun is since when the service fails: requests and probes that failed
// within a minute of each other are one run of failures.
func startOfRun(failure, probe, last Observation) time.Time {
	if !sameRun(failure, probe) {
		return last.Since
	}
	if failure.Since.Before(probe.Since) {
		return failure.Since
	}
	return probe.Since
}

// sameRun reports whether both are failures of what is taken as one run.
func sameRun(a, b Observation) bool {
	gap := max(a.Since.Sub(b.At), b.Since.Sub(a.At)) // negative when they overlap
	return !a.Since.IsZero() && !b.Since.IsZero() && gap <= measure.FreshFor
}
