package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/look"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/orders"
)

// webhooksBody is the endpoints and what went to them.
type webhooksBody struct {
	Refused    string
	Secret     string // of the endpoint that was just made
	Endpoints  []webhook.Endpoint
	Deliveries []deliveryRow
	Types      []string
	Once       string
}

type deliveryRow struct {
	webhook.Delivery
	Shown state
	To    string // address of the endpoint
}

func (p pages) webhooks(r *http.Request) (look.Page, error) { return p.webhooksAfter(r, "", "") }

func (p pages) webhooksAfter(r *http.Request, refused, secret string) (look.Page, error) {
	endpoints, err := p.Service.Store().Endpoints(r.Context())
	if err != nil {
		return look.Page{}, err
	}
	deliveries, err := p.Service.Store().Deliveries(r.Context(), webhook.Filter{Limit: 50})
	if err != nil {
		return look.Page{}, err
	}
	body := webhooksBody{Refused: refused, Secret: secret, Endpoints: endpoints, Types: orders.EventTypes, Once: rand.Text()}
	addresses := make(map[string]string)
	for _, e := range endpoints {
		addresses[e.ID] = e.URL
	}
	for _, d := range deliveries {
		if addresses[d.Endpoint] == "" { // to a part of this program
			continue
		}
		tone := map[webhook.State]look.Tone{webhook.Delivered: look.Good, webhook.Failed: look.Bad, webhook.Canceled: look.None}[d.State]
		if d.State == webhook.Pending {
			if tone = look.Info; d.Attempts > 0 {
				tone = look.Warn
			}
		}
		body.Deliveries = append(body.Deliveries, deliveryRow{d, state{tone, string(d.State)}, addresses[d.Endpoint]})
	}
	return look.Page{Title: "Webhooks", Heading: "Webhooks", Lede: "Other systems are told of every change of an order.", Tabs: p.tabs("/webhooks"), Body: body}, nil
}

func (p pages) addEndpoint(w http.ResponseWriter, r *http.Request) {
	call := orders.Call{Actor: operator, Request: idempotency.Request{
		Client: "operator", Key: r.FormValue("once"), Fingerprint: idempotency.Fingerprint(r.Method, r.FormValue("url"), nil),
	}}
	reply, _, err := p.Service.CreateEndpoint(r.Context(), call, orders.NewEndpoint{
		URL: strings.TrimSpace(r.FormValue("url")), Events: r.Form["events"], Description: r.FormValue("description"),
	}, func(e webhook.Endpoint) (idempotency.Reply, error) {
		return idempotency.Reply{Status: http.StatusOK, Body: []byte(e.Secret)}, nil
	})
	refused, status := refusal(err)
	if refused == "" && err != nil {
		p.send(w, r, 0, webhooksPage, look.Page{}, err)
		return
	}
	if refused == "" {
		status = http.StatusOK
	}
	page, err := p.webhooksAfter(r, refused, string(reply.Body))
	p.send(w, r, status, webhooksPage, page, err)
}

func (p pages) changeEndpoint(w http.ResponseWriter, r *http.Request) {
	id, call := r.PathValue("id"), orders.Call{Actor: operator}
	ignore := func(webhook.Endpoint) (idempotency.Reply, error) { return idempotency.Reply{}, nil }
	set := func(ctx context.Context, enabled bool) error {
		_, _, err := p.Service.UpdateEndpoint(ctx, call, id, orders.EndpointPatch{Enabled: &enabled}, ignore)
		return err
	}
	var err error
	switch r.PathValue("action") {
	case "enable":
		err = set(r.Context(), true)
	case "disable":
		err = set(r.Context(), false)
	case "delete":
		err = p.Service.DeleteEndpoint(r.Context(), id)
	default:
		err = webhook.ErrNotFound
	}
	p.backTo(w, r, "/webhooks", webhooksPage, err)
}

func (p pages) replay(w http.ResponseWriter, r *http.Request) {
	p.backTo(w, r, "/webhooks", webhooksPage, p.Service.Replay(r.Context(), r.PathValue("id")))
}

func (p pages) backTo(w http.ResponseWriter, r *http.Request, path string, template *look.Template, err error) {
	if err != nil {
		p.send(w, r, 0, template, look.Page{}, err)
		return
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
}
