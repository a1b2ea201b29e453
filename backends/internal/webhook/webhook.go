// Package webhook has the rules of telling other systems what happened: what
// an event and an endpoint are, who gets which event, when a delivery is tried
// again, and how it is signed. Package outbox keeps these things in a
// database, package deliver sends them.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrNotFound says that no event, endpoint or delivery has the id.
var ErrNotFound = errors.New("not found")

// Event is one fact, written in the transaction that made it true.
type Event struct {
	Seq     int64  // increasing in the order of writing; given by the store
	ID      string // "evt_…"
	Type    string // "order.created"
	Object  string // id of what it is about
	Created time.Time
	Data    []byte // JSON of the service's own making
	Pending int    // deliveries that have neither succeeded nor been given up; only when read
}

// Status says whether an endpoint gets events.
type Status string

// The statuses of an endpoint.
const (
	Enabled  Status = "enabled"
	Disabled Status = "disabled"
)

// Endpoint is an address that events are sent to.
type Endpoint struct {
	ID          string
	URL         string
	Types       []string // of events it gets; "*" stands for all, "order.*" for all that begin so
	Secret      string   // signs deliveries: "whsec_…"
	OldSecret   string   // signs as well, until OldSecretUntil
	Status      Status
	Reason      string // why it is disabled, for people; "" when somebody chose it
	APIVersion  string // the form of the events; "" for the service's own
	Description string
	Metadata    map[string]string
	Created     time.Time
	Updated     time.Time

	OldSecretUntil time.Time
}

// Wants reports whether the endpoint gets events of a type.
func (e Endpoint) Wants(eventType string) bool {
	return e.Status == Enabled && Among(e.Types, eventType)
}

// Among reports whether one of the patterns stands for a type of events, see Endpoint.Types.
func Among(patterns []string, eventType string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return pattern == eventType || open && strings.HasPrefix(eventType, prefix)
	})
}

// State says how far a delivery is.
type State string

// The states of a delivery.
const (
	Pending   State = "pending"   // to be tried, for the first time or again
	Delivered State = "delivered" // answered with 2xx
	Failed    State = "failed"    // given up after the last attempt
	Canceled  State = "canceled"  // its endpoint was disabled or deleted
)

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	ID       string // "dlv_…"
	Endpoint string
	Event    string
	Type     string // of the event
	State    State
	Attempts int
	Next     time.Time // of the next attempt, while pending
	Created  time.Time
	Last     Attempt // the latest; zero before the first
}

// Attempt is one try at a delivery.
type Attempt struct {
	Number  int // from 1
	At      time.Time
	Status  int // of the answer; 0 when there was none
	Latency time.Duration
	Error   string // why there was no answer; "" when there was
	Answer  string // its first bytes
}

// Filter selects from a list. Zero fields select everything.
type Filter struct {
	Types    []string // of events
	Object   string
	Event    string // of deliveries
	Endpoint string // of deliveries
	State    State  // of deliveries
	From     time.Time
	Until    time.Time // inclusive, as From
	Settled  *bool     // events all (true) or not all (false) of whose deliveries succeeded
	Below    int64     // only what has a lower Seq
	Above    int64     // only what has a higher Seq; the lowest of them, still newest first
	Limit    int       // default 100
}

// Reader reads events, endpoints and deliveries.
type Reader interface {
	Event(ctx context.Context, id string) (Event, error)
	// Events lists the newest first.
	Events(ctx context.Context, filter Filter) ([]Event, error)
	Endpoint(ctx context.Context, id string) (Endpoint, error)
	// Endpoints lists all, the newest first.
	Endpoints(ctx context.Context) ([]Endpoint, error)
	// Deliveries lists the newest first, with their latest attempt.
	Deliveries(ctx context.Context, filter Filter) ([]Delivery, error)
	// Attempts lists those of one delivery, the first one first.
	Attempts(ctx context.Context, delivery string) ([]Attempt, error)
}

// Tx is what a transaction can do with them.
type Tx interface {
	// AppendEvent stores an event and a delivery for each endpoint that wants it.
	AppendEvent(ctx context.Context, event Event) error
	// RewriteEvents replaces the data of all events about an object.
	RewriteEvents(ctx context.Context, object string, rewrite func(data []byte) ([]byte, error)) error
	CreateEndpoint(ctx context.Context, endpoint Endpoint) error
	// ReadEndpoint returns an endpoint to be changed, or ErrNotFound.
	ReadEndpoint(ctx context.Context, id string) (Endpoint, error)
	// UpdateEndpoint stores all fields but ID and Created. Disabling cancels what is pending.
	UpdateEndpoint(ctx context.Context, endpoint Endpoint) error
	// DeleteEndpoint deletes an endpoint and its deliveries, or returns ErrNotFound.
	DeleteEndpoint(ctx context.Context, id string) error
	// Replay has a delivery tried again now, whatever its state, or returns ErrNotFound.
	Replay(ctx context.Context, delivery string, now time.Time) error
}

// schedule is how long a delivery waits before each attempt.
var schedule = []time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
	5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// Next returns how long to wait after so many failed attempts; ok is false
// when it is time to give up. An answer's Retry-After lengthens the wait, to a
// day at most.
func Next(attempts int, retryAfter time.Duration) (wait time.Duration, ok bool) {
	if attempts >= len(schedule) {
		return 0, false
	}
	return max(schedule[attempts], min(retryAfter, 24*time.Hour)), true
}

// Patience is how long an endpoint may fail without a success before it is disabled.
const Patience = 5 * 24 * time.Hour

// MaxURL is the longest address of an endpoint, in characters.
const MaxURL = 2048

// CheckURL says what is wrong with an endpoint's address, in words for the
// client, or returns nil. Where it leads is checked on every connection.
func CheckURL(address string) error {
	if utf8.RuneCountInString(address) > MaxURL {
		return fmt.Errorf("must be at most %d characters long", MaxURL)
	}
	parsed, err := url.Parse(address)
	switch {
	case err != nil || parsed.Host == "" || parsed.Hostname() == "":
		return errors.New("must be an address such as “https://example.com/webhooks”")
	case parsed.Scheme != "https" && parsed.Scheme != "http":
		return errors.New("must begin with https:// or http://")
	case parsed.User != nil:
		return errors.New("must not contain a user name or password: deliveries are signed instead")
	case parsed.Fragment != "":
		return errors.New("must not have a fragment (#…)")
	}
	return nil
}
