package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// patience is how long an operation waits, by default, for another one with
// the same idempotency key.
const patience = 5 * time.Second

// Config is what a service needs. Store, Processor and Shapes are required.
type Config struct {
	Store     Store
	Processor Processor
	Shapes    Shapes
	Now       func() time.Time // default time.Now
	Logger    *slog.Logger     // default slog.Default()
	Patience  time.Duration    // how long a repeated request waits for the first one; default 5 s
}

// Shapes writes objects as the API shows them.
type Shapes interface {
	// Object is the JSON of an object; the references named in expand are
	// objects in it, read from reader.
	Object(ctx context.Context, reader Reader, object Object, expand []string) ([]byte, error)
	// Error is the JSON of a refusal; about is what it is about, or nil.
	Error(ctx context.Context, reader Reader, refusal *Error, about Object) ([]byte, error)
	// Version is the version of Stripe's API whose shapes these are.
	Version() string
}

// Service is what can be done with payments.
type Service struct {
	core
	inFlight KeyLock // idempotency keys of requests under way
	asking   KeyLock // operations the processor is being asked about
	revision revision
}

// core is what a service and the work it does share.
type core struct{ Config }

// NewService returns the use cases on what config holds.
func NewService(config Config) *Service {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.Default()
	}
	if config.Patience == 0 {
		config.Patience = patience
	}
	return &Service{core: core{config}}
}

// Live reports whether real money moves.
func (c *core) Live() bool { return c.Processor.Live() }

// Ping reports whether the store can be reached.
func (s *Service) Ping(ctx context.Context) error { return s.Store.Ping(ctx) }

// Request is what an operation knows of the request that asked for it.
type Request struct {
	ID             string   `json:"id"`                        // "req_…"
	IdempotencyKey string   `json:"idempotency_key,omitempty"` // "" for none
	Fingerprint    string   `json:"fingerprint,omitempty"`     // equal for equal requests
	Expand         []string `json:"expand,omitempty"`          // references to write as objects
	APIVersion     string   `json:"-"`                         // that the client asked for; "" for the service's own
	BaseURL        string   `json:"-"`                         // of our pages, such as "https://pay.example.com"
}

// Reply is what a request is answered with.
type Reply struct {
	Status   int // of HTTP
	Body     []byte
	Original string // the id of the request that was answered first; "" unless this is a repetition
	Object   Object // what Body shows; nil in a repetition
}

// result is what an operation came to.
type result struct {
	object  Object
	refusal *Error     // why it was refused after it had begun, such as a decline
	asked   *Operation // what the processor has to be asked before there is a result
}

// work is an operation inside its transaction.
type work struct {
	Tx
	*core
	request *Request // nil when nobody asked
}

// action is what an operation does in its transaction. A returned *[Error]
// refuses the operation before it began: nothing is stored, nor its reply.
type action func(ctx context.Context, w *work) (result, error)

// run carries out an operation once for its idempotency key, and repeats the
// reply to all others.
func (s *Service) run(ctx context.Context, request Request, do action) (Reply, error) {
	if request.IdempotencyKey == "" {
		return s.execute(ctx, &request, do)
	}
	waiting, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	unlock, err := s.inFlight.Lock(waiting, request.IdempotencyKey)
	if err != nil {
		return Reply{}, keyInUse()
	}
	defer unlock()
	if reply, err := s.replay(ctx, &request); !errors.Is(err, ErrNotFound) {
		return reply, err
	}
	reply, err := s.execute(ctx, &request, do)
	switch {
	case err == nil:
		return reply, nil
	case errors.Is(err, ErrKeyUsed):
		return s.replay(ctx, &request) // another process was first
	case refused(err) || errors.Is(err, ErrOutcomeUnknown) || ctx.Err() != nil:
		return Reply{}, err
	}
	return s.saveFailure(ctx, &request, err)
}

// refused reports whether err is a refusal in Stripe's terms.
func refused(err error) bool {
	var refusal *Error
	return errors.As(err, &refusal)
}

// execute runs do in a transaction, together with its reply. What has to ask
// an outside processor first leaves a recovery point, asks, and goes on in
// another transaction.
func (s *Service) execute(ctx context.Context, request *Request, do action) (reply Reply, err error) {
	var asked *Operation
	err = s.write(ctx, request, func(ctx context.Context, w *work) error {
		done, err := do(ctx, w)
		if err != nil {
			return err
		}
		if asked = done.asked; asked != nil {
			return w.beginReply(ctx)
		}
		reply, err = w.reply(ctx, done)
		return err
	})
	if err != nil || asked == nil {
		return reply, err
	}
	reply, err = s.resolve(ctx, asked)
	if err != nil && !refused(err) {
		// The processor may have done it: the key stays taken until that is found out.
		err = errors.Join(ErrOutcomeUnknown, err)
	}
	return reply, err
}

// write runs change in a transaction.
func (s *Service) write(ctx context.Context, request *Request, change func(context.Context, *work) error) error {
	err := s.Store.Write(ctx, func(ctx context.Context, tx Tx) error {
		return change(ctx, &work{Tx: tx, core: &s.core, request: request})
	})
	if errors.Is(err, ErrConflict) {
		return lockTimeout()
	}
	return err
}

// replay is the reply that was saved, or [ErrNotFound].
func (s *Service) replay(ctx context.Context, request *Request) (Reply, error) {
	saved, err := s.Store.SavedReply(ctx, ReplyKeyOf(request.IdempotencyKey))
	switch {
	case err != nil:
		return Reply{}, fmt.Errorf("looking up the idempotency key: %w", err)
	case saved.Fingerprint != request.Fingerprint:
		return Reply{}, keyMisused()
	case saved.Status == 0:
		return Reply{}, keyInUse() // the processor is still being asked
	}
	return Reply{Status: saved.Status, Body: saved.Body, Original: saved.RequestID}, nil
}

// reply makes the reply to an operation and saves it.
func (w *work) reply(ctx context.Context, done result) (Reply, error) {
	reply := Reply{Status: statusOK, Object: done.object}
	if w.request == nil {
		return reply, nil // nobody waits for it
	}
	var err error
	if done.refusal != nil {
		reply.Status = done.refusal.Status()
		reply.Body, err = w.Shapes.Error(ctx, w.Tx, done.refusal, done.object)
	} else {
		reply.Body, err = w.Shapes.Object(ctx, w.Tx, done.object, w.request.Expand)
	}
	if err != nil {
		return Reply{}, err
	}
	return reply, w.save(ctx, reply)
}

// beginReply takes the idempotency key before an outside processor is asked.
func (w *work) beginReply(ctx context.Context) error { return w.save(ctx, Reply{}) }

// save saves a reply under the request's idempotency key.
func (w *work) save(ctx context.Context, reply Reply) error {
	if w.request == nil || w.request.IdempotencyKey == "" {
		return nil
	}
	err := w.SaveReply(ctx, ReplyKeyOf(w.request.IdempotencyKey), SavedReply{
		Fingerprint: w.request.Fingerprint, RequestID: w.request.ID,
		Status: reply.Status, Body: reply.Body, Saved: w.Now(),
	})
	if err != nil {
		return fmt.Errorf("saving a reply: %w", err)
	}
	return nil
}

// saveFailure saves that a request failed, so that its repetitions are told
// the same. When that fails too, nothing is saved, and it can be tried again.
func (s *Service) saveFailure(ctx context.Context, request *Request, cause error) (Reply, error) {
	s.Logger.ErrorContext(ctx, "a request failed", "request", request.ID, "error", cause)
	failure := &Error{Type: APIError, Message: "The request could not be carried out, and nothing of it was; the server's log says why."}
	var reply Reply
	err := s.write(ctx, request, func(ctx context.Context, w *work) (err error) {
		reply, err = w.reply(ctx, result{refusal: failure})
		return err
	})
	if err != nil {
		return Reply{}, cause
	}
	return reply, nil
}

// statusOK is the status of HTTP; a domain package does without the package
// that names it.
const statusOK = 200

// second is the time in Stripe's resolution.
func (c *core) second() time.Time { return c.Now().UTC().Truncate(time.Second) }

// head is that of a new object.
func (c *core) head(id string) Head { return Head{ID: id, Live: c.Live(), Created: c.second()} }

// find reads an object by its id.
func find[T Object](ctx context.Context, reader Reader, id string) (found T, err error) {
	object, err := reader.Get(ctx, found.Kind(), id)
	if err != nil {
		return found, err
	}
	return object.(T), nil
}

// lookUp reads an object that a request names in param.
func lookUp[T Object](ctx context.Context, reader Reader, param, id string) (T, error) {
	found, err := find[T](ctx, reader, id)
	if errors.Is(err, ErrNotFound) {
		return found, NoSuch(string(found.Kind()), param, id)
	}
	if err != nil {
		return found, fmt.Errorf("reading %s %s: %w", found.Kind(), id, err)
	}
	return found, nil
}

// Get returns an object. Its refusal names it as param.
func (s *Service) Get(ctx context.Context, kind Kind, param, id string) (Object, error) {
	object, err := s.Store.Get(ctx, kind, id)
	if errors.Is(err, ErrNotFound) {
		return nil, NoSuch(string(kind), param, id)
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s %s: %w", kind, id, err)
	}
	return object, nil
}

// List returns a page of objects, newest first.
func (s *Service) List(ctx context.Context, kind Kind, query Query) (Page, error) {
	page, err := s.Store.List(ctx, kind, query)
	switch {
	case errors.Is(err, ErrNotFound) && query.After != "":
		return Page{}, NoSuch(string(kind), "starting_after", query.After)
	case errors.Is(err, ErrNotFound):
		return Page{}, NoSuch(string(kind), "ending_before", query.Before)
	case err != nil:
		return Page{}, fmt.Errorf("listing %ss: %w", kind, err)
	}
	return page, nil
}

// fresh is a copy of what was made before the transaction, which may run more
// than once; nil stays nil.
func fresh(method *PaymentMethod) *PaymentMethod {
	if method == nil {
		return nil
	}
	copied := *method
	return &copied
}

// store inserts or replaces an object.
func (w *work) store(ctx context.Context, objects ...Object) error {
	for _, object := range objects {
		write := w.Update
		if object.Header().Version == 0 {
			write = w.Insert
		}
		if err := write(ctx, object); err != nil {
			return fmt.Errorf("storing %s %s: %w", object.Kind(), object.Header().ID, err)
		}
	}
	return nil
}

func unixTime(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
