package httpapi

import (
	"net/http"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/alert"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
)

// Alerts is the body of GET /api/v1/alerts.
type Alerts struct {
	Checked     time.Time     `json:"checked"`
	Told        []Told        `json:"told"`        // troubles that are not over
	Undelivered []Undelivered `json:"undelivered"` // channels that fail
}

// Told is a trouble that was alerted of.
type Told struct {
	Kind  string    `json:"kind"` // "service" or "certificate"
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	State string    `json:"state"`
	Since time.Time `json:"since"`
	Last  time.Time `json:"last"` // when it was told of, for the first time or again
}

// Undelivered is a channel through which alerts do not arrive.
type Undelivered struct {
	Channel string    `json:"channel"`
	Since   time.Time `json:"since"`
	Waiting int       `json:"waiting"` // messages
	Error   string    `json:"error"`
}

// alerts answers with what was told and what was not.
func alerts(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond(w, r, cfg, AlertsOf(cfg.Told(), cfg.Alerts(), cfg.Now().UTC()))
	})
}

// AlertsOf is what was told and what was not, as JSON shows it.
func AlertsOf(told []alert.Told, troubles []deliver.Trouble, now time.Time) Alerts {
	view := Alerts{Checked: now, Told: []Told{}, Undelivered: []Undelivered{}}
	for _, t := range told {
		view.Told = append(view.Told, Told{t.Kind, t.ID, t.Name, t.State, t.Since, t.Last})
	}
	for _, t := range troubles {
		view.Undelivered = append(view.Undelivered, Undelivered{t.Channel, t.Since, t.Waiting, t.Error})
	}
	return view
}
