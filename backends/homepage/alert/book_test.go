package alert

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/aditechsphere/fairway/backends/homepage"
)

var (
	noon   = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	policy = Policy{After: 30 * time.Second, Reminder: time.Hour}
)

// is the blog in a state; "" is away.
func is(state string) []Condition {
	if state == "" {
		return nil
	}
	return []Condition{{
		Subject: Subject{"service", "blog"}, Name: "Blog", State: state, Sentence: "Blog is " + state, Path: "/services/blog",
		Trouble: state != "answering", Vague: state == "unknown", Muted: state == "in maintenance",
	}}
}

// step is a state that lasts for a time.
type step struct {
	state string
	lasts time.Duration
}

// told plays steps to a book, two seconds at a time, and returns what it said
// as "kind headline".
func told(b *Book, steps ...step) (said []string) {
	now := noon
	for _, s := range steps {
		for end := now.Add(s.lasts); now.Before(end); now = now.Add(2 * time.Second) {
			for _, m := range b.Observe(policy, is(s.state), now) {
				said = append(said, string(m.Kind)+": "+m.Headline)
			}
		}
	}
	return said
}

func TestWhatIsTold(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	tests := map[string]struct {
		steps []step
		said  []string
	}{
		"nothing":                    {[]step{{"answering", minute}}, nil},
		"a failure, once":            {[]step{{"answering", minute}, {"failing", 50 * minute}}, []string{"problem: Blog is failing"}},
		"a failure and its end":      {[]step{{"failing", minute}, {"answering", minute}}, []string{"problem: Blog is failing", "recovery: Blog is answering again"}},
		"a short failure":            {[]step{{"answering", minute}, {"failing", 28 * time.Second}, {"answering", minute}}, nil},
		"a short recovery":           {[]step{{"failing", minute}, {"answering", 20 * time.Second}, {"failing", minute}}, []string{"problem: Blog is failing"}},
		"flapping":                   {[]step{{"failing", 20 * time.Second}, {"answering", 10 * time.Second}, {"failing", 20 * time.Second}, {"answering", minute}}, nil},
		"another trouble":            {[]step{{"slow", minute}, {"failing", minute}, {"answering", minute}}, []string{"problem: Blog is slow", "problem: Blog is failing", "recovery: Blog is answering again"}},
		"it lasts":                   {[]step{{"failing", 130 * minute}}, []string{"problem: Blog is failing", "reminder: Blog is still failing", "reminder: Blog is still failing"}},
		"never known":                {[]step{{"unknown", minute}}, nil},
		"not known any more":         {[]step{{"answering", minute}, {"unknown", minute}}, []string{"problem: Blog is unknown"}},
		"failing, then nothing":      {[]step{{"failing", minute}, {"unknown", minute}, {"failing", minute}}, []string{"problem: Blog is failing"}},
		"maintenance":                {[]step{{"answering", minute}, {"in maintenance", minute}, {"answering", minute}}, nil},
		"failing into maintenance":   {[]step{{"failing", minute}, {"in maintenance", 90 * minute}, {"answering", minute}}, []string{"problem: Blog is failing", "recovery: Blog is answering again"}},
		"failing after maintenance":  {[]step{{"answering", minute}, {"in maintenance", minute}, {"failing", minute}}, []string{"problem: Blog is failing"}},
		"maintenance begins in time": {[]step{{"failing", 28 * time.Second}, {"in maintenance", minute}, {"failing", 28 * time.Second}}, nil},
		"taken out of service":       {[]step{{"failing", minute}, {"", minute}}, []string{"problem: Blog is failing", "gone: Blog is no longer served"}},
		"away while reloading":       {[]step{{"failing", minute}, {"", 10 * time.Second}, {"failing", minute}}, []string{"problem: Blog is failing"}},
		"fine, then taken out":       {[]step{{"answering", minute}, {"", minute}}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if said := told(NewBook(nil), test.steps...); !slices.Equal(said, test.said) {
				t.Errorf("said %q, want %q", said, test.said)
			}
		})
	}
}

// A book that is closed and opened again, as by a restart, tells nothing twice.
func TestARestartRepeatsNothing(t *testing.T) {
	t.Parallel()
	b := NewBook(nil)
	if said := told(b, step{"failing", time.Minute}); len(said) != 1 {
		t.Fatalf("said %q", said)
	}
	b = NewBook(b.Told())
	if said := told(b, step{"unknown", 4 * time.Second}, step{"failing", 30 * time.Minute}); len(said) != 0 {
		t.Errorf("after a restart it said %q", said)
	}
	b = NewBook(b.Told())
	if said := told(b, step{"answering", time.Minute}); !slices.Equal(said, []string{"recovery: Blog is answering again"}) {
		t.Errorf("after another it said %q", said)
	}
	if left := NewBook(b.Told()).Told(); len(left) != 0 {
		t.Errorf("%+v is left", left)
	}
}

// Whatever happens, what is told is consistent: a recovery or a departure only
// of what was told of, never the same problem twice, and at least After between
// two changes.
func TestToldIsConsistent(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b, now := NewBook(nil), noon
		open, last := "", time.Time{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			state := rapid.SampledFrom([]string{"", "answering", "failing", "slow", "unknown", "in maintenance"}).Draw(t, "state")
			for range rapid.IntRange(1, 60).Draw(t, "beats") {
				now = now.Add(2 * time.Second)
				for _, m := range b.Observe(policy, is(state), now) {
					if m.Kind != Reminder && !last.IsZero() && now.Sub(last) < policy.After {
						t.Fatalf("%s %v after another", m.Kind, now.Sub(last))
					}
					switch {
					case state == "in maintenance",
						m.Kind == Problem && (m.State == open || m.State != state || m.Before != open),
						m.Kind == Recovery && (open == "" || state != "answering"),
						m.Kind == Gone && (open == "" || state != ""),
						m.Kind == Reminder && open == "":
						t.Fatalf("in state %q, open %q: %+v", state, open, m)
					}
					switch m.Kind {
					case Problem:
						open, last = m.State, now
					case Recovery, Gone:
						open, last = "", now
					}
				}
				if rapid.IntRange(0, 30).Draw(t, "restart") == 0 {
					b = NewBook(b.Told())
				}
			}
			if left := b.Told(); len(left) > 0 != (open != "") {
				t.Fatalf("open %q, told %+v", open, left)
			}
		}
	})
}

func TestConditions(t *testing.T) {
	t.Parallel()
	window, err := homepage.ParseWindow("daily 11:00-13:00")
	if err != nil {
		t.Fatal(err)
	}
	failed := &homepage.Probe{At: noon, Err: "dial tcp 10.1.2.3:80", FailingSince: noon.Add(-time.Minute)}
	report := homepage.Assess([]homepage.Entry{
		{Service: homepage.Service{ID: "blog"}, Probe: failed},
		{Service: homepage.Service{ID: "shop", Maintenance: []homepage.Window{window}}, Probe: failed},
		{Service: homepage.Service{ID: "wiki"}},
		{Service: homepage.Service{ID: "till"}, Probe: &homepage.Probe{At: noon, Status: 200}},
	}, noon)
	leaf := func(left time.Duration) *homepage.Leaf {
		return &homepage.Leaf{NotBefore: noon.Add(-90 * time.Hour), NotAfter: noon.Add(left)}
	}
	attempt := []homepage.Event{{At: noon, Outcome: homepage.Failed}}
	certificates := []homepage.Certificate{
		{Name: "overdue", Served: leaf(10 * time.Hour)}, {Name: "expired", Served: leaf(-time.Hour)},
		{Name: "retried", Served: leaf(90 * time.Hour), Attempts: attempt}, {Name: "valid", Served: leaf(90 * time.Hour)},
	}
	var all []string
	for _, c := range Conditions(report, certificates) {
		mark := "fine"
		switch {
		case c.Muted:
			mark = "muted"
		case c.Vague:
			mark = "vague"
		case c.Trouble:
			mark = "trouble"
		}
		all = append(all, c.ID+" "+mark)
		if strings.Contains(c.Sentence, "10.1.2.3") {
			t.Errorf("an upstream's address is in %q", c.Sentence)
		}
	}
	want := []string{"blog trouble", "wiki vague", "shop muted", "till fine", "overdue trouble", "expired trouble", "retried fine", "valid fine"}
	if !slices.Equal(all, want) {
		t.Errorf("%q, want %q", all, want)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	b, now := NewBook(nil), noon
	for range 40 {
		b.Observe(policy, is("failing"), now)
		now = now.Add(2 * time.Second)
	}
	var m Message
	for range 20 {
		for _, said := range b.Observe(policy, is("answering"), now) {
			m = said
		}
		now = now.Add(2 * time.Second)
	}
	if m.Sentence != "Blog is answering again, after 110 s." || !m.Since.Equal(noon) || m.Before != "failing" {
		t.Errorf("%+v", m)
	}
}
