package payments

import (
	"context"
	"crypto/sha256"
	"time"
)

// Store keeps payments and the replies saved for repeated requests. It is
// safe for concurrent use. Test and live objects never meet: each look-up
// sees one mode, and what is not there is [ErrNotFound]. The suite in
// storetest says the rest.
type Store interface {
	// Write runs change in one transaction and returns nil only after it is
	// durable. When change returns an error or panics, nothing has happened.
	// A store may run change again after a conflict with another transaction.
	Write(ctx context.Context, change func(ctx context.Context, tx Tx) error) error

	// Payment returns an intent with its payment method and latest charge.
	Payment(ctx context.Context, live bool, intentID string) (Payment, error)

	// Payments returns a page of payments, newest first.
	Payments(ctx context.Context, query Query) (Page, error)

	PaymentMethod(ctx context.Context, live bool, id string) (PaymentMethod, error)

	// Charges returns all attempts to charge an intent, newest first.
	Charges(ctx context.Context, live bool, intentID string) ([]Charge, error)

	SavedReply(ctx context.Context, live bool, key ReplyKey) (SavedReply, error)

	// Ping reports whether the store can be reached.
	Ping(ctx context.Context) error
	Close() error
}

// Tx is what a transaction of a Store can do.
type Tx interface {
	// InsertIntent adds an intent; its Version becomes 1.
	InsertIntent(ctx context.Context, intent PaymentIntent) error

	// UpdateIntent replaces the stored intent if that still has the same
	// Version, which grows by one, and otherwise returns [ErrConflict].
	UpdateIntent(ctx context.Context, intent PaymentIntent) error

	InsertMethod(ctx context.Context, method PaymentMethod) error

	// InsertCharge adds an attempt. An intent can have only one that
	// succeeded or is pending.
	InsertCharge(ctx context.Context, charge Charge) error

	// SaveReply saves a reply under a key that has none; otherwise it returns
	// [ErrKeyUsed].
	SaveReply(ctx context.Context, live bool, key ReplyKey, saved SavedReply) error

	// ForgetReplies deletes up to limit replies saved before a time.
	ForgetReplies(ctx context.Context, before time.Time, limit int) error
}

// Query selects payments. At most one of After and Before is set.
type Query struct {
	Live   bool
	Limit  int    // at least 1
	After  string // id of the intent the page comes after: older ones
	Before string // id of the intent the page comes before: newer ones

	// The time of creation in unix seconds, both ends included; 0 leaves an
	// end open.
	CreatedFrom, CreatedTo int64
}

// Page is a part of a list.
type Page struct {
	Payments []Payment
	More     bool // there are others in the direction that was asked for
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
	Status      int
	Body        []byte
	Saved       time.Time
}
