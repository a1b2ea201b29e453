package inbrowser

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/backends/homepage/browsertest"
)

// load opens a page with nothing in the cache, and returns the addresses it
// asks for and the bytes that come, headers included. The event stream, which
// never ends, is left out.
func load(t *testing.T, address string) (asked []string, bytes float64) {
	t.Helper()
	tab := browsertest.Open(t, "about:blank")
	tab.Call(t, "Network.enable", nil, nil)
	visit(t, tab, address, "light", 1280)
	streams := make(map[string]bool)
	for _, event := range tab.Events {
		var e struct {
			RequestID string
			Request   struct{ URL string }
			Length    float64 `json:"encodedDataLength"`
		}
		if err := json.Unmarshal(event.Params, &e); err != nil {
			t.Fatal(err)
		}
		switch event.Method {
		case "Network.requestWillBeSent":
			if strings.HasSuffix(e.Request.URL, "/api/v1/live") {
				streams[e.RequestID] = true
				continue
			}
			if !slices.Contains(asked, e.Request.URL) { // the icon is in the manifest too, and in the cache by then
				asked = append(asked, e.Request.URL)
			}
		case "Network.loadingFinished":
			if !streams[e.RequestID] {
				bytes += e.Length
			}
		}
	}
	return asked, bytes
}

// Twenty services come within 40 KB and five requests, none of them elsewhere.
func TestBudget(t *testing.T) {
	t.Parallel()
	address := serve(t, many(20, everyState...), true)
	asked, bytes := load(t, address+"/")
	t.Logf("%d requests, %.1f KB", len(asked), bytes/1024)
	if len(asked) > 5 || len(asked) < 3 || bytes > 40<<10 || bytes < 5<<10 {
		t.Errorf("%d requests, %.0f bytes: %v", len(asked), bytes, asked)
	}
	for _, one := range asked {
		if !strings.HasPrefix(one, address+"/") {
			t.Errorf("it asks %s", one)
		}
	}
}

// Two hundred services are still usable: a search answers at once.
func TestTwoHundredServices(t *testing.T) {
	t.Parallel()
	address := serve(t, many(200, everyState...), false)
	_, bytes := load(t, address+"/")
	tab := browsertest.Open(t, "about:blank")
	visit(t, tab, address+"/", "light", 1280)
	took := tab.Text(t, `{ const field = document.getElementById("search"), begun = performance.now();
		field.value = "service 150"; field.oninput(); document.body.offsetHeight; (performance.now() - begun).toFixed(1) }`)
	loaded := tab.Text(t, `performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd.toFixed(0)`)
	t.Logf("%.1f KB, there after %s ms, a search takes %s ms", bytes/1024, loaded, took)
	if found := tab.Text(t, `document.getElementById("found").textContent`); found != "1 of 200 services" {
		t.Errorf("a search found %q", found)
	}
	if bytes > 100<<10 {
		t.Errorf("%.0f bytes", bytes)
	}
}
