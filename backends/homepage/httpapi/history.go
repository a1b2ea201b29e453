package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/internal/problem"
)

// resolutions by the name a client gives them.
var resolutions = map[string]history.Resolution{"minute": history.Minutes, "hour": history.Hours, "day": history.Days}

// History is the body of GET /api/v1/services/{id}/history.
type History struct {
	Service    string    `json:"service"`
	Resolution string    `json:"resolution"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	Points     []Point   `json:"points"`
}

// Point is one of the points of a [History].
type Point struct {
	Start     time.Time         `json:"start"`
	Requests  uint64            `json:"requests"`
	ByClass   map[string]uint64 `json:"by_class"`
	Unreached uint64            `json:"unreached"`
	Abandoned uint64            `json:"abandoned"`
	Bytes     uint64            `json:"bytes"`
	FirstByte *FirstByte        `json:"first_byte_ms,omitempty"` // with requests

	// Seconds in each state; what is missing from the span was not observed.
	Seconds map[homepage.State]float64 `json:"seconds"`
}

// period is what a client asks for.
type period struct {
	resolution string
	from, to   time.Time
}

// past answers with what happened to a service, for anyone.
func past(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if !slices.ContainsFunc(cfg.Catalogue.Entries(), func(e homepage.Entry) bool { return e.ID == id }) {
			problem.Write(w, problem.Problem{Status: http.StatusNotFound, Detail: fmt.Sprintf("There is no service %q; /api/v1/services lists them.", id)})
			return
		}
		asked, err := periodOf(r, cfg.Now().UTC())
		if err != nil {
			problem.Write(w, problem.Problem{Status: http.StatusBadRequest, Detail: err.Error()})
			return
		}
		points, err := cfg.History.Points(r.Context(), id, resolutions[asked.resolution], asked.from, asked.to)
		if err != nil {
			refuse(w, r, cfg, err)
			return
		}
		view := History{Service: id, Resolution: asked.resolution, From: asked.from, To: asked.to, Points: make([]Point, len(points))}
		for i := range points {
			view.Points[i] = viewOfPoint(&points[i])
		}
		respond(w, r, cfg, view)
	})
}

// periodOf reads the query: resolution, hour by default, from and to in
// RFC 3339, by default all that is kept.
func periodOf(r *http.Request, now time.Time) (p period, err error) {
	query := r.URL.Query()
	p.resolution = query.Get("resolution")
	if p.resolution == "" {
		p.resolution = "hour"
	}
	resolution, ok := resolutions[p.resolution]
	if !ok {
		return p, fmt.Errorf("resolution %q is not known; there are: minute, hour, day", p.resolution)
	}
	p.from, p.to = now.Add(-resolution.Keep), now
	for name, at := range map[string]*time.Time{"from": &p.from, "to": &p.to} {
		if value := query.Get(name); value != "" {
			if *at, err = time.Parse(time.RFC3339, value); err != nil {
				return p, fmt.Errorf("%s %q is not a time as 2026-01-02T15:04:05Z", name, value)
			}
			*at = at.UTC()
		}
	}
	return p, nil
}

func viewOfPoint(p *history.Point) Point {
	view := Point{
		Start: p.Start, Requests: p.Tally.Requests(), ByClass: byClass(p.Tally.Classes),
		Unreached: p.Tally.Unreached, Abandoned: p.Tally.Abandoned, Bytes: p.Tally.Bytes,
		Seconds: make(map[homepage.State]float64),
	}
	if view.Requests > 0 {
		view.FirstByte = firstByteOf(&p.Tally.FirstByte)
	}
	for state, spent := range p.Tally.Spent {
		view.Seconds[state] = spent.Seconds()
	}
	return view
}
