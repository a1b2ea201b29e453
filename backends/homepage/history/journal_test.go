package history_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
)

func TestEventsSurviveARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reload := homepage.Event{Kind: homepage.ReloadEvent, Outcome: homepage.Failed, By: "caddy reload", Detail: "no such directive", Changes: []string{"site a: added"}}
	w.keeper.Note(reload, w.now)
	for i := range 8 {
		w.keeper.Note(homepage.Event{Kind: homepage.CertificateEvent, Subject: "blog.example", Outcome: homepage.Failed, Detail: fmt.Sprint(i)}, w.now.Add(time.Second))
	}
	before := w.keeper.Events(morning)
	w.now = w.now.Add(time.Minute)
	w.restart()
	if after := w.keeper.Events(morning); !reflect.DeepEqual(after, before) || len(after) != 9 || after[8].Changes[0] != "site a: added" || after[8].ID != 1 {
		t.Errorf("after the restart %+v\nbefore %+v", after, before)
	}
	if attempts := w.keeper.Attempts("blog.example"); len(attempts) != 6 || attempts[0].Detail != "7" {
		t.Errorf("attempts %+v", attempts)
	}
	w.keeper.Note(homepage.Event{Kind: homepage.ServerEvent, Outcome: homepage.Succeeded}, w.now)
	if last := w.keeper.LastEvent(); last != 10 {
		t.Errorf("the ID %d comes after 9", last)
	}
	if events := w.keeper.Events(w.now); len(events) != 1 {
		t.Errorf("since the restart: %+v", events)
	}
}

func TestStatesAreNotedWhenTheyChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	note := func(outcome homepage.Outcome) {
		w.keeper.NoteState(homepage.Event{Kind: homepage.ServiceEvent, Subject: "blog", Outcome: outcome}, w.now)
	}
	note(homepage.Succeeded)
	note(homepage.Succeeded)
	if events := w.keeper.Events(morning); len(events) != 0 {
		t.Errorf("a service that always answered: %+v", events)
	}
	note(homepage.Failed)
	note(homepage.Failed)
	w.restart()
	note(homepage.Failed)
	note(homepage.Succeeded)
	w.keeper.NoteState(homepage.Event{Kind: homepage.ServiceEvent, Subject: "shop", Outcome: homepage.Failed}, w.now)
	var got []homepage.Outcome
	for _, e := range w.keeper.Events(morning) {
		got = append(got, e.Outcome)
	}
	if want := []homepage.Outcome{homepage.Failed, homepage.Succeeded, homepage.Failed}; !reflect.DeepEqual(got, want) {
		t.Errorf("noted %v, want %v", got, want)
	}
}

func TestTheLastFailuresAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	fail := func(from, to int) {
		for i := from; i < to; i++ {
			w.keeper.NoteFailure("blog", homepage.Failure{At: w.now, Status: 502, Path: fmt.Sprint(i)})
		}
	}
	fail(0, 30)
	if err := w.keeper.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	fail(30, 60)
	w.restart()
	fail(60, 62)
	failures := w.keeper.Failures("blog")
	if len(failures) != homepage.FailuresKept || failures[0].Path != "61" || failures[len(failures)-1].Path != "12" {
		t.Errorf("%d failures, from %s to %s", len(failures), failures[0].Path, failures[len(failures)-1].Path)
	}
}

func (f *failing) SaveEvents(ctx context.Context, events []homepage.Event) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.SaveEvents(ctx, events)
}

func TestEventsWaitForAStoreThatRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.err = errors.New("no space left on device")
	for range 3 {
		w.keeper.Note(homepage.Event{Kind: homepage.ReloadEvent, Outcome: homepage.Succeeded}, w.now)
		if err := w.keeper.Flush(t.Context()); !errors.Is(err, w.store.err) {
			t.Fatalf("error %v", err)
		}
	}
	w.store.err = nil
	w.restart()
	if events := w.keeper.Events(morning); len(events) != 3 {
		t.Errorf("%d events are stored, want 3", len(events))
	}
}

// Whatever happens, what is in memory and what is stored stays small.
func TestTheJournalIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 3 * history.MostEvents {
		w.keeper.Note(homepage.Event{Kind: homepage.UpstreamEvent, Subject: fmt.Sprint(i), Outcome: homepage.Failed}, w.now)
		if i%400 == 0 {
			if err := w.keeper.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(w.keeper.Events(time.Time{})); n > 500 {
		t.Errorf("%d events in memory", n)
	}
	if err := w.keeper.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Forget(t.Context(), w.now); err != nil {
		t.Fatal(err)
	}
	stored, err := w.store.EventsOf(t.Context(), homepage.UpstreamEvent, 1<<20)
	if err != nil || len(stored) != history.MostEvents || stored[0].Subject != fmt.Sprint(3*history.MostEvents-1) {
		t.Errorf("%d events stored, want %d: %v", len(stored), history.MostEvents, err)
	}
}
