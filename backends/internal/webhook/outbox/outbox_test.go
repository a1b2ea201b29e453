package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// onBoth runs a test on an empty outbox in each database.
func onBoth(t *testing.T, test func(t *testing.T, o *Outbox)) {
	t.Helper()
	for _, dialect := range []database.Dialect{database.SQLite, database.PostgreSQL} {
		t.Run(string(dialect), func(t *testing.T) {
			t.Parallel()
			migrations := fstest.MapFS{"migrations/00001_events.sql": {Data: []byte("-- +goose Up\n" + Schema(dialect))}}
			var db *database.DB
			var err error
			if dialect == database.SQLite {
				db, err = database.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), migrations)
			} else {
				db, err = database.OpenPostgres(t.Context(), postgrestest.DSN(t), "events", migrations)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, New(db))
		})
	}
}

func write(t *testing.T, o *Outbox, fn func(ctx context.Context, tx *Tx) error) {
	t.Helper()
	if err := o.Write(t.Context(), func(ctx context.Context, _ *sql.Tx, tx *Tx) error { return fn(ctx, tx) }); err != nil {
		t.Fatal(err)
	}
}

func endpointFor(id string, types ...string) webhook.Endpoint {
	return webhook.Endpoint{
		ID: id, URL: "https://example.com/" + id, Types: types, Secret: "whsec_a", Status: webhook.Enabled,
		Description: "d", Metadata: map[string]string{"a": "b"}, APIVersion: "v", Created: noon, Updated: noon,
		OldSecret: "whsec_b", OldSecretUntil: noon.Add(time.Hour),
	}
}

func event(n int, eventType, object string) webhook.Event {
	return webhook.Event{ID: fmt.Sprint("evt_", n), Type: eventType, Object: object, Created: noon.Add(time.Duration(n) * time.Second), Data: fmt.Appendf(nil, `{"n":%d}`, n)}
}

func anyRoom(string) int { return 100 }

func ids(events []webhook.Event) (ids []string) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestEventsReachThoseWhoWantThem(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o *Outbox) {
		told := func(context.Context, webhook.Event) error { return nil }
		o.Subscribe("orders", []string{"*"}, told)
		o.Subscribe("till", []string{"order.canceled", "refund.*"}, told)
		disabled := endpointFor("we_3", "*")
		disabled.Status = webhook.Disabled
		write(t, o, func(ctx context.Context, tx *Tx) error {
			return errors.Join(tx.CreateEndpoint(ctx, endpointFor("we_1", "order.*")), tx.CreateEndpoint(ctx, endpointFor("we_2", "refund.created")),
				tx.CreateEndpoint(ctx, disabled))
		})
		write(t, o, func(ctx context.Context, tx *Tx) error {
			return errors.Join(tx.AppendEvent(ctx, event(1, "order.created", "ord_1")), tx.AppendEvent(ctx, event(2, "order.canceled", "ord_1")))
		})
		select {
		case <-o.Woken():
		default:
			t.Error("the deliverer is not woken")
		}
		claimed, err := o.Claim(t.Context(), noon.Add(time.Hour), anyRoom)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range claimed {
			got = append(got, c.To+" "+c.Event.ID+" "+string(c.Event.Data)+" "+c.Endpoint.URL)
		}
		slices.Sort(got)
		want := []string{
			`subscriber:orders evt_1 {"n":1} `, `subscriber:orders evt_2 {"n":2} `, `subscriber:till evt_2 {"n":2} `,
			`we_1 evt_1 {"n":1} https://example.com/we_1`, `we_1 evt_2 {"n":2} https://example.com/we_1`,
		}
		if !slices.Equal(got, want) {
			t.Errorf("claimed %q\nwant %q", got, want)
		}
		if again, err := o.Claim(t.Context(), noon.Add(time.Hour), anyRoom); err != nil || len(again) != 0 {
			t.Errorf("claimed twice: %v, %v", again, err)
		}
		if again, err := o.Claim(t.Context(), noon.Add(time.Hour+lease), anyRoom); err != nil || len(again) != 5 {
			t.Errorf("%d due after the lease, %v; want all 5", len(again), err)
		}
	})
}

func TestEventsFollowChangesOfEndpoints(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o *Outbox) {
		n := 0
		receivers := func() int {
			t.Helper()
			n++
			write(t, o, func(ctx context.Context, tx *Tx) error { return tx.AppendEvent(ctx, event(n, "a", "o")) })
			deliveries, err := o.Deliveries(t.Context(), webhook.Filter{Event: fmt.Sprint("evt_", n)})
			if err != nil {
				t.Fatal(err)
			}
			return len(deliveries)
		}
		expect := func(want int, after string) {
			t.Helper()
			for range 2 { // the second time from memory
				if got := receivers(); got != want {
					t.Errorf("%d receivers after %s, want %d", got, after, want)
				}
			}
		}
		refused := errors.New("refused")
		disabled := endpointFor("we_1", "*")
		disabled.Status = webhook.Disabled
		refuse := func(end func() error) {
			err := o.Write(t.Context(), func(ctx context.Context, _ *sql.Tx, tx *Tx) error {
				n++
				return errors.Join(tx.UpdateEndpoint(ctx, disabled), tx.AppendEvent(ctx, event(n, "a", "o")), end())
			})
			if err == nil {
				t.Error("a refused change was made")
			}
		}
		expect(0, "the start")
		write(t, o, func(ctx context.Context, tx *Tx) error { return tx.CreateEndpoint(ctx, endpointFor("we_1", "*")) })
		expect(1, "an endpoint was created")
		refuse(func() error { return refused })
		expect(1, "a change was refused")
		refuse(func() error { panic("surprise") })
		expect(1, "a change panicked")
		write(t, o, func(ctx context.Context, tx *Tx) error { return tx.UpdateEndpoint(ctx, disabled) })
		expect(0, "the endpoint was disabled")
		write(t, o, func(ctx context.Context, tx *Tx) error { return tx.UpdateEndpoint(ctx, endpointFor("we_1", "*")) })
		expect(1, "the endpoint was enabled")
		claimed, err := o.Claim(t.Context(), noon.Add(time.Hour), anyRoom)
		if err != nil || len(claimed) == 0 {
			t.Fatalf("%v claimed, %v", claimed, err)
		}
		if err := o.Record(t.Context(), claimed[0], Outcome{Attempt: webhook.Attempt{At: noon, Status: 410}, Gone: true}); err != nil {
			t.Fatal(err)
		}
		expect(0, "the endpoint was gone")
		write(t, o, func(ctx context.Context, tx *Tx) error { return tx.UpdateEndpoint(ctx, endpointFor("we_1", "*")) })
		write(t, o, func(ctx context.Context, tx *Tx) error { return tx.DeleteEndpoint(ctx, "we_1") })
		expect(0, "the endpoint was deleted")
	})
}

func TestARefusedChangeLeavesNoEvent(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o *Outbox) {
		write(t, o, func(ctx context.Context, tx *Tx) error { return tx.CreateEndpoint(ctx, endpointFor("we_1", "*")) })
		refused := errors.New("refused")
		err := o.Write(t.Context(), func(ctx context.Context, _ *sql.Tx, tx *Tx) error {
			return errors.Join(tx.AppendEvent(ctx, event(1, "a", "o")), refused)
		})
		if !errors.Is(err, refused) {
			t.Error(err)
		}
		events, err := o.Events(t.Context(), webhook.Filter{})
		deliveries, err2 := o.Deliveries(t.Context(), webhook.Filter{})
		if err != nil || err2 != nil || len(events) != 0 || len(deliveries) != 0 {
			t.Errorf("left %v, %v; %v, %v", events, deliveries, err, err2)
		}
	})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o *Outbox) {
		write(t, o, func(ctx context.Context, tx *Tx) error {
			return errors.Join(tx.CreateEndpoint(ctx, endpointFor("we_1", "*")), tx.AppendEvent(ctx, event(0, "a", "o")))
		})
		now := noon
		attempt := func(outcome Outcome) webhook.Delivery {
			t.Helper()
			claimed, err := o.Claim(t.Context(), now, anyRoom)
			if err != nil || len(claimed) != 1 {
				t.Fatalf("claimed %d, %v", len(claimed), err)
			}
			outcome.At = now
			if err := o.Record(t.Context(), claimed[0], outcome); err != nil {
				t.Fatal(err)
			}
			deliveries, err := o.Deliveries(t.Context(), webhook.Filter{Endpoint: "we_1"})
			if err != nil || len(deliveries) != 1 {
				t.Fatalf("%d deliveries, %v", len(deliveries), err)
			}
			return deliveries[0]
		}
		// The whole schedule, then giving up.
		for n := range 10 {
			d := attempt(Outcome{Attempt: webhook.Attempt{Status: 500, Latency: 1500 * time.Microsecond, Answer: "no"}})
			if d.Attempts != n+1 || d.Last.Number != n+1 || d.Last.Status != 500 || d.Last.Answer != "no" || d.Last.Latency != 1500*time.Microsecond {
				t.Fatalf("after %d: %+v", n+1, d)
			}
			if wait, ok := webhook.Next(n+1, 0); ok {
				if d.State != webhook.Pending || !d.Next.Equal(now.Add(wait)) {
					t.Fatalf("after %d: %+v, want another in %v", n+1, d, wait)
				}
				now = d.Next
			} else if d.State != webhook.Failed {
				t.Fatalf("not given up: %+v", d)
			}
		}
		// By hand, and it works.
		deliveries, _ := o.Deliveries(t.Context(), webhook.Filter{State: webhook.Failed})
		write(t, o, func(ctx context.Context, tx *Tx) error { return tx.Replay(ctx, deliveries[0].ID, now) })
		if d := attempt(Outcome{Delivered: true, Attempt: webhook.Attempt{Status: 204}}); d.State != webhook.Delivered || d.Last.Number != 11 {
			t.Errorf("replayed: %+v", d)
		}
		if attempts, err := o.Attempts(t.Context(), deliveries[0].ID); err != nil || len(attempts) != 11 || attempts[10].Status != 204 {
			t.Errorf("attempts %+v, %v", attempts, err)
		}
		// A success starts the patience anew; days of failure end it.
		for day := range 6 {
			write(t, o, func(ctx context.Context, tx *Tx) error { return tx.Replay(ctx, deliveries[0].ID, now) })
			d := attempt(Outcome{Attempt: webhook.Attempt{Error: "no answer"}})
			endpoint, err := o.Endpoint(t.Context(), "we_1")
			disabled := endpoint.Status == webhook.Disabled && d.State == webhook.Canceled
			if err != nil || disabled != (day == 5) {
				t.Errorf("day %d: %+v, %+v, %v", day, endpoint, d, err)
			}
			now = now.Add(24 * time.Hour)
		}
	})
}

func TestGoneDisablesAndEnablingResumes(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o *Outbox) {
		write(t, o, func(ctx context.Context, tx *Tx) error {
			return errors.Join(tx.CreateEndpoint(ctx, endpointFor("we_1", "*")), tx.AppendEvent(ctx, event(1, "a", "o")), tx.AppendEvent(ctx, event(2, "a", "o")))
		})
		claimed, err := o.Claim(t.Context(), noon.Add(time.Hour), func(string) int { return 1 })
		if err != nil || len(claimed) != 1 {
			t.Fatalf("claimed %d with room for 1, %v", len(claimed), err)
		}
		if err := o.Record(t.Context(), claimed[0], Outcome{Gone: true, Attempt: webhook.Attempt{Status: 410, At: noon}}); err != nil {
			t.Fatal(err)
		}
		endpoint, err := o.Endpoint(t.Context(), "we_1")
		if err != nil || endpoint.Status != webhook.Disabled || endpoint.Reason == "" {
			t.Errorf("%+v, %v", endpoint, err)
		}
		if left, err := o.Deliveries(t.Context(), webhook.Filter{State: webhook.Pending}); err != nil || len(left) != 0 {
			t.Errorf("pending %v, %v", left, err)
		}
		endpoint.Status, endpoint.Reason = webhook.Enabled, ""
		write(t, o, func(ctx context.Context, tx *Tx) error {
			return errors.Join(tx.UpdateEndpoint(ctx, endpoint), tx.AppendEvent(ctx, event(3, "a", "o")))
		})
		if claimed, err := o.Claim(t.Context(), noon.Add(time.Hour), anyRoom); err != nil || len(claimed) != 1 || claimed[0].Event.ID != "evt_3" {
			t.Errorf("claimed %+v, %v", claimed, err)
		}
		write(t, o, func(ctx context.Context, tx *Tx) error { return tx.DeleteEndpoint(ctx, "we_1") })
		if _, err := o.Endpoint(t.Context(), "we_1"); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("a deleted endpoint: %v", err)
		}
		for _, change := range []func(context.Context, *Tx) error{
			func(ctx context.Context, tx *Tx) error { return tx.DeleteEndpoint(ctx, "we_1") },
			func(ctx context.Context, tx *Tx) error { return tx.UpdateEndpoint(ctx, endpoint) },
			func(ctx context.Context, tx *Tx) error { return tx.Replay(ctx, "dlv_missing", noon) },
		} {
			err := o.Write(t.Context(), func(ctx context.Context, _ *sql.Tx, tx *Tx) error { return change(ctx, tx) })
			if !errors.Is(err, webhook.ErrNotFound) {
				t.Errorf("error %v, want ErrNotFound", err)
			}
		}
	})
}

func TestASubscriberIsToldForEver(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o *Outbox) {
		o.Subscribe("orders", []string{"*"}, func(context.Context, webhook.Event) error { return nil })
		write(t, o, func(ctx context.Context, tx *Tx) error { return tx.AppendEvent(ctx, event(0, "a", "o")) })
		now := noon
		for n := range 20 {
			claimed, err := o.Claim(t.Context(), now, anyRoom)
			if err != nil || len(claimed) != 1 {
				t.Fatalf("attempt %d: claimed %d, %v", n, len(claimed), err)
			}
			if err := o.Record(t.Context(), claimed[0], Outcome{Attempt: webhook.Attempt{At: now, Error: "down"}}); err != nil {
				t.Fatal(err)
			}
			now = now.Add(5 * time.Minute)
		}
	})
}

func TestEndpointsAreReadAsStored(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o *Outbox) {
		stored := endpointFor("we_1", "a", "b.*")
		write(t, o, func(ctx context.Context, tx *Tx) error { return tx.CreateEndpoint(ctx, stored) })
		read, err := o.Endpoint(t.Context(), "we_1")
		if err != nil || fmt.Sprintf("%+v", read) != fmt.Sprintf("%+v", stored) {
			t.Errorf("read %+v, %v\nwant %+v", read, err, stored)
		}
		if all, err := o.Endpoints(t.Context()); err != nil || len(all) != 1 {
			t.Errorf("%d endpoints, %v", len(all), err)
		}
	})
}

func TestEventLists(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o *Outbox) {
		write(t, o, func(ctx context.Context, tx *Tx) error { return tx.CreateEndpoint(ctx, endpointFor("we_1", "b")) })
		write(t, o, func(ctx context.Context, tx *Tx) error {
			for n := range 6 {
				if err := tx.AppendEvent(ctx, event(n, []string{"a", "b"}[n%2], fmt.Sprint("o", n/3))); err != nil {
					return err
				}
			}
			return nil
		})
		first, err := o.Event(t.Context(), "evt_1")
		if err != nil || first.Pending != 1 {
			t.Fatalf("%+v, %v", first, err)
		}
		yes, no := true, false
		for name, tc := range map[string]struct {
			filter webhook.Filter
			want   []string
		}{
			"all":       {webhook.Filter{}, []string{"evt_5", "evt_4", "evt_3", "evt_2", "evt_1", "evt_0"}},
			"type":      {webhook.Filter{Types: []string{"b", "x"}}, []string{"evt_5", "evt_3", "evt_1"}},
			"object":    {webhook.Filter{Object: "o0"}, []string{"evt_2", "evt_1", "evt_0"}},
			"below":     {webhook.Filter{Below: first.Seq + 2, Limit: 2}, []string{"evt_2", "evt_1"}},
			"above":     {webhook.Filter{Above: first.Seq, Limit: 2}, []string{"evt_3", "evt_2"}},
			"times":     {webhook.Filter{From: noon.Add(2 * time.Second), Until: noon.Add(3 * time.Second)}, []string{"evt_3", "evt_2"}},
			"settled":   {webhook.Filter{Settled: &yes}, []string{"evt_4", "evt_2", "evt_0"}},
			"unsettled": {webhook.Filter{Settled: &no}, []string{"evt_5", "evt_3", "evt_1"}},
		} {
			got, err := o.Events(t.Context(), tc.filter)
			if err != nil || !slices.Equal(ids(got), tc.want) {
				t.Errorf("%s: %v, %v; want %v", name, ids(got), err, tc.want)
			}
		}
		write(t, o, func(ctx context.Context, tx *Tx) error {
			return tx.RewriteEvents(ctx, "o0", func([]byte) ([]byte, error) { return []byte("{}"), nil })
		})
		if e, err := o.Event(t.Context(), "evt_1"); err != nil || string(e.Data) != "{}" {
			t.Errorf("rewritten %s, %v", e.Data, err)
		}
		if e, err := o.Event(t.Context(), "evt_3"); err != nil || string(e.Data) != `{"n":3}` {
			t.Errorf("another object's event %s, %v", e.Data, err)
		}
	})
}

func TestOldEventsAreForgotten(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o *Outbox) {
		write(t, o, func(ctx context.Context, tx *Tx) error {
			return errors.Join(tx.AppendEvent(ctx, event(0, "a", "o")), tx.CreateEndpoint(ctx, endpointFor("we_1", "*")),
				tx.AppendEvent(ctx, event(1, "a", "o")), tx.AppendEvent(ctx, event(2, "a", "o")))
		})
		claimed, err := o.Claim(t.Context(), noon.Add(time.Second), anyRoom)
		if err != nil || len(claimed) != 1 {
			t.Fatalf("claimed %d, %v", len(claimed), err)
		}
		if err := o.Record(t.Context(), claimed[0], Outcome{Delivered: true, Attempt: webhook.Attempt{Status: 200, At: noon}}); err != nil {
			t.Fatal(err)
		}
		if n, err := o.Forget(t.Context(), noon.Add(Lifetime), 10); err != nil || n != 0 {
			t.Errorf("forgot %d, %v before its time", n, err)
		}
		if n, err := o.Forget(t.Context(), noon.Add(Lifetime+time.Hour), 10); err != nil || n != 2 {
			t.Errorf("forgot %d, %v; want the 2 that nothing waits for", n, err)
		}
		left, err := o.Events(t.Context(), webhook.Filter{})
		if err != nil || !slices.Equal(ids(left), []string{"evt_2"}) {
			t.Errorf("left %v, %v", ids(left), err)
		}
	})
}

// A process that was killed leaves claims behind. The next one on the same
// SQLite file need not wait for the lease; PostgreSQL may have other processes.
func TestClaimsOfADeadProcess(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, o *Outbox) {
		o.Subscribe("orders", []string{"*"}, func(context.Context, webhook.Event) error { return nil })
		write(t, o, func(ctx context.Context, tx *Tx) error {
			return tx.AppendEvent(ctx, event(1, "order.created", "ord_1"))
		})
		now := noon.Add(time.Hour)
		if claimed, err := o.Claim(t.Context(), now, anyRoom); err != nil || len(claimed) != 1 {
			t.Fatalf("claimed %v, %v", claimed, err)
		}
		if err := o.Reclaim(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := map[database.Dialect]int{database.SQLite: 1, database.PostgreSQL: 0}[o.db.Dialect]
		if claimed, err := o.Claim(t.Context(), now, anyRoom); err != nil || len(claimed) != want {
			t.Errorf("claimed %v, %v; want %d", claimed, err, want)
		}
	})
}
