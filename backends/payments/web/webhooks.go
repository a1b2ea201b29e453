package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/look"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/payments"
)

// webhooksBody is what the page of webhooks shows.
type webhooksBody struct {
	Endpoints  []endpoint
	Endpoint   string // whose deliveries are shown; "" for all
	Deliveries []delivery
	Live       bool
}

type endpoint struct {
	ID, URL, Types, Reason string
	Tone                   look.Tone
	Status                 string
}

type delivery struct {
	ID, Event, Type, To string
	Tone                look.Tone
	State               string
	Attempts            int
	Answer              string // of the latest attempt
	Latency             time.Duration
	Text                string // the first bytes of the answer, or why there was none
	At                  time.Time
	Wait                time.Duration // until the next attempt; 0 when there is none
}

var deliveryTones = map[webhook.State]look.Tone{
	webhook.Pending: look.Info, webhook.Delivered: look.Good, webhook.Failed: look.Bad, webhook.Canceled: look.None,
}

// webhooks shows the endpoints and what was sent to them.
func (p pages) webhooks(w http.ResponseWriter, r *http.Request) {
	shown := webhooksBody{Endpoint: r.URL.Query().Get("endpoint"), Live: p.Service.Live()}
	endpoints, errEndpoints := p.Service.Store.Endpoints(r.Context())
	deliveries, errDeliveries := p.Service.Store.Deliveries(r.Context(), webhook.Filter{Endpoint: shown.Endpoint, Limit: 50})
	if err := errors.Join(errEndpoints, errDeliveries); err != nil {
		p.fail(w, r, err)
		return
	}
	urls := make(map[string]string)
	for _, one := range endpoints {
		urls[one.ID] = one.URL
		view := endpoint{ID: one.ID, URL: one.URL, Types: strings.Join(one.Types, ", "), Reason: one.Reason, Tone: look.Good, Status: "enabled"}
		if one.Status != webhook.Enabled {
			view.Tone, view.Status = look.Warn, "disabled"
		}
		shown.Endpoints = append(shown.Endpoints, view)
	}
	for _, one := range deliveries {
		if urls[one.Endpoint] == "" { // to a part of this program, or to an endpoint that is gone
			continue
		}
		view := deliveryOf(one, urls[one.Endpoint])
		if !one.Next.IsZero() {
			view.Wait = max(one.Next.Sub(p.Now()), time.Second)
		}
		shown.Deliveries = append(shown.Deliveries, view)
	}
	p.show(w, r, http.StatusOK, webhooks, look.Page{Title: "Payments", Heading: "Webhooks", Tabs: p.tabs("/webhooks"), Body: shown}, look.ContentSecurityPolicy)
}

func deliveryOf(one webhook.Delivery, url string) delivery {
	view := delivery{
		ID: one.ID, Event: one.Event, Type: one.Type, To: url, Tone: deliveryTones[one.State], State: string(one.State), Attempts: one.Attempts,
		Latency: one.Last.Latency, Text: one.Last.Answer, At: one.Last.At,
	}
	if one.Last.Status != 0 {
		view.Answer = strconv.Itoa(one.Last.Status)
	}
	if one.Last.Error != "" {
		view.Text = one.Last.Error
	}
	return view
}

// replay has a delivery tried again.
func (p pages) replay(w http.ResponseWriter, r *http.Request) {
	err := p.Service.Replay(r.Context(), r.PathValue("delivery"))
	var refusal *payments.Error
	if err != nil && !errors.As(err, &refusal) {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/webhooks", http.StatusSeeOther)
}
