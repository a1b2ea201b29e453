package homepage

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

var now = time.Date(2026, 3, 4, 13, 50, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// seen makes a snapshot of requests that ended these times ago.
type seen struct {
	success, failure, since time.Duration // 0: never
	run                     uint64
	recent                  measure.Recent
	cause                   measure.Cause
}

func (s seen) snapshot() measure.Snapshot {
	snapshot := measure.Snapshot{Since: ago(time.Hour), Recent: s.recent}
	if s.success != 0 {
		snapshot.LastSuccess = measure.Success{At: ago(s.success), Status: 200, Latency: time.Millisecond}
		snapshot.Last = snapshot.LastSuccess.At
	}
	if s.failure != 0 {
		snapshot.LastFailure = measure.Failure{
			At: ago(s.failure), Since: ago(max(s.since, s.failure)), Run: s.run, Status: 502, Cause: s.cause, Detail: "dial tcp 10.1.2.3:80",
		}
		if snapshot.LastFailure.At.After(snapshot.Last) {
			snapshot.Last = snapshot.LastFailure.At
		}
	}
	return snapshot
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const never = 0
	refused := measure.Refused
	passing := func(age time.Duration) *Probe { return &Probe{At: ago(age), Status: 200} }
	failing := func(age, since time.Duration) *Probe {
		return &Probe{At: ago(age), Err: "dial tcp 10.1.2.3:80", FailingSince: ago(since)}
	}
	tests := map[string]struct {
		seen   seen
		probe  *Probe
		state  State
		source Source
		since  time.Duration // of the failures; 0: not said
		reason string
	}{
		"never seen": {state: Unknown, source: Measured, reason: "nothing measured or probed yet"},
		"a success": {
			seen:  seen{success: 3 * time.Second, recent: measure.Recent{Requests: 1}},
			state: Answering, source: Measured,
		},
		"a success 60 s ago": {
			seen:  seen{success: 60 * time.Second},
			state: Answering, source: Measured,
		},
		"a success too long ago": {
			seen:  seen{success: 61 * time.Second},
			state: Unknown, source: Measured, reason: "nothing measured or probed since 13:48 UTC",
		},
		"a success of yesterday": {
			seen:  seen{success: 24 * time.Hour},
			state: Unknown, source: Measured, reason: "nothing measured or probed since 3 Mar 13:50 UTC",
		},
		"a success in the future": {
			seen:  seen{success: -time.Second, recent: measure.Recent{Requests: 1}},
			state: Unknown, source: Measured, reason: "nothing measured or probed since 13:50 UTC",
		},
		"a passed probe": {probe: passing(60 * time.Second), state: Answering, source: Probed},
		"an old probe": {
			probe: passing(61 * time.Second),
			state: Unknown, source: Probed, reason: "nothing measured or probed since 13:48 UTC",
		},
		"an old success and a fresh probe": {
			seen: seen{success: time.Hour}, probe: passing(time.Second),
			state: Answering, source: Probed,
		},
		"a failed probe": {
			probe: failing(time.Second, 3*time.Minute),
			state: Failing, source: Probed, since: 3 * time.Minute, reason: "no answer to probes since 13:47 UTC",
		},
		"a failed probe that does not say since when": {
			probe: &Probe{At: ago(time.Minute), Status: 500},
			state: Failing, source: Probed, since: time.Minute, reason: "answering 500 since 13:49 UTC",
		},
		"a probe answered by the proxy": {
			probe: &Probe{At: ago(time.Second), Status: 502, FailingSince: ago(time.Hour)},
			state: Failing, source: Probed, since: time.Hour, reason: "upstream could not be reached since 12:50 UTC",
		},
		"a probe that is not allowed in": {
			probe: &Probe{At: ago(time.Second), Status: 401}, state: Answering, source: Probed,
		},
		"an answer with an error": {
			probe: &Probe{At: ago(time.Second), Status: 200, Err: "cut off"},
			state: Failing, source: Probed, since: time.Second, reason: "upstream could not be reached since 13:49 UTC",
		},
		"a failed probe, then a success": {
			seen: seen{success: time.Second, recent: measure.Recent{Requests: 1}}, probe: failing(2*time.Second, time.Minute),
			state: Answering, source: Measured,
		},
		"the only request failed": {
			seen:  seen{failure: time.Second, run: 1, cause: refused, recent: measure.Recent{Requests: 1, Failures: 1}},
			state: Failing, source: Measured, since: time.Second, reason: "upstream refused connections since 13:49 UTC",
		},
		"every request fails": {
			seen: seen{
				success: 4 * time.Minute, failure: time.Second, since: 3 * time.Minute, run: 90, cause: refused,
				recent: measure.Recent{Requests: 30, Failures: 30},
			},
			state: Failing, source: Measured, since: 3 * time.Minute, reason: "upstream refused connections since 13:47 UTC",
		},
		"every request fails, since just now": {
			seen: seen{
				success: 11 * time.Second, failure: time.Second, since: 10 * time.Second, run: 9, cause: refused,
				recent: measure.Recent{Requests: 100, Failures: 9},
			},
			state: Failing, source: Measured, since: 10 * time.Second, reason: "upstream refused connections since 13:49 UTC",
		},
		"a failure as old as evidence may be": {
			seen:  seen{failure: 60 * time.Second, run: 1, cause: refused},
			state: Failing, source: Measured, since: 60 * time.Second, reason: "upstream refused connections since 13:49 UTC",
		},
		"a failure too long ago": {
			seen:  seen{failure: 61 * time.Second, run: 1, cause: refused},
			state: Unknown, source: Measured, reason: "nothing measured or probed since 13:48 UTC",
		},
		"one failure, then a success": {
			seen:  seen{success: time.Second, failure: 2 * time.Second, run: 1, recent: measure.Recent{Requests: 2, Failures: 1}},
			state: Answering, source: Measured,
		},
		"the last of many failed": {
			seen:  seen{success: 2 * time.Second, failure: time.Second, run: 1, recent: measure.Recent{Requests: 20, Failures: 1}},
			state: Answering, source: Measured,
		},
		"too many fail, the last one too": {
			seen:  seen{success: 2 * time.Second, failure: time.Second, run: 1, cause: refused, recent: measure.Recent{Requests: 40, Failures: 20}},
			state: Failing, source: Measured, reason: "20 of the last minute’s 40 requests failed: upstream refused connections",
		},
		"too many fail, the last one does not": {
			seen:  seen{success: time.Second, failure: 2 * time.Second, run: 2, cause: measure.TimedOut, recent: measure.Recent{Requests: 99, Failures: 5}},
			state: Failing, source: Measured, reason: "5 of the last minute’s 99 requests failed: upstream did not answer in time",
		},
		"few fail": {
			seen:  seen{success: time.Second, failure: 2 * time.Second, run: 2, recent: measure.Recent{Requests: 100, Failures: 5}},
			state: Answering, source: Measured,
		},
		"a failure too long ago, a fresh probe": {
			seen: seen{success: never, failure: 61 * time.Second, run: 7, recent: measure.Recent{Requests: 7, Failures: 7}}, probe: passing(time.Second),
			state: Answering, source: Probed,
		},
		"failed requests, then failed probes": {
			seen: seen{success: 4 * time.Minute, failure: time.Minute, since: 3 * time.Minute, run: 9}, probe: failing(time.Second, 25*time.Second),
			state: Failing, source: Probed, since: 3 * time.Minute, reason: "no answer to probes since 13:47 UTC",
		},
		"failed probes, then a failed request": {
			seen:  seen{success: time.Hour, failure: time.Second, run: 1, cause: refused, recent: measure.Recent{Requests: 1, Failures: 1}},
			probe: failing(20*time.Second, 3*time.Minute),
			state: Failing, source: Measured, since: 3 * time.Minute, reason: "upstream refused connections since 13:47 UTC",
		},
		"failed requests, then probes with the same answer": {
			seen:  seen{success: time.Hour, failure: 50 * time.Second, since: 3 * time.Minute, run: 9, cause: refused},
			probe: &Probe{At: ago(time.Second), Status: 502, FailingSince: ago(25 * time.Second)},
			state: Failing, source: Probed, since: 3 * time.Minute, reason: "upstream refused connections since 13:47 UTC",
		},
		"a failed request, a success, then failed probes": {
			seen: seen{success: 80 * time.Second, failure: 2 * time.Minute, since: 3 * time.Minute, run: 9}, probe: failing(time.Second, time.Minute+time.Second),
			state: Failing, source: Probed, since: time.Minute + time.Second, reason: "no answer to probes since 13:48 UTC",
		},
		"failures of this morning, then failed probes": {
			seen: seen{success: 9 * time.Hour, failure: 8 * time.Hour, since: 8 * time.Hour, run: 1}, probe: failing(time.Second, 3*time.Minute),
			state: Failing, source: Probed, since: 3 * time.Minute, reason: "no answer to probes since 13:47 UTC",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := Judge(Entry{Evidence: test.seen.snapshot(), Probe: test.probe}, now)
			if j.State != test.state || j.Basis.Source != test.source {
				t.Errorf("%s, %s, want %s, %s", j.State, j.Basis.Source, test.state, test.source)
			}
			var since time.Duration
			if !j.Basis.Since.IsZero() && j.State == Failing {
				since = now.Sub(j.Basis.Since)
			}
			if since != test.since {
				t.Errorf("failing since %v, want %v", since, test.since)
			}
			if got := j.Reason(now); got != test.reason {
				t.Errorf("reason %q, want %q", got, test.reason)
			}
		})
	}
}

// Absence of evidence is never green, whatever was seen and whatever the clock does.
func TestNeverAnsweringWithoutEvidence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		age := rapid.OneOf(
			rapid.Int64Range(int64(-2*time.Minute), int64(3*time.Minute)),
			rapid.SampledFrom([]int64{0, 1, -1, int64(time.Minute), int64(time.Minute) + 1, int64(24 * time.Hour)}),
		)
		at := func(label string) time.Time {
			if rapid.Bool().Draw(t, label+" never") {
				return time.Time{}
			}
			return ago(time.Duration(age.Draw(t, label)))
		}
		requests := rapid.Uint64Range(0, 200).Draw(t, "requests")
		e := Entry{Evidence: measure.Snapshot{
			Last:        at("last"),
			LastSuccess: measure.Success{At: at("success"), Status: rapid.IntRange(100, 499).Draw(t, "status")},
			LastFailure: measure.Failure{At: at("failure"), Since: at("since"), Run: rapid.Uint64Range(0, 50).Draw(t, "run"), Cause: measure.Cause(rapid.Uint8Range(1, 8).Draw(t, "cause"))},
			Recent:      measure.Recent{Requests: requests, Failures: rapid.Uint64Range(0, requests).Draw(t, "failures")},
		}}
		if rapid.Bool().Draw(t, "probed") {
			e.Probe = &Probe{At: at("probe"), Status: rapid.IntRange(0, 599).Draw(t, "probe status"), Err: rapid.SampledFrom([]string{"", "refused"}).Draw(t, "probe error")}
		}
		recent := func(at time.Time) bool {
			return !at.IsZero() && !at.After(now) && !at.Before(now.Add(-time.Minute))
		}
		evidence := recent(e.Evidence.LastSuccess.At) ||
			e.Probe != nil && recent(e.Probe.At) && e.Probe.Err == "" && e.Probe.Status > 0 && e.Probe.Status < 500
		j := Judge(e, now)
		if j.State == Answering && (!evidence || !j.Basis.OK || !recent(j.Basis.At)) {
			t.Fatalf("answering without evidence: %+v", j)
		}
		if (j.State == Answering) != (j.Reason(now) == "") {
			t.Fatalf("%s with reason %q", j.State, j.Reason(now))
		}
	})
}

// A service that takes a probe and does not answer is not said to be well for
// as long as the probe may wait.
func TestAProbeThatWaits(t *testing.T) {
	t.Parallel()
	probe := &Probe{At: ago(20 * time.Second), Status: 200}
	for name, test := range map[string]struct {
		entry  Entry
		state  State
		reason string
	}{
		"for a moment":        {Entry{Probe: probe, Waiting: ago(time.Second)}, Answering, ""},
		"for long":            {Entry{Probe: probe, Waiting: ago(4 * time.Second)}, Slow, "a probe has waited 4 s for an answer"},
		"while others answer": {Entry{Evidence: seen{success: time.Second}.snapshot(), Waiting: ago(4 * time.Second)}, Answering, ""},
		"of one that fails":   {Entry{Probe: &Probe{At: ago(time.Second), Err: "refused"}, Waiting: ago(4 * time.Second)}, Failing, "no answer to probes since 13:49 UTC"},
		"without evidence":    {Entry{Waiting: ago(4 * time.Second)}, Unknown, "nothing measured or probed yet"},
	} {
		j := Judge(test.entry, now)
		if j.State != test.state || j.Reason(now) != test.reason {
			t.Errorf("%s: %s, %q; want %s, %q", name, j.State, j.Reason(now), test.state, test.reason)
		}
	}
}
