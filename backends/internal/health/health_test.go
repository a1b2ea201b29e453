package health

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/backends/instance"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	var failure error
	var log bytes.Buffer
	h := Handler(instance.Facts{Service: "orders-service", Version: "v1.2.3"},
		func(context.Context) error { return failure }, slog.New(slog.NewTextHandler(&log, nil)))

	broken := errors.New("database /secret/place/orders.db: gone")
	for i, step := range []struct {
		failure error
		status  int
		body    string
	}{
		{nil, 200, `{"service":"orders-service","status":"UP","version":"v1.2.3"}`},
		{broken, 503, `{"service":"orders-service","status":"DOWN","version":"v1.2.3","reason":"the store cannot be reached"}`},
		{broken, 503, `{"service":"orders-service","status":"DOWN","version":"v1.2.3","reason":"the store cannot be reached"}`},
		{nil, 200, `{"service":"orders-service","status":"UP","version":"v1.2.3"}`},
	} {
		failure = step.failure
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/health", nil))
		if w.Code != step.status || strings.TrimSpace(w.Body.String()) != step.body ||
			w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("step %d: %d %v %s", i, w.Code, w.Header(), w.Body)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 2 || !strings.Contains(log.String(), "/secret/place") {
		t.Errorf("want one line for each change, the first with the cause:\n%s", &log)
	}
}

func TestHealthIsOnlyRead(t *testing.T) {
	t.Parallel()
	h := Handler(instance.Facts{}, func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/health", nil))
	if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestAClientThatLeavesIsNoOutage(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := Handler(instance.Facts{}, func(ctx context.Context) error { return ctx.Err() }, slog.New(slog.NewTextHandler(&log, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/health", nil).WithContext(ctx))
	if log.Len() != 0 {
		t.Errorf("logged %s", &log)
	}
}
