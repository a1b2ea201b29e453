package httpapi

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/history/sqlite"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// keep returns a history of its own, which is closed when the test ends.
func keep(t *testing.T) *history.Keeper {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := history.Open(t.Context(), store, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := keeper.Close(); err != nil {
			t.Error(err)
		}
	})
	return keeper
}

// What a recorder counted comes out of the API.
func TestHistoryTellsWhatHappened(t *testing.T) {
	t.Parallel()
	keeper := keep(t)
	recorder := measure.NewRegistry().Recorder("blog")
	for _, status := range []int{200, 200, 404, 502} {
		recorder.Begin()
		recorder.End(&measure.Result{Status: status, TTFB: 50 * time.Millisecond, Bytes: 7})
	}
	for i := range 7 {
		if err := keeper.Observe(t.Context(), now.Add(time.Duration(i)*history.Tick), []history.Observed{{
			Service: "blog", Snapshot: recorder.Snapshot(), State: homepage.Failing,
		}}); err != nil {
			t.Fatal(err)
		}
	}
	h := New(Config{
		Catalogue: catalogue{blog}, History: keeper, Guard: guard{}, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return now.Add(2 * time.Minute) },
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/services/blog/history?resolution=minute", nil))
	var body History
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body.Points) != 2 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	first := body.Points[0]
	if first.Requests != 4 || first.ByClass["2xx"] != 2 || first.ByClass["5xx"] != 1 || first.Bytes != 28 || first.Seconds["failing"] != 50 {
		t.Errorf("%+v", first)
	}
	if p95 := first.FirstByte.P95; p95 < 47.5 || p95 > 52.5 {
		t.Errorf("p95 %v ms, want 50", p95)
	}
	if second := body.Points[1]; second.Requests != 0 || second.FirstByte != nil || second.Seconds["failing"] != 10 {
		t.Errorf("%+v", second)
	}
}
