// Package storetest is what every [history.Store] must do.
package storetest

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// Run runs the suite. Open returns the store under test; calling reopen closes
// it and returns another one with the same contents, as after a restart.
func Run(t *testing.T, open func(t *testing.T) (store history.Store, reopen func() history.Store)) {
	t.Run("points survive a restart and are replaced", func(t *testing.T) {
		t.Parallel()
		store, reopen := open(t)
		first, second := point("blog", history.Minutes, noon, 1), point("blog", history.Minutes, noon.Add(time.Minute), 2)
		save(t, store, point("blog", history.Minutes, noon, 7), second)
		save(t, store, first, point("blog", history.Hours, noon, 9), point("shop", history.Minutes, noon, 9))
		store = reopen()
		expect(t, store, "blog", history.Minutes, noon, noon.Add(time.Hour), first, second)
		expect(t, store, "blog", history.Minutes, noon.Add(time.Nanosecond), noon.Add(time.Hour), second)
		expect(t, store, "blog", history.Minutes, noon, noon.Add(time.Minute), first)
		expect(t, store, "none", history.Minutes, noon, noon.Add(time.Hour))
		if names, err := store.Services(t.Context()); err != nil || !reflect.DeepEqual(names, []string{"blog", "shop"}) {
			t.Errorf("services %v, %v", names, err)
		}
	})
	t.Run("what is too old is forgotten", func(t *testing.T) {
		t.Parallel()
		store, _ := open(t)
		for _, r := range history.Resolutions {
			old, kept := r.Start(noon.Add(-r.Keep-r.Span)), r.Start(noon.Add(-r.Keep+r.Span))
			save(t, store, point("blog", r, old, 1), point("blog", r, kept, 1))
		}
		if err := store.Forget(t.Context(), noon); err != nil {
			t.Fatal(err)
		}
		for _, r := range history.Resolutions {
			expect(t, store, "blog", r, time.Unix(0, 0), noon, point("blog", r, r.Start(noon.Add(-r.Keep+r.Span)), 1))
		}
	})
	t.Run("runs survive a restart and go on", func(t *testing.T) {
		t.Parallel()
		store, reopen := open(t)
		first := history.Run{Begun: noon, Last: noon.Add(time.Hour)}
		second := history.Run{Begun: noon.Add(2 * time.Hour), Last: noon.Add(3 * time.Hour)}
		begun := history.Run{Begun: second.Begun, Last: second.Begun}
		for _, run := range []history.Run{first, begun, second} {
			if err := store.SaveRun(t.Context(), run); err != nil {
				t.Fatal(err)
			}
		}
		store = reopen()
		for since, want := range map[time.Time][]history.Run{
			noon: {first, second}, first.Last: {second}, second.Last: nil,
		} {
			if runs, err := store.Runs(t.Context(), since); err != nil || !reflect.DeepEqual(runs, want) {
				t.Errorf("since %v: %v, %v; want %v", since, runs, err, want)
			}
		}
	})
	t.Run("events survive a restart, newest first", func(t *testing.T) {
		t.Parallel()
		store, reopen := open(t)
		first := homepage.Event{ID: 1, At: noon, Kind: homepage.ReloadEvent, Outcome: homepage.Failed, By: "caddy reload", Detail: "refused", Changes: []string{"a", "b"}}
		second := homepage.Event{ID: 2, At: noon.Add(time.Second), Kind: homepage.ServiceEvent, Subject: "blog", Outcome: homepage.Failed, Summary: "refused"}
		for range 2 { // saved again after an error that was none
			if err := store.SaveEvents(t.Context(), []homepage.Event{first, second}); err != nil {
				t.Fatal(err)
			}
		}
		store = reopen()
		all, err := store.Events(t.Context(), noon, 10)
		if err != nil || !reflect.DeepEqual(all, []homepage.Event{second, first}) {
			t.Errorf("events %+v, %v", all, err)
		}
		if late, err := store.Events(t.Context(), second.At, 10); err != nil || len(late) != 1 {
			t.Errorf("since the second %+v, %v", late, err)
		}
		for id, want := range map[int64][]homepage.Event{math.MaxInt64: {second}, 2: {first}, 1: nil} {
			if before, err := store.EventsBefore(t.Context(), id, 1); err != nil || !reflect.DeepEqual(before, want) {
				t.Errorf("before %d %+v, %v", id, before, err)
			}
		}
		if reloads, err := store.EventsOf(t.Context(), homepage.ReloadEvent, 1); err != nil || !reflect.DeepEqual(reloads, []homepage.Event{first}) {
			t.Errorf("reloads %+v, %v", reloads, err)
		}
		if err := store.Forget(t.Context(), second.At.Add(history.EventsKeep)); err != nil {
			t.Fatal(err)
		}
		if left, err := store.Events(t.Context(), time.Time{}, 10); err != nil || len(left) != 1 || left[0].ID != 2 {
			t.Errorf("after forgetting %+v, %v", left, err)
		}
	})
	t.Run("the last failures of each service survive a restart", func(t *testing.T) {
		t.Parallel()
		store, reopen := open(t)
		failure := homepage.Failure{
			At: noon, Method: "GET", Host: "blog.example", Path: "/a", Status: 502, Cause: measure.Refused, Error: "refused",
			Upstream: "127.0.0.1:1", Retries: 2, Waited: time.Second, Total: time.Minute,
		}
		many := make([]homepage.Failure, homepage.FailuresKept+1)
		for service, failures := range map[string][]homepage.Failure{"blog": {failure}, "shop": many} {
			if err := store.SaveFailures(t.Context(), service, failures); err != nil {
				t.Fatal(err)
			}
		}
		store = reopen()
		all, err := store.Failures(t.Context())
		if err != nil || !reflect.DeepEqual(all["blog"], []homepage.Failure{failure}) || len(all["shop"]) != homepage.FailuresKept {
			t.Errorf("%d and %+v, %v", len(all["shop"]), all["blog"], err)
		}
	})
}

func point(service string, r history.Resolution, start time.Time, requests uint64) history.Point {
	p := history.Point{Service: service, Resolution: r, Start: start}
	p.Tally.Classes[2] = requests
	p.Tally.FirstByte[17] = requests
	p.Tally.Bytes = 1 << 40
	p.Tally.Spent = map[homepage.State]time.Duration{homepage.Answering: 50 * time.Second, homepage.Failing: 10 * time.Second}
	return p
}

func save(t *testing.T, store history.Store, points ...history.Point) {
	t.Helper()
	if err := store.Save(t.Context(), points); err != nil {
		t.Fatal(err)
	}
}

func expect(t *testing.T, store history.Store, service string, r history.Resolution, from, to time.Time, want ...history.Point) {
	t.Helper()
	got, err := store.Points(t.Context(), service, r, from, to)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%d points of %s in steps of %v, want %d", len(got), service, r.Span, len(want))
	}
}
