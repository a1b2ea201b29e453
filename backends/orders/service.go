package orders

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/idempotency"
)

// KeyLifetime is how long a reply is kept under its Idempotency-Key.
const KeyLifetime = 24 * time.Hour

// Sizes of a page of a list.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// Service is what can be done with orders.
type Service struct {
	store Store
	now   func() time.Time
}

// NewService returns the use cases on store; now tells the time.
func NewService(store Store, now func() time.Time) *Service {
	return &Service{store: store, now: now}
}

// Render makes the reply that a client gets for an order. It runs inside the
// transaction, so that the reply can be saved with the order, and must be quick.
type Render func(Order) (idempotency.Reply, error)

// Create places an order and returns its reply. A request whose key was used
// before has no effect: it gets the reply saved then, and replayed is true.
//
// Errors: *InvalidError, ErrKeyReused, or the store's.
func (s *Service) Create(ctx context.Context, request idempotency.Request, asked NewOrder, render Render) (
	reply idempotency.Reply, replayed bool, err error,
) {
	order, err := place(asked, s.moment())
	if err != nil {
		return idempotency.Reply{}, false, err
	}
	return s.once(ctx, request, func(ctx context.Context, tx Tx) (idempotency.Reply, error) {
		number, err := tx.Insert(ctx, order)
		if err != nil {
			return idempotency.Reply{}, fmt.Errorf("storing order %s: %w", order.ID, err)
		}
		placed := order
		placed.Number = number
		return render(placed)
	})
}

// Order returns one order, or ErrNotFound.
func (s *Service) Order(ctx context.Context, id string) (Order, error) {
	return s.store.Order(ctx, id)
}

// Page is a part of the list of orders, newest first.
type Page struct {
	Orders []Order
	Next   string // cursor of the page after it; "" on the last one
}

// List returns up to limit orders after cursor, a Page's Next or "" for the
// newest; limit 0 means DefaultLimit. Orders that are placed while a client
// turns the pages neither shift nor repeat the others.
//
// Errors: *ParameterError, or the store's.
func (s *Service) List(ctx context.Context, cursor string, limit int) (Page, error) {
	if limit == 0 {
		limit = DefaultLimit
	}
	if limit < 1 || limit > MaxLimit {
		return Page{}, &ParameterError{"limit", fmt.Sprintf("must be from 1 to %d", MaxLimit)}
	}
	below, err := parseCursor(cursor)
	if err != nil {
		return Page{}, err
	}
	found, err := s.store.Orders(ctx, below, limit+1) // one more tells whether there is a next page
	if err != nil {
		return Page{}, fmt.Errorf("listing orders: %w", err)
	}
	if len(found) <= limit {
		return Page{Orders: found}, nil
	}
	return Page{Orders: found[:limit], Next: formatCursor(found[limit-1].Number)}, nil
}

// Ping reports whether the store can be reached.
func (s *Service) Ping(ctx context.Context) error { return s.store.Ping(ctx) }

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
		saved, err := tx.SavedReply(ctx, request.Client, request.Key, now.Add(-KeyLifetime))
		switch {
		case err == nil && saved.Fingerprint != request.Fingerprint:
			return ErrKeyReused
		case err == nil:
			reply, replayed = saved.Reply, true
			return nil
		case !errors.Is(err, ErrNotFound):
			return fmt.Errorf("looking up a saved reply: %w", err)
		}
		if reply, err = change(ctx, tx); err != nil {
			return err
		}
		return keepReply(ctx, tx, request, reply, now)
	})
	if err != nil {
		return idempotency.Reply{}, false, err
	}
	return reply, replayed, nil
}

// keepReply saves a reply and deletes a few that have expired, so that they
// are gone without a job of their own.
func keepReply(ctx context.Context, tx Tx, request idempotency.Request, reply idempotency.Reply, now time.Time) error {
	if err := tx.SaveReply(ctx, request, reply, now); err != nil {
		return fmt.Errorf("saving a reply: %w", err)
	}
	if err := tx.ForgetReplies(ctx, now.Add(-KeyLifetime), 4); err != nil {
		return fmt.Errorf("deleting expired replies: %w", err)
	}
	return nil
}

// moment is now at the precision that is stored and shown.
func (s *Service) moment() time.Time { return s.now().UTC().Truncate(time.Millisecond) }

// A cursor is the number of the last order seen, behind a version in case its meaning grows.
const cursorVersion = "1:"

func formatCursor(number int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(cursorVersion + strconv.FormatInt(number, 10)))
}

func parseCursor(cursor string) (below int64, err error) {
	if cursor == "" {
		return math.MaxInt64, nil
	}
	invalid := &ParameterError{"cursor", "is not one that a list gave: start again without it"}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return 0, invalid
	}
	number, ok := strings.CutPrefix(string(text), cursorVersion)
	if !ok {
		return 0, invalid
	}
	if below, err = strconv.ParseInt(number, 10, 64); err != nil || below < 0 {
		return 0, invalid
	}
	return below, nil
}
