package web

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/backends/errorpage"
	"github.com/aditechsphere/fairway/backends/homepage/logtail"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

var logsTemplate = look.MustParse(files, "logs.html", "log.html")

const (
	linesOnDashboard = 12
	linesOnPage      = 200
)

// logLines are lines of logs as the template shows them.
type logLines []logtail.Line

// String is a line each: when, in which log, what.
func (lines logLines) String() string {
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(line.At.UTC().Format("15:04:05 ") + line.Log + "  " + line.Text + "\n")
	}
	return text.String()
}

// logsView is the page of logs as the template shows it.
type logsView struct {
	Logs  []logtail.Log // by name
	Name  string        // of the log that is shown; "" for all together
	Log   *logtail.Log  // that; nil for all
	Lines logLines
	Most  int
}

// NewLogs returns the page of logs, for operators. The parameter log of the
// query is the name of one.
func NewLogs(cfg Config) http.Handler {
	page := look.Handler(look.Config{
		Template: logsTemplate,
		Facts:    cfg.Facts,
		SignedIn: cfg.Operator,
		Visitor:  func(context.Context) (look.Page, error) { return look.Page{}, nil }, // refused below
		Operator: cfg.logs,
		Now:      cfg.Now,
		Logger:   cfg.Logger,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch name := r.URL.Query().Get("log"); {
		case !cfg.Operator(r):
			errorpage.Write(w, r, http.StatusForbidden, "Logs are for operators. `caddy fairway sign-in` gives a link to sign in with.")
		case name != "" && cfg.Logs.Named(name) == nil:
			errorpage.Write(w, r, http.StatusNotFound, "No log of the running configuration that goes to a file has this name.")
		default:
			page.ServeHTTP(w, r)
		}
	})
}

func (cfg Config) logs(r *http.Request) (look.Page, error) {
	name := r.URL.Query().Get("log")
	view := logsView{
		Logs: cfg.Logs.Logs(), Name: name, Log: cfg.Logs.Named(name),
		Lines: cfg.Logs.Last(linesOnPage, name), Most: linesOnPage,
	}
	slices.SortFunc(view.Logs, func(a, b logtail.Log) int { return strings.Compare(a.Name, b.Name) })
	return look.Page{Title: "Logs", Description: "The last lines of the logs of this server.", Heading: "Logs", Body: view}, nil
}
