package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/payments"
)

const (
	// maxBody is the largest request body, in bytes.
	maxBody = 128 << 10
	// maxWork bounds an operation. It goes on when its client hangs up, so
	// that the client finds the reply when it asks again.
	maxWork = 30 * time.Second
	// apiVersion is the version of Stripe's API whose shapes are answered.
	apiVersion = "2025-08-27.basil"
	// cardNumberParam is the one parameter a card number may be in.
	cardNumberParam = "payment_method_data[card][number]"
)

// call is one request under way.
type call struct {
	api       *api
	request   *http.Request
	requestID string
	key       string // idempotency key, "" for none
	form      *form
	expand    expansion
	answer    answer
}

// answer is what a call is answered with.
type answer struct {
	status int
	body   []byte
	header map[string]string
}

// endpoint makes a handler of an operation: what all operations have in
// common happens here, in the order in which Stripe checks it.
func (a *api) endpoint(operation func(context.Context, *call) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{api: a, request: r, requestID: id.New("req")}
		if err := c.run(operation); err != nil {
			c.refuse(err)
		}
		c.send(w)
	})
}

func (a *api) unknownURL(w http.ResponseWriter, r *http.Request) {
	c := &call{api: a, request: r, requestID: id.New("req")}
	path := r.URL.Path
	if payments.HoldsCardNumber(path) {
		path = "/v1/…"
	}
	c.refuse(&statusError{http.StatusNotFound, payments.Invalid("", "",
		"Unrecognized request URL (%s: %s). If you are trying to list objects, remove the trailing slash. "+
			"If you are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code.",
		r.Method, path)})
	c.send(w)
}

func (c *call) run(operation func(context.Context, *call) error) error {
	if err := c.authenticate(); err != nil {
		return err
	}
	if err := c.readForm(); err != nil {
		return err
	}
	if c.request.Method != http.MethodPost {
		return operation(c.request.Context(), c)
	}
	if err := c.readKey(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.request.Context()), maxWork)
	defer cancel()
	if c.key == "" {
		return operation(ctx, c)
	}
	return c.once(ctx, operation)
}

func (c *call) authenticate() error {
	principal, err := c.api.Guard.Authenticate(c.request, access.ScopePayments)
	switch {
	case errors.Is(err, access.ErrForbidden):
		return &statusError{http.StatusForbidden, payments.Invalid("", "",
			"The provided key does not have the required permissions for this endpoint: it lacks the scope %q.", access.ScopePayments)}
	case errors.Is(err, access.ErrUnauthenticated) && c.request.Header.Get("Authorization") == "":
		return &statusError{http.StatusUnauthorized, payments.Invalid("", "",
			"You did not provide an API key. You need to provide your API key in the Authorization header, "+
				"using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').")}
	case errors.Is(err, access.ErrUnauthenticated):
		return &statusError{http.StatusUnauthorized, payments.Invalid("", "", "Invalid API Key provided.")}
	case err != nil:
		return fmt.Errorf("checking the API key: %w", err)
	case principal.Live != c.api.service.Live():
		return &statusError{http.StatusUnauthorized, payments.Invalid(payments.CodeLivemodeMismatch, "",
			"Invalid API Key provided: a %s mode key was used, but this service is in %s mode.",
			mode(principal.Live), mode(c.api.service.Live()))}
	}
	return nil
}

func mode(live bool) string {
	if live {
		return "live"
	}
	return "test"
}

// readForm reads the parameters, of the query and the body alike, and refuses
// card numbers before anything else sees them.
func (c *call) readForm() error {
	encoded := c.request.URL.RawQuery
	if c.request.Method == http.MethodPost {
		body, err := c.readBody()
		if err != nil {
			return err
		}
		encoded += "&" + string(body)
	}
	parsed, err := parseForm(encoded)
	var malformed *errForm
	if errors.As(err, &malformed) {
		if payments.HoldsCardNumber(malformed.param) {
			malformed.param = ""
		}
		return payments.Invalid("", malformed.param, "Invalid request: %s.", malformed)
	}
	c.form = parsed
	return checkCardNumbers(parsed)
}

func (c *call) readBody() ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(c.request.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, payments.Invalid("", "", "Invalid request: the body could not be read.")
	case len(body) > maxBody:
		return nil, &statusError{http.StatusRequestEntityTooLarge,
			payments.Invalid("", "", "Invalid request: the body is larger than %d bytes.", maxBody)}
	case len(body) == 0:
		return nil, nil
	}
	mediaType, _, err := mime.ParseMediaType(c.request.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil, payments.Invalid("", "",
			"Invalid request (check that your POST content type is application/x-www-form-urlencoded).")
	}
	return body, nil
}

// checkCardNumbers refuses card numbers wherever they would be stored.
func checkCardNumbers(f *form) error {
	var refusal error
	f.each(func(name, text string) {
		if refusal != nil {
			return
		}
		if payments.HoldsCardNumber(name) {
			refusal = payments.Invalid("", "", "The name of a parameter looks like a card number, which must not be sent here.")
		} else if name != cardNumberParam && payments.HoldsCardNumber(text) {
			refusal = payments.Invalid("", name, "The value of %s looks like a card number, which must not be sent here.", name)
		}
	})
	return refusal
}

// finish is given to the service: it makes the answer of an outcome, to be
// stored with it when there is an idempotency key.
func (c *call) finish(outcome payments.Outcome) *payments.Reply {
	if outcome.Refusal != nil {
		o := errorObject(outcome.Refusal)
		o["payment_intent"] = intentObject(outcome.Payment, expansion{})
		c.answerWith(statusOf(outcome.Refusal), object{"error": o})
	} else {
		c.answerWith(http.StatusOK, intentObject(outcome.Payment, c.expand))
	}
	if c.key == "" {
		return nil
	}
	return &payments.Reply{Key: payments.ReplyKeyOf(c.key), SavedReply: payments.SavedReply{
		Fingerprint: c.fingerprint(),
		RequestID:   c.requestID,
		Status:      c.answer.status,
		Body:        c.answer.body,
		Saved:       c.api.Now(),
	}}
}

func (c *call) fingerprint() string {
	return idempotency.Fingerprint(c.request.Method, c.request.URL.Path, []byte(c.form.canonical()))
}

func (c *call) answerWith(status int, o object) {
	body, err := encode(o)
	if err != nil {
		c.api.Logger.Error("encoding an answer", "request", c.requestID, "error", err)
		status, body = http.StatusInternalServerError, []byte(`{"error":{"type":"api_error"}}`)
	}
	c.answer = answer{status: status, body: body}
}

// send writes the answer. Nothing under /v1/ is for caches.
func (c *call) send(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Request-Id", c.requestID)
	header.Set("Stripe-Version", apiVersion)
	if asked := c.request.Header.Get("Stripe-Version"); asked != "" {
		header.Set("Stripe-Version", asked)
	}
	if key := c.request.Header.Get(idempotency.Header); key != "" && c.request.Method == http.MethodPost {
		header.Set(idempotency.Header, key)
	}
	if c.answer.status == http.StatusUnauthorized {
		header.Set("WWW-Authenticate", `Bearer realm="payments"`)
	}
	for name, value := range c.answer.header {
		header.Set(name, value)
	}
	header.Set("Content-Length", strconv.Itoa(len(c.answer.body)))
	w.WriteHeader(c.answer.status)
	_, _ = w.Write(c.answer.body) // the client has gone if this fails
}
