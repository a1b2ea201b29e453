// Package deliver sends what a [alert.Book] says, to webhooks, to ntfy and by
// e-mail, and again until it has arrived.
package deliver

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/alert"
	"github.com/aditechsphere/fairway/backends/internal/id"
)

const (
	// timeout bounds one attempt.
	timeout = 15 * time.Second
	// grace is how long attempts under way may take when the desk closes.
	grace = 5 * time.Second
	// keepFor is how long a message is tried to be delivered.
	keepFor = 24 * time.Hour
	// maxQueue bounds the deliveries that wait; the oldest are given up.
	maxQueue = 1000
)

// pauses are those before the second attempt and the ones after; the last repeats.
var pauses = []time.Duration{
	10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
}

// Channel is a way to reach somebody.
type Channel interface {
	// ID is the same for the same place, also after a restart, and tells no secret.
	ID() string
	// Name says what it is, without secrets: "e-mail to ops@example.org".
	Name() string
	// Send delivers a message. Its error tells no secret.
	Send(ctx context.Context, m alert.Message) error
}

// State is what a desk must not forget.
type State struct {
	Told     []alert.Told       `json:"told"`
	Queue    []Delivery         `json:"queue"` // oldest first
	Failures map[string]Failure `json:"failures,omitempty"`
}

// Delivery is a message that waits to be sent through a channel.
type Delivery struct {
	Channel string        `json:"channel"`
	Message alert.Message `json:"message"`
}

// Failure is an unbroken run of failures to send through a channel.
type Failure struct {
	Since    time.Time `json:"since"`
	Attempts int       `json:"attempts"`
	Next     time.Time `json:"next"` // when it is tried again
	Error    string    `json:"error"`
}

// Store keeps the state of a desk.
type Store interface {
	// LoadAlerts returns what was saved last, or the zero State.
	LoadAlerts(ctx context.Context) (State, error)
	// SaveAlerts replaces what was saved.
	SaveAlerts(ctx context.Context, s State) error
}

// Round is what a desk is told at each beat.
type Round struct {
	Policy     alert.Policy
	Conditions []alert.Condition
	Channels   []Channel
	Server     string // what messages call this server
	URL        string // address of the dashboard, "" without one
	DeadMan    *DeadMan
}

// Desk decides, remembers and delivers. It is safe for concurrent use.
type Desk struct {
	store  Store
	logger *slog.Logger
	now    func() time.Time

	mu       sync.Mutex
	book     *alert.Book
	queue    []Delivery
	failures map[string]Failure
	names    map[string]string // of channels, by ID
	busy     map[string]bool   // channels that are being sent through
	dirty    bool              // the state was not saved since it changed
	complain bool              // a failure to save was logged
	pinged   time.Time

	saving sync.Mutex // one save at a time, in the order of the states

	ctx      context.Context
	cancel   context.CancelFunc
	attempts sync.WaitGroup
}

// Open returns a desk that goes on where the one before ended.
func Open(ctx context.Context, store Store, logger *slog.Logger, now func() time.Time) (*Desk, error) {
	state, err := store.LoadAlerts(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading what was alerted: %w", err)
	}
	if state.Failures == nil {
		state.Failures = make(map[string]Failure)
	}
	d := &Desk{
		store: store, logger: logger, now: now,
		book: alert.NewBook(state.Told), queue: state.Queue, failures: state.Failures,
		names: make(map[string]string), busy: make(map[string]bool),
	}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return d, nil
}

// Beat notes how everything is, and begins to deliver what is due.
func (d *Desk) Beat(r Round) {
	now := d.now()
	d.mu.Lock()
	d.names = make(map[string]string, len(r.Channels))
	for _, channel := range r.Channels {
		d.names[channel.ID()] = channel.Name()
	}
	if len(r.Channels) > 0 {
		for _, m := range d.book.Observe(r.Policy, r.Conditions, now) {
			d.enqueue(r, m)
		}
	}
	d.giveUp(r.Channels, now)
	d.mu.Unlock()
	d.save()
	for _, channel := range r.Channels {
		d.begin(channel)
	}
	d.ping(r.DeadMan, now)
}

// enqueue has a message delivered through each channel.
func (d *Desk) enqueue(r Round, m alert.Message) {
	m.ID, m.Server, m.URL = id.New("alert"), r.Server, linkTo(r.URL, m.URL)
	for _, channel := range r.Channels {
		d.queue = append(d.queue, Delivery{channel.ID(), m})
	}
	d.dirty = true
}

func linkTo(dashboard, path string) string {
	if dashboard == "" {
		return ""
	}
	return strings.TrimSuffix(dashboard, "/") + path
}

// giveUp drops deliveries that are too old or too many, and failures of
// channels that nothing waits for any more because they are gone.
func (d *Desk) giveUp(channels []Channel, now time.Time) {
	before := len(d.queue)
	d.queue = slices.DeleteFunc(d.queue, func(q Delivery) bool { return now.Sub(q.Message.At) > keepFor })
	d.queue = d.queue[max(len(d.queue)-maxQueue, 0):]
	if given := before - len(d.queue); given > 0 {
		d.dirty = true
		d.logger.Error("alerts are given up", "deliveries", given)
	}
	for id := range d.failures {
		if !slices.ContainsFunc(channels, func(c Channel) bool { return c.ID() == id }) && !d.waits(id) && id != deadManID {
			delete(d.failures, id)
			d.dirty = true
		}
	}
}

func (d *Desk) waits(channel string) bool {
	return slices.ContainsFunc(d.queue, func(q Delivery) bool { return q.Channel == channel })
}

// save keeps the state, when it has changed. While that fails, alerts go on.
func (d *Desk) save() {
	d.saving.Lock()
	defer d.saving.Unlock()
	d.mu.Lock()
	if !d.dirty {
		d.mu.Unlock()
		return
	}
	state := State{Told: d.book.Told(), Queue: slices.Clone(d.queue), Failures: maps.Clone(d.failures)}
	d.dirty = false
	d.mu.Unlock()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), timeout)
	defer cancel()
	err := d.store.SaveAlerts(ctx, state)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.dirty = true
		if !d.complain {
			d.logger.Error("what was alerted cannot be saved; after a restart it may be told again", "error", err)
		}
	}
	d.complain = err != nil
}

// begin begins to send what waits for a channel, unless that is under way.
func (d *Desk) begin(channel Channel) {
	id := channel.ID()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy[id] || !d.waits(id) || d.now().Before(d.failures[id].Next) || d.ctx.Err() != nil {
		return
	}
	d.busy[id] = true
	d.attempts.Go(func() {
		for d.next(channel) {
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.busy, id)
	})
}

// next sends the oldest message that waits for a channel; more is false when
// there is none, or it could not be sent.
func (d *Desk) next(channel Channel) (more bool) {
	d.mu.Lock()
	at := slices.IndexFunc(d.queue, func(q Delivery) bool { return q.Channel == channel.ID() })
	if at < 0 {
		d.mu.Unlock()
		return false
	}
	message := d.queue[at].Message
	d.mu.Unlock()

	err := d.attempt(channel, message)
	if err != nil && d.ctx.Err() != nil {
		return false // closed, not failed
	}
	d.mu.Lock()
	if err == nil {
		d.queue = slices.DeleteFunc(d.queue, func(q Delivery) bool {
			return q.Channel == channel.ID() && q.Message.ID == message.ID
		})
	}
	d.note(channel.ID(), channel.Name(), err)
	d.dirty = true
	d.mu.Unlock()
	d.save()
	return err == nil
}

func (d *Desk) attempt(channel Channel, m alert.Message) error {
	ctx, cancel := context.WithTimeout(d.ctx, timeout)
	defer cancel()
	return channel.Send(ctx, m)
}

// note notes how an attempt through a channel ended, and logs when that changes.
func (d *Desk) note(id, name string, err error) {
	failure, failing := d.failures[id]
	switch {
	case err == nil && failing:
		delete(d.failures, id)
		d.logger.Info("alerts are delivered again", "through", name, "failing_since", failure.Since)
	case err != nil:
		if !failing {
			failure.Since = d.now().UTC()
			d.logger.Error("an alert could not be delivered; it is tried again", "through", name, "error", err)
		}
		failure.Next = d.now().UTC().Add(pauses[min(failure.Attempts, len(pauses)-1)])
		failure.Attempts++
		failure.Error = err.Error()
		d.failures[id] = failure
	}
}

// Trouble is a channel through which messages do not arrive.
type Trouble struct {
	Channel string    // its name
	Since   time.Time //
	Error   string    // for operators only
	Waiting int       // messages
}

// Sentence says so: "Alerts by ntfy at ntfy.sh could not be delivered since 13:47 UTC".
func (t Trouble) Sentence(now time.Time) string {
	what, format := "Alerts by "+t.Channel, "15:04 MST"
	if t.Channel == deadManName {
		what = "Pings of the dead-man switch"
	}
	if now.Sub(t.Since) > 20*time.Hour {
		format = "2 Jan 15:04 MST"
	}
	return what + " could not be delivered since " + t.Since.In(now.Location()).Format(format)
}

// Troubles are the channels that fail, the first to fail first.
func (d *Desk) Troubles() []Trouble {
	d.mu.Lock()
	defer d.mu.Unlock()
	var troubles []Trouble
	for id, failure := range d.failures {
		name, configured := d.names[id]
		if id == deadManID {
			name, configured = deadManName, true
		}
		if !configured {
			continue
		}
		waiting := 0
		for _, q := range d.queue {
			if q.Channel == id {
				waiting++
			}
		}
		troubles = append(troubles, Trouble{name, failure.Since, failure.Error, waiting})
	}
	slices.SortFunc(troubles, func(a, b Trouble) int { return a.Since.Compare(b.Since) })
	return troubles
}

// Told returns what was told of and is not over.
func (d *Desk) Told() []alert.Told {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.book.Told()
}

// Tried is what came of a test message through a channel.
type Tried struct {
	Channel string `json:"channel"`
	Error   string `json:"error,omitempty"` // "" when it was delivered
}

// Test sends a message through each channel at once, and not again.
func (d *Desk) Test(ctx context.Context, r Round) []Tried {
	m := alert.Message{
		ID: id.New("alert"), Kind: alert.Test, Headline: "This is a test", At: d.now().UTC(), Server: r.Server, URL: linkTo(r.URL, "/"),
		Sentence: "Somebody wanted to see whether alerts of this server arrive. Nothing is wrong.",
	}
	tried := make([]Tried, len(r.Channels))
	var group sync.WaitGroup
	for i, channel := range r.Channels {
		group.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			tried[i].Channel = channel.Name()
			if err := channel.Send(ctx, m); err != nil {
				tried[i].Error = err.Error()
			}
		})
	}
	group.Wait()
	return tried
}

// Wait returns when no attempt is under way.
func (d *Desk) Wait() { d.attempts.Wait() }

// Close lets attempts under way end, for a few seconds, and saves.
func (d *Desk) Close() error {
	timer := time.AfterFunc(grace, d.cancel)
	d.attempts.Wait()
	timer.Stop()
	d.cancel()
	d.save()
	return nil
}
