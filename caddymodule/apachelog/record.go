package apachelog

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap/zapcore"
)

// scope is the part of a log record that fields are being added to.
type scope uint8

const (
	scopeRecord          scope = iota // its own fields
	scopeRequest                      // request
	scopeRequestHeaders               // request.headers
	scopeTLS                          // request.tls
	scopeResponseHeaders              // resp_headers
	scopeOther                        // any other object
)

// record holds what one log entry tells about a request.
type record struct {
	begin, end time.Time

	hasRequest               bool
	remoteIP, remotePort     string
	clientIP                 string
	proto, method, host, uri string
	referer, authorization   string
	tls                      tlsState
	userID                   string
	duration                 time.Duration
	size, status             int64
	hasStatus                bool

	// values of the headers and fields the format names; see format.wanted.
	values []value
	// details are all fields without a place above, for lines of the error log.
	details []detail
}

// value is a header or field of a record. An empty one can be present.
type value struct {
	text    string
	present bool
}

// detail is a field as text; the key of a nested one is dotted.
type detail struct{ key, text string }

// sentStatus is the status the client saw: Go's server sends 200 when no
// handler has written one.
func (r *record) sentStatus() int {
	if r.hasStatus && r.status == 0 {
		return 200
	}
	return int(r.status)
}

// bodySize is the number of body bytes sent: what a handler writes in answer
// to HEAD never leaves.
func (r *record) bodySize() int64 {
	if r.method == "HEAD" {
		return 0
	}
	return r.size
}

// recorder fills a record from the fields of a log entry. It implements
// zapcore.ObjectEncoder for the entry and for every object in it, because
// Caddy's filter encoder adds nested fields to the outermost encoder.
type recorder struct {
	record
	format *format
	scope  scope
	prefix string // of the keys of details: "outer.inner."
	terse  bool   // keep no details: the record becomes an access log line
}

// AddObject adds the fields of an object.
func (r *recorder) AddObject(key string, object zapcore.ObjectMarshaler) error {
	outer, prefix := r.scope, r.prefix
	r.enter(key)
	defer func() { r.scope, r.prefix = outer, prefix }()
	if r.scope == scopeOther && r.terse {
		return nil
	}
	if headers, ok := object.(caddyhttp.LoggableHTTPHeader); ok {
		return r.addHeaders(headers)
	}
	return object.MarshalLogObject(r)
}

// addHeaders adds only the headers that are needed, yet through Caddy's own
// marshaler, which redacts credentials: to marshal all costs two allocations
// for each.
func (r *recorder) addHeaders(headers caddyhttp.LoggableHTTPHeader) error {
	var kept http.Header
	for name, lines := range headers.Header {
		if !r.keepsHeader(name) {
			continue
		}
		if kept == nil {
			kept = make(http.Header)
		}
		kept[name] = lines
	}
	headers.Header = kept
	return headers.MarshalLogObject(r)
}

// OpenNamespace puts all fields that follow into an object.
func (r *recorder) OpenNamespace(key string) { r.enter(key) }

func (r *recorder) enter(key string) {
	switch {
	case r.scope == scopeRecord && key == "request":
		r.scope, r.hasRequest = scopeRequest, true
		r.prefix = "request."
	case r.scope == scopeRecord && key == "resp_headers":
		r.scope = scopeResponseHeaders
	case r.scope == scopeRequest && key == "headers":
		r.scope = scopeRequestHeaders
	case r.scope == scopeRequest && key == "tls":
		r.scope, r.tls.present = scopeTLS, true
	default:
		r.scope = scopeOther
		r.prefix += key + "."
	}
}

// AddArray adds a list of values: those of a header, or a field's.
func (r *recorder) AddArray(key string, array zapcore.ArrayMarshaler) error {
	switch r.scope {
	case scopeRequestHeaders, scopeResponseHeaders:
		if r.keepsHeader(key) {
			r.setHeader(key, texts(array))
		}
	case scopeRequest:
		if key == "transfer_encoding" {
			r.set(scopeRequestHeaders, "Transfer-Encoding", strings.Join(texts(array), ", "))
		}
	default:
		if r.keepsField(key) {
			r.addField(key, "["+strings.Join(texts(array), " ")+"]")
		}
	}
	return nil
}

// AddString adds a text.
func (r *recorder) AddString(key, text string) {
	switch r.scope {
	case scopeRequest:
		r.setRequest(key, text)
	case scopeRequestHeaders, scopeResponseHeaders:
		r.setHeader(key, []string{text})
	case scopeTLS:
		r.tls.setText(key, text)
	default:
		if r.scope == scopeRecord && key == "user_id" {
			r.userID = text
			return
		}
		r.addField(key, text)
	}
}

// AddInt64 adds a number.
func (r *recorder) AddInt64(key string, number int64) {
	switch {
	case r.scope == scopeRecord && key == "status":
		r.status, r.hasStatus = number, true
		r.addInt(key, number)
	case r.scope == scopeRecord && key == "size":
		r.size = number
	default:
		r.addInt(key, number)
	}
}

func (r *recorder) addInt(key string, number int64) {
	if r.keepsField(key) {
		r.addField(key, strconv.FormatInt(number, 10))
	}
}

// AddDuration adds a duration, in seconds where it is printed.
func (r *recorder) AddDuration(key string, d time.Duration) {
	if r.scope == scopeRecord && key == "duration" {
		r.duration = d
	}
	r.AddFloat64(key, d.Seconds())
}

// AddBool adds a truth value.
func (r *recorder) AddBool(key string, yes bool) {
	if r.scope == scopeTLS {
		if key == "resumed" {
			r.tls.resumed = yes
		}
		return
	}
	r.addField(key, strconv.FormatBool(yes))
}

// AddFloat64 adds a number.
func (r *recorder) AddFloat64(key string, number float64) {
	if r.keepsField(key) {
		r.addField(key, strconv.FormatFloat(number, 'f', -1, 64))
	}
}

// AddReflected adds anything else, as JSON.
func (r *recorder) AddReflected(key string, anything any) error {
	if !r.keepsField(key) {
		return nil
	}
	text, err := json.Marshal(anything)
	if err != nil {
		return fmt.Errorf("log field %s: %w", key, err)
	}
	r.addField(key, string(text))
	return nil
}

// setRequest keeps a field of the request.
func (r *recorder) setRequest(key, text string) {
	switch key {
	case "remote_ip":
		r.remoteIP = text
	case "remote_port":
		r.remotePort = text
	case "client_ip":
		r.clientIP = text
	case "proto":
		r.proto = text
	case "method":
		r.method = text
	case "host":
		r.host = text
	case "uri":
		r.uri = text
	default:
		r.addField(key, text)
	}
}

func (r *recorder) keepsHeader(name string) bool {
	return r.scope == scopeRequestHeaders && (name == "Referer" || name == "Authorization") ||
		r.scope == scopeOther ||
		r.format.place(r.scope, name) >= 0
}

// setHeader keeps a header. Apache joins what a client sends several times,
// and knows the first of what it sends itself, except of Set-Cookie.
func (r *recorder) setHeader(name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	text := lines[0]
	if len(lines) > 1 && (r.scope == scopeRequestHeaders || name == "Set-Cookie") {
		text = strings.Join(lines, ", ")
	}
	if r.scope == scopeRequestHeaders {
		switch name {
		case "Referer":
			r.referer = text
		case "Authorization":
			r.authorization = text
		}
	}
	r.set(r.scope, name, text)
}

// set keeps a value if the format names it.
func (r *recorder) set(s scope, name, text string) {
	if at := r.format.place(s, name); at >= 0 {
		r.values[at] = value{text: text, present: true}
	}
}

// keepsField tells whether a field's text is needed at all.
func (r *recorder) keepsField(key string) bool {
	return !r.terse || r.scope == scopeRecord && r.format.place(scopeRecord, key) >= 0
}

// addField keeps a field that has no place of its own in the record.
func (r *recorder) addField(key, text string) {
	if r.scope == scopeRecord {
		r.set(scopeRecord, key, text)
	}
	if !r.terse {
		r.details = append(r.details, detail{r.prefix + key, text})
	}
}

// texts returns the elements of array as text.
func texts(array zapcore.ArrayMarshaler) []string {
	if list, ok := array.(caddyhttp.LoggableStringArray); ok {
		return list
	}
	collected := zapcore.NewMapObjectEncoder()
	if err := collected.AddArray("list", array); err != nil {
		return nil
	}
	elements, _ := collected.Fields["list"].([]any)
	list := make([]string, len(elements))
	for i, element := range elements {
		list[i] = fmt.Sprint(element)
	}
	return list
}

// The rest of zapcore.ObjectEncoder, in terms of the above.

// AddBinary adds bytes, in base 64.
func (r *recorder) AddBinary(key string, data []byte) { _ = r.AddReflected(key, data) }

// AddByteString adds a text.
func (r *recorder) AddByteString(key string, text []byte) { r.AddString(key, string(text)) }

// AddComplex128 adds a complex number.
func (r *recorder) AddComplex128(key string, number complex128) {
	r.addField(key, strconv.FormatComplex(number, 'f', -1, 128))
}

// AddComplex64 adds a complex number.
func (r *recorder) AddComplex64(key string, number complex64) {
	r.AddComplex128(key, complex128(number))
}

// AddFloat32 adds a number.
func (r *recorder) AddFloat32(key string, number float32) { r.AddFloat64(key, float64(number)) }

// AddInt adds a number.
func (r *recorder) AddInt(key string, number int) { r.AddInt64(key, int64(number)) }

// AddInt32 adds a number.
func (r *recorder) AddInt32(key string, number int32) { r.AddInt64(key, int64(number)) }

// AddInt16 adds a number.
func (r *recorder) AddInt16(key string, number int16) { r.AddInt64(key, int64(number)) }

// AddInt8 adds a number.
func (r *recorder) AddInt8(key string, number int8) { r.AddInt64(key, int64(number)) }

// AddTime adds a time, in RFC 3339.
func (r *recorder) AddTime(key string, t time.Time) { r.addField(key, t.Format(time.RFC3339Nano)) }

// AddUint adds a number.
func (r *recorder) AddUint(key string, number uint) { r.AddUint64(key, uint64(number)) }

// AddUint64 adds a number.
func (r *recorder) AddUint64(key string, number uint64) {
	if r.keepsField(key) {
		r.addField(key, strconv.FormatUint(number, 10))
	}
}

// AddUint32 adds a number.
func (r *recorder) AddUint32(key string, number uint32) { r.AddInt64(key, int64(number)) }

// AddUint16 adds a number.
func (r *recorder) AddUint16(key string, number uint16) {
	if r.scope == scopeTLS {
		r.tls.setNumber(key, number)
		return
	}
	r.AddInt64(key, int64(number))
}

// AddUint8 adds a number.
func (r *recorder) AddUint8(key string, number uint8) { r.AddInt64(key, int64(number)) }

// AddUintptr adds a number.
func (r *recorder) AddUintptr(key string, number uintptr) { r.AddUint64(key, uint64(number)) }
