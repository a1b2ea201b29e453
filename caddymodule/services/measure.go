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
	*observed = observer{ResponseWriter: w, recorder: s.recorder, begun: s.recorder.Elapsed()}
	s.recorder.Begin()
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
	result := observed.result(err)
	if cause := s.recorder.End(result); cause != measure.NoFailure {
		s.platform.History().NoteFailure(s.Name, failureOf(r, result, cause))
	}
	if err == nil && observed.status == 0 && s.guest == nil {
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
	recorder  *measure.Recorder
	begun     time.Duration // by the recorder
	firstByte time.Duration
	status    int
	bytes     int64
}

// result is what to record of a request that ended with err.
func (o *observer) result(err error) measure.Result {
	result := measure.Result{Status: o.status, Bytes: o.bytes, TTFB: o.firstByte}
	if err != nil {
		result.Err = reasonOf(err)
		result.Status = http.StatusInternalServerError
		var handlerError caddyhttp.HandlerError
		if errors.As(err, &handlerError) && handlerError.StatusCode != 0 {
			result.Status = handlerError.StatusCode
		}
	}
	if result.Status == 0 {
		result.Status = http.StatusOK
	}
	if result.TTFB == 0 {
		result.TTFB = o.recorder.Elapsed() - o.begun
	}
	return result
}

func (o *observer) WriteHeader(status int) {
	o.begins(status)
	o.ResponseWriter.WriteHeader(status)
}

func (o *observer) Write(body []byte) (int, error) {
	o.begins(http.StatusOK)
	n, err := o.ResponseWriter.Write(body)
	o.bytes += int64(n)
	return n, err
}

// begins notes the first final status; informational ones precede it.
func (o *observer) begins(status int) {
	informational := status < 200 && status != http.StatusSwitchingProtocols
	if o.status != 0 || informational {
		return
	}
	o.status = status
	o.firstByte = o.recorder.Elapsed() - o.begun
}

// Unwrap lets [http.ResponseController] reach what the server offers.
func (o *observer) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// Flush implements [http.Flusher] for guests that ask for it directly.
func (o *observer) Flush() {
	_ = http.NewResponseController(o.ResponseWriter).Flush() // as http.Flusher, which reports nothing
}

// Hijack implements [http.Hijacker] for guests that ask for it directly.
func (o *observer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(o.ResponseWriter).Hijack()
}
