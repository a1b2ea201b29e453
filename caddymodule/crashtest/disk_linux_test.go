package crashtest_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// failSyncs is strace, which runs the server and has the syncs of both stores
// answered with an I/O error: all, or those that when says.
func failSyncs(t *testing.T, s *server, when string) (wrap []string, trace string) {
	t.Helper()
	trace = filepath.Join(t.TempDir(), "trace")
	wrap = []string{"strace", "-D", "-f", "--seccomp-bpf", "-qq", "-o", trace,
		"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO" + when}
	for _, name := range []string{"orders.db", "orders.db-wal", "payments.db", "payments.db-wal"} {
		wrap = append(wrap, "-P", filepath.Join(s.data, name))
	}
	return wrap, trace
}

// injected is how many syncs failed.
func injected(t *testing.T, trace string) int {
	t.Helper()
	text, err := os.ReadFile(trace)
	must(t, err)
	return strings.Count(string(text), "INJECTED")
}

// write is a request that stores something.
type write struct{ address, key, body string }

// writes are of 20 clients, in both services.
func (s *server) writes() (all []write) {
	for n := range 20 {
		key := fmt.Sprint("k", n)
		all = append(all, write{s.orders + "/v1/orders", key, `{"currency":"eur","lines":[{"title":"Mug","quantity":1,"unit_amount":900}]}`},
			write{s.payments + "/v1/payment_intents", key, "amount=900&currency=eur&confirm=true&payment_method=pm_card_visa"})
	}
	return all
}

// sendAll sends writes at once, and counts those that were acknowledged.
func (s *server) sendAll(t *testing.T, all []write) int {
	t.Helper()
	var acknowledged atomic.Int64
	var group sync.WaitGroup
	for _, one := range all {
		group.Go(func() {
			got, err := s.send(t.Context(), http.MethodPost, one.address, one.key, one.body)
			switch {
			case err != nil:
				t.Error(err)
			case got.status < 300:
				acknowledged.Add(1)
			case got.status < 500:
				t.Errorf("%d %s", got.status, got.text)
			}
		})
	}
	group.Wait()
	return int(acknowledged.Load())
}

// writeWithoutSync starts a server again with a disk of which every sync
// fails, and returns how many of its writes were acknowledged.
func writeWithoutSync(t *testing.T, s *server) (acknowledged int) {
	t.Helper()
	s.stop(t)
	wrap, trace := failSyncs(t, s, "")
	s.start(t, wrap...)
	s.ready(t)
	acknowledged = s.sendAll(t, s.writes())
	var orders any
	must(t, s.read(t.Context(), s.orders+"/v1/orders", &orders))
	s.kill()
	if acknowledged == 0 && injected(t, trace) == 0 {
		t.Error("no sync failed")
	}
	return acknowledged
}

// While no sync succeeds, nothing is acknowledged and what was is read. When
// the disk is well again, the same requests have one effect.
func TestAFailedSyncIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	s := newServer(t, binary, "sqlite")
	before := write{s.orders + "/v1/orders", "before", `{"currency":"eur","lines":[{"title":"Mug","quantity":1,"unit_amount":900}]}`}
	if s.sendAll(t, []write{before}) != 1 {
		t.Fatal("a write on a good disk was not acknowledged")
	}
	if acknowledged := writeWithoutSync(t, s); acknowledged != 0 {
		t.Errorf("%d writes were acknowledged without a sync", acknowledged)
	}
	s.start(t)
	s.ready(t)
	all := append(s.writes(), before)
	for range 2 {
		if acknowledged := s.sendAll(t, all); acknowledged != len(all) {
			t.Errorf("%d of %d writes were acknowledged on a good disk", acknowledged, len(all))
		}
	}
	var orders, intents struct{ Data []any }
	must(t, s.read(t.Context(), s.orders+"/v1/orders?limit=100", &orders))
	must(t, s.read(t.Context(), s.payments+"/v1/payment_intents?limit=100", &intents))
	if len(orders.Data) != 21 || len(intents.Data) != 20 {
		t.Errorf("%d orders and %d payments, want 21 and 20", len(orders.Data), len(intents.Data))
	}
	if _, err := s.caddy(t.Context(), "fairway", "verify"); err != nil {
		t.Error(err)
	}
}

// Now and then a sync fails: the writer goes on after it, and nothing that was
// acknowledged is lost or done twice, also when the process is killed then.
func TestADiskThatFailsNowAndThen(t *testing.T) {
	t.Parallel()
	s := newServer(t, binary, "sqlite")
	s.stop(t)
	wrap, trace := failSyncs(t, s, ":when=2+4") // counted by thread
	s.start(t, wrap...)
	s.ready(t)
	c := begin(t, s, true)
	for deadline := time.Now().Add(time.Minute); c.acknowledged.Load() < 200 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	s.kill()
	s.start(t)
	s.ready(t)
	problems := c.end()
	c.report(fmt.Sprintf("%d syncs failed", injected(t, trace)), nil)
	if len(problems) > 0 {
		t.Errorf("%d problems", len(problems))
	}
	if c.failed.Load() == 0 {
		t.Error("no write failed")
	}
}
