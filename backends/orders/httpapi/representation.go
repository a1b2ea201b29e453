package httpapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/orders"
)

// revision is the revision of how an order is shown. It is part of every
// ETag: raise it whenever the same order gets another body.
const revision = 2

// page is how the API shows a part of a list.
type page struct {
	Data       []json.RawMessage `json:"data"`
	NextCursor *string           `json:"next_cursor"` // null on the last page
}

// list is a list that has no pages.
type list[T any] struct {
	Data []T `json:"data"`
}

// shown is the reply to a change of an order.
func shown(order orders.Order, document []byte) (idempotency.Reply, error) {
	return shownAs(http.StatusOK, order, document), nil
}

// created is the reply that made an order, or something in it.
func created(order orders.Order, document []byte) (idempotency.Reply, error) {
	return shownAs(http.StatusCreated, order, document), nil
}

func shownAs(status int, order orders.Order, document []byte) idempotency.Reply {
	return idempotency.Reply{
		Status: status,
		Header: map[string]string{
			"Content-Type":     "application/json",
			"Content-Location": "/v1/orders/" + order.ID,
			"ETag":             etag(order.Version),
		},
		Body: slices.Concat(document, []byte("\n")),
	}
}

// placed is the reply to a new order.
func placed(order orders.Order, document []byte) (idempotency.Reply, error) {
	reply := shownAs(http.StatusCreated, order, document)
	delete(reply.Header, "Content-Location")
	reply.Header["Location"] = "/v1/orders/" + order.ID
	return reply, nil
}

// startedPayment is the reply to a payment that was started.
type startedPayment struct {
	Payment      string          `json:"payment"` // id in the Payments service
	ClientSecret string          `json:"client_secret"`
	Status       string          `json:"status"`
	Amount       int64           `json:"amount"`
	Order        json.RawMessage `json:"order"`
}

func showStarted(order orders.Order, started orders.StartedPayment) (idempotency.Reply, error) {
	document, err := orders.Encode(order)
	if err != nil {
		return idempotency.Reply{}, err
	}
	return replyOf(http.StatusCreated, startedPayment{
		Payment: started.Payment, ClientSecret: started.ClientSecret, Status: started.Status, Amount: started.Amount, Order: document,
	}, map[string]string{"ETag": etag(order.Version), "Content-Location": "/v1/orders/" + order.ID + "/payments"})
}

// replyOf is a reply with a JSON body and more header fields.
func replyOf(status int, value any, header map[string]string) (idempotency.Reply, error) {
	body, err := encode(value)
	reply := idempotency.Reply{Status: status, Header: map[string]string{"Content-Type": "application/json"}, Body: body}
	for name, text := range header {
		reply.Header[name] = text
	}
	return reply, err
}

// event is how the API and webhooks show an event.
type event struct {
	ID      string           `json:"id"`
	Type    string           `json:"type"`
	Object  string           `json:"object_id"` // of the order
	Created orders.Instant   `json:"created_at"`
	Data    orders.EventData `json:"data"`
}

func showEvent(e webhook.Event) (event, error) {
	shown := event{ID: e.ID, Type: e.Type, Object: e.Object, Created: orders.InstantOf(e.Created)}
	return shown, json.Unmarshal(e.Data, &shown.Data)
}

// RenderEvent makes the body that webhook endpoints get.
func RenderEvent(e webhook.Event, _ webhook.Endpoint) ([]byte, error) {
	shown, err := showEvent(e)
	if err != nil {
		return nil, err
	}
	return encode(shown)
}

// endpointView is how the API shows a webhook endpoint.
type endpointView struct {
	ID          string            `json:"id"`
	URL         string            `json:"url"`
	Events      []string          `json:"events"`
	Enabled     bool              `json:"enabled"`
	Reason      string            `json:"disabled_reason,omitempty"`
	Description string            `json:"description"`
	Metadata    map[string]string `json:"metadata"`
	Secret      string            `json:"secret,omitempty"` // only when it was just made
	Created     orders.Instant    `json:"created_at"`
	Updated     orders.Instant    `json:"updated_at"`
}

func showEndpoint(e webhook.Endpoint) endpointView {
	return endpointView{
		ID: e.ID, URL: e.URL, Events: e.Types, Enabled: e.Status == webhook.Enabled, Reason: e.Reason, Description: e.Description,
		Metadata: e.Metadata, Created: orders.InstantOf(e.Created), Updated: orders.InstantOf(e.Updated),
	}
}

func renderEndpoint(e webhook.Endpoint) (idempotency.Reply, error) {
	return replyOf(http.StatusOK, showEndpoint(e), nil)
}

// renderSecret shows the endpoint with its secret, this once.
func renderSecret(status int) orders.RenderEndpoint {
	return func(e webhook.Endpoint) (idempotency.Reply, error) {
		view := showEndpoint(e)
		view.Secret = e.Secret
		return replyOf(status, view, map[string]string{"Location": "/v1/webhook_endpoints/" + e.ID})
	}
}

// deliveryView is how the API shows a delivery.
type deliveryView struct {
	ID       string          `json:"id"`
	Endpoint string          `json:"endpoint"`
	Event    string          `json:"event"`
	Type     string          `json:"type"`
	State    webhook.State   `json:"state"`
	Attempts int             `json:"attempts"` // since it was created or replayed
	Next     *orders.Instant `json:"next_attempt_at"`
	Last     *attemptView    `json:"last_attempt"`
	Created  orders.Instant  `json:"created_at"`
}

type attemptView struct {
	At      orders.Instant `json:"at"`
	Status  int            `json:"status"` // 0: no answer
	Latency int64          `json:"latency_ms"`
	Error   string         `json:"error,omitempty"`
	Answer  string         `json:"answer,omitempty"` // its first bytes
}

func showDelivery(d webhook.Delivery) deliveryView {
	view := deliveryView{
		ID: d.ID, Endpoint: d.Endpoint, Event: d.Event, Type: d.Type, State: d.State, Attempts: d.Attempts, Created: orders.InstantOf(d.Created),
	}
	if !d.Next.IsZero() {
		next := orders.InstantOf(d.Next)
		view.Next = &next
	}
	if d.Last.Number > 0 {
		view.Last = &attemptView{orders.InstantOf(d.Last.At), d.Last.Status, d.Last.Latency.Milliseconds(), d.Last.Error, d.Last.Answer}
	}
	return view
}

// encode writes JSON without the escapes that only a script in a page needs.
func encode(v any) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return body.Bytes(), err
}

// etag is a strong validator: it changes with the order and with how it is shown.
func etag(version int64) string {
	return `"` + strconv.Itoa(revision) + "-" + strconv.FormatInt(version, 10) + `"`
}

// ifMatch returns the version that an If-Match header names, 0 when it names
// any, and a version that no order has when it names nothing of ours.
func ifMatch(headers []string) (version int64, err error) {
	const never = -1
	text := strings.TrimSpace(strings.Join(headers, ","))
	switch {
	case text == "" || text == "*":
		return 0, nil
	case strings.Contains(text, ","):
		return 0, &headerError{"If-Match", "must name one ETag, or be *"}
	}
	number, ok := strings.CutPrefix(text, `"`+strconv.Itoa(revision)+"-")
	if !ok {
		return never, nil
	}
	version, err = strconv.ParseInt(strings.TrimSuffix(number, `"`), 10, 64)
	if err != nil || version < 1 {
		return never, nil //nolint:nilerr // not one of ours
	}
	return version, nil
}

// headerError says what is wrong with a header field.
type headerError struct{ name, detail string }

func (e *headerError) Error() string { return e.name + " " + e.detail }

// matches compares an If-None-Match header with an ETag, weakly, as RFC 9110 says.
func matches(headers []string, etag string) bool {
	for _, header := range headers {
		for candidate := range strings.SplitSeq(header, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}

// private lets a client keep a reply only for itself, and ask before using it again.
func private(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

func sendJSON(w http.ResponseWriter, v any) error {
	reply, err := replyOf(http.StatusOK, v, nil)
	if err != nil {
		return err
	}
	send(w, reply)
	return nil
}

func send(w http.ResponseWriter, reply idempotency.Reply) {
	private(w)
	for name, value := range reply.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(reply.Body)))
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body) // the client is gone when this fails
}
