package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/problem"
)

// Logs is the body of GET /api/v1/logs.
type Logs struct {
	Checked time.Time `json:"checked"`
	Logs    []Log     `json:"logs"`  // written last first
	Lines   []LogLine `json:"lines"` // oldest first
}

// Log is a log that goes to a file.
type Log struct {
	Name    string    `json:"name"`
	Bytes   int64     `json:"bytes"`
	Written time.Time `json:"written"`
}

// LogLine is a line of a log.
type LogLine struct {
	At   time.Time `json:"at"`
	Log  string    `json:"log"`
	Text string    `json:"text"` // without the time
}

// mostLines are in an answer.
const mostLines = 200

// logs answers with the last lines of a log, or of all.
func logs(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		view := Logs{Checked: cfg.Now().UTC(), Logs: []Log{}, Lines: []LogLine{}}
		name := r.URL.Query().Get("log")
		if name != "" && cfg.Logs.Named(name) == nil {
			problem.Write(w, problem.Problem{Status: http.StatusNotFound, Detail: fmt.Sprintf("There is no log %q with a file; /api/v1/logs lists them.", name)})
			return
		}
		for _, l := range cfg.Logs.Logs() {
			view.Logs = append(view.Logs, Log{l.Name, l.Size, l.Written.UTC()})
		}
		for _, line := range cfg.Logs.Last(mostLines, name) {
			view.Lines = append(view.Lines, LogLine{line.At.UTC(), line.Log, line.Text})
		}
		respond(w, r, cfg, view)
	})
}
