// Package web is the dashboard as a page.
package web

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/logtail"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

//go:embed *.html
var files embed.FS

var index = look.MustParse(files, "index.html", "timeline.html", "log.html")

// Config is what the page needs.
type Config struct {
	Catalogue homepage.Catalogue
	History   History

	// Certificates are those of the names that are served. Default: none.
	Certificates func() []homepage.Certificate

	// Alerts are the channels through which alerts do not arrive. Default: none.
	Alerts func() []deliver.Trouble

	// Unserved is the traffic that came to nothing. Default: none.
	Unserved func() []homepage.UnservedOfKind

	// Logs are read at their ends. Default: none.
	Logs *logtail.Tail

	// Watchers, unless nil, counts the streams that are open.
	Watchers *atomic.Int64

	Operator func(*http.Request) bool // whether a request is a signed-in operator's
	Facts    instance.Facts
	Logger   *slog.Logger
	Now      func() time.Time

	// Ending is closed when streams must end, so that they hold up no reload.
	Ending <-chan struct{}
}

// History is what is known of the past. A [history.Keeper] is one.
type History interface {
	LastHour(service string, now time.Time) history.Hour
	LastDays(service string, n int, now time.Time) []history.Day
	Down(since time.Time) []history.Interval
	Events(since time.Time) []homepage.Event
	EventsBefore(ctx context.Context, id int64, most int) ([]homepage.Event, error)
	Failures(service string) []homepage.Failure
	Points(ctx context.Context, service string, r history.Resolution, from, to time.Time) ([]history.Point, error)
}

// New returns the dashboard. Visitors see names, states and figures; upstream
// addresses, the text of errors, certificates and what happened are for
// operators.
func New(cfg Config) http.Handler {
	facts := cfg.Facts
	facts.DashboardURL = func() string { return "" } // this is it
	return look.Handler(look.Config{
		Template: index,
		Facts:    facts,
		SignedIn: cfg.Operator,
		Visitor:  func(context.Context) (look.Page, error) { return cfg.page(false), nil },
		Operator: func(*http.Request) (look.Page, error) { return cfg.page(true), nil },
		Now:      cfg.Now,
		Logger:   cfg.Logger,
	})
}

func (cfg Config) page(operator bool) look.Page {
	view := cfg.dashboard(operator)
	return look.Page{
		Title:       "Dashboard",
		Description: "The services of this server and how they are.",
		Heading:     view.Verdict,
		Tone:        toneOf(view.State),
		Lede:        view.Lede(),
		Body:        view,
		Live:        view.shape(),
	}
}

// dashboard gathers what is known now, for operators with what is for them.
func (cfg Config) dashboard(operator bool) dashboard {
	entries := cfg.Catalogue.Entries()
	// The time is read after the entries, or what was just seen would seem to
	// come from the future.
	view := newDashboard(homepage.Assess(entries, cfg.Now().UTC()), cfg.History)
	if !operator {
		return view
	}
	view.Timeline = timelineOf(cfg.History, view.Services, view.At)
	for _, r := range view.Rows {
		r.causedBy(view.Timeline)
	}
	if cfg.Certificates != nil {
		view.Certificates = cfg.Certificates()
	}
	if cfg.Alerts != nil {
		view.Undelivered = cfg.Alerts()
	}
	if cfg.Unserved != nil {
		view.Unserved = unservedOf(cfg.Unserved(), view.At)
	}
	view.Log = logLines(cfg.Logs.Last(linesOnDashboard, ""))
	return view
}
