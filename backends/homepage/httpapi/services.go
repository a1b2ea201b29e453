package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
	"github.com/aditechsphere/fairway/backends/internal/problem"
)

// Report is the body of GET /api/v1/services.
type Report struct {
	Checked  time.Time `json:"checked"`
	State    string    `json:"state"`
	Verdict  string    `json:"verdict"`
	Services []Service `json:"services"`
}

// Service is one of the services in a [Report].
type Service struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Kind        string   `json:"kind"`
	URLs        []string `json:"urls"`
	Health      string   `json:"health,omitempty"`
	Group       string   `json:"group,omitempty"`
	TargetMS    float64  `json:"target_ms,omitempty"` // for the p95 of the time to first byte

	State    string     `json:"state"`
	Reason   string     `json:"reason,omitempty"`
	Since    *time.Time `json:"since,omitempty"` // of an unbroken run of failures
	Until    *time.Time `json:"until,omitempty"` // of a maintenance
	Evidence *Evidence  `json:"evidence,omitempty"`
	Requests *Requests  `json:"requests,omitempty"` // when they are measured

	// For operators only.
	Upstreams []string `json:"upstreams,omitempty"`
	Error     string   `json:"error,omitempty"`
}

// Evidence is the observation that the state rests on.
type Evidence struct {
	Source    string    `json:"source"`
	At        time.Time `json:"at"`
	Status    int       `json:"status,omitempty"`
	LatencyMS float64   `json:"latency_ms"`
}

// Requests counts real requests from a time on.
type Requests struct {
	Since     time.Time         `json:"since"`
	Total     uint64            `json:"total"`
	ByClass   map[string]uint64 `json:"by_class"`
	Unreached uint64            `json:"unreached"`
	Abandoned uint64            `json:"abandoned"`
	InFlight  int64             `json:"in_flight"`
	Bytes     uint64            `json:"bytes"`
	FirstByte FirstByte         `json:"first_byte_ms"`
	Recent    Recent            `json:"last_minute"`
}

// FirstByte are percentiles of the time to first byte, in milliseconds.
type FirstByte struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
}

// Recent counts about the last minute.
type Recent struct {
	Requests uint64 `json:"requests"`
	Failures uint64 `json:"failures"`
}

// services answers with the facts of the dashboard. Who brings an API key with
// the right scope, or an operator's session, sees what operators see.
func services(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operator := cfg.Guard.Operator(r)
		if !operator && r.Header.Get("Authorization") != "" {
			if _, err := cfg.Guard.Authenticate(r, Scope); err != nil {
				refuse(w, r, cfg, err)
				return
			}
			operator = true
		}
		entries := cfg.Catalogue.Entries()
		// The time is read after the entries, or what was just seen would seem
		// to come from the future.
		respond(w, r, cfg, ReportOf(homepage.Assess(entries, cfg.Now().UTC()), operator))
	})
}

// respond answers with a value as JSON.
func respond(w http.ResponseWriter, r *http.Request, cfg Config, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		refuse(w, r, cfg, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(append(body, '\n')) // the client is gone when this fails
}

// refuse is the one place where errors become answers.
func refuse(w http.ResponseWriter, r *http.Request, cfg Config, err error) {
	p := problem.Problem{Status: http.StatusInternalServerError, Detail: "The server's log says why."}
	public := " Without a key the public facts are shown."
	if r.URL.Path != "/api/v1/services" {
		public = ""
	}
	switch {
	case errors.Is(err, access.ErrUnauthenticated):
		w.Header().Set("WWW-Authenticate", `Bearer realm="fairway"`)
		p = problem.Problem{Status: http.StatusUnauthorized, Detail: "The API key is unknown, revoked or expired." + public}
	case errors.Is(err, access.ErrForbidden):
		p = problem.Problem{Status: http.StatusForbidden, Detail: "The API key lacks the scope \"" + Scope + "\"." + public}
	default:
		cfg.Logger.ErrorContext(r.Context(), "facts could not be given", "path", r.URL.Path, "error", err)
	}
	problem.Write(w, p)
}

// ReportOf is the report as JSON shows it, to operators with what is for them only.
func ReportOf(report homepage.Report, operator bool) Report {
	view := Report{
		Checked: report.At, State: string(report.State), Verdict: report.Verdict,
		Services: make([]Service, 0, len(report.Services)),
	}
	for _, judgement := range report.Services {
		service := viewOfService(judgement, report.At)
		if operator {
			service.Upstreams, service.Error = judgement.Upstreams, judgement.Basis.Detail
		}
		view.Services = append(view.Services, service)
	}
	return view
}

// viewOfService is what anyone may see.
func viewOfService(j homepage.Judgement, now time.Time) Service {
	view := Service{
		ID: j.ID, Name: j.Title(), Description: j.Description, Kind: string(j.Kind),
		URLs: append([]string{}, j.URLs...), Health: j.Health,
		Group: j.Group, TargetMS: milliseconds(j.Target),
		State: string(j.State), Reason: j.Reason(now), Requests: requestsOf(j.Entry),
	}
	if basis := j.Basis; !basis.At.IsZero() {
		view.Evidence = &Evidence{string(basis.Source), basis.At.UTC(), basis.Status, milliseconds(basis.Latency)}
	}
	if since := j.Basis.Since.UTC(); j.State == homepage.Failing && !j.Basis.Since.IsZero() {
		view.Since = &since
	}
	if until := j.Until.UTC(); j.State == homepage.Maintenance {
		view.Until = &until
	}
	return view
}

func requestsOf(e homepage.Entry) *Requests {
	seen := e.Evidence
	if seen.Since.IsZero() {
		return nil
	}
	return &Requests{
		Since: seen.Since.UTC(), Total: seen.Requests(), Unreached: seen.Unreached, Abandoned: seen.Abandoned,
		InFlight: seen.InFlight, Bytes: seen.Bytes,
		ByClass: byClass(seen.Classes), FirstByte: *firstByteOf(&seen.FirstByte),
		Recent: Recent(seen.Recent),
	}
}

func byClass(classes [6]uint64) map[string]uint64 {
	return map[string]uint64{
		"1xx": classes[1], "2xx": classes[2], "3xx": classes[3], "4xx": classes[4], "5xx": classes[5], "other": classes[0],
	}
}

func firstByteOf(h *measure.Histogram) *FirstByte {
	return &FirstByte{milliseconds(h.Quantile(0.50)), milliseconds(h.Quantile(0.95)), milliseconds(h.Quantile(0.99))}
}

// milliseconds, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
