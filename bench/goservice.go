package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// goServiceCommand makes this program the app behind the proxies: its hidden
// first argument, followed by an address and a file.
const goServiceCommand = "go-service"

// goService is the app behind the proxies: Go's net/http without TLS, with one
// page in memory.
func (w *workspace) goService() command {
	return command{
		name: w.bench.self,
		args: []string{goServiceCommand, "127.0.0.1:" + strconv.Itoa(w.Backend), w.Shared + "/page.html"},
	}
}

// serveGo answers every request with the file until ctx ends.
func serveGo(ctx context.Context, address, file string) error {
	body, err := os.ReadFile(file) // #nosec G304 -- this program names it
	if err != nil {
		return err
	}
	text, length := string(body), strconv.Itoa(len(body))
	server := &http.Server{
		Addr:              address,
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Length", length)
			_, _ = io.WriteString(w, text) // the client is gone when this fails
		}),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServe(); ctx.Err() == nil {
		return err
	}
	return nil
}
