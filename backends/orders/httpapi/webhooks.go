package httpapi

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/orders"
)

func keys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

func (h *handler) createEndpoint(r *http.Request, call orders.Call, asked orders.NewEndpoint) (idempotency.Reply, bool, error) {
	return h.service.CreateEndpoint(r.Context(), call, asked, renderSecret(http.StatusCreated))
}

func (h *handler) updateEndpoint(r *http.Request, call orders.Call, asked orders.EndpointPatch) (idempotency.Reply, bool, error) {
	return h.service.UpdateEndpoint(r.Context(), call, r.PathValue("id"), asked, renderEndpoint)
}

func (h *handler) rotateSecret(r *http.Request, call orders.Call, _ nothing) (idempotency.Reply, bool, error) {
	return h.service.RotateSecret(r.Context(), call, r.PathValue("id"), renderSecret(http.StatusOK))
}

func (h *handler) deleteEndpoint(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	if err := h.service.DeleteEndpoint(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	private(w)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (h *handler) readEndpoint(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	found, err := h.service.Store().Endpoint(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return sendJSON(w, showEndpoint(found))
}

func (h *handler) listEndpoints(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	found, err := h.service.Store().Endpoints(r.Context())
	if err != nil {
		return err
	}
	shown := list[endpointView]{Data: make([]endpointView, len(found))}
	for i, e := range found {
		shown.Data[i] = showEndpoint(e)
	}
	return sendJSON(w, shown)
}

func (h *handler) listDeliveries(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	endpoint := r.PathValue("id")
	if _, err := h.service.Store().Endpoint(r.Context(), endpoint); err != nil {
		return err
	}
	found, err := h.service.Store().Deliveries(r.Context(), webhook.Filter{Endpoint: endpoint})
	if err != nil {
		return err
	}
	shown := list[deliveryView]{Data: make([]deliveryView, len(found))}
	for i, d := range found {
		shown.Data[i] = showDelivery(d)
	}
	return sendJSON(w, shown)
}

func (h *handler) replay(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	if err := h.service.Replay(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	private(w)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// listEvents pages through all events by the id of the last one seen.
func (h *handler) listEvents(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	filter, err := h.eventFilter(r)
	if err != nil {
		return err
	}
	found, err := h.service.Store().Events(r.Context(), filter)
	if err != nil {
		return err
	}
	return sendEvents(w, found)
}

func (h *handler) eventFilter(r *http.Request) (filter webhook.Filter, err error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return filter, &orders.ParameterError{Name: "query", Detail: "is not a valid query string"}
	}
	filter.Limit = orders.MaxLimit
	for _, name := range slices.Sorted(keys(query)) { // the same request gets the same error
		value := query.Get(name)
		switch name {
		case "type":
			filter.Types = query[name]
		case "after":
			last, err := h.service.Store().Event(r.Context(), value)
			if errors.Is(err, webhook.ErrNotFound) {
				return filter, &orders.ParameterError{Name: name, Detail: "is not the id of an event"}
			}
			if err != nil {
				return filter, err
			}
			filter.Below = last.Seq
		case "limit":
			filter.Limit, err = strconv.Atoi(value)
			if err != nil || filter.Limit < 1 || filter.Limit > orders.MaxLimit {
				return filter, &orders.ParameterError{Name: name, Detail: fmt.Sprintf("must be from 1 to %d", orders.MaxLimit)}
			}
		default:
			return filter, &orders.ParameterError{Name: name, Detail: "is unknown: there are after, limit, type"}
		}
	}
	return filter, nil
}
