package integration_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// TestAnUpstreamThatHangsIsSaid: nobody calls the service, and its upstream
// takes connections as before but answers nothing any more. Whoever looks at
// the dashboard reads so before the probe's time is over (by itself within 5 s),
// and then that it is failing.
func TestAnUpstreamThatHangsIsSaid(t *testing.T) {
	t.Parallel()
	var hangs atomic.Bool
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if hangs.Load() {
			<-r.Context().Done()
		}
	}))
	defer app.Close()
	s := serve(t, shipped(t)+fmt.Sprintf("\nhttps://%s:{$HTTPS_PORT} {\n\ttls internal\n\tservice blog\n\treverse_proxy %s\n}\n", blog, app.Listener.Addr()))
	s.hosts = append(s.hosts, blog)
	_ = s.client(t)
	page := openTab(t, s.url(domain, "/"), s.httpsPort)
	page.shows(t, 30*time.Second, "h1", "All 4 services answering")

	hangs.Store(true)
	page.shows(t, busyMachine, "h1", "blog is slow: a probe has waited")
	page.shows(t, busyMachine, "h1", "blog is failing: no answer to probes since")

	hangs.Store(false)
	page.shows(t, 30*time.Second, "h1", "All 4 services answering")
}
