package outbox

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// lease is how long a claimed delivery belongs to who claimed it. One whose
// process died is due again after that.
const lease = time.Minute

// Claimed is a delivery to be attempted now.
type Claimed struct {
	Delivery string
	Attempts int // failed before this one
	Endpoint webhook.Endpoint
	To       string // the endpoint's id, or a subscriber
	Event    webhook.Event
}

// Claim takes due deliveries: of each endpoint at most as many as free says.
func (o *Outbox) Claim(ctx context.Context, now time.Time, free func(endpoint string) int) ([]Claimed, error) {
	due, err := database.All(ctx, o.db.Read(), database.Text,
		`SELECT DISTINCT endpoint FROM webhook_deliveries WHERE state = 'pending' AND next_at <= ?`, now.UnixMilli())
	if err != nil || len(due) == 0 {
		return nil, o.db.Explain(err)
	}
	var claimed []Claimed
	err = o.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		claimed = nil
		for _, receiver := range due {
			if limit := free(receiver); limit > 0 {
				of, err := claim(ctx, tx, receiver, now, limit)
				if err != nil {
					return err
				}
				claimed = append(claimed, of...)
			}
		}
		return nil
	})
	return claimed, err
}

func claim(ctx context.Context, tx *sql.Tx, receiver string, now time.Time, limit int) ([]Claimed, error) {
	claimed, err := database.All(ctx, tx, func(row database.Row) (c Claimed, err error) {
		c.To = receiver
		err = row.Scan(&c.Delivery, &c.Attempts, &c.Event.ID)
		return c, err
	}, `UPDATE webhook_deliveries SET next_at = ? WHERE id IN (
			SELECT id FROM webhook_deliveries WHERE state = 'pending' AND endpoint = ? AND next_at <= ? ORDER BY next_at, seq LIMIT ?)
		RETURNING id, attempts, event`, now.Add(lease).UnixMilli(), receiver, now.UnixMilli(), limit)
	if err != nil || len(claimed) == 0 {
		return nil, err
	}
	to, err := endpoint(ctx, tx, receiver)
	if err != nil && !errors.Is(err, webhook.ErrNotFound) { // a subscriber has no row
		return nil, err
	}
	for i := range claimed {
		claimed[i].Endpoint = to
		events, err := readEvents(ctx, tx, `WHERE id = ?`, claimed[i].Event.ID)
		if err != nil {
			return nil, err
		}
		if len(events) == 1 {
			claimed[i].Event = events[0]
		}
	}
	return claimed, nil
}

// Outcome is what came of an attempt.
type Outcome struct {
	webhook.Attempt
	Delivered  bool
	Gone       bool // the endpoint said that it wants nothing more
	RetryAfter time.Duration
}

// Reclaim makes due at once what was claimed for a first attempt by a process
// that is gone. Only a SQLite file is sure to have no other process: with
// PostgreSQL the lease has to run out.
func (o *Outbox) Reclaim(ctx context.Context) error {
	if o.db.Dialect != database.SQLite {
		return nil
	}
	return o.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE webhook_deliveries SET next_at = created_at WHERE state = 'pending' AND attempts = 0`)
		return err
	})
}

// Record notes the outcome of an attempt at a claimed delivery and settles
// when it is tried again. An endpoint that is gone, or has failed for
// [webhook.Patience], is disabled. A subscriber is tried for ever.
func (o *Outbox) Record(ctx context.Context, c Claimed, outcome Outcome) error {
	return o.Write(ctx, func(ctx context.Context, tx *sql.Tx, events *Tx) error {
		if err := note(ctx, tx, c, outcome.Attempt); err != nil {
			return err
		}
		if outcome.Delivered {
			return succeeded(ctx, tx, c)
		}
		return events.failed(ctx, c, outcome)
	})
}

// note adds an attempt to the log of a delivery.
func note(ctx context.Context, tx *sql.Tx, c Claimed, a webhook.Attempt) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO webhook_attempts (delivery, number, at, status, latency, error, answer)
		SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ?, ? FROM webhook_attempts WHERE delivery = ?`,
		c.Delivery, a.At.UnixMilli(), a.Status, a.Latency.Microseconds(), a.Error, a.Answer, c.Delivery)
	return err
}

func succeeded(ctx context.Context, tx *sql.Tx, c Claimed) error {
	if _, err := tx.ExecContext(ctx, `UPDATE webhook_deliveries SET state = 'delivered', attempts = attempts + 1 WHERE id = ?`, c.Delivery); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM webhook_failing WHERE endpoint = ?`, c.To)
	return err
}

func (t *Tx) failed(ctx context.Context, c Claimed, outcome Outcome) error {
	attempts := c.Attempts + 1
	wait, again := webhook.Next(attempts, outcome.RetryAfter)
	if _, subscriber := t.outbox.Subscriber(c.To); subscriber {
		wait, again = min(time.Second<<min(attempts, 8), 5*time.Minute), true
	}
	state := webhook.Pending
	if !again {
		state = webhook.Failed
	}
	_, err := t.tx.ExecContext(ctx, `UPDATE webhook_deliveries SET state = ?, attempts = ?, next_at = ? WHERE id = ? AND state = 'pending'`,
		state, attempts, outcome.At.Add(wait).UnixMilli(), c.Delivery)
	if err != nil {
		return err
	}
	since, err := failingSince(ctx, t.tx, c.To, outcome.At)
	if err != nil || c.Endpoint.ID == "" {
		return err
	}
	switch {
	case outcome.Gone:
		return t.disable(ctx, c.Endpoint.ID, "it answered 410 Gone", outcome.At)
	case outcome.At.Sub(since) >= webhook.Patience:
		return t.disable(ctx, c.Endpoint.ID, "it failed for days", outcome.At)
	}
	return nil
}

// failingSince notes that an endpoint fails and returns since when. It has a
// table of its own, so that it does not meet the writes that read endpoints.
func failingSince(ctx context.Context, tx *sql.Tx, endpoint string, now time.Time) (time.Time, error) {
	_, err := tx.ExecContext(ctx, `INSERT INTO webhook_failing (endpoint, since) VALUES (?, ?) ON CONFLICT (endpoint) DO NOTHING`,
		endpoint, now.UnixMilli())
	if err != nil {
		return time.Time{}, err
	}
	var since int64
	err = tx.QueryRowContext(ctx, `SELECT since FROM webhook_failing WHERE endpoint = ?`, endpoint).Scan(&since)
	return database.Moment(since), err
}

func (t *Tx) disable(ctx context.Context, endpoint, reason string, now time.Time) error {
	t.changesEndpoints()
	_, err := t.tx.ExecContext(ctx, `UPDATE webhook_endpoints SET status = 'disabled', reason = ?, updated_at = ? WHERE id = ?`,
		reason, now.UnixMilli(), endpoint)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, `UPDATE webhook_deliveries SET state = 'canceled' WHERE endpoint = ? AND state = 'pending'`, endpoint)
	return err
}

// Lifetime is how long events and their deliveries are kept.
const Lifetime = 30 * 24 * time.Hour

// Forget deletes up to limit events older than Lifetime that nothing waits
// for, with their deliveries, and returns how many.
func (o *Outbox) Forget(ctx context.Context, now time.Time, limit int) (forgotten int, err error) {
	err = o.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		old, err := database.All(ctx, tx, database.Text,
			`SELECT id FROM webhook_events WHERE created_at < ? AND NOT EXISTS (
				SELECT 1 FROM webhook_deliveries d WHERE d.event = webhook_events.id AND d.state = 'pending')
			ORDER BY created_at LIMIT ?`, now.Add(-Lifetime).UnixMilli(), limit)
		if err != nil {
			return err
		}
		for _, event := range old {
			for _, statement := range []string{
				`DELETE FROM webhook_attempts WHERE delivery IN (SELECT id FROM webhook_deliveries WHERE event = ?)`,
				`DELETE FROM webhook_deliveries WHERE event = ?`,
				`DELETE FROM webhook_events WHERE id = ?`,
			} {
				if _, err := tx.ExecContext(ctx, statement, event); err != nil {
					return err
				}
			}
		}
		forgotten = len(old)
		return nil
	})
	return forgotten, err
}
