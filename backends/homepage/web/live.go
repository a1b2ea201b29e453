package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/look"
)

const (
	// beat is how often a stream is told what changed.
	beat = time.Second
	// maxStreams bounds the streams that are open at once.
	maxStreams = 500
)

// message is what a stream carries: the time, what the page consists of, and
// the values that changed since the last message, all of them in the first.
type message struct {
	At     string            `json:"at"`
	Shape  string            `json:"shape"`
	Values map[string]string `json:"values"`
}

// NewLive returns the event stream of the dashboard, for anyone. Visitors are
// told nothing that they may not see; a session that ends in the meantime ends
// what operators are told.
func NewLive(cfg Config) http.Handler {
	visitors := &latest{gather: func() message { return cfg.message(false) }}
	operators := &latest{gather: func() message { return cfg.message(true) }}
	var open atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer open.Add(-1)
		if open.Add(1) > maxStreams {
			w.Header().Set("Retry-After", "10")
			http.Error(w, "too many streams are open", http.StatusServiceUnavailable)
			return
		}
		if cfg.Watchers != nil {
			cfg.Watchers.Add(1)
			defer cfg.Watchers.Add(-1)
		}
		h := w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method == http.MethodHead {
			return
		}
		cfg.stream(w, r, func() *latest {
			if cfg.Operator != nil && cfg.Operator(r) {
				return operators
			}
			return visitors
		})
	})
}

// stream sends until the reader leaves or the configuration ends.
func (cfg Config) stream(w http.ResponseWriter, r *http.Request, current func() *latest) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	if _, err := fmt.Fprintf(w, "retry: %d\n\n", beat.Milliseconds()); err != nil {
		return
	}
	var sent map[string]string
	for {
		now := current().get(cfg.Now())
		body, err := json.Marshal(now.since(sent))
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", body); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		sent = now.Values
		select {
		case <-r.Context().Done():
			return
		case <-cfg.Ending:
			return
		case <-ticker.C:
		}
	}
}

// since is the message with only the values that differ from those.
func (m message) since(sent map[string]string) message {
	changed := maps.Clone(m.Values)
	maps.DeleteFunc(changed, func(name, value string) bool {
		before, ok := sent[name]
		return ok && before == value
	})
	return message{m.At, m.Shape, changed}
}

// latest is the message all streams share, made at most once a beat.
type latest struct {
	gather func() message

	mu   sync.Mutex
	made time.Time
	last message
}

func (l *latest) get(now time.Time) message {
	l.mu.Lock()
	defer l.mu.Unlock()
	if age := now.Sub(l.made); age < 0 || age >= beat/2 {
		l.last, l.made = l.gather(), now
	}
	return l.last
}

func (cfg Config) message(operator bool) message {
	d := cfg.dashboard(operator)
	values := map[string]string{"verdict": d.Verdict, "lede": d.Lede()}
	for _, r := range d.Rows {
		r.live(values, d.At)
	}
	if operator {
		d.liveForOperators(values)
	}
	return message{d.At.Format("15:04:05 MST"), d.shape(), values}
}

// liveForOperators adds what visitors are not told.
func (d dashboard) liveForOperators(values map[string]string) {
	if len(d.Timeline.events) > 0 {
		d.Timeline.live(values)
	}
	for _, u := range d.Unserved {
		u.live(values)
	}
	if len(d.Log) > 0 {
		values["log"] = d.Log.String()
	}
}

// live adds the values of the row under the names the template has.
func (r *row) live(values map[string]string, now time.Time) {
	set := func(name, value string) { values[r.ID+"/"+name] = value }
	if !r.Basis.At.IsZero() {
		set("evidence", fmt.Sprintf("%s %s ago", r.Basis.Source, look.Span(max(now.Sub(r.Basis.At), 0))))
		set("outcome", r.Outcome())
	}
	if reason := r.Reason(now); reason != "" {
		set("reason", reason)
	}
	if r.Hour.Requests > 0 {
		set("requests", look.Count(r.Hour.Requests))
		p50, p95 := spans(&r.Hour.FirstByte)
		set("p50", p50)
		set("p95", p95)
		flow, bars, _ := sparkPaths(&r.Hour)
		set("flow", string(flow))
		set("bars", string(bars))
	}
	if r.Hour.Failures > 0 {
		set("failed", look.Count(r.Hour.Failures))
	}
}

// shape stands for what the page consists of: when it changes, texts alone
// can't bring the page up to date.
func (d dashboard) shape() string {
	parts := fmt.Sprint(d.Lede() != "", len(d.Log) > 0)
	for _, r := range d.Rows {
		parts += fmt.Sprintf("%q %s %t %t %t", r.ID, r.State, r.Basis.At.IsZero(), r.Hour.Requests > 0, r.Hour.Failures > 0)
	}
	for _, c := range d.Certificates {
		parts += fmt.Sprintf("%q %s %d", c.Name, c.State(d.At), len(c.Attempts))
		if len(c.Attempts) > 0 {
			parts += fmt.Sprint(c.Attempts[0].ID)
		}
	}
	for _, t := range d.Undelivered {
		parts += t.Channel + t.Since.String() + t.Error
	}
	if len(d.Timeline.events) > 0 {
		parts += fmt.Sprint(d.Timeline.events[0].ID)
	}
	for _, u := range d.Unserved {
		parts += fmt.Sprintf("%s %d", u.Kind, len(u.Listed()))
	}
	sum := sha256.Sum256([]byte(parts))
	return hex.EncodeToString(sum[:8])
}
