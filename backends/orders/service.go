package orders

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// KeyLifetime is how long a reply is kept under its Idempotency-Key.
const KeyLifetime = 24 * time.Hour

// Service is what can be done with orders.
type Service struct {
	store Store
	now   func() time.Time

	payments func() Payments // nil result: there is no payment service
	inFlight sync.Map        // client and key of payments being started
}

// NewService returns the use cases on store; now tells the time. payments
// returns the payment service, or nil when there is none.
func NewService(store Store, now func() time.Time, payments func() Payments) *Service {
	if payments == nil {
		payments = func() Payments { return nil }
	}
	return &Service{store: store, now: now, payments: payments}
}

// Call is who wants a change, and how.
type Call struct {
	Actor   Actor
	Request idempotency.Request // its zero value: no Idempotency-Key
	Version int64               // that the client has read; 0: whatever it is
}

// Reply is what a client gets.
type Reply = idempotency.Reply

// Render makes the reply that a client gets for an order, of which document is
// what Encode writes. It may run inside the transaction, so that the reply can be
// saved with the order, must be quick and must not change the document.
type Render func(order Order, document []byte) (idempotency.Reply, error)

// Create places an order and returns its reply. A request whose key was used
// before has no effect: it gets the reply saved then, and replayed is true.
//
// Errors: *InvalidError, ErrKeyReused, or the store's.
func (s *Service) Create(ctx context.Context, call Call, asked NewOrder, render Render) (
	reply idempotency.Reply, replayed bool, err error,
) {
	order, err := place(asked, s.now())
	if err != nil {
		return idempotency.Reply{}, false, err
	}
	if order.Number, err = s.store.NextNumber(ctx); err != nil {
		return idempotency.Reply{}, false, fmt.Errorf("numbering an order: %w", err)
	}
	row, err := NewRow(order)
	if err != nil {
		return idempotency.Reply{}, false, err
	}
	event, err := newEvent(EventCreated, call.Actor, nil, order, row.Document)
	if err != nil {
		return idempotency.Reply{}, false, err
	}
	placed, err := render(order, row.Document)
	if err != nil {
		return idempotency.Reply{}, false, err
	}
	return s.onceWith(ctx, call.Request, placed, func(ctx context.Context, tx Tx) error {
		if err := tx.Insert(ctx, row); err != nil {
			return fmt.Errorf("storing order %s: %w", order.ID, err)
		}
		return tx.AppendEvent(ctx, event)
	})
}

// Document returns one order as it is stored, or ErrNotFound.
func (s *Service) Document(ctx context.Context, id string) (Document, error) {
	return s.store.Document(ctx, id)
}

// Order returns one order, or ErrNotFound.
func (s *Service) Order(ctx context.Context, id string) (Order, error) {
	document, err := s.store.Document(ctx, id)
	if err != nil {
		return Order{}, err
	}
	return Decode(document.JSON)
}

// Events lists the events about an order, the newest first, or ErrNotFound.
func (s *Service) Events(ctx context.Context, order string) ([]webhook.Event, error) {
	if _, err := s.store.Document(ctx, order); err != nil {
		return nil, err
	}
	return s.store.Events(ctx, webhook.Filter{Object: order, Limit: 1000})
}

// Store is where the service keeps things, for what has no rules of its own:
// reading events and deliveries.
func (s *Service) Store() Store { return s.store }

// Ping reports whether the store can be reached.
func (s *Service) Ping(ctx context.Context) error { return s.store.Ping(ctx) }

// Update changes what a client chooses: customer, addresses, note, metadata,
// and the price while it is not frozen.
//
// Errors of this and the changes below: ErrNotFound, ErrStale, ErrKeyReused,
// *InvalidError, *StateError, or the store's.
func (s *Service) Update(ctx context.Context, call Call, id string, patch Patch, render Render) (idempotency.Reply, bool, error) {
	return s.change(ctx, call, id, EventUpdated, func(o *Order) (bool, error) { return true, o.patch(patch) }, render)
}

// Place makes an order of a draft.
func (s *Service) Place(ctx context.Context, call Call, id string, render Render) (idempotency.Reply, bool, error) {
	return s.change(ctx, call, id, EventPlaced, func(o *Order) (bool, error) { return o.become(StatusOpen, "placed", StatusDraft) }, render)
}

// Complete ends an order of which nothing is left to fulfil.
func (s *Service) Complete(ctx context.Context, call Call, id string, render Render) (idempotency.Reply, bool, error) {
	return s.change(ctx, call, id, EventCompleted, (*Order).complete, render)
}

// Archive puts an order away that is completed or canceled.
func (s *Service) Archive(ctx context.Context, call Call, id string, render Render) (idempotency.Reply, bool, error) {
	return s.change(ctx, call, id, EventArchived, func(o *Order) (bool, error) {
		return o.become(StatusArchived, "archived", StatusCompleted, StatusCanceled)
	}, render)
}

// Cancel cancels an order, or units of it.
func (s *Service) Cancel(ctx context.Context, call Call, id string, ask CancelAsk, render Render) (idempotency.Reply, bool, error) {
	return s.change(ctx, call, id, EventCanceled, func(o *Order) (bool, error) { return o.cancel(ask) }, render)
}

// Fulfill notes that units were sent or handed over.
func (s *Service) Fulfill(ctx context.Context, call Call, id string, ask FulfillAsk, render Render) (idempotency.Reply, bool, error) {
	return s.change(ctx, call, id, EventFulfilled, func(o *Order) (bool, error) { return true, o.fulfill(ask, InstantOf(s.now())) }, render)
}

// TakeBack notes that units came back.
func (s *Service) TakeBack(ctx context.Context, call Call, id string, ask ReturnAsk, render Render) (idempotency.Reply, bool, error) {
	return s.change(ctx, call, id, EventReturned, func(o *Order) (bool, error) { return true, o.takeBack(ask, InstantOf(s.now())) }, render)
}

// Refund gives money back for units, from what the lines were priced at. The
// payment service does it right after; the refund is pending until it has.
// It needs an Idempotency-Key (ErrKeyMissing).
func (s *Service) Refund(ctx context.Context, call Call, id string, ask RefundAsk, render Render) (idempotency.Reply, bool, error) {
	if call.Request.Key == "" {
		return idempotency.Reply{}, false, ErrKeyMissing
	}
	if s.payments() == nil {
		return idempotency.Reply{}, false, ErrNoPayments
	}
	return s.change(ctx, call, id, EventRefundCreated, func(o *Order) (bool, error) { return true, o.refund(ask, InstantOf(s.now())) }, render)
}

// change runs fn on an order and stores what it made of it, with its event.
// When fn reports no news, nothing is stored but the reply.
func (s *Service) change(ctx context.Context, call Call, id, eventType string, fn func(*Order) (news bool, err error), render Render) (
	idempotency.Reply, bool, error,
) {
	return s.once(ctx, call.Request, func(ctx context.Context, tx Tx) (idempotency.Reply, error) {
		order, document, err := s.changeIn(ctx, tx, call, id, eventType, fn)
		if err != nil {
			return idempotency.Reply{}, err
		}
		return render(order, document)
	})
}

// changeIn is change inside a transaction. It returns the order with what Encode writes of it.
func (s *Service) changeIn(ctx context.Context, tx Tx, call Call, id, eventType string, fn func(*Order) (news bool, err error)) (
	order Order, document []byte, err error,
) {
	if order, err = tx.Order(ctx, id); err != nil {
		return Order{}, nil, err
	}
	if call.Version != 0 && call.Version != order.Version {
		return Order{}, nil, ErrStale
	}
	before, document, err := copyOf(order)
	if err != nil {
		return Order{}, nil, err
	}
	news, err := fn(&order)
	if err != nil || !news {
		return before, document, err
	}
	s.touch(&order)
	if document, err = tx.Update(ctx, order); err != nil {
		return Order{}, nil, fmt.Errorf("storing order %s: %w", id, err)
	}
	event, err := newEvent(eventType, call.Actor, &before, order, document)
	if err != nil {
		return Order{}, nil, err
	}
	return order, document, tx.AppendEvent(ctx, event)
}

// touch settles what every change changes.
func (s *Service) touch(order *Order) {
	order.Version++
	order.Updated = InstantOf(s.now())
	order.derive()
}

// copyOf returns an order that shares nothing with the given one, and what Encode writes of both.
func copyOf(order Order) (duplicate Order, document []byte, err error) {
	if document, err = Encode(order); err != nil {
		return Order{}, nil, err
	}
	duplicate, err = Decode(document)
	return duplicate, document, err
}

// once runs change in a transaction that also saves its reply under the
// request's key: effect and reply are kept together or not at all.
func (s *Service) once(ctx context.Context, request idempotency.Request,
	change func(context.Context, Tx) (idempotency.Reply, error),
) (reply idempotency.Reply, replayed bool, err error) {
	now := s.moment()
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		replayed = false
		if request.Key == "" {
			reply, err = change(ctx, tx)
			return err
		}
		if reply, err = savedReply(ctx, tx, request, now); !errors.Is(err, ErrNotFound) {
			replayed = err == nil
			return err
		}
		if reply, err = change(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.SaveReply(ctx, request, reply, now, now.Add(-KeyLifetime)); err != nil {
			return fmt.Errorf("saving a reply: %w", err)
		}
		return nil
	})
	if err != nil {
		return idempotency.Reply{}, false, err
	}
	return reply, replayed, nil
}

// onceWith is once for a change whose reply is known before it: whether there is
// one already shows when it is saved.
func (s *Service) onceWith(ctx context.Context, request idempotency.Request, made idempotency.Reply,
	change func(context.Context, Tx) error,
) (reply idempotency.Reply, replayed bool, err error) {
	now := s.moment()
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		reply, replayed = made, false
		if request.Key == "" {
			return change(ctx, tx)
		}
		saved, err := tx.SaveReply(ctx, request, made, now, now.Add(-KeyLifetime))
		switch {
		case err != nil:
			return fmt.Errorf("saving a reply: %w", err)
		case saved:
			return change(ctx, tx)
		}
		replayed = true
		reply, err = savedReply(ctx, tx, request, now)
		return err
	})
	if err != nil {
		return idempotency.Reply{}, false, err
	}
	return reply, replayed, nil
}

// savedReply is the reply saved for a request, or ErrNotFound. Another request
// under the same key is ErrKeyReused.
func savedReply(ctx context.Context, tx Tx, request idempotency.Request, now time.Time) (idempotency.Reply, error) {
	saved, err := tx.SavedReply(ctx, request.Client, request.Key, now.Add(-KeyLifetime))
	switch {
	case errors.Is(err, ErrNotFound):
		return idempotency.Reply{}, ErrNotFound
	case err != nil:
		return idempotency.Reply{}, fmt.Errorf("looking up a saved reply: %w", err)
	case saved.Fingerprint != request.Fingerprint:
		return idempotency.Reply{}, ErrKeyReused
	}
	return saved.Reply, nil
}

// ForgetReplies deletes the replies that have expired, a few at a time so that
// other writes need not wait.
func (s *Service) ForgetReplies(ctx context.Context) error {
	const batch = 100
	expired := s.moment().Add(-KeyLifetime)
	for forgotten := batch; forgotten == batch; {
		err := s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
			forgotten, err = tx.ForgetReplies(ctx, expired, batch)
			return err
		})
		if err != nil {
			return fmt.Errorf("deleting expired replies: %w", err)
		}
	}
	return nil
}

// moment is now at the precision that is stored and shown.
func (s *Service) moment() time.Time { return s.now().UTC().Truncate(time.Millisecond) }
