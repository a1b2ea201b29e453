// Package httpapi serves the Homepage over HTTP: the dashboard, the same facts
// as JSON, and its own health.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aditechsphere/fairway/backends/access/httpauth"
	"github.com/aditechsphere/fairway/backends/errorpage"
	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/alert"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
	"github.com/aditechsphere/fairway/backends/homepage/logtail"
	"github.com/aditechsphere/fairway/backends/homepage/web"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

// Scope is what an API key needs to see what operators see.
const Scope = "homepage"

// Config is what the service needs; all of it without a default is required.
type Config struct {
	Catalogue homepage.Catalogue
	History   web.History

	// Certificates are those of the names that are served. Default: none.
	Certificates func() []homepage.Certificate

	// Told are the troubles that were alerted of, Alerts the channels through
	// which alerts do not arrive. Default: none.
	Told   func() []alert.Told
	Alerts func() []deliver.Trouble

	// Unserved is the traffic that came to nothing. Default: none.
	Unserved func() []homepage.UnservedOfKind

	Guard  httpauth.Guard
	Facts  instance.Facts
	Logger *slog.Logger
	Now    func() time.Time

	// Ending is closed when streams must end. Default: never.
	Ending <-chan struct{}

	// Watchers, unless nil, counts the streams that are open.
	Watchers *atomic.Int64

	// Logs are read at their ends. Default: none.
	Logs *logtail.Tail
}

// New returns the service:
//
//	GET  /                  the dashboard
//	GET  /services/{id}     a service's own page
//	GET  /events            all that happened, a page at a time, for operators only
//	GET  /logs              the last lines of logs, for operators only
//	GET  /badge/{id}.svg    a service's state as a picture
//	GET  /api/v1/live       what changes on the dashboard, as an event stream
//	GET  /api/v1/services   its facts as JSON
//	GET  /api/v1/services/{id}/history
//	GET  /api/v1/services/{id}/failures  for operators only
//	GET  /api/v1/certificates            for operators only
//	GET  /api/v1/events                  for operators only
//	GET  /api/v1/unserved                for operators only
//	GET  /api/v1/alerts                  for operators only
//	GET  /api/v1/logs                    for operators only
//	GET  /api/v1/openapi.json  what is said of these in OpenAPI 3.1
//	GET  /health            {"service", "status": "UP", "version"}
//	GET  /assets/…          stylesheet and icon
//	     /sign-in /sign-out of the operator
func New(cfg Config) http.Handler {
	mux := http.NewServeMux()
	if cfg.Certificates == nil {
		cfg.Certificates = func() []homepage.Certificate { return nil }
	}
	if cfg.Told == nil {
		cfg.Told = func() []alert.Told { return nil }
	}
	if cfg.Alerts == nil {
		cfg.Alerts = func() []deliver.Trouble { return nil }
	}
	if cfg.Unserved == nil {
		cfg.Unserved = func() []homepage.UnservedOfKind { return nil }
	}
	pages := web.Config{
		Catalogue: cfg.Catalogue,
		History:   cfg.History,

		Certificates: cfg.Certificates,
		Alerts:       cfg.Alerts,
		Unserved:     cfg.Unserved,

		Operator: cfg.Guard.Operator,
		Facts:    cfg.Facts,
		Logger:   cfg.Logger,
		Now:      cfg.Now,
		Ending:   cfg.Ending,
		Watchers: cfg.Watchers,
		Logs:     cfg.Logs,
	}
	mux.Handle("/{$}", web.New(pages))
	mux.Handle("/services/{id}", web.NewService(pages))
	mux.Handle("/events", web.NewEvents(pages))
	mux.Handle("/logs", web.NewLogs(pages))
	mount(mux, cfg, pages)
	mux.Handle(look.AssetsPath, look.Assets())
	mux.Handle("/sign-in", cfg.Guard.SignIn())
	mux.Handle("/sign-out", cfg.Guard.SignIn())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		errorpage.Write(w, r, http.StatusNotFound, "")
	})
	return mux
}

// alwaysUp: the dashboard has no store that could be unreachable.
func alwaysUp(context.Context) error { return nil }

// readOnly answers other methods than GET and HEAD with 405.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", strings.Join([]string{http.MethodGet, http.MethodHead}, ", "))
			errorpage.Write(w, r, http.StatusMethodNotAllowed, "")
			return
		}
		next.ServeHTTP(w, r)
	})
}
