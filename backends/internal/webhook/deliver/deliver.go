// Package deliver sends the events of an outbox to webhook endpoints and to
// subscribers in the process, in the background.
package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/internal/webhook/outbox"
)

const (
	// timeout bounds one attempt, from dialling to the end of the answer.
	timeout = 15 * time.Second
	// perReceiver bounds the attempts at one endpoint under way: one that
	// does not answer holds up nobody else.
	perReceiver = 4
	// pause is the longest time between two looks for due deliveries.
	pause = time.Second
	// keptAnswer is how much of an answer the log keeps, in bytes.
	keptAnswer = 512
)

// Config is what a deliverer needs.
type Config struct {
	Outbox *outbox.Outbox
	// Render makes the body that an endpoint gets for an event: JSON.
	Render    func(event webhook.Event, endpoint webhook.Endpoint) ([]byte, error)
	UserAgent string
	// KeepEvents keeps events and deliveries for ever. Default: they are
	// deleted after [outbox.Lifetime].
	KeepEvents bool
	Logger     *slog.Logger     // default slog.Default
	Now        func() time.Time // default time.Now
}

// Deliverer delivers what is due. It is safe for concurrent use.
type Deliverer struct {
	Config
	guard  guard
	client *http.Client

	mu    sync.Mutex
	under map[string]int // attempts under way, by receiver

	begin, end sync.Once
	cancel     context.CancelFunc
	stopped    chan struct{}
	attempts   sync.WaitGroup
}

// New returns a deliverer that has not started.
func New(config Config) *Deliverer {
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	d := &Deliverer{Config: config, under: make(map[string]int), stopped: make(chan struct{}), cancel: func() {}}
	dialer := &net.Dialer{Timeout: timeout, Control: d.guard.control}
	d.client = &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{ // no proxy: the address must be checked here
			DialContext:         dialer.DialContext,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: perReceiver,
			IdleConnTimeout:     30 * time.Second,
		},
		// A redirect would lead a signed body to a place that nobody registered.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return d
}

// Allow has deliveries go to addresses that are not public as well, in place
// of those allowed before.
func (d *Deliverer) Allow(prefixes []netip.Prefix) { d.guard.allow(prefixes) }

// Start begins to deliver, once.
func (d *Deliverer) Start() {
	d.begin.Do(func() {
		ctx, cancel := context.WithCancel(context.Background())
		d.cancel = cancel
		go d.run(ctx)
	})
}

// Close ends the deliveries and waits for those under way to be given up.
// What was not finished is delivered after the next start.
func (d *Deliverer) Close() error {
	d.begin.Do(func() { close(d.stopped) }) // never started
	d.end.Do(func() {
		d.cancel()
		<-d.stopped
		d.attempts.Wait()
		d.client.CloseIdleConnections()
	})
	return nil
}

func (d *Deliverer) run(ctx context.Context) {
	defer close(d.stopped)
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	if err := d.Outbox.Reclaim(ctx); err != nil && ctx.Err() == nil {
		d.Logger.ErrorContext(ctx, "what the process before was delivering waits a minute", "error", err)
	}
	var cleaned time.Time
	for {
		if err := d.begun(ctx); err != nil && ctx.Err() == nil {
			d.Logger.ErrorContext(ctx, "webhooks cannot be delivered", "error", err)
		}
		if now := d.Now(); !d.KeepEvents && now.Sub(cleaned) > time.Hour {
			cleaned = now
			d.forget(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-d.Outbox.Woken():
		case <-ticker.C:
		}
	}
}

// forget deletes what is too old, in small transactions.
func (d *Deliverer) forget(ctx context.Context) {
	const batch = 100
	for ctx.Err() == nil {
		forgotten, err := d.Outbox.Forget(ctx, d.Now(), batch)
		if err != nil {
			d.Logger.ErrorContext(ctx, "old events cannot be deleted", "error", err)
		}
		if err != nil || forgotten < batch {
			return
		}
	}
}

// DeliverDue attempts what is due now and returns when that is done.
func (d *Deliverer) DeliverDue(ctx context.Context) error {
	err := d.begun(ctx)
	d.attempts.Wait()
	return err
}

// begun begins an attempt at each delivery that is due and has room.
func (d *Deliverer) begun(ctx context.Context) error {
	claimed, err := d.Outbox.Claim(ctx, d.Now(), d.room)
	if err != nil {
		return err
	}
	for _, c := range claimed {
		d.occupy(c.To, 1)
		d.attempts.Go(func() {
			defer d.Outbox.Wake() // there is room for the next
			defer d.occupy(c.To, -1)
			d.attempt(ctx, c)
		})
	}
	return nil
}

// room is how many more attempts at a receiver may begin.
func (d *Deliverer) room(receiver string) int {
	if subscriber, ok := d.Outbox.Subscriber(receiver); ok && subscriber == nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return perReceiver - d.under[receiver]
}

func (d *Deliverer) occupy(receiver string, change int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.under[receiver] += change; d.under[receiver] == 0 {
		delete(d.under, receiver)
	}
}

func (d *Deliverer) attempt(ctx context.Context, c outbox.Claimed) {
	began := time.Now()
	at := d.Now()
	outcome, err := d.send(ctx, c)
	if err != nil {
		outcome.Error = explain(err)
	}
	if ctx.Err() != nil {
		return // stopped, not failed: its lease runs out, then it is due again
	}
	outcome.At, outcome.Latency = at, time.Since(began)
	if err := d.Outbox.Record(ctx, c, outcome); err != nil && ctx.Err() == nil {
		d.Logger.ErrorContext(ctx, "the outcome of a delivery cannot be stored", "delivery", c.Delivery, "error", err)
	}
}

func (d *Deliverer) send(ctx context.Context, c outbox.Claimed) (outbox.Outcome, error) {
	if subscriber, ok := d.Outbox.Subscriber(c.To); ok {
		return d.tell(ctx, subscriber, c)
	}
	if c.Endpoint.ID == "" || c.Event.ID != "" && c.Event.Type == "" {
		return outbox.Outcome{}, errors.New("the endpoint or the event is gone")
	}
	body, err := d.Render(c.Event, c.Endpoint)
	if err != nil {
		return outbox.Outcome{}, fmt.Errorf("rendering: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint.URL, bytes.NewReader(body))
	if err != nil {
		return outbox.Outcome{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", d.UserAgent)
	for name, value := range c.Endpoint.Headers(c.Event.ID, body, d.Now()) {
		request.Header.Set(name, value)
	}
	return d.post(request)
}

func (d *Deliverer) post(request *http.Request) (outcome outbox.Outcome, err error) {
	response, err := d.client.Do(request) // the guard checks where it leads
	if err != nil {
		return outcome, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, keptAnswer)) // an answer cut short is an answer
	outcome.Status = response.StatusCode
	outcome.Answer = strings.ReplaceAll(strings.ToValidUTF8(string(answer), "�"), "\x00", "�")
	outcome.Delivered = response.StatusCode/100 == 2
	outcome.Gone = response.StatusCode == http.StatusGone
	outcome.RetryAfter = retryAfter(response.Header.Get("Retry-After"), d.Now())
	return outcome, nil
}

// tell gives an event to a subscriber, and turns its panic into an error.
func (d *Deliverer) tell(ctx context.Context, subscriber outbox.Subscriber, c outbox.Claimed) (outcome outbox.Outcome, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
		if err != nil && ctx.Err() == nil {
			d.Logger.WarnContext(ctx, "an event will be told again", "event", c.Event.ID, "to", c.To, "error", err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := subscriber(ctx, c.Event); err != nil {
		return outcome, err
	}
	outcome.Delivered = true
	return outcome, nil
}

// retryAfter reads the header, in seconds or as a date; 0 when there is none.
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return time.Duration(max(seconds, 0)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// explain says in a line why there was no answer, without the address, which may hold secrets.
func explain(err error) string {
	var asked *url.Error
	if errors.As(err, &asked) {
		if asked.Timeout() {
			return fmt.Sprintf("no answer within %v", timeout)
		}
		err = asked.Err
	}
	text := err.Error()
	const longest = 300
	for len(text) > longest {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
