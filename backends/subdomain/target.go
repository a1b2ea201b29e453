package subdomain

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrTarget is wrapped by every error about a target.
var ErrTarget = errors.New("bad target")

// Target says where a name leads. Exactly one of the first four fields is set.
type Target struct {
	Service   string          // name of a service in this process: "orders"
	Upstreams []string        // addresses as [Upstream] returns them; several share the load
	Redirect  *Redirect       // another URL
	Handler   json.RawMessage // anything else: an HTTP handler's configuration

	// What the Homepage is told of it, as a JSON object; nil: nothing. Only
	// with upstreams or a handler.
	About json.RawMessage
}

// told is the JSON form of a target with something about it.
type told struct {
	Target *Target         `json:"target"`
	About  json.RawMessage `json:"service"`
}

// Redirect sends the client to another URL.
type Redirect struct {
	// An absolute URL, or a path that begins with one slash. It may contain
	// the placeholders {uri}, {query} and {host} of the request.
	To string `json:"redirect"`

	// The status code. Default: 302.
	Status int `json:"status,omitempty"`
}

// Kind tells which field is set.
func (t Target) Kind() string {
	switch {
	case t.Service != "":
		return "service"
	case len(t.Upstreams) > 0:
		return "upstream"
	case t.Redirect != nil:
		return "redirect"
	default:
		return "handler"
	}
}

// ParseTarget reads a target from the words of one line:
//
//	<service>
//	<upstream> [<upstreams...>]
//	redirect <url> [permanent|temporary|<code>]
//
// What has a colon or a slash is an upstream. Whether the service exists is
// for the caller to find out.
func ParseTarget(words ...string) (Target, error) {
	switch {
	case len(words) == 0:
		return Target{}, fmt.Errorf("%w: it is missing; write a service, an upstream, redirect or a block", ErrTarget)
	case words[0] == "redirect":
		return parseRedirect(words[1:])
	case len(words) == 1 && !strings.ContainsAny(words[0], ":/"):
		return service(words[0])
	}
	upstreams := make([]string, len(words))
	for i, word := range words {
		upstream, err := Upstream(word)
		if err != nil {
			return Target{}, err
		}
		upstreams[i] = upstream
	}
	return Target{Upstreams: upstreams}, nil
}

func service(name string) (Target, error) {
	if name == "" {
		return Target{}, fmt.Errorf("%w: it is empty", ErrTarget)
	}
	for i := range len(name) {
		if c := name[i]; !isLetterOrDigit(c) && c != '_' && c != '-' {
			return Target{}, fmt.Errorf("%w: %q is neither the name of a service nor an upstream like 127.0.0.1:8000",
				ErrTarget, name)
		}
	}
	return Target{Service: name}, nil
}

func parseRedirect(words []string) (Target, error) {
	const syntax = "write redirect <url> [permanent|temporary|<code>]"
	var redirect Redirect
	for i, word := range words {
		switch i {
		case 0:
			redirect.To = word
		case 1:
			status, err := redirectStatus(word)
			if err != nil {
				return Target{}, err
			}
			redirect.Status = status
		default:
			return Target{}, fmt.Errorf("%w: %q is too much; %s", ErrTarget, word, syntax)
		}
	}
	if redirect.To == "" {
		return Target{}, fmt.Errorf("%w: the redirect leads nowhere; %s", ErrTarget, syntax)
	}
	return Target{Redirect: &redirect}, redirect.check()
}

func redirectStatus(word string) (int, error) {
	switch word {
	case "permanent":
		return 301, nil
	case "temporary":
		return 302, nil
	}
	code, err := strconv.Atoi(word)
	if err != nil || code == 0 {
		return 0, fmt.Errorf("%w: redirect status %q is not permanent, temporary or a code", ErrTarget, word)
	}
	return code, nil
}

func (r Redirect) check() error {
	if r.To == "" {
		return fmt.Errorf("%w: the redirect leads nowhere", ErrTarget)
	}
	switch r.Status {
	case 0, 301, 302, 303, 307, 308:
		return nil
	}
	return fmt.Errorf("%w: redirect status %d is not 301, 302, 303, 307 or 308", ErrTarget, r.Status)
}

// MarshalJSON writes the shortest form: a string for a service or one
// upstream, an array of several upstreams, an object for the rest.
func (t Target) MarshalJSON() ([]byte, error) {
	switch {
	case t.About != nil:
		plain := t
		plain.About = nil
		return json.Marshal(told{&plain, t.About})
	case t.Service != "":
		return json.Marshal(t.Service)
	case len(t.Upstreams) == 1:
		return json.Marshal(t.Upstreams[0])
	case len(t.Upstreams) > 1:
		return json.Marshal(t.Upstreams)
	case t.Redirect != nil:
		return json.Marshal(t.Redirect)
	default:
		return json.Marshal(t.Handler)
	}
}

// UnmarshalJSON reads what [Target.MarshalJSON] writes and checks it as
// [ParseTarget] does.
func (t *Target) UnmarshalJSON(data []byte) (err error) {
	if len(data) == 0 {
		return fmt.Errorf("%w: it is empty", ErrTarget)
	}
	switch data[0] {
	case '"':
		word, err := unquote(data)
		if err != nil {
			return err
		}
		*t, err = ParseTarget(word)
		return err
	case '[':
		var words []string
		if err = json.Unmarshal(data, &words); err != nil {
			return fmt.Errorf("%w: an array holds upstreams: %w", ErrTarget, err)
		}
		*t, err = upstreams(words)
		return err
	case '{':
		*t, err = object(data)
		return err
	}
	return fmt.Errorf("%w: it is a service or an upstream (string), upstreams (array), "+
		`a redirect ({"redirect": …}), a handler ({"handler": …}) or upstreams with options ({"target": …, "service": …})`, ErrTarget)
}

// unquote decodes a JSON string. Those of a table are plain, and can be many.
func unquote(data []byte) (word string, err error) {
	if len(data) > 1 && bytes.IndexByte(data, '\\') < 0 {
		return string(data[1 : len(data)-1]), nil
	}
	err = json.Unmarshal(data, &word)
	return word, err
}

func upstreams(words []string) (Target, error) {
	for _, word := range words {
		if !strings.ContainsAny(word, ":/") {
			return Target{}, fmt.Errorf("%w: %q is not an upstream like 127.0.0.1:8000", ErrTarget, word)
		}
	}
	return ParseTarget(words...)
}

func object(data []byte) (Target, error) {
	var fields struct {
		Handler  string          `json:"handler"`
		Redirect json.RawMessage `json:"redirect"`
		Target   json.RawMessage `json:"target"`
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		return Target{}, fmt.Errorf("%w: %w", ErrTarget, err)
	}
	switch {
	case fields.Handler != "":
		return Target{Handler: bytes.Clone(data)}, nil
	case fields.Target != nil:
		return targetTold(data)
	case fields.Redirect == nil:
		return Target{}, fmt.Errorf(`%w: an object needs a "redirect", a "handler" or a "target"`, ErrTarget)
	}
	var redirect Redirect
	if err := decodeStrictly(data, &redirect); err != nil {
		return Target{}, err
	}
	return Target{Redirect: &redirect}, redirect.check()
}

// targetTold decodes a target with something about it.
func targetTold(data []byte) (Target, error) {
	var written told
	if err := decodeStrictly(data, &written); err != nil {
		return Target{}, err
	}
	switch target := written.Target; {
	case len(written.About) == 0 || written.About[0] != '{':
		return Target{}, fmt.Errorf(`%w: beside a "target" goes "service", an object`, ErrTarget)
	case target == nil || target.About != nil || target.Upstreams == nil && target.Handler == nil:
		return Target{}, fmt.Errorf(`%w: the "target" beside "service" is upstreams or a handler`, ErrTarget)
	}
	written.Target.About = written.About
	return *written.Target, nil
}

func decodeStrictly(data []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(value)
	if err != nil && !errors.Is(err, ErrTarget) {
		err = fmt.Errorf("%w: %w", ErrTarget, err)
	}
	return err
}
