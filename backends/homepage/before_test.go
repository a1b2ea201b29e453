package homepage

import (
	"slices"
	"testing"
	"time"
)

func TestWhatHappenedBefore(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 13, 50, 0, 0, time.UTC)
	at := func(before time.Duration) time.Time { return now.Add(-before) }
	failing := Judgement{Entry: Entry{Service: Service{ID: "blog", Upstreams: []string{"10.0.0.1:80"}}}, State: Failing}
	failing.Basis.Since = at(time.Minute)
	flapping := failing
	flapping.Basis.Since, flapping.Basis.At = time.Time{}, at(time.Minute)
	answering := failing
	answering.State = Answering

	reload := Event{ID: 3, At: at(90 * time.Second), Kind: ReloadEvent, Outcome: Succeeded}
	upstream := Event{ID: 4, At: at(55 * time.Second), Kind: UpstreamEvent, Outcome: Failed, Subject: "10.0.0.1:80"}
	others := []Event{
		{At: at(time.Second), Kind: ReloadEvent, Outcome: Succeeded},      // afterwards
		{At: at(61 * time.Second), Kind: ReloadEvent, Outcome: Failed},    // changed nothing
		{At: at(10 * time.Minute), Kind: ServerEvent, Outcome: Succeeded}, // long before
		{At: at(61 * time.Second), Kind: UpstreamEvent, Outcome: Failed, Subject: "10.0.0.2:80"},
		{At: at(61 * time.Second), Kind: UpstreamEvent, Outcome: Succeeded, Subject: "10.0.0.1:80"},
		{At: at(61 * time.Second), Kind: CertificateEvent, Outcome: Succeeded, Subject: "blog.example"},
	}
	for name, test := range map[string]struct {
		of     Judgement
		events []Event
		want   []int64
	}{
		"nothing":            {failing, others, nil},
		"a reload":           {failing, append(others, reload), []int64{3}},
		"both":               {failing, append(others, upstream, reload), []int64{3, 4}},
		"with successes too": {flapping, append(others, reload), []int64{3}},
		"no failure":         {answering, append(others, reload), nil},
	} {
		var got []int64
		for _, e := range test.of.Before(test.events) {
			got = append(got, e.ID)
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: events %d, want %d", name, got, test.want)
		}
	}
}
