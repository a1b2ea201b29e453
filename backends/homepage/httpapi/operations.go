package httpapi

import (
	"net/http"

	"github.com/aditechsphere/fairway/backends/homepage/web"
	"github.com/aditechsphere/fairway/backends/internal/health"
)

// operation is a route of the API. All of them answer GET and HEAD.
type operation struct {
	ID      string // of the OpenAPI document
	Path    string // as the document has it
	Pattern string // as the router has it, when that differs
	Summary string
	Detail  string

	Query    []parameter
	Reply    any    // of which type the JSON is; nil when it is none
	Type     string // of the answer. Default: application/json
	Fails    []int  // statuses that it may fail with
	Operator bool   // for operators only
	Better   bool   // operators see more

	Handler http.Handler
}

// parameter is one of the query.
type parameter struct {
	Name, Detail string
	Values       []string // one of them; nil for any
	Format       string
}

// operations are the routes of the API.
func operations(cfg Config, pages web.Config) []operation {
	return []operation{
		{
			ID: "listServices", Path: "/api/v1/services", Summary: "How the services are",
			Detail: "Worst first, as the dashboard shows them. Operators also see addresses of upstreams and the text of errors.",
			Reply:  Report{}, Better: true, Handler: services(cfg),
		},
		{
			ID: "readHistory", Path: "/api/v1/services/{id}/history", Summary: "What happened to a service",
			Detail: "Points oldest first, each with what came to the service in the span that begins at its start.",
			Query: []parameter{
				{Name: "resolution", Detail: "How long a point is. Minutes are kept for 24 hours, hours for 90 days, days for two years. Default: hour.", Values: []string{"minute", "hour", "day"}},
				{Name: "from", Detail: "Points that start then or later. Default: all that is kept.", Format: "date-time"},
				{Name: "to", Detail: "Points that start before. Default: now.", Format: "date-time"},
			},
			Reply: History{}, Fails: []int{http.StatusBadRequest, http.StatusNotFound}, Handler: past(cfg),
		},
		{
			ID: "listCertificates", Path: "/api/v1/certificates", Summary: "The certificate of each name", Detail: "Worst first.",
			Reply: Certificates{}, Operator: true, Handler: certificates(cfg),
		},
		{
			ID: "listFailures", Path: "/api/v1/services/{id}/failures", Summary: "The last requests to a service that failed",
			Detail: "Newest first, at most 50, without queries, headers and bodies.",
			Reply:  Failures{}, Operator: true, Fails: []int{http.StatusNotFound}, Handler: failures(cfg),
		},
		{
			ID: "listEvents", Path: "/api/v1/events", Summary: "What happened in the last 24 hours",
			Detail: "Newest first, at most 500: reloads, certificates, changes of services and of upstreams. With before, those of 90 days.",
			Query:  []parameter{{Name: "before", Detail: "The id of an event: those before it instead, however old."}},
			Reply:  Events{}, Operator: true, Fails: []int{http.StatusBadRequest}, Handler: events(cfg),
		},
		{
			ID: "listUnserved", Path: "/api/v1/unserved", Summary: "Traffic that came to nothing, since the process started",
			Reply: Unserved{}, Operator: true, Handler: unserved(cfg),
		},
		{
			ID: "listAlerts", Path: "/api/v1/alerts", Summary: "What was alerted of and is not over",
			Detail: "And the channels through which alerts do not arrive.",
			Reply:  Alerts{}, Operator: true, Handler: alerts(cfg),
		},
		{
			ID: "readLogs", Path: "/api/v1/logs", Summary: "The last lines of logs",
			Detail: "Of the files that logs of the running configuration go to; at most 200 lines, oldest first, without what looks like a secret.",
			Query:  []parameter{{Name: "log", Detail: "The name of a log. Default: all together, in the order of their times."}},
			Reply:  Logs{}, Operator: true, Fails: []int{http.StatusNotFound}, Handler: logs(cfg),
		},
		{
			ID: "live", Path: "/api/v1/live", Summary: "What changes on the dashboard, once a second",
			Detail: "Server-sent events, each with a JSON object: `at`, `shape`, which stands for what the page consists of, and `values`, those that changed by their names; the first event has all of them.",
			Type:   "text/event-stream", Fails: []int{http.StatusServiceUnavailable}, Handler: web.NewLive(pages),
		},
		{
			ID: "badge", Path: "/badge/{id}.svg", Pattern: "/badge/{file}", Summary: "The state of a service as a picture",
			Type: "image/svg+xml", Fails: []int{http.StatusNotFound}, Handler: badges(cfg),
		},
		{
			ID: "readHealth", Path: "/health", Summary: "Whether the Homepage itself is up",
			Reply: health.Report{}, Handler: health.Handler(cfg.Facts, alwaysUp, cfg.Logger),
		},
	}
}

// mount adds the operations and the document about them.
func mount(mux *http.ServeMux, cfg Config, pages web.Config) {
	all := operations(cfg, pages)
	for _, op := range all {
		handler := op.Handler
		if op.Operator {
			handler = forOperators(cfg, handler)
		}
		pattern := op.Pattern
		if pattern == "" {
			pattern = op.Path
		}
		mux.Handle(pattern, readOnly(handler))
	}
	mux.Handle("/api/v1/openapi.json", readOnly(describe(all, cfg.Facts.Version)))
}
