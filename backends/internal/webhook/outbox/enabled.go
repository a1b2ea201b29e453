package outbox

import (
	"context"
	"sync"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// enabledEndpoints keeps the endpoints that get events, so that an event need
// not look them up. It is for SQLite, where this process is the only writer and
// transactions run one after the other.
type enabledEndpoints struct {
	mu       sync.Mutex
	known    bool
	found    []webhook.Endpoint
	changing int // transactions that change endpoints and are not known to be over
}

// change forgets what is known until the transaction that changes endpoints is
// over: what others see before that may still be undone.
func (e *enabledEndpoints) change() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changing++
	e.known, e.found = false, nil
}

// changed is called once for each change, after its transaction.
func (e *enabledEndpoints) changed() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changing--
}

func (e *enabledEndpoints) get() (found []webhook.Endpoint, known bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.found, e.known
}

func (e *enabledEndpoints) keep(found []webhook.Endpoint) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.changing == 0 {
		e.known, e.found = true, found
	}
}

// changesEndpoints must be called before the transaction changes one.
func (t *Tx) changesEndpoints() {
	if !*t.changing {
		*t.changing = true
		t.outbox.enabled.change()
	}
}

// enabledEndpoints are those that the transaction sees.
func (t *Tx) enabledEndpoints(ctx context.Context) ([]webhook.Endpoint, error) {
	if found, known := t.outbox.enabled.get(); known {
		return found, nil
	}
	found, err := endpoints(ctx, t.tx, `WHERE status = ?`, webhook.Enabled)
	if err == nil && t.outbox.db.Dialect == database.SQLite {
		t.outbox.enabled.keep(found)
	}
	return found, err
}
