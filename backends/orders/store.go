package orders

import (
	"context"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/idempotency"
)

// Store keeps orders and the replies saved for repeated requests. It is safe
// for concurrent use. The suite in storetest says the rest.
type Store interface {
	// Write runs change in one transaction and returns nil only after it is
	// durable. When change returns an error or panics, nothing has happened.
	// A store may run change again after a conflict with another transaction.
	Write(ctx context.Context, change func(ctx context.Context, tx Tx) error) error

	// Order returns the order with the id, or ErrNotFound.
	Order(ctx context.Context, id string) (Order, error)

	// Orders returns up to limit orders with numbers below the given one,
	// highest first.
	Orders(ctx context.Context, below int64, limit int) ([]Order, error)

	// Ping reports whether the store can be reached.
	Ping(ctx context.Context) error
	Close() error
}

// Tx is what a transaction of a Store can do.
type Tx interface {
	// Insert adds a new order and returns its number, which is higher than
	// any number given before.
	Insert(ctx context.Context, order Order) (number int64, err error)

	// SavedReply returns what a client's key was saved with, at since or
	// later, or ErrNotFound.
	SavedReply(ctx context.Context, client, key string, since time.Time) (SavedReply, error)

	// SaveReply saves a reply under the request's client and key, in place of
	// an older one.
	SaveReply(ctx context.Context, request idempotency.Request, reply idempotency.Reply, at time.Time) error

	// ForgetReplies deletes up to limit replies saved before a time.
	ForgetReplies(ctx context.Context, before time.Time, limit int) error
}

// SavedReply is a reply and the fingerprint of the request it answered.
type SavedReply struct {
	Fingerprint string
	Reply       idempotency.Reply
}
