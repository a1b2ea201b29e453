package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/text"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/shape"
)

const (
	// maxKey is the longest idempotency key, in characters.
	maxKey = 255
	// maxBody is the largest request body, in bytes.
	maxBody = 128 << 10
	// maxWork bounds an operation. It goes on when its client hangs up, so
	// that the client finds the reply when it asks again.
	maxWork = 30 * time.Second
)

// cardNumberParams are the parameters a card number may be in.
var cardNumberParams = []string{"payment_method_data[card][number]", "card[number]"}

// versionForm is what the versions of Stripe's API look like.
var versionForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(\.[a-z]{1,20})?$`)

// call is one request under way.
type call struct {
	api       *api
	request   *http.Request
	requestID string
	key       string // idempotency key, "" for none
	form      *form
	expand    []string // references to write as objects
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
	principal, err := c.authenticate()
	if err != nil {
		return err
	}
	leave, err := c.api.enter(principal.KeyID)
	if err != nil {
		return err
	}
	defer leave()
	if !text.Storable(c.request.URL.Path) {
		return &statusError{http.StatusNotFound, payments.Invalid(payments.CodeResourceMissing, "id", "No such object: its id is not a text.")}
	}
	if err := c.readForm(); err != nil {
		return err
	}
	if err := c.readHeader(); err != nil {
		return err
	}
	if c.request.Method == http.MethodGet {
		return operation(c.request.Context(), c)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.request.Context()), maxWork)
	defer cancel()
	return operation(ctx, c)
}

// readHeader reads the idempotency key, which Stripe takes any text for, and
// checks the version.
func (c *call) readHeader() error {
	if version := c.request.Header.Get("Stripe-Version"); version != "" && !versionForm.MatchString(version) {
		return payments.Invalid("", "", "Invalid Stripe API version: it looks like %s.", shape.Version)
	}
	if c.request.Method == http.MethodGet {
		return nil
	}
	c.key = c.request.Header.Get(idempotency.Header)
	if utf8.RuneCountInString(c.key) > maxKey {
		return &payments.Error{Type: payments.IdempotencyError,
			Message: fmt.Sprintf("Idempotency keys can be at most %d characters long.", maxKey)}
	}
	return nil
}

func (c *call) authenticate() (access.Principal, error) {
	principal, err := c.api.Guard.Authenticate(c.request, access.ScopePayments)
	switch {
	case errors.Is(err, access.ErrForbidden):
		return principal, &statusError{http.StatusForbidden, payments.Invalid("", "",
			"The provided key does not have the required permissions for this endpoint: it lacks the scope %q.", access.ScopePayments)}
	case errors.Is(err, access.ErrUnauthenticated) && c.request.Header.Get("Authorization") == "":
		return principal, &statusError{http.StatusUnauthorized, payments.Invalid("", "",
			"You did not provide an API key. You need to provide your API key in the Authorization header, "+
				"using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').")}
	case errors.Is(err, access.ErrUnauthenticated):
		return principal, &statusError{http.StatusUnauthorized, payments.Invalid("", "", "Invalid API Key provided.")}
	case err != nil:
		return principal, fmt.Errorf("checking the API key: %w", err)
	case principal.Live != c.api.Service.Live():
		return principal, &statusError{http.StatusUnauthorized, payments.Invalid(payments.CodeLivemodeMismatch, "",
			"Invalid API Key provided: a %s mode key was used, but this service is in %s mode.",
			mode(principal.Live), mode(c.api.Service.Live()))}
	}
	return principal, nil
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
		} else if !slices.Contains(cardNumberParams, name) && payments.HoldsCardNumber(text) {
			refusal = payments.Invalid("", name, "The value of %s looks like a card number, which must not be sent here.", name)
		}
	})
	return refusal
}

// about is what the service is told of the request.
func (c *call) about() payments.Request {
	return payments.Request{
		ID:             c.requestID,
		IdempotencyKey: c.key,
		Fingerprint:    idempotency.Fingerprint(c.request.Method, c.request.URL.Path, []byte(c.form.canonical())),
		Expand:         c.expand,
		APIVersion:     c.request.Header.Get("Stripe-Version"),
		BaseURL:        baseURL(c.request),
	}
}

// baseURL is where the client reached this service.
func baseURL(r *http.Request) string {
	if r.TLS == nil {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}

// reply answers with what the service replied.
func (c *call) reply(reply payments.Reply, err error) error {
	if err != nil {
		return err
	}
	c.answer = answer{status: reply.Status, body: reply.Body}
	if reply.Original != "" {
		c.answer.header = map[string]string{
			idempotency.ReplayedHeader: "true",
			"Original-Request":         reply.Original,
			"Stripe-Should-Retry":      "false",
		}
	}
	return nil
}

// show answers with an object.
func (c *call) show(ctx context.Context, object payments.Object, err error) error {
	if err != nil {
		return err
	}
	return c.body(shape.Shapes{}.Object(ctx, c.api.Service.Store, object, c.expand))
}

// body answers 200 with a body.
func (c *call) body(body []byte, err error) error {
	c.answer = answer{status: http.StatusOK, body: body}
	return err
}

// statusError is a refusal with an HTTP status that its type and code do not tell.
type statusError struct {
	status  int
	refusal *payments.Error
}

// Error implements error.
func (e *statusError) Error() string { return e.refusal.Error() }

// Unwrap gives the refusal without its status.
func (e *statusError) Unwrap() error { return e.refusal }

// refuse answers with an error that nothing was stored for.
func (c *call) refuse(err error) {
	var withStatus *statusError
	var refusal *payments.Error
	switch {
	case errors.As(err, &withStatus):
		c.answerError(withStatus.status, withStatus.refusal)
	case errors.As(err, &refusal):
		c.answerError(refusal.Status(), refusal)
	default:
		c.api.Logger.Error("a request failed", "request", c.requestID, "method", c.request.Method,
			"endpoint", c.request.Pattern, "error", err)
		c.answerError(http.StatusInternalServerError, &payments.Error{
			Type: payments.APIError, Message: "The request could not be carried out; the server's log says why. " +
				"It is safe to try it again with the same idempotency key."})
	}
	c.answer.header = c.retryAdvice(refusal)
}

func (c *call) answerError(status int, refusal *payments.Error) {
	body, err := shape.Shapes{}.Error(c.request.Context(), c.api.Service.Store, refusal, nil)
	if err != nil {
		c.api.Logger.Error("encoding an answer", "request", c.requestID, "error", err)
		status, body = http.StatusInternalServerError, []byte(`{"error":{"type":"api_error"}}`)
	}
	c.answer = answer{status: status, body: body}
}

// retryAdvice tells the SDKs when to try again where the status alone does not.
func (c *call) retryAdvice(refusal *payments.Error) map[string]string {
	repeatable := c.request.Method == http.MethodGet || c.key != ""
	switch {
	case refusal != nil && refusal.Code == payments.CodeLockTimeout, c.answer.status == http.StatusConflict,
		c.answer.status == http.StatusInternalServerError && repeatable:
		return map[string]string{"Stripe-Should-Retry": "true"}
	case c.answer.status == http.StatusInternalServerError:
		return map[string]string{"Stripe-Should-Retry": "false"} // it could take the money a second time
	default:
		return nil
	}
}

// send writes the answer. Nothing under /v1/ is for caches.
func (c *call) send(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Request-Id", c.requestID)
	header.Set("Stripe-Version", shape.Version)
	if asked := c.request.Header.Get("Stripe-Version"); versionForm.MatchString(asked) {
		header.Set("Stripe-Version", asked)
	}
	if key := c.request.Header.Get(idempotency.Header); key != "" && c.request.Method != http.MethodGet {
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
