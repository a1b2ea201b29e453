package apachelog

import (
	"cmp"
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap/buffer"
)

// builder makes the appender of a directive.
type builder func(c *compiler, s spec) (appender, error)

// directives are all that mod_log_config, mod_logio and mod_ssl know. Those
// Caddy's log records have no truthful answer for are refused with the reason.
var directives = map[string]builder{
	"a":   eitherAddress,
	"A":   refused("the local address is not in Caddy's log records"),
	"b":   plain(appendBytesOrDash),
	"B":   plain(appendBytes),
	"c":   tlsShortVariable,
	"C":   cookie,
	"D":   plain(appendMicroseconds),
	"e":   refused("Caddy has no per-request environment; add the value to the access log with log_append NAME VALUE and print it with %{NAME}n"),
	"f":   refused("the file behind a request is not in Caddy's log records"),
	"h":   eitherAddress,
	"H":   plain(func(line *buffer.Buffer, r *record) { appendText(line, r.proto) }),
	"i":   requestHeader,
	"I":   refused("Caddy does not count the bytes of request headers"),
	"k":   refused("the number of requests on a connection is not in Caddy's log records"),
	"l":   plain(func(line *buffer.Buffer, _ *record) { line.AppendByte('-') }),
	"L":   refused("Caddy does not link access and error records by an ID"),
	"m":   plain(func(line *buffer.Buffer, r *record) { appendText(line, r.method) }),
	"n":   extraField,
	"o":   responseHeader,
	"O":   refused("Caddy does not count the bytes of response headers; %b and %B print those of the body"),
	"p":   port,
	"P":   processID,
	"q":   plain(appendQuery),
	"r":   plain(appendRequestLine),
	"R":   refused("the handler of a request is not in Caddy's log records"),
	"s":   plain(appendStatus),
	"S":   refused("Caddy does not count the bytes of headers; %B prints those of the response body"),
	"t":   requestTime,
	"T":   durationIn,
	"u":   plain(appendUser),
	"U":   path,
	"v":   serverName,
	"V":   hostname,
	"x":   tlsVariable,
	"X":   refused("the state of the connection is not in Caddy's log records"),
	"^FB": refused("the time to the first byte is not in Caddy's log records"),
	"^ti": refused("request trailers are not in Caddy's log records"),
	"^to": refused("response trailers are not in Caddy's log records"),
}

func refused(reason string) builder {
	return func(*compiler, spec) (appender, error) { return nil, errors.New(reason) }
}

// plain is a directive without an argument.
func plain(write appender) builder {
	return func(_ *compiler, s spec) (appender, error) {
		if s.arg != "" {
			return nil, fmt.Errorf("takes no argument in braces, has %q", s.arg)
		}
		return write, nil
	}
}

// needName returns the argument of a directive that has to have one.
func needName(s spec, what string) (string, error) {
	if s.arg == "" {
		return "", fmt.Errorf("needs the name of a %s in braces, as in %%{NAME}%s", what, s.name)
	}
	return s.arg, nil
}

// appendText writes text escaped, or a dash when there is none.
func appendText(line *buffer.Buffer, text string) {
	if text == "" {
		line.AppendByte('-')
		return
	}
	accessEscapes.append(line, text)
}

// appendValue is for headers and fields, where empty is not the same as absent.
func appendValue(at int) appender {
	return func(line *buffer.Buffer, r *record) {
		if !r.values[at].present {
			line.AppendByte('-')
			return
		}
		accessEscapes.append(line, r.values[at].text)
	}
}

// eitherAddress is %a and %h: the client's address, or with {c} the peer's.
func eitherAddress(_ *compiler, s spec) (appender, error) {
	switch s.arg {
	case "":
		return func(line *buffer.Buffer, r *record) { appendText(line, r.clientAddress()) }, nil
	case "c":
		return func(line *buffer.Buffer, r *record) { appendText(line, r.remoteIP) }, nil
	}
	return nil, fmt.Errorf("the argument is c or none, not %q", s.arg)
}

func (r *record) clientAddress() string {
	if r.clientIP != "" {
		return r.clientIP
	}
	return r.remoteIP
}

func appendBytesOrDash(line *buffer.Buffer, r *record) {
	if n := r.bodySize(); n > 0 {
		line.AppendInt(n)
		return
	}
	line.AppendByte('-')
}

func appendBytes(line *buffer.Buffer, r *record) { line.AppendInt(r.bodySize()) }

func appendMicroseconds(line *buffer.Buffer, r *record) { line.AppendInt(r.duration.Microseconds()) }

func appendStatus(line *buffer.Buffer, r *record) {
	if status := r.sentStatus(); status > 0 {
		line.AppendInt(int64(status))
		return
	}
	line.AppendByte('-')
}

// durationIn is %T: whole units of seconds, milliseconds or microseconds.
func durationIn(_ *compiler, s spec) (appender, error) {
	units := map[string]time.Duration{"": time.Second, "s": time.Second, "ms": time.Millisecond, "us": time.Microsecond}
	unit, known := units[strings.ToLower(s.arg)]
	if !known {
		return nil, fmt.Errorf("the unit is s, ms or us, not %q", s.arg)
	}
	return func(line *buffer.Buffer, r *record) { line.AppendInt(int64(r.duration / unit)) }, nil
}

func processID(_ *compiler, s spec) (appender, error) {
	switch strings.ToLower(s.arg) {
	case "", "pid":
		pid := strconv.Itoa(os.Getpid())
		return func(line *buffer.Buffer, _ *record) { line.AppendString(pid) }, nil
	case "tid", "hextid":
		return nil, errors.New("requests in Caddy do not belong to a thread")
	}
	return nil, fmt.Errorf("the argument is pid or none, not %q", s.arg)
}

// port is %p: the site's port, or the client's.
func port(c *compiler, s spec) (appender, error) {
	switch strings.ToLower(s.arg) {
	case "", "canonical":
		if c.server.port != 0 {
			fixed := strconv.Itoa(c.server.port)
			return func(line *buffer.Buffer, _ *record) { line.AppendString(fixed) }, nil
		}
		return func(line *buffer.Buffer, r *record) { line.AppendString(r.sitePort()) }, nil
	case "remote":
		return func(line *buffer.Buffer, r *record) { appendText(line, r.remotePort) }, nil
	case "local":
		return nil, errors.New("the local port is not in Caddy's log records; %p prints the site's")
	}
	return nil, fmt.Errorf("the port is canonical, remote or local, not %q", s.arg)
}

// serverName is %v: the site's name.
func serverName(c *compiler, s spec) (appender, error) {
	name := c.server.name
	if name == "" {
		return hostname(c, s)
	}
	return plain(func(line *buffer.Buffer, _ *record) { line.AppendString(name) })(c, s)
}

// hostname is %V: the name the client asked for, else the site's.
func hostname(c *compiler, s spec) (appender, error) {
	name := c.server.name
	return plain(func(line *buffer.Buffer, r *record) {
		appendText(line, cmp.Or(loggableHostname(r.host), name))
	})(c, s)
}

// Headers Go's server takes out of a request's headers before Caddy sees them.
var unseenRequestHeaders = map[string]bool{"Trailer": true}

func requestHeader(c *compiler, s spec) (appender, error) {
	name, err := needName(s, "request header")
	if err != nil {
		return nil, err
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	if name == "Host" {
		return func(line *buffer.Buffer, r *record) { appendText(line, r.host) }, nil
	}
	if unseenRequestHeaders[name] {
		return nil, errors.New("this header is not in Caddy's log records")
	}
	return appendValue(c.want(scopeRequestHeaders, name)), nil
}

// Headers Go's server adds to a response after Caddy has logged it.
var unseenResponseHeaders = map[string]bool{
	"Connection": true, "Content-Length": true, "Date": true, "Keep-Alive": true, "Transfer-Encoding": true,
}

func responseHeader(c *compiler, s spec) (appender, error) {
	name, err := needName(s, "response header")
	if err != nil {
		return nil, err
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	if unseenResponseHeaders[name] {
		return nil, errors.New("the server adds this header after the response is logged")
	}
	at := c.want(scopeResponseHeaders, name)
	if name == "Content-Type" {
		return appendMediaType(at), nil
	}
	return appendValue(at), nil
}

// appendMediaType writes Content-Type as Apache logs it: without parameters.
func appendMediaType(at int) appender {
	return func(line *buffer.Buffer, r *record) {
		if !r.values[at].present {
			line.AppendByte('-')
			return
		}
		mediaType, _, _ := strings.Cut(r.values[at].text, ";")
		accessEscapes.append(line, strings.TrimRight(mediaType, " \t"))
	}
}

// extraField is %{NAME}n: in Apache a module's note, here a field that
// log_append or a handler has added to the access log.
func extraField(c *compiler, s spec) (appender, error) {
	name, err := needName(s, "log field")
	if err != nil {
		return nil, err
	}
	return appendValue(c.want(scopeRecord, name)), nil
}

// redacted is what Caddy logs instead of credentials.
const redacted = "REDACTED"

// cookie is %{NAME}C, found as Apache finds it: names in any case, the first
// that has a value.
func cookie(c *compiler, s spec) (appender, error) {
	name, err := needName(s, "cookie")
	if err != nil {
		return nil, err
	}
	at := c.want(scopeRequestHeaders, "Cookie")
	return func(line *buffer.Buffer, r *record) {
		header := r.values[at].text
		if header == redacted {
			line.AppendString(redacted)
			return
		}
		appendText(line, cookieValue(header, name))
	}, nil
}

func cookieValue(header, name string) string {
	for pair := range strings.SplitSeq(header, ";") {
		key, value, _ := strings.Cut(strings.TrimLeft(pair, "="), "=")
		if value != "" && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
