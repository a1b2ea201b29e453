// Package health answers GET /health.
package health

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aditechsphere/fairway/backends/instance"
)

// patience is how long a store may take to answer before it counts as unreachable.
const patience = 2 * time.Second

// Report is the body of the answer.
type Report struct {
	Service string `json:"service"`
	Status  string `json:"status"` // "UP" or "DOWN"
	Version string `json:"version"`
	Reason  string `json:"reason,omitempty"` // why it is down
}

// Handler answers GET and HEAD: 200 "UP" while ping succeeds and otherwise 503 "DOWN" with
// a reason. What exactly failed goes to the log alone, once per change,
// because anyone may ask.
func Handler(facts instance.Facts, ping func(context.Context) error, logger *slog.Logger) http.Handler {
	var down atomic.Bool
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		report, status := Report{Service: facts.Service, Status: "UP", Version: facts.Version}, http.StatusOK
		err := ping(ctx)
		if r.Context().Err() != nil {
			return // the client left: its cancelled ping says nothing
		}
		if err != nil {
			report.Status, report.Reason, status = "DOWN", "the store cannot be reached", http.StatusServiceUnavailable
		}
		switch wasDown := down.Swap(err != nil); {
		case err != nil && !wasDown:
			logger.Error("the store cannot be reached", "service", facts.Service, "error", err)
		case err == nil && wasDown:
			logger.Info("the store can be reached again", "service", facts.Service)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(report) // the client is gone when this fails
	})
}
