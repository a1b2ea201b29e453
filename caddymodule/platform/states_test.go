package platform

import (
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// Each state that a service can change to is told of in words.
func TestEveryStateIsAnEvent(t *testing.T) {
	t.Parallel()
	said := make(map[string]homepage.State)
	for _, state := range homepage.States {
		sentence := homepage.Event{Kind: homepage.ServiceEvent, Subject: "blog", Outcome: outcomes[state]}.Sentence()
		if want := "blog is " + state.Phrase(); sentence != want {
			t.Errorf("%s is told of as %q (as is %s), want %q", state, sentence, said[sentence], want)
		}
		said[sentence] = state
	}
}

// A service that fails while its first certificate is on its way is no news.
func TestWhatIsNoted(t *testing.T) {
	t.Parallel()
	probed := &homepage.Probe{}
	for name, test := range map[string]struct {
		judgement homepage.Judgement
		up        time.Duration
		want      bool
	}{
		"failing at the start":   {homepage.Judgement{State: homepage.Failing}, time.Second, false},
		"failing later":          {homepage.Judgement{State: homepage.Failing}, settling, true},
		"answering at the start": {homepage.Judgement{State: homepage.Answering}, 0, true},
		"silent":                 {homepage.Judgement{State: homepage.Unknown}, time.Hour, false},
		"probed, long ago":       {homepage.Judgement{State: homepage.Unknown, Entry: homepage.Entry{Probe: probed}, Basis: homepage.Observation{At: time.Unix(1, 0)}}, time.Hour, true},
	} {
		if got := isNoted(test.judgement, test.up); got != test.want {
			t.Errorf("%s: noted %t, want %t", name, got, test.want)
		}
	}
}
