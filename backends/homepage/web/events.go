package web

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/aditechsphere/fairway/backends/errorpage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

var eventsTemplate = look.MustParse(files, "events.html", "timeline.html")

// pageOfEvents is how many are on a page.
const pageOfEvents = 100

// NewEvents returns the pages of all events that are kept, for operators. The
// parameter before of the query is the ID of the last event of the page before.
func NewEvents(cfg Config) http.Handler {
	page := look.Handler(look.Config{
		Template: eventsTemplate,
		Facts:    cfg.Facts,
		SignedIn: cfg.Operator,
		Visitor:  func(context.Context) (look.Page, error) { return look.Page{}, nil }, // refused below
		Operator: cfg.events,
		Now:      cfg.Now,
		Logger:   cfg.Logger,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch _, err := beforeOf(r); {
		case !cfg.Operator(r):
			errorpage.Write(w, r, http.StatusForbidden, "What happened is for operators. `caddy fairway sign-in` gives a link to sign in with.")
		case err != nil:
			errorpage.Write(w, r, http.StatusBadRequest, "The parameter before is the number of an event.")
		default:
			page.ServeHTTP(w, r)
		}
	})
}

// beforeOf reads the query: the ID that all shown events are below.
func beforeOf(r *http.Request) (int64, error) {
	value := r.URL.Query().Get("before")
	if value == "" {
		return math.MaxInt64, nil
	}
	return strconv.ParseInt(value, 10, 64)
}

// eventsView is a page of events as the template shows it.
type eventsView struct {
	Events []event // newest first
	Newest bool    // the first page
	Older  int64   // the ID to go on before; 0: that is all
	Days   int     // for how many they are kept
}

func (cfg Config) events(r *http.Request) (look.Page, error) {
	before, err := beforeOf(r)
	if err != nil {
		return look.Page{}, err
	}
	found, err := cfg.History.EventsBefore(r.Context(), before, pageOfEvents+1)
	if err != nil {
		return look.Page{}, err
	}
	view := eventsView{Newest: before == math.MaxInt64, Days: int(history.EventsKeep / (24 * time.Hour))}
	if len(found) > pageOfEvents {
		found = found[:pageOfEvents]
		view.Older = found[pageOfEvents-1].ID
	}
	for _, e := range found {
		view.Events = append(view.Events, event{e, cfg.Now().UTC()})
	}
	return look.Page{Title: "Events", Description: "What happened on this server.", Heading: "What happened", Body: view}, nil
}
