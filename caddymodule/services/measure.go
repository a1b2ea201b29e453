package services

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// measure answers the request and records how that went.
func (s *Service) measure(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	observed := observers.Get().(*observer)
	observed.ResponseWriter, observed.recorder, observed.begun = w, s.recorder, s.recorder.Begin()
	returned := false
	defer func() {
		if !returned {
			s.end(observed, r, panicked(r))
		}
	}()
	err := s.answer(observed, r, next)
	returned = true
	s.end(observed, r, err)
	*observed = observer{}
	observers.Put(observed)
	return err
}

// end records how the request ended, a failure with what is known of it. When
// no handler that follows has answered, Caddy does, with an empty 200.
func (s *Service) end(observed *observer, r *http.Request, err error) {
	answered := observed.result.Status != 0
	observed.end(err)
	if cause := s.recorder.End(&observed.result); cause != measure.NoFailure {
		s.platform.History().NoteFailure(s.Name, failureOf(r, observed.result, cause))
	}
	if err == nil && !answered && s.guest == nil {
		_, host, path := sent(r)
		s.platform.NoteUnserved(homepage.NoRoute, host+homepage.RedactPath(path), "")
	}
}

// panicked is what to record of a request whose handler panicked, as proxies
// do when an answer breaks off: the client's doing when it has left.
func panicked(r *http.Request) error {
	if err := r.Context().Err(); err != nil {
		return err
	}
	return errors.New("the answer broke off")
}

// observers are reused, so that measuring allocates nothing.
var observers = sync.Pool{New: func() any { return new(observer) }}

// observer notes what passes through a response writer.
type observer struct {
	http.ResponseWriter
	recorder *measure.Recorder
	begun    time.Duration // by the recorder
	flushed  bool          // by the handler, which goes on after its first byte
	result   measure.Result
}

// atOnce is how much of a body a connection takes without waiting for the client.
const atOnce = 32 << 10

// end completes the result of a request that ended with err. A short answer
// that was not flushed ended when it began, which saves a look at the clock.
func (o *observer) end(err error) {
	answered := o.result.Status != 0
	if !answered || o.flushed || o.result.Bytes > atOnce || err != nil {
		o.result.At = o.recorder.Elapsed()
	}
	if !answered {
		o.result.Status, o.result.TTFB = http.StatusOK, o.result.At-o.begun
	}
	if err != nil {
		o.failed(err)
	}
}

// failed notes why there was no answer, or none to its end.
func (o *observer) failed(err error) {
	o.result.Err = reasonOf(err)
	o.result.Status = http.StatusInternalServerError
	var handlerError caddyhttp.HandlerError
	if errors.As(err, &handlerError) && handlerError.StatusCode != 0 {
		o.result.Status = handlerError.StatusCode
	}
}

func (o *observer) WriteHeader(status int) {
	o.begins(status)
	o.ResponseWriter.WriteHeader(status)
}

func (o *observer) Write(body []byte) (int, error) {
	if o.result.Status == 0 {
		o.begins(http.StatusOK)
	}
	n, err := o.ResponseWriter.Write(body)
	o.result.Bytes += int64(n)
	return n, err
}

// begins notes the first final status; informational ones precede it.
func (o *observer) begins(status int) {
	informational := status < 200 && status != http.StatusSwitchingProtocols
	if o.result.Status != 0 || informational {
		return
	}
	o.result.Status, o.result.At = status, o.recorder.Elapsed()
	o.result.TTFB = o.result.At - o.begun
}

// Unwrap lets [http.ResponseController] reach what the server offers.
func (o *observer) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// Flush implements [http.Flusher] for guests that ask for it directly.
func (o *observer) Flush() {
	o.flushed = true
	_ = http.NewResponseController(o.ResponseWriter).Flush() // as http.Flusher, which reports nothing
}

// Hijack implements [http.Hijacker] for guests that ask for it directly.
func (o *observer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	o.flushed = true
	return http.NewResponseController(o.ResponseWriter).Hijack()
}
