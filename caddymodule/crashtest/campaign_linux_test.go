package crashtest_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// writers is how many clients write at once.
const writers = 50

// campaign is clients that write while what keeps their data is killed.
type campaign struct {
	*server
	t       *testing.T
	ctx     context.Context
	mayFail bool // what keeps the data fails too: answers may be 5xx
	ending  atomic.Bool
	writers []*writer
	group   sync.WaitGroup

	acknowledged, cut, busy, failed atomic.Int64 // of answers

	mu       sync.Mutex
	problems []string
}

// problem notes what must not be.
func (c *campaign) problem(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// begin starts the writers on a server; mayFail says that answers may be 5xx.
func begin(t *testing.T, s *server, mayFail bool) *campaign {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
	c := &campaign{server: s, t: t, ctx: ctx, mayFail: mayFail}
	t.Cleanup(func() {
		cancel()
		c.group.Wait()
	})
	for n := range writers {
		c.writers = append(c.writers, newWriter(c, n))
		c.group.Go(c.writers[n].run)
	}
	return c
}

// kills kills n times at random moments, and returns how long the server took
// each time until both services answered again, shortest first.
func (c *campaign) kills(n int) (back []time.Duration) {
	c.t.Helper()
	random := rand.New(rand.NewPCG(2, 3))
	pause := func() { time.Sleep(rand.N(200 * time.Millisecond)) }
	for i := range n {
		pause()
		if c.dsn != "" && i%10 == 5 {
			c.killPostgres()
			continue
		}
		c.kill()
		if random.IntN(10) == 0 { // again, while it starts
			c.start(c.t)
			pause()
			c.kill()
		}
		begun := time.Now()
		c.start(c.t)
		c.ready(c.t)
		back = append(back, time.Since(begun))
	}
	slices.Sort(back)
	return back
}

// killPostgres kills a process of PostgreSQL that serves Fairway. Its others
// then end too, and the database recovers from its log.
func (c *campaign) killPostgres() {
	c.t.Helper()
	db, err := sql.Open("pgx", c.dsn)
	must(c.t, err)
	defer func() { _ = db.Close() }()
	witness, err := db.Conn(c.ctx)
	must(c.t, err)
	defer func() { _ = witness.Close() }()
	var pid int
	err = witness.QueryRowContext(c.ctx, `SELECT pid FROM pg_stat_activity WHERE application_name = 'fairway' ORDER BY random() LIMIT 1`).Scan(&pid)
	must(c.t, err)
	must(c.t, syscall.Kill(pid, syscall.SIGKILL))
	deadline := time.Now().Add(time.Minute)
	ended := func() bool { return witness.PingContext(c.ctx) != nil }
	for !ended() || db.PingContext(c.ctx) != nil { // Fairway does not start before it has recovered
		if time.Now().After(deadline) {
			c.t.Fatal("PostgreSQL has not recovered after a minute")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// end lets the writers finish, compares what the store has with what they were
// told, and returns what is wrong.
func (c *campaign) end() []string {
	c.t.Helper()
	c.ending.Store(true)
	c.group.Wait()
	for _, w := range c.writers {
		c.group.Go(func() {
			for _, told := range w.calls {
				w.again(told)
			}
		})
	}
	c.group.Wait()
	c.expireLeases()
	c.auditPayments()
	c.auditOrders()
	if said, err := c.caddy(c.ctx, "fairway", "verify"); err != nil {
		c.problem("%v\n%s", err, said)
	}
	return c.problems
}

// expireLeases has the minute pass after which another process may deliver
// what a killed one was delivering from PostgreSQL.
func (c *campaign) expireLeases() {
	c.t.Helper()
	if c.dsn == "" {
		return
	}
	db, err := sql.Open("pgx", c.dsn)
	must(c.t, err)
	for _, schema := range []string{"orders", "payments"} {
		table := schema + ".webhook_deliveries"
		_, err := db.ExecContext(c.ctx, `UPDATE `+table+` SET next_at = created_at
			WHERE seq IN (SELECT seq FROM `+table+` WHERE state = 'pending' FOR UPDATE SKIP LOCKED)`) // those the server is about to claim it has
		must(c.t, err)
	}
	must(c.t, db.Close())
}

// auditPayments finds intents that nobody was told of, and those that are not
// as was told: lost, made twice, or taken twice.
func (c *campaign) auditPayments() {
	want := make(map[string]intentMade)
	for _, w := range c.writers {
		for _, made := range w.paid {
			want[made.id] = made
		}
	}
	type intent struct {
		ID, Status string
		Received   int64 `json:"amount_received"`
	}
	found := make(map[string]intent)
	for _, one := range stripeList[intent](c, "payment_intents", func(i intent) string { return i.ID }) {
		found[one.ID] = one
		if _, ok := want[one.ID]; !ok {
			c.problem("the payment %s was made twice: nobody was told of it", one.ID)
		}
	}
	type charge struct {
		ID, Status    string
		PaymentIntent string `json:"payment_intent"`
		Refunded      int64  `json:"amount_refunded"`
	}
	charged, refunded := make(map[string]int), make(map[string]int64)
	for _, one := range stripeList[charge](c, "charges", func(o charge) string { return o.ID }) {
		charged[one.PaymentIntent]++
		refunded[one.PaymentIntent] += one.Refunded
	}
	for id, made := range want {
		is := found[id]
		if is.Status != made.status || is.Received != made.received || refunded[id] != made.refunded {
			c.problem("the payment %s is %+v with %d refunded; what was acknowledged is %+v", id, is, refunded[id], made)
		}
		if charged[id] != 1 {
			c.problem("the payment %s was charged %d times", id, charged[id])
		}
	}
}

// stripeList reads a whole list of Payments.
func stripeList[T any](c *campaign, name string, idOf func(T) string) (all []T) {
	for after := ""; ; after = "&starting_after=" + idOf(all[len(all)-1]) {
		var page struct {
			Data []T
			More bool `json:"has_more"`
		}
		if err := c.read(c.ctx, c.payments+"/v1/"+name+"?limit=100"+after, &page); err != nil {
			c.problem("listing %s: %v", name, err)
			return all
		}
		if all = append(all, page.Data...); !page.More {
			return all
		}
	}
}

// orderFound is an order as it is listed.
type orderFound struct {
	ID       string
	Version  int
	Metadata map[string]string
	Totals   struct{ Paid, Refunded int64 }
	Lines    []struct {
		Fulfilled int64 `json:"fulfilled_quantity"`
	}
}

// auditOrders does the same for orders. What Payments tells Orders comes a
// moment later.
func (c *campaign) auditOrders() {
	const patience = time.Minute // without progress
	deadline, least := time.Now().Add(patience), math.MaxInt
	for {
		problems := c.ordersProblems()
		if len(problems) == 0 {
			return
		}
		if len(problems) < least {
			deadline, least = time.Now().Add(patience), len(problems)
		}
		if time.Now().After(deadline) || c.ctx.Err() != nil {
			for _, one := range problems {
				c.problem("%s", one)
			}
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (c *campaign) ordersProblems() (problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	want := make(map[string]orderMade)
	for _, w := range c.writers {
		maps.Copy(want, w.placed)
	}
	found := make(map[string]orderFound)
	for n, order := range c.listOrders() {
		ref := order.Metadata["ref"]
		if made := want[ref]; made.id != order.ID {
			wrong("the order %s of %s was made twice: told was %s", order.ID, ref, made.id)
			continue
		}
		found[ref] = order
		if n%20 == 0 {
			var events struct{ Data []any }
			if err := c.read(c.ctx, c.orders+"/v1/orders/"+order.ID+"/events", &events); err != nil || len(events.Data) != order.Version {
				wrong("the order %s is version %d, but has %d events (%v)", order.ID, order.Version, len(events.Data), err)
			}
		}
	}
	for ref, made := range want {
		order, ok := found[ref]
		switch {
		case !ok:
			wrong("the order %s is lost", made.id)
		case order.Lines[0].Fulfilled != made.fulfilled || order.Totals.Paid != made.paid || order.Totals.Refunded != made.refunded:
			wrong("the order %s is %+v, what was acknowledged is %+v", made.id, order, made)
		}
	}
	return problems
}

func (c *campaign) listOrders() (all []orderFound) {
	for cursor := ""; ; {
		var page struct {
			Data []orderFound
			Next *string `json:"next_cursor"`
		}
		if err := c.read(c.ctx, c.orders+"/v1/orders?limit=100"+cursor, &page); err != nil {
			c.problem("listing orders: %v", err)
			return all
		}
		if all = append(all, page.Data...); page.Next == nil {
			return all
		}
		cursor = "&cursor=" + *page.Next
	}
}

// report says in the test's log what there was.
func (c *campaign) report(what string, back []time.Duration) {
	line := fmt.Sprintf("%s: %d acknowledged, %d cut off, %d told to wait, %d failed; %d problems",
		what, c.acknowledged.Load(), c.cut.Load(), c.busy.Load(), c.failed.Load(), len(c.problems))
	if len(back) > 0 {
		line += fmt.Sprintf("; serving again after %v, at most %v", back[len(back)/2].Round(time.Millisecond), back[len(back)-1].Round(time.Millisecond))
	}
	c.t.Log(line)
	for _, problem := range c.problems[:min(5, len(c.problems))] {
		c.t.Log(strings.TrimSpace(problem))
	}
}
