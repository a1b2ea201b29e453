package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// Event implements [webhook.Reader].
func (o *Outbox) Event(ctx context.Context, id string) (webhook.Event, error) {
	found, err := readEvents(ctx, o.db.Read(), `WHERE id = ?`, id)
	if err == nil && len(found) == 0 {
		return webhook.Event{}, webhook.ErrNotFound
	}
	if err != nil {
		return webhook.Event{}, o.db.Explain(err)
	}
	return found[0], nil
}

// Events implements [webhook.Reader].
func (o *Outbox) Events(ctx context.Context, filter webhook.Filter) ([]webhook.Event, error) {
	c := filterOf(filter, "seq")
	if filter.Object != "" {
		c.add("object = ?", filter.Object)
	}
	if filter.Settled != nil {
		unsettled := `EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.event = webhook_events.id AND d.state <> 'delivered')`
		if *filter.Settled {
			unsettled = "NOT " + unsettled
		}
		c.add(unsettled)
	}
	found, err := readEvents(ctx, o.db.Read(), c.where()+c.order(filter, "seq"), c.args...)
	if filter.Above != 0 {
		slices.Reverse(found)
	}
	return found, o.db.Explain(err)
}

func readEvents(ctx context.Context, q database.Querier, where string, args ...any) ([]webhook.Event, error) {
	return database.All(ctx, q, scanEvent, `SELECT seq, id, type, object, created_at, data,
		(SELECT count(*) FROM webhook_deliveries d WHERE d.event = webhook_events.id AND d.state = 'pending')
		FROM webhook_events `+where, args...)
}

func scanEvent(row database.Row) (e webhook.Event, err error) {
	var created int64
	err = row.Scan(&e.Seq, &e.ID, &e.Type, &e.Object, &created, &e.Data, &e.Pending)
	e.Created = database.Moment(created)
	return e, err
}

// Endpoint implements [webhook.Reader].
func (o *Outbox) Endpoint(ctx context.Context, id string) (webhook.Endpoint, error) {
	found, err := endpoint(ctx, o.db.Read(), id)
	return found, o.db.Explain(err)
}

// Endpoints implements [webhook.Reader].
func (o *Outbox) Endpoints(ctx context.Context) ([]webhook.Endpoint, error) {
	found, err := endpoints(ctx, o.db.Read(), `ORDER BY seq DESC`)
	return found, o.db.Explain(err)
}

func endpoint(ctx context.Context, q database.Querier, id string) (webhook.Endpoint, error) {
	found, err := endpoints(ctx, q, `WHERE id = ?`, id)
	if err == nil && len(found) == 0 {
		err = webhook.ErrNotFound
	}
	if err != nil {
		return webhook.Endpoint{}, err
	}
	return found[0], nil
}

func endpoints(ctx context.Context, q database.Querier, where string, args ...any) ([]webhook.Endpoint, error) {
	return database.All(ctx, q, scanEndpoint, `SELECT id, url, types, secret, old_secret, old_secret_until, status, reason,
		api_version, description, metadata, created_at, updated_at FROM webhook_endpoints `+where, args...)
}

func scanEndpoint(row database.Row) (e webhook.Endpoint, err error) {
	var (
		types, metadata             []byte
		created, updated, oldExpiry int64
	)
	err = row.Scan(&e.ID, &e.URL, &types, &e.Secret, &e.OldSecret, &oldExpiry, &e.Status, &e.Reason,
		&e.APIVersion, &e.Description, &metadata, &created, &updated)
	if err != nil {
		return e, err
	}
	if err := errors.Join(json.Unmarshal(types, &e.Types), json.Unmarshal(metadata, &e.Metadata)); err != nil {
		return e, fmt.Errorf("endpoint %s: %w", e.ID, err)
	}
	e.OldSecretUntil, e.Created, e.Updated = database.Moment(oldExpiry), database.Moment(created), database.Moment(updated)
	return e, nil
}

// Deliveries implements [webhook.Reader].
func (o *Outbox) Deliveries(ctx context.Context, filter webhook.Filter) ([]webhook.Delivery, error) {
	c := filterOf(filter, "d.seq")
	c.equal("d.event", filter.Event)
	c.equal("d.endpoint", filter.Endpoint)
	c.equal("d.state", string(filter.State))
	found, err := database.All(ctx, o.db.Read(), scanDelivery,
		`SELECT d.id, d.endpoint, d.event, d.type, d.state, d.attempts, d.next_at, d.created_at,
			coalesce(a.number, 0), coalesce(a.at, 0), coalesce(a.status, 0), coalesce(a.latency, 0), coalesce(a.error, ''), coalesce(a.answer, '')
		FROM webhook_deliveries d LEFT JOIN webhook_attempts a ON a.delivery = d.id
			AND a.number = (SELECT max(number) FROM webhook_attempts WHERE delivery = d.id) `+c.where()+c.order(filter, "d.seq"), c.args...)
	if filter.Above != 0 {
		slices.Reverse(found)
	}
	return found, o.db.Explain(err)
}

func scanDelivery(row database.Row) (d webhook.Delivery, err error) {
	var next, created, at, latency int64
	err = row.Scan(&d.ID, &d.Endpoint, &d.Event, &d.Type, &d.State, &d.Attempts, &next, &created,
		&d.Last.Number, &at, &d.Last.Status, &latency, &d.Last.Error, &d.Last.Answer)
	d.Created, d.Last.At, d.Last.Latency = database.Moment(created), database.Moment(at), time.Duration(latency)*time.Microsecond
	if d.State == webhook.Pending {
		d.Next = database.Moment(next)
	}
	return d, err
}

// Attempts implements [webhook.Reader].
func (o *Outbox) Attempts(ctx context.Context, delivery string) ([]webhook.Attempt, error) {
	found, err := database.All(ctx, o.db.Read(), func(row database.Row) (a webhook.Attempt, err error) {
		var at, latency int64
		err = row.Scan(&a.Number, &at, &a.Status, &latency, &a.Error, &a.Answer)
		a.At, a.Latency = database.Moment(at), time.Duration(latency)*time.Microsecond
		return a, err
	}, `SELECT number, at, status, latency, error, answer FROM webhook_attempts WHERE delivery = ? ORDER BY number`, delivery)
	return found, o.db.Explain(err)
}

// conditions is a WHERE clause in the making.
type conditions struct {
	parts []string
	args  []any
}

func (c *conditions) add(part string, args ...any) {
	c.parts = append(c.parts, part)
	c.args = append(c.args, args...)
}

func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

// filterOf begins with the conditions that events and deliveries share.
func filterOf(f webhook.Filter, seq string) *conditions {
	c := new(conditions)
	if len(f.Types) > 0 {
		marks := strings.TrimSuffix(strings.Repeat("?, ", len(f.Types)), ", ")
		c.add("type IN (" + marks + ")")
		for _, one := range f.Types {
			c.args = append(c.args, one)
		}
	}
	if !f.From.IsZero() {
		c.add("created_at >= ?", f.From.UnixMilli())
	}
	if !f.Until.IsZero() {
		c.add("created_at <= ?", f.Until.UnixMilli())
	}
	if f.Below != 0 {
		c.add(seq+" < ?", f.Below)
	}
	if f.Above != 0 {
		c.add(seq+" > ?", f.Above)
	}
	return c
}

func (c *conditions) where() string {
	if len(c.parts) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(c.parts, " AND ")
}

// order sorts and limits; the limit's argument is added.
func (c *conditions) order(f webhook.Filter, seq string) string {
	limit := f.Limit
	if limit <= 0 {
		limit = 100
	}
	c.args = append(c.args, limit)
	if f.Above != 0 {
		return " ORDER BY " + seq + " LIMIT ?"
	}
	return " ORDER BY " + seq + " DESC LIMIT ?"
}
