package homepage

import (
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

func TestUnmet(t *testing.T) {
	t.Parallel()
	leaf := &Leaf{NotBefore: ago(80 * time.Hour), NotAfter: ago(-20 * time.Hour)}
	good := Answer{Status: 204, Latency: time.Second, HasBody: true, Leaf: leaf, At: now}
	plain := good
	plain.Leaf = nil
	tests := map[string]struct {
		expected Expectation
		answer   Answer
		unmet    string
	}{
		"nothing":     {Expectation{}, Answer{}, ""},
		"all":         {Expectation{[]StatusRange{{200, 200}, {204, 299}}, time.Second, "x", 0.2}, good, ""},
		"status":      {Expectation{Statuses: []StatusRange{{200, 200}, {300, 399}, {210, 212}}}, good, "answering 204 and not 200 or 3xx or 210-212"},
		"latency":     {Expectation{Latency: 999 * time.Millisecond}, good, "answering in more than 999 ms"},
		"body":        {Expectation{Body: "x"}, Answer{Status: 200}, "answering without the text that is expected"},
		"certificate": {Expectation{LifeLeft: 0.21}, good, "less than 21% of its certificate’s life is left"},
		"no TLS":      {Expectation{LifeLeft: 0.1}, plain, "less than 10% of its certificate’s life is left"},
	}
	for name, test := range tests {
		if got := test.expected.Unmet(test.answer); got != test.unmet {
			t.Errorf("%s: %q, want %q", name, got, test.unmet)
		}
	}
}

func TestParseStatuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]StatusRange{"200": {200, 200}, "3xx": {300, 399}, "200-204": {200, 204}} {
		if got, err := ParseStatuses(text); err != nil || got != want || got.String() != text {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "xx", "2x", "6xx", "0xx", "99", "600", "204-200", "-200", "200-", "+200", "2xx-3xx"} {
		if got, err := ParseStatuses(text); err == nil {
			t.Errorf("%q is taken for %v", text, got)
		}
	}
}

// A condition of a probe that is not met is a failure, whatever real requests say.
func TestUnmetExpectationFails(t *testing.T) {
	t.Parallel()
	e := Entry{Service: Service{ID: "blog"}, Evidence: seen{success: time.Second, recent: measure.Recent{Requests: 50}}.snapshot()}
	e.Probe = &Probe{At: ago(20 * time.Second), Status: 404, Unmet: "answering 404 and not 2xx", FailingSince: ago(3 * time.Minute)}
	if j := Judge(e, now); j.State != Failing || j.Sentence(now) != "blog is failing: answering 404 and not 2xx since 13:47 UTC" {
		t.Errorf("%s: %s", j.State, j.Sentence(now))
	}
	e.Probe.At = ago(61 * time.Second)
	if j := Judge(e, now); j.State != Answering {
		t.Errorf("after an old probe it is %s", j.State)
	}
}

// A certificate that has expired is a failure, whatever those say who are
// connected already.
func TestExpiredCertificateFails(t *testing.T) {
	t.Parallel()
	e := Entry{Service: Service{ID: "blog"}, Evidence: seen{success: time.Second, recent: measure.Recent{Requests: 50}}.snapshot()}
	e.Probe = &Probe{At: ago(20 * time.Second), Err: "its certificate expired", Cause: measure.BadCertificate, FailingSince: ago(3 * time.Minute)}
	if j := Judge(e, now); j.State != Failing || j.Sentence(now) != "blog is failing: its certificate has expired or does not cover its name since 13:47 UTC" {
		t.Errorf("%s: %s", j.State, j.Sentence(now))
	}
}

func TestOutlived(t *testing.T) {
	t.Parallel()
	for expires, outlived := range map[time.Time]bool{{}: false, ago(time.Second): true, now: false, now.Add(time.Second): false} {
		if got := (&Probe{Expires: expires}).Outlived(now); got != outlived {
			t.Errorf("a certificate until %v: %t", expires, got)
		}
	}
}

func TestSlow(t *testing.T) {
	t.Parallel()
	const target = 500 * time.Millisecond
	busy := seen{success: time.Second, recent: measure.Recent{Requests: 50}}
	tests := map[string]struct {
		seen   seen
		lately Lately
		probe  *Probe
		state  State
		reason string
	}{
		"over":           {seen: busy, lately: Lately{20, 820 * time.Millisecond}, state: Slow, reason: "p95 of 820 ms, over its target of 500 ms"},
		"at the target":  {seen: busy, lately: Lately{20, target}, state: Answering},
		"too few":        {seen: busy, lately: Lately{19, time.Second}, state: Answering},
		"failing":        {seen: seen{failure: time.Second, run: 1, since: time.Second, recent: measure.Recent{Requests: 1, Failures: 1}}, lately: Lately{20, time.Second}, state: Failing, reason: "upstream could not be reached since 13:49 UTC"},
		"unknown":        {lately: Lately{20, time.Second}, state: Unknown, reason: "nothing measured or probed yet"},
		"a slow probe":   {probe: &Probe{At: ago(time.Second), Status: 200, Latency: time.Second}, state: Slow, reason: "a probe took 1 s, over its target of 500 ms"},
		"a quick probe":  {probe: &Probe{At: ago(time.Second), Status: 200, Latency: target}, state: Answering},
		"quick requests": {seen: busy, lately: Lately{20, time.Millisecond}, probe: &Probe{At: now, Status: 200, Latency: time.Second}, state: Answering},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := Entry{Service: Service{ID: "blog", Target: target}, Probe: test.probe, Lately: test.lately}
			if test.seen != (seen{}) {
				e.Evidence = test.seen.snapshot()
			}
			j := Judge(e, now)
			if j.State != test.state || j.Reason(now) != test.reason {
				t.Errorf("%s: %q, want %s: %q", j.State, j.Reason(now), test.state, test.reason)
			}
			e.Target = 0
			if Judge(e, now).State == Slow {
				t.Error("without a target it is slow")
			}
		})
	}
}
