// Package outbox keeps a service's events, webhook endpoints and deliveries in
// the service's own database, so that an event is stored exactly when the
// change it tells of is.
//
// The service's migrations make the tables; Schema gives their text.
package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// Outbox is the events of one service. It is safe for concurrent use.
type Outbox struct {
	db   *database.DB
	wake chan struct{}

	mu          sync.RWMutex
	subscribers map[string]subscription

	enabled enabledEndpoints
}

// Subscriber is told of events inside the process, at least once each and in
// no certain order. An error has the event told again later.
type Subscriber func(ctx context.Context, event webhook.Event) error

type subscription struct {
	Subscriber
	types []string
}

var _ webhook.Reader = (*Outbox)(nil)

// New returns the outbox in a service's database.
func New(db *database.DB) *Outbox {
	return &Outbox{db: db, wake: make(chan struct{}, 1), subscribers: make(map[string]subscription)}
}

// subscriberPrefix tells a subscriber from an endpoint in a delivery.
const subscriberPrefix = "subscriber:"

// Subscribe has a subscriber get the events of some types from now on, written
// as those of an endpoint are, in place of the one that had the name before.
func (o *Outbox) Subscribe(name string, types []string, subscriber Subscriber) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.subscribers[subscriberPrefix+name] = subscription{subscriber, types}
}

// Subscriber returns whom a delivery's endpoint names, if it names a
// subscriber at all; it is nil when that one has not subscribed yet.
func (o *Outbox) Subscriber(endpoint string) (subscriber Subscriber, ok bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.subscribers[endpoint].Subscriber, strings.HasPrefix(endpoint, subscriberPrefix)
}

// subscribersTo returns the names of those who want events of a type.
func (o *Outbox) subscribersTo(eventType string) (names []string) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for name, subscription := range o.subscribers {
		if webhook.Among(subscription.types, eventType) {
			names = append(names, name)
		}
	}
	return names
}

// Woken receives when there may be something to deliver.
func (o *Outbox) Woken() <-chan struct{} { return o.wake }

// Wake has Woken receive.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default: // it will receive anyway
	}
}

// Write is the database's Write, with a transaction of the outbox beside the
// database's. Deliveries begin after the commit.
func (o *Outbox) Write(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx, events *Tx) error) error {
	deliver, changing := false, false
	err := o.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		events := &Tx{outbox: o, tx: tx, changing: &changing}
		err := fn(ctx, tx, events)
		deliver = events.deliver
		return err
	})
	if changing {
		o.enabled.changed()
	}
	if err == nil && deliver {
		o.Wake()
	}
	return err
}

// Tx implements [webhook.Tx].
type Tx struct {
	outbox   *Outbox
	tx       *sql.Tx
	deliver  bool  // there is something new to deliver
	changing *bool // endpoints, in this run or one before
}

var _ webhook.Tx = (*Tx)(nil)

// AppendEvent implements [webhook.Tx].
func (t *Tx) AppendEvent(ctx context.Context, event webhook.Event) error {
	at := event.Created.UnixMilli()
	_, err := t.tx.ExecContext(ctx,
		`INSERT INTO webhook_events (id, type, object, created_at, data) VALUES (?, ?, ?, ?, ?)`,
		event.ID, event.Type, event.Object, at, string(event.Data))
	if err != nil {
		return fmt.Errorf("storing event %s: %w", event.ID, err)
	}
	receivers, err := t.receivers(ctx, event.Type)
	if err != nil {
		return err
	}
	for _, receiver := range receivers {
		_, err := t.tx.ExecContext(ctx,
			`INSERT INTO webhook_deliveries (id, endpoint, event, type, state, attempts, next_at, created_at) VALUES (?, ?, ?, ?, ?, 0, ?, ?)`,
			id.New("dlv"), receiver, event.ID, event.Type, webhook.Pending, at, at)
		if err != nil {
			return fmt.Errorf("storing a delivery of event %s: %w", event.ID, err)
		}
		t.deliver = true
	}
	return nil
}

// receivers are the endpoints and subscribers that want events of a type.
func (t *Tx) receivers(ctx context.Context, eventType string) ([]string, error) {
	endpoints, err := t.enabledEndpoints(ctx)
	if err != nil {
		return nil, err
	}
	receivers := t.outbox.subscribersTo(eventType)
	for _, endpoint := range endpoints {
		if endpoint.Wants(eventType) {
			receivers = append(receivers, endpoint.ID)
		}
	}
	return receivers, nil
}

// RewriteEvents implements [webhook.Tx].
func (t *Tx) RewriteEvents(ctx context.Context, object string, rewrite func(data []byte) ([]byte, error)) error {
	events, err := readEvents(ctx, t.tx, `WHERE object = ?`, object)
	if err != nil {
		return err
	}
	for _, event := range events {
		data, err := rewrite(event.Data)
		if err != nil {
			return fmt.Errorf("event %s: %w", event.ID, err)
		}
		if _, err := t.tx.ExecContext(ctx, `UPDATE webhook_events SET data = ? WHERE seq = ?`, string(data), event.Seq); err != nil {
			return fmt.Errorf("rewriting event %s: %w", event.ID, err)
		}
	}
	return nil
}

// CreateEndpoint implements [webhook.Tx].
func (t *Tx) CreateEndpoint(ctx context.Context, e webhook.Endpoint) error {
	t.changesEndpoints()
	types, metadata, err := encode(e)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx,
		`INSERT INTO webhook_endpoints (id, url, types, secret, old_secret, old_secret_until, status, reason, api_version,
			description, metadata, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.ID, e.URL, types, e.Secret, e.OldSecret, database.Millis(e.OldSecretUntil), e.Status, e.Reason, e.APIVersion,
		e.Description, metadata, database.Millis(e.Created), database.Millis(e.Updated))
	return err
}

// ReadEndpoint implements [webhook.Tx].
func (t *Tx) ReadEndpoint(ctx context.Context, id string) (webhook.Endpoint, error) {
	return endpoint(ctx, t.tx, id)
}

// UpdateEndpoint implements [webhook.Tx].
func (t *Tx) UpdateEndpoint(ctx context.Context, e webhook.Endpoint) error {
	t.changesEndpoints()
	types, metadata, err := encode(e)
	if err != nil {
		return err
	}
	result, err := t.tx.ExecContext(ctx,
		`UPDATE webhook_endpoints SET url = ?, types = ?, secret = ?, old_secret = ?, old_secret_until = ?, status = ?,
			reason = ?, api_version = ?, description = ?, metadata = ?, updated_at = ? WHERE id = ?`,
		e.URL, types, e.Secret, e.OldSecret, database.Millis(e.OldSecretUntil), e.Status,
		e.Reason, e.APIVersion, e.Description, metadata, database.Millis(e.Updated), e.ID)
	if err := changedOne(result, err); err != nil {
		return err
	}
	if e.Status == webhook.Enabled {
		return nil
	}
	_, err = t.tx.ExecContext(ctx, `UPDATE webhook_deliveries SET state = ? WHERE endpoint = ? AND state = ?`,
		webhook.Canceled, e.ID, webhook.Pending)
	return err
}

// DeleteEndpoint implements [webhook.Tx].
func (t *Tx) DeleteEndpoint(ctx context.Context, id string) error {
	t.changesEndpoints()
	for _, statement := range []string{
		`DELETE FROM webhook_attempts WHERE delivery IN (SELECT id FROM webhook_deliveries WHERE endpoint = ?)`,
		`DELETE FROM webhook_deliveries WHERE endpoint = ?`,
		`DELETE FROM webhook_failing WHERE endpoint = ?`,
	} {
		if _, err := t.tx.ExecContext(ctx, statement, id); err != nil {
			return err
		}
	}
	return changedOne(t.tx.ExecContext(ctx, `DELETE FROM webhook_endpoints WHERE id = ?`, id))
}

// Replay implements [webhook.Tx].
func (t *Tx) Replay(ctx context.Context, delivery string, now time.Time) error {
	t.deliver = true
	// Attempts begin anew with the schedule; their numbers go on.
	return changedOne(t.tx.ExecContext(ctx,
		`UPDATE webhook_deliveries SET state = ?, attempts = 0, next_at = ? WHERE id = ?`, webhook.Pending, now.UnixMilli(), delivery))
}

func changedOne(result sql.Result, err error) error {
	if err != nil {
		return err
	}
	if changed, err := result.RowsAffected(); err != nil || changed == 0 {
		return errors.Join(err, webhook.ErrNotFound)
	}
	return nil
}

func encode(e webhook.Endpoint) (types, metadata string, err error) {
	encodedTypes, err := json.Marshal(e.Types)
	if err != nil {
		return "", "", err
	}
	if e.Metadata == nil {
		e.Metadata = map[string]string{}
	}
	encodedMetadata, err := json.Marshal(e.Metadata)
	return string(encodedTypes), string(encodedMetadata), err
}
