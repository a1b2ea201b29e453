package platform

import (
	"testing"

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
