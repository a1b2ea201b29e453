package web

import (
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// events is a past of nothing else.
type events struct {
	past
	all []homepage.Event
}

func (e events) Events(time.Time) []homepage.Event { return e.all }

func TestTimeline(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 13, 50, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }
	blog := []homepage.Judgement{{Entry: homepage.Entry{Service: homepage.Service{ID: "blog"}}}}
	all := []homepage.Event{ // newest first
		{At: at(10), Kind: homepage.ReloadEvent, Outcome: homepage.Failed},
		{At: at(20), Kind: homepage.ServiceEvent, Subject: "blog", Outcome: homepage.Failed},
		{At: at(30), Kind: homepage.ServiceEvent, Subject: "blog", Outcome: homepage.Succeeded},
		{At: at(40), Kind: homepage.CertificateEvent, Subject: "blog.example", Outcome: homepage.Began},
		{At: at(50), Kind: homepage.ServiceEvent, Subject: "gone", Outcome: homepage.Failed},
		{At: at(60), Kind: homepage.ServiceEvent, Subject: "blog", Outcome: homepage.Failed},
		{At: at(1440), Kind: homepage.ServerEvent, Outcome: homepage.Succeeded},
	}
	line := timelineOf(events{all: all}, blog, now)
	paths := line.paths()
	if got, want := string(paths["span"]), "M1420 50H1440M1380 50H1410"; got != want {
		t.Errorf("blog failed %s, want %s", got, want)
	}
	if got, want := string(paths["good"]), "M1410 47v6M0 7v6"; got != want {
		t.Errorf("what went well: %s, want %s", got, want)
	}
	if chart := string(line.Chart()); !strings.Contains(chart, "6 events, 4 of them failures") {
		t.Errorf("%s", chart)
	}
	if refused := line.RefusedReload(); refused == nil || !refused.At.Equal(at(10)) {
		t.Errorf("the refused reload: %+v", refused)
	}
	for _, kind := range []homepage.EventKind{homepage.ReloadEvent, homepage.ServerEvent} {
		after := append([]homepage.Event{{At: at(5), Kind: kind, Outcome: homepage.Succeeded}}, all...)
		if refused := timelineOf(events{all: after}, blog, now).RefusedReload(); refused != nil {
			t.Errorf("after the event %s the refused reload is still there: %+v", kind, refused)
		}
	}
}
