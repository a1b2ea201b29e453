package main

import (
	"context"
	"html/template"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"time"
)

// goServiceCommand makes this program the app behind the proxies: its hidden
// first argument, followed by an address and a file.
const goServiceCommand = "go-service"

// goService is the app behind the proxies: Go's net/http without TLS.
func (w *workspace) goService() command {
	return command{
		name: w.bench.self,
		args: []string{goServiceCommand, "127.0.0.1:" + strconv.Itoa(w.Backend), w.Shared + "/page.html"},
	}
}

// goFacts are the facts of the process, as every service's page has them.
const goFacts = `<!DOCTYPE html>
<title>{{.Service}}</title>
<dl>
<dt>Service</dt><dd>{{.Service}}</dd>
<dt>Host</dt><dd>{{.Host}}</dd>
<dt>Go</dt><dd>{{.Go}}</dd>
<dt>Started</dt><dd>{{.Started.Format "2006-01-02 15:04:05"}}</dd>
<dt>Last checked</dt><dd>{{.Checked.Format "2006-01-02 15:04:05"}}</dd>
</dl>
`

// serveGo answers until ctx ends: "/" with a template that it fills in with the
// facts of the process, as the Flask app does, and "/memory" with the file. Both
// are equally large.
func serveGo(ctx context.Context, address, file string) error {
	body, err := os.ReadFile(file) // #nosec G304 -- this program names it
	if err != nil {
		return err
	}
	page, err := template.New("page").Parse(goFacts + filler(len(body)-len(goFacts)))
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	started := time.Now().UTC()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, struct { // the client is gone when this fails
			Service, Host, Go string
			Started, Checked  time.Time
		}{"orders-service", host, runtime.Version(), started, time.Now().UTC()})
	})
	text, length := string(body), strconv.Itoa(len(body))
	mux.HandleFunc("GET /memory", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Length", length)
		_, _ = io.WriteString(w, text)
	})
	server := &http.Server{Addr: address, ReadHeaderTimeout: 10 * time.Second, Handler: mux}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServe(); ctx.Err() == nil {
		return err
	}
	return nil
}
