package measure

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
)

// Cause is why a request failed. Only the service itself having answered with
// a 5xx is the service's word; the others say that it could not be reached.
type Cause uint8

// The causes of failure.
const (
	NoFailure      Cause = iota
	ServerError          // the service answered with a 5xx
	InternalError        // the service, running in this process, broke off
	Refused              // the upstream refused the connection
	TimedOut             // the upstream did not answer in time
	Unresolved           // the upstream's name has no address
	Closed               // the upstream closed the connection without an answer
	Unavailable          // every upstream is marked as unhealthy or full
	Unreachable          // the upstream could not be reached in another way
	BadCertificate       // this server's own certificate does not serve: expired, or of another name
)

// causeNames are what causes are called where they are stored.
var causeNames = map[Cause]string{
	NoFailure: "", ServerError: "server_error", InternalError: "internal_error", Refused: "refused", TimedOut: "timed_out",
	Unresolved: "unresolved", Closed: "closed", Unavailable: "unavailable", Unreachable: "unreachable", BadCertificate: "bad_certificate",
}

// String is the name of the cause: "timed_out".
func (c Cause) String() string { return causeNames[c] }

// CauseNamed returns the cause with a name; one that is not known is [Unreachable].
func CauseNamed(name string) Cause {
	for cause, known := range causeNames {
		if known == name {
			return cause
		}
	}
	return Unreachable
}

// Answered reports whether the service itself was reached.
func (c Cause) Answered() bool { return c <= InternalError }

const (
	statusClientClosed       = 499 // as Caddy and nginx call a client that left
	statusInternal           = 500
	statusBadGateway         = 502
	statusServiceUnavailable = 503
	statusGatewayTimeout     = 504
)

// abandoned reports whether the client left before the end, which says nothing
// about the service.
func abandoned(status int, err error) bool {
	return status == statusClientClosed || err != nil && errors.Is(err, context.Canceled)
}

// CauseOf tells "it could not be reached" from "it answered 5xx".
func CauseOf(status int, err error) Cause {
	if classOf(status) != failed {
		return NoFailure
	}
	if err != nil {
		if cause := causeOfError(err); cause != NoFailure {
			return cause
		}
	}
	switch {
	case status == statusBadGateway:
		return Unreachable
	case status == statusGatewayTimeout:
		return TimedOut
	case err == nil:
		return ServerError
	case status == statusServiceUnavailable:
		return Unavailable
	default:
		return InternalError
	}
}

// causeOfError finds the cause in an error of the network.
func causeOfError(err error) Cause {
	var unresolved *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.As(err, &unresolved):
		return Unresolved
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return TimedOut
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Closed
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ENOENT):
		return Unreachable
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return TimedOut
	}
	return NoFailure
}
