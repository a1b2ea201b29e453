package payments

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// Store keeps objects, the ledger, the replies saved for repeated requests, and
// events with their way to webhook endpoints. It is safe for concurrent use.
// A store is of one mode: test and live objects never meet in one. The suite
// in storetest says the rest.
type Store interface {
	Reader
	webhook.Reader

	// Write runs change in one transaction and returns nil only after it is
	// durable. When change returns an error or panics, nothing has happened.
	// A store may run change again after a conflict with another transaction.
	Write(ctx context.Context, change func(ctx context.Context, tx Tx) error) error

	// Snapshot runs read on one consistent state.
	Snapshot(ctx context.Context, read func(ctx context.Context, reader Reader) error) error

	// Ping reports whether the store can be reached.
	Ping(ctx context.Context) error
	Close() error
}

// Reader reads objects. What is not there is [ErrNotFound].
type Reader interface {
	Get(ctx context.Context, kind Kind, id string) (Object, error)

	// List returns a page of objects, newest first. ErrNotFound: there is no
	// object that Query.After or Before names.
	List(ctx context.Context, kind Kind, query Query) (Page, error)

	// Due returns up to limit objects whose time has come, oldest first:
	// operations to ask about again, charges not captured in time, balance
	// transactions that have become available.
	Due(ctx context.Context, kind Kind, now time.Time, limit int) ([]Object, error)

	// Transfers returns up to limit rows of the ledger after one, in order.
	Transfers(ctx context.Context, after int64, limit int) ([]Transfer, error)

	// TransfersOf returns the rows of sources, in order.
	TransfersOf(ctx context.Context, sources ...string) ([]Transfer, error)

	// Totals returns the sum of each account by currency.
	Totals(ctx context.Context) (map[string]Postings, error)

	// Told counts events by type and object, as "TYPE ID".
	Told(ctx context.Context) (map[string]int, error)

	SavedReply(ctx context.Context, key ReplyKey) (SavedReply, error)
}

// Tx is what a transaction of a Store can do.
type Tx interface {
	Reader
	webhook.Tx

	// Insert adds an object; its Version becomes 1 and its Seq is set. An
	// intent can have only one charge that succeeded or is pending: a second
	// one, or a second object of the id, is [ErrConflict].
	Insert(ctx context.Context, object Object) error

	// Update replaces the stored object if that still has the same Version,
	// which grows by one, and otherwise returns [ErrConflict].
	Update(ctx context.Context, object Object) error

	// Delete removes an operation that is finished. Nothing else is deleted.
	Delete(ctx context.Context, operation *Operation) error

	// Post adds a row to the ledger, or returns [ErrConflict] when there is one
	// of the id, or one that resolves the same transfer.
	Post(ctx context.Context, transfer Transfer) error

	// SaveReply saves a reply under a key that has none, or completes the one
	// that was begun; otherwise it returns [ErrKeyUsed].
	SaveReply(ctx context.Context, key ReplyKey, saved SavedReply) error

	// ForgetReplies deletes up to limit replies saved before a time.
	ForgetReplies(ctx context.Context, before time.Time, limit int) error
}

// Column is something that objects are selected by.
type Column string

// The columns; each kind of object has some of them.
const (
	ByCustomer Column = "customer"
	ByIntent   Column = "payment_intent"
	ByCharge   Column = "charge"
	ByEmail    Column = "email"
	ByType     Column = "type"
	ByCurrency Column = "currency"
	BySource   Column = "source"
	ByStatus   Column = "status"

	ByReference Column = "reference" // what the processor calls it
)

// Query selects objects. At most one of After and Before is set.
type Query struct {
	Limit  int    // at least 1
	After  string // id of the object the page comes after: older ones
	Before string // id of the object the page comes before: newer ones

	// The time of creation in unix seconds, both ends included; 0 leaves an
	// end open.
	CreatedFrom, CreatedTo int64

	// Match selects by columns; any of the values of a column will do.
	Match map[Column][]string
}

// Page is a part of a list.
type Page struct {
	Objects []Object
	More    bool // there are others in the direction that was asked for
}

// KeyLifetime is how long a reply is kept at least under its idempotency key.
const KeyLifetime = 24 * time.Hour

// ReplyKey stands for an idempotency key. The key itself is not kept: clients
// put into it what they like.
type ReplyKey [sha256.Size]byte

// ReplyKeyOf hashes an idempotency key.
func ReplyKeyOf(idempotencyKey string) ReplyKey { return sha256.Sum256([]byte(idempotencyKey)) }

// SavedReply is what was answered to the first request with an idempotency
// key, to be repeated byte for byte.
type SavedReply struct {
	Fingerprint string // of the request
	RequestID   string // "req_…", of the first request
	Status      int    // of HTTP; 0 while the processor is being asked
	Body        []byte
	Saved       time.Time
}
