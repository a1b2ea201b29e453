package orders

import (
	"context"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// Store keeps orders, their events and the replies saved for repeated
// requests. It is safe for concurrent use. The suite in storetest says the rest.
type Store interface {
	webhook.Reader

	// Write runs change in one transaction and returns nil only after it is
	// durable. When change returns an error or panics, nothing has happened.
	// A store may run change again after a conflict with another transaction.
	Write(ctx context.Context, change func(ctx context.Context, tx Tx) error) error

	// NextNumber returns the number of a new order, which is higher than any
	// number given before. A number that is not used is a gap.
	NextNumber(ctx context.Context) (int64, error)

	// Document returns the order with the id as Encode wrote it, or ErrNotFound.
	// Its JSON must not be changed: others may hold it too.
	Document(ctx context.Context, id string) (Document, error)

	// Documents returns the orders that a query selects, in its order.
	Documents(ctx context.Context, query Query) ([]Document, error)

	// Ping reports whether the store can be reached.
	Ping(ctx context.Context) error
	Close() error
}

// Document is a stored order.
type Document struct {
	Position // among Documents; of Document only the number
	Version  int64
	JSON     []byte
}

// Row is an order as it is stored. It is made before the transaction that stores
// it: there, others wait.
type Row struct {
	Order    Order
	Document []byte   // what Encode writes
	Words    []string // that it is found by
}

// NewRow returns the row of an order.
func NewRow(order Order) (Row, error) {
	document, err := Encode(order)
	return Row{order, document, Words(order)}, err
}

// Sort is what a list is sorted by, highest first. Equal times are sorted by number.
type Sort string

// The sorts.
const (
	ByNumber   Sort = ""
	ByCreation Sort = "created"
	ByUpdate   Sort = "updated"
)

// Position is the place of an order in a list.
type Position struct {
	Millis int64 // the time that it is sorted by, since 1970; 0 with ByNumber
	Number int64
}

// Query selects orders. Zero fields select everything.
type Query struct {
	Sort        Sort
	Below       Position // those after it in the list; zero: all
	Limit       int      // at most so many; required
	Status      []string
	Payment     []string // payment statuses
	Fulfillment []string // fulfilment statuses
	Currency    string
	Email       string // in lower case
	Number      int64
	CreatedFrom, CreatedUntil,
	UpdatedFrom, UpdatedUntil time.Time // inclusive
	Words []Word // all occur
}

// Word is a word to search for, or the beginning of one.
type Word struct {
	Text   string
	Prefix bool
}

// Tx is what a transaction of a Store can do.
type Tx interface {
	webhook.Tx

	// Insert adds a new order that has a number.
	Insert(ctx context.Context, row Row) error

	// Order returns an order to be changed, or ErrNotFound.
	Order(ctx context.Context, id string) (Order, error)

	// Update stores an order that was inserted before, and returns what it
	// stored, as Encode writes it.
	Update(ctx context.Context, order Order) (document []byte, err error)

	// OrdersOf returns the ids of up to limit orders of a customer, by e-mail
	// address in lower case.
	OrdersOf(ctx context.Context, email string, limit int) ([]string, error)

	// Apply remembers a fact from outside and reports whether it is new.
	Apply(ctx context.Context, fact string, at time.Time) (first bool, err error)

	// SavedReply returns what a client's key was saved with, at since or
	// later, or ErrNotFound.
	SavedReply(ctx context.Context, client, key string, since time.Time) (SavedReply, error)

	// SaveReply saves a reply under the request's client and key, in place of one
	// saved before since. It reports whether it did: a later one stays.
	SaveReply(ctx context.Context, request idempotency.Request, reply idempotency.Reply, at, since time.Time) (saved bool, err error)

	// ForgetReplies deletes up to limit replies saved before a time, and returns how many.
	ForgetReplies(ctx context.Context, before time.Time, limit int) (forgotten int, err error)

	// ScrubReplies deletes the saved replies about an order.
	ScrubReplies(ctx context.Context, order string) error
}

// SavedReply is a reply and the fingerprint of the request it answered.
type SavedReply struct {
	Fingerprint string
	Reply       idempotency.Reply
}
