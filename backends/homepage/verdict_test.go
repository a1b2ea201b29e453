package homepage

import (
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

func answering(name string) Entry {
	return Entry{Service: Service{ID: name}, Probe: &Probe{At: ago(time.Second), Status: 200}}
}

func silent(name string) Entry { return Entry{Service: Service{ID: name}} }

func refusing(name string) Entry {
	return Entry{Service: Service{ID: name}, Evidence: seen{
		failure: time.Second, since: 3 * time.Minute, run: 9, cause: measure.Refused, recent: measure.Recent{Requests: 3, Failures: 3},
	}.snapshot()}
}

func TestAssess(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		entries   []Entry
		state     State
		verdict   string
		attention int
	}{
		"empty":       {nil, Unknown, "No services yet", 0},
		"one":         {[]Entry{answering("blog")}, Answering, "blog is answering", 0},
		"two":         {[]Entry{answering("blog"), answering("shop")}, Answering, "Both services answering", 0},
		"three":       {[]Entry{answering("a"), answering("b"), answering("c")}, Answering, "All 3 services answering", 0},
		"one failing": {[]Entry{answering("a"), silent("b"), refusing("blog")}, Failing, "blog is failing: upstream refused connections since 13:47 UTC", 2},
		"two failing": {[]Entry{refusing("blog"), answering("a"), refusing("Auth")}, Failing, "Auth and blog are failing", 2},
		"more failing": {
			[]Entry{refusing("a"), refusing("b"), refusing("c"), refusing("d")},
			Failing, "a, b and 2 more are failing", 4,
		},
		"three failing": {[]Entry{refusing("a"), refusing("b"), refusing("c")}, Failing, "a, b and c are failing", 3},
		"one unknown":   {[]Entry{answering("a"), silent("b")}, Unknown, "b is unknown: nothing measured or probed yet", 1},
		"two unknown":   {[]Entry{answering("a"), silent("b"), silent("c")}, Unknown, "b and c are unknown", 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Assess(test.entries, now)
			if r.State != test.state || r.Verdict != test.verdict {
				t.Errorf("%s: %q, want %s: %q", r.State, r.Verdict, test.state, test.verdict)
			}
			if got := len(r.NeedsAttention()); got != test.attention || len(r.Services) != len(test.entries) {
				t.Errorf("%d of %d need attention, want %d", got, len(r.Services), test.attention)
			}
		})
	}
}

func TestWorstFirst(t *testing.T) {
	t.Parallel()
	r := Assess([]Entry{answering("b"), silent("z"), answering("A"), refusing("y"), silent("c"), refusing("X")}, now)
	got := ""
	for _, j := range r.Services {
		got += j.Title()
	}
	if want := "XyczAb"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	texts := make(map[string]measure.Cause)
	for cause := measure.ServerError; cause <= measure.Unreachable; cause++ {
		text := words(Observation{Source: Measured, Cause: cause, Status: 500})
		if other, taken := texts[text]; taken {
			t.Errorf("causes %d and %d are both %q", other, cause, text)
		}
		texts[text] = cause
	}
}
