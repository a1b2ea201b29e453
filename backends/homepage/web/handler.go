// Package web is the dashboard as a page.
package web

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

//go:embed index.html service.html
var files embed.FS

var index = look.MustParse(files, "index.html")

// Config is what the page needs.
type Config struct {
	Catalogue homepage.Catalogue
	History   History

	// Certificates are those of the names that are served. Default: none.
	Certificates func() []homepage.Certificate

	// Alerts are the channels through which alerts do not arrive. Default: none.
	Alerts func() []deliver.Trouble

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
	Points(ctx context.Context, service string, r history.Resolution, from, to time.Time) ([]history.Point, error)
}

// New returns the dashboard. Visitors see names, states and figures; upstream
// addresses and the text of errors are for operators.
func New(cfg Config) http.Handler {
	facts := cfg.Facts
	facts.DashboardURL = func() string { return "" } // this is it
	return look.Handler(look.Config{
		Template: index,
		Facts:    facts,
		SignedIn: cfg.Operator,
		Visitor:  func(context.Context) (look.Page, error) { return cfg.page(), nil },
		Now:      cfg.Now,
		Logger:   cfg.Logger,
	})
}

func (cfg Config) page() look.Page {
	view := cfg.dashboard()
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

// dashboard gathers what is known now.
func (cfg Config) dashboard() dashboard {
	entries := cfg.Catalogue.Entries()
	// The time is read after the entries, or what was just seen would seem to
	// come from the future.
	view := newDashboard(homepage.Assess(entries, cfg.Now().UTC()), cfg.History)
	if cfg.Certificates != nil {
		view.Certificates = cfg.Certificates()
	}
	if cfg.Alerts != nil {
		view.Undelivered = cfg.Alerts()
	}
	return view
}
