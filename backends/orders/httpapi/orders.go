package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/orders"
)

func (h *handler) create(r *http.Request, call orders.Call, asked orders.NewOrder) (idempotency.Reply, bool, error) {
	return h.service.Create(r.Context(), call, asked, placed)
}

func (h *handler) read(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	document, err := h.service.Document(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(document.Version))
	if matches(r.Header.Values("If-None-Match"), etag(document.Version)) {
		private(w)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	send(w, idempotency.Reply{
		Status: http.StatusOK, Header: map[string]string{"Content-Type": "application/json"}, Body: append(document.JSON, '\n'),
	})
	return nil
}

// update needs If-Match: two people who edit an order must not undo each other.
func (h *handler) update(r *http.Request, call orders.Call, asked orders.Patch) (idempotency.Reply, bool, error) {
	if len(r.Header.Values("If-Match")) == 0 {
		return idempotency.Reply{}, false, errUnconditional
	}
	return h.service.Update(r.Context(), call, r.PathValue("id"), asked, shown)
}

// nothing is the body of a change that has no parameters.
type nothing struct{}

func (h *handler) place(r *http.Request, call orders.Call, _ nothing) (idempotency.Reply, bool, error) {
	return h.service.Place(r.Context(), call, r.PathValue("id"), shown)
}

func (h *handler) complete(r *http.Request, call orders.Call, _ nothing) (idempotency.Reply, bool, error) {
	return h.service.Complete(r.Context(), call, r.PathValue("id"), shown)
}

func (h *handler) archive(r *http.Request, call orders.Call, _ nothing) (idempotency.Reply, bool, error) {
	return h.service.Archive(r.Context(), call, r.PathValue("id"), shown)
}

func (h *handler) cancel(r *http.Request, call orders.Call, asked orders.CancelAsk) (idempotency.Reply, bool, error) {
	return h.service.Cancel(r.Context(), call, r.PathValue("id"), asked, shown)
}

func (h *handler) fulfill(r *http.Request, call orders.Call, asked orders.FulfillAsk) (idempotency.Reply, bool, error) {
	return h.service.Fulfill(r.Context(), call, r.PathValue("id"), asked, created)
}

func (h *handler) takeBack(r *http.Request, call orders.Call, asked orders.ReturnAsk) (idempotency.Reply, bool, error) {
	return h.service.TakeBack(r.Context(), call, r.PathValue("id"), asked, created)
}

func (h *handler) refund(r *http.Request, call orders.Call, asked orders.RefundAsk) (idempotency.Reply, bool, error) {
	return h.service.Refund(r.Context(), call, r.PathValue("id"), asked, created)
}

// newPayment is the body of POST /v1/orders/{id}/payments.
type newPayment struct {
	ManualCapture bool `json:"manual_capture"` // hold the money, to be captured later
}

func (h *handler) startPayment(r *http.Request, call orders.Call, asked newPayment) (idempotency.Reply, bool, error) {
	return h.service.StartPayment(r.Context(), call, r.PathValue("id"), asked.ManualCapture, showStarted)
}

func (h *handler) events(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	found, err := h.service.Events(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return sendEvents(w, found)
}

func sendEvents(w http.ResponseWriter, found []webhook.Event) error {
	shown := list[event]{Data: make([]event, len(found))}
	for i, e := range found {
		var err error
		if shown.Data[i], err = showEvent(e); err != nil {
			return err
		}
	}
	return sendJSON(w, shown)
}

func (h *handler) list(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	ask, err := listParameters(r.URL.RawQuery, true)
	if err != nil {
		return err
	}
	found, err := h.service.List(r.Context(), ask)
	if err != nil {
		return err
	}
	shown := page{Data: make([]json.RawMessage, len(found.Documents))}
	for i, document := range found.Documents {
		shown.Data[i] = document.JSON
	}
	if found.Next != "" {
		shown.NextCursor = &found.Next
		next := r.URL.Query()
		next.Set("cursor", found.Next)
		w.Header().Set("Link", fmt.Sprintf(`</v1/orders?%s>; rel="next"`, next.Encode()))
	}
	return sendJSON(w, shown)
}

// filters are the parameters of a list, and where they go.
func filters(ask *orders.ListAsk) map[string]*string {
	return map[string]*string{
		"status": &ask.Status, "payment_status": &ask.Payment, "fulfillment_status": &ask.Fulfillment,
		"currency": &ask.Currency, "email": &ask.Email, "number": &ask.Number,
		"created_from": &ask.CreatedFrom, "created_until": &ask.CreatedUntil,
		"updated_from": &ask.UpdatedFrom, "updated_until": &ask.UpdatedUntil, "q": &ask.Q,
	}
}

// listParameters refuses unknown and repeated parameters: a filter that is
// ignored would show a client the wrong orders.
func listParameters(rawQuery string, pages bool) (ask orders.ListAsk, err error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return ask, &orders.ParameterError{Name: "query", Detail: "is not a valid query string"}
	}
	known := filters(&ask)
	var limit string
	if pages {
		known["cursor"], known["limit"] = &ask.Cursor, &limit
	}
	for _, name := range slices.Sorted(keys(query)) { // the same request gets the same error
		into, ok := known[name]
		switch {
		case !ok:
			return ask, &orders.ParameterError{Name: name, Detail: "is unknown: there are " + strings.Join(slices.Sorted(keys(known)), ", ")}
		case len(query[name]) > 1:
			return ask, &orders.ParameterError{Name: name, Detail: "is given more than once"}
		}
		*into = query.Get(name)
	}
	if query.Has("limit") {
		if ask.Limit, err = strconv.Atoi(limit); err != nil || ask.Limit == 0 {
			return ask, &orders.ParameterError{Name: "limit", Detail: fmt.Sprintf("must be from 1 to %d", orders.MaxLimit)}
		}
	}
	return ask, nil
}

// erasure is the body of POST /v1/erasures.
type erasure struct {
	Email string `json:"email"`
}

// erased is the reply to it.
type erased struct {
	Orders int `json:"orders"` // how many were scrubbed
}

func (h *handler) erase(w http.ResponseWriter, r *http.Request, client access.Principal) error {
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	var asked erasure
	if err := decode(body, &asked); err != nil {
		return err
	}
	count, err := h.service.Erase(r.Context(), actorOf(client), asked.Email)
	if err != nil {
		return err
	}
	return sendJSON(w, erased{count})
}
