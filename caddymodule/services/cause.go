package services

import (
	"errors"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// causes are why dialing an upstream fails.
var causes = []error{
	syscall.ECONNREFUSED,
	syscall.ETIMEDOUT,
	syscall.EHOSTUNREACH,
	syscall.ENETUNREACH,
	syscall.ENOENT, // of a Unix socket
	os.ErrDeadlineExceeded,
}

// withCause lets [errors.Is] find why an upstream could not be dialed: Caddy's
// DialError has no Unwrap, so that only its text tells.
func withCause(err error) error {
	if err == nil {
		return nil
	}
	var dial reverseproxy.DialError
	if !errors.As(err, &dial) {
		return err
	}
	text := dial.Error()
	for _, cause := range causes {
		if strings.HasSuffix(text, cause.Error()) {
			return causedError{err, cause}
		}
	}
	if strings.Contains(text, ": lookup ") {
		return causedError{err, new(net.DNSError)}
	}
	return err
}

// causedError is an error and the cause that it hides.
type causedError struct {
	error
	cause error
}

// Unwrap returns the error itself and its cause.
func (e causedError) Unwrap() []error { return []error{e.error, e.cause} }
