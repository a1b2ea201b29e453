package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/internal/problem"
)

// Events is the body of GET /api/v1/events.
type Events struct {
	Checked time.Time `json:"checked"`
	Since   time.Time `json:"since"`
	Events  []Event   `json:"events"` // newest first
}

// Event is something that happened.
type Event struct {
	ID       int64              `json:"id"`
	At       time.Time          `json:"at"`
	Kind     homepage.EventKind `json:"kind"`
	Subject  string             `json:"subject,omitempty"`
	Outcome  homepage.Outcome   `json:"outcome"`
	Sentence string             `json:"sentence"`
	By       string             `json:"by,omitempty"`
	Error    string             `json:"error,omitempty"`
	Changes  []string           `json:"changes,omitempty"`
}

// mostEvents are in an answer.
const mostEvents = 500

// events answers with what happened in the last 24 hours, or before an event.
func events(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := cfg.Now().UTC()
		view := Events{Checked: now, Since: now.Add(-history.Recent), Events: []Event{}}
		found := cfg.History.Events(view.Since)
		if value := r.URL.Query().Get("before"); value != "" {
			before, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				problem.Write(w, problem.Problem{Status: http.StatusBadRequest, Detail: fmt.Sprintf("before %q is not the id of an event.", value)})
				return
			}
			view.Since = now.Add(-history.EventsKeep)
			if found, err = cfg.History.EventsBefore(r.Context(), before, mostEvents); err != nil {
				refuse(w, r, cfg, err)
				return
			}
		}
		for _, e := range found {
			view.Events = append(view.Events, Event{e.ID, e.At, e.Kind, e.Subject, e.Outcome, e.Sentence(), e.By, e.Detail, e.Changes})
		}
		respond(w, r, cfg, view)
	})
}

// Failures is the body of GET /api/v1/services/{id}/failures.
type Failures struct {
	Service  string    `json:"service"`
	Failures []Failure `json:"failures"` // newest first, at most the last 50
}

// Failure is a request that failed.
type Failure struct {
	At       time.Time `json:"at"`
	Method   string    `json:"method"`
	Host     string    `json:"host"`
	Path     string    `json:"path"`
	Status   int       `json:"status"`
	Cause    string    `json:"cause"`
	Sentence string    `json:"sentence"`
	Error    string    `json:"error,omitempty"`
	Upstream string    `json:"upstream,omitempty"` // asked last
	Retries  int       `json:"retries"`

	FirstByteMS float64 `json:"first_byte_ms"`
	UpstreamMS  float64 `json:"upstream_ms,omitempty"` // of it, until the upstream's first byte
}

// failures answers with the last failures of a service.
func failures(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if !slices.ContainsFunc(cfg.Catalogue.Entries(), func(e homepage.Entry) bool { return e.ID == id }) {
			problem.Write(w, problem.Problem{Status: http.StatusNotFound, Detail: fmt.Sprintf("There is no service %q; /api/v1/services lists them.", id)})
			return
		}
		view := Failures{Service: id, Failures: []Failure{}}
		for _, f := range cfg.History.Failures(id) {
			view.Failures = append(view.Failures, Failure{
				At: f.At, Method: f.Method, Host: f.Host, Path: f.Path, Status: f.Status, Cause: f.Cause.String(), Sentence: f.Sentence(),
				Error: f.Error, Upstream: f.Upstream, Retries: f.Retries, FirstByteMS: milliseconds(f.Total), UpstreamMS: milliseconds(f.Waited),
			})
		}
		respond(w, r, cfg, view)
	})
}

// Unserved is the body of GET /api/v1/unserved.
type Unserved struct {
	Checked  time.Time        `json:"checked"`
	Unserved []UnservedOfKind `json:"unserved"`
}

// UnservedOfKind is what came to nothing in one way since the process started.
type UnservedOfKind struct {
	Kind  homepage.UnservedKind `json:"kind"`
	Total uint64                `json:"total"`
	Rest  uint64                `json:"rest"`  // of it, under names that are not kept
	Names []UnservedName        `json:"names"` // the most frequent first, at most 50
}

// UnservedName counts what came under a name, as the client sent it.
type UnservedName struct {
	Name  string    `json:"name"`
	SNI   string    `json:"sni,omitempty"`
	Count uint64    `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// unserved answers with the traffic that came to nothing.
func unserved(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		view := Unserved{Checked: cfg.Now().UTC(), Unserved: []UnservedOfKind{}}
		for _, of := range cfg.Unserved() {
			kind := UnservedOfKind{Kind: of.Kind, Total: of.Total, Rest: of.Rest, Names: []UnservedName{}}
			for _, name := range of.Names {
				kind.Names = append(kind.Names, UnservedName(name))
			}
			view.Unserved = append(view.Unserved, kind)
		}
		respond(w, r, cfg, view)
	})
}
