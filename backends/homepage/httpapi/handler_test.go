package httpapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/alert"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
	"github.com/aditechsphere/fairway/backends/instance"
)

var now = time.Date(2026, 3, 4, 13, 50, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// guard knows one cookie and three API keys.
type guard struct{}

func (guard) Operator(r *http.Request) bool { return r.Header.Get("Cookie") == "operator" }

func (guard) Authenticate(r *http.Request, scope string) (access.Principal, error) {
	switch r.Header.Get("Authorization") {
	case "Bearer for-" + scope:
		return access.Principal{}, nil
	case "Bearer for-nothing":
		return access.Principal{}, access.ErrForbidden
	case "Bearer broken":
		return access.Principal{}, errors.New("disk on fire")
	}
	return access.Principal{}, access.ErrUnauthenticated
}

func (guard) SignIn() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("guard: " + r.URL.Path)) })
}

type catalogue []homepage.Entry

func (c catalogue) Entries() []homepage.Entry { return c }

var (
	orders = homepage.Entry{
		Service: homepage.Service{
			ID: "orders", Name: "Orders", Description: "Takes orders.", Kind: homepage.Embedded,
			URLs: []string{"https://orders.example"}, Health: "/health",
		},
		Evidence: measure.Snapshot{
			Since: ago(time.Hour), Classes: [6]uint64{2: 12345, 4: 5}, Last: ago(3 * time.Second),
			LastSuccess: measure.Success{At: ago(3 * time.Second), Status: 201, Latency: 2 * time.Millisecond},
			Recent:      measure.Recent{Requests: 40},
		},
	}
	blog = homepage.Entry{
		Service: homepage.Service{
			ID: "blog", Kind: homepage.Proxied, URLs: []string{"https://blog.example", "http://blog.example:8080"}, Upstreams: []string{"10.1.2.3:8000"},
		},
		Evidence: measure.Snapshot{
			Since: ago(time.Hour), Classes: [6]uint64{2: 100, 5: 9}, Unreached: 8, Last: ago(time.Second),
			LastFailure: measure.Failure{
				At: ago(time.Second), Since: ago(3 * time.Minute), Run: 8, Status: 502, Cause: measure.Refused,
				Detail: "dial tcp 10.1.2.3:8000: connect: connection refused",
			},
			Recent: measure.Recent{Requests: 8, Failures: 8},
		},
	}
	wiki = homepage.Entry{
		Service: homepage.Service{ID: "wiki", Kind: homepage.Static, URLs: []string{"https://wiki.example"}, Health: "/"},
		Probe:   &homepage.Probe{At: ago(20 * time.Second), Status: 200, Latency: 1500 * time.Microsecond},
	}
	attic = homepage.Entry{Service: homepage.Service{ID: "attic", Kind: homepage.Redirect}}
)

// expired is a certificate that could not be renewed.
var expired = homepage.Certificate{
	Name:   "shop.example",
	Served: &homepage.Leaf{Issuer: "Some CA", Serial: "2a", NotBefore: ago(91 * 24 * time.Hour), NotAfter: ago(24 * time.Hour)},
	Attempts: []homepage.Event{
		{At: ago(time.Hour), Kind: homepage.CertificateEvent, Subject: "shop.example", Outcome: homepage.Failed, Detail: "the authority is down"},
	},
}

func newHandler(entries ...homepage.Entry) http.Handler {
	return New(Config{
		Certificates: func() []homepage.Certificate { return []homepage.Certificate{expired} },
		Told: func() []alert.Told {
			return []alert.Told{{Subject: alert.Subject{Kind: "service", ID: "blog"}, Name: "Blog", State: "failing", Since: ago(time.Hour), Last: now}}
		},
		Alerts: func() []deliver.Trouble {
			return []deliver.Trouble{{Channel: "ntfy at ntfy.example", Since: ago(10 * time.Minute), Error: "it answered 500", Waiting: 2}}
		},

		Catalogue: catalogue(entries), History: new(history.Keeper), Guard: guard{}, Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
		Facts: instance.Facts{
			Service: "homepage-service", Version: "v1.2.3", Environment: "staging", Host: "a.example", Started: ago(24 * time.Hour),
			DashboardURL: func() string { return "https://example.org" },
		},
	})
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		entries        []homepage.Entry
		method, target string
		header         map[string]string
		wantStatus     int
		wantType       string
		want, wantNot  []string
	}{
		"a visitor's dashboard": {
			entries: []homepage.Entry{orders, blog, wiki, attic}, target: "/", wantStatus: 200, wantType: "text/html; charset=utf-8",
			want: []string{
				`<h1 data-live="verdict">blog is failing: upstream refused connections since 13:47 UTC</h1>`,
				"48 requests in the last minute, 8 failed.",
				`<strong>attic</strong> is unknown: <span data-live="attic/reason">nothing measured or probed yet</span>.`,
				`<a class="name" href="/services/orders">Orders</a>`, "Takes orders.", `href="https://orders.example"`, `href="https://orders.example/health"`, "embedded",
				"measured <time", "3 s ago</time>", "201 in 2 ms",
				"probed <time", "20 s ago</time>", "200 in 1 ms", "not measured",
				`href="http://blog.example:8080">http://blog.example:8080<`, "502 in 0 µs",
				"</svg>Answering", "</svg>Failing", "</svg>Unknown", "nothing seen yet",
				"homepage-service", "staging", "a.example", "v1.2.3", "2026-03-03 13:50:00 UTC", "2026-03-04 13:50:00 UTC",
			},
			wantNot: []string{"10.1.2.3", "dial tcp", "Sign out", "shop.example", "the authority is down", "https://wiki.example/\"", `<a href="https://example.org">Dashboard`},
		},
		"an operator's dashboard": {
			entries: []homepage.Entry{blog}, target: "/", header: map[string]string{"Cookie": "operator"}, wantStatus: 200, wantType: "text/html; charset=utf-8",
			want: []string{"<code>10.1.2.3:8000</code>", "dial tcp 10.1.2.3:8000: connect: connection refused", "Sign out",
				"The certificate of shop.example expired at 3 Mar 13:50 UTC. The last attempt to get one failed at 12:50 UTC.", "the authority is down", "</svg>Expired", "Some CA"},
		},
		"certificates for an operator": {
			target: "/api/v1/certificates", header: map[string]string{"Cookie": "operator"}, wantStatus: 200, wantType: "application/json",
			want: []string{`"name":"shop.example","state":"expired","needs_attention":true,"sentence":"The certificate of shop.example expired`, `"life_left":0`, `"issuer":"Some CA"`, `"outcome":"failed","error":"the authority is down"`},
		},
		"certificates for a key": {
			target: "/api/v1/certificates", header: map[string]string{"Authorization": "Bearer for-homepage"}, wantStatus: 200, wantType: "application/json",
		},
		"certificates for a key of something else": {
			target: "/api/v1/certificates", header: map[string]string{"Authorization": "Bearer for-nothing"}, wantStatus: 403, wantType: "application/problem+json", wantNot: []string{"shop.example"},
		},
		"certificates for a visitor": {
			target: "/api/v1/certificates", wantStatus: 401, wantType: "application/problem+json", wantNot: []string{"shop.example"},
		},
		"alerts for an operator": {
			target: "/api/v1/alerts", header: map[string]string{"Cookie": "operator"}, wantStatus: 200, wantType: "application/json",
			want: []string{`"told":[{"kind":"service","id":"blog","name":"Blog","state":"failing",`, `"undelivered":[{"channel":"ntfy at ntfy.example","since":"2026-03-04T13:40:00Z","waiting":2,"error":"it answered 500"}]`},
		},
		"alerts for a visitor": {
			target: "/api/v1/alerts", wantStatus: 401, wantType: "application/problem+json", wantNot: []string{"ntfy"},
		},
		"the dashboard of an operator whose alerts do not arrive": {
			entries: []homepage.Entry{orders}, target: "/", header: map[string]string{"Cookie": "operator"}, wantStatus: 200, wantType: "text/html; charset=utf-8",
			want: []string{"Needs attention", "Alerts by ntfy at ntfy.example could not be delivered since 13:40 UTC.", "it answered 500"},
		},
		"the dashboard of a visitor whom alerts do not concern": {
			entries: []homepage.Entry{orders}, target: "/", wantStatus: 200, wantType: "text/html; charset=utf-8", wantNot: []string{"Alerts by", "it answered 500"},
		},
		"a service's page for a visitor": {
			entries: []homepage.Entry{orders, blog}, target: "/services/blog", wantStatus: 200, wantType: "text/html; charset=utf-8",
			want:    []string{"<h1>blog is failing: upstream refused connections since 13:47 UTC</h1>", "8 requests, 8 failed", "No requests in the last 24 hours.", "Last 90 days"},
			wantNot: []string{"10.1.2.3", "dial tcp"},
		},
		"a service's page for an operator": {
			entries: []homepage.Entry{blog}, target: "/services/blog", header: map[string]string{"Cookie": "operator"}, wantStatus: 200, wantType: "text/html; charset=utf-8",
			want: []string{`<code class="host">10.1.2.3:8000</code>`, "connection refused"},
		},
		"a service that is not measured": {
			entries: []homepage.Entry{wiki}, target: "/services/wiki", wantStatus: 200, wantType: "text/html; charset=utf-8",
			want: []string{"<h1>wiki is answering</h1>", "Nothing is known of the past yet."}, wantNot: []string{"Last 24 hours", "In flight"},
		},
		"a service that is not there": {
			entries: []homepage.Entry{wiki}, target: "/services/blog", wantStatus: 404, wantType: "text/plain; charset=utf-8",
		},
		"the past of a service": {
			entries: []homepage.Entry{wiki}, target: "/api/v1/services/wiki/history?resolution=day&from=2026-03-01T01:00:00%2B01:00", wantStatus: 200, wantType: "application/json",
			want: []string{`{"service":"wiki","resolution":"day","from":"2026-03-01T00:00:00Z","to":"2026-03-04T13:50:00Z","points":[]}`},
		},
		"the past of nothing": {
			entries: []homepage.Entry{wiki}, target: "/api/v1/services/blog/history", wantStatus: 404, wantType: "application/problem+json",
			want: []string{`There is no service \"blog\"`},
		},
		"the past in unknown steps": {
			entries: []homepage.Entry{wiki}, target: "/api/v1/services/wiki/history?resolution=week", wantStatus: 400, wantType: "application/problem+json",
			want: []string{"there are: minute, hour, day"},
		},
		"the past from no time": {
			entries: []homepage.Entry{wiki}, target: "/api/v1/services/wiki/history?from=yesterday", wantStatus: 400, wantType: "application/problem+json",
			want: []string{`from \"yesterday\" is not a time`},
		},
		"all is well": {
			entries: []homepage.Entry{orders, wiki}, target: "/", wantStatus: 200, wantType: "text/html; charset=utf-8",
			want:    []string{`<h1 data-live="verdict">Both services answering</h1>`, "40 requests in the last minute, none failed."},
			wantNot: []string{"Needs attention", "Failing</span>", "Unknown</span>"},
		},
		"nothing is measured": {
			entries: []homepage.Entry{wiki}, target: "/", wantStatus: 200, wantType: "text/html; charset=utf-8",
			want: []string{`<h1 data-live="verdict">wiki is answering</h1>`}, wantNot: []string{"last minute,"},
		},
		"no services": {
			target: "/", wantStatus: 200, wantType: "text/html; charset=utf-8",
			want: []string{`<h1 data-live="verdict">No services yet</h1>`, "service NAME"}, wantNot: []string{"<table", "Answering</span>"},
		},
		"names are escaped": {
			entries: []homepage.Entry{{Service: homepage.Service{ID: "x", Name: "<script>alert(1)", URLs: []string{"javascript:alert(1)"}}}},
			target:  "/", wantStatus: 200, wantType: "text/html; charset=utf-8",
			want: []string{"&lt;script&gt;alert(1)"}, wantNot: []string{"<script>", `href="javascript:`},
		},
		"a visitor's facts": {
			entries: []homepage.Entry{orders, blog, attic}, target: "/api/v1/services", wantStatus: 200, wantType: "application/json",
			want: []string{
				`"verdict":"blog is failing: upstream refused connections since 13:47 UTC"`, `"since":"2026-03-04T13:47:00Z"`,
				`"reason":"upstream refused connections since 13:47 UTC"`, `"unreached":8`, `"5xx":9`, `"total":12350`,
				`"evidence":{"source":"measured","at":"2026-03-04T13:49:57Z","status":201,"latency_ms":2}`,
				`{"id":"attic","name":"attic","kind":"redirect","urls":[],"state":"unknown","reason":"nothing measured or probed yet"}`,
			},
			wantNot: []string{"10.1.2.3", "dial tcp", "upstreams"},
		},
		"an operator's facts": {
			entries: []homepage.Entry{blog}, target: "/api/v1/services", header: map[string]string{"Cookie": "operator"}, wantStatus: 200, wantType: "application/json",
			want: []string{`"upstreams":["10.1.2.3:8000"]`, `"error":"dial tcp 10.1.2.3:8000: connect: connection refused"`},
		},
		"a key's facts": {
			entries: []homepage.Entry{blog}, target: "/api/v1/services", header: map[string]string{"Authorization": "Bearer for-homepage"}, wantStatus: 200, wantType: "application/json",
			want: []string{`"upstreams":["10.1.2.3:8000"]`},
		},
		"an unknown key": {
			entries: []homepage.Entry{blog}, target: "/api/v1/services", header: map[string]string{"Authorization": "Bearer x"}, wantStatus: 401, wantType: "application/problem+json",
			wantNot: []string{"blog"},
		},
		"a key for something else": {
			entries: []homepage.Entry{blog}, target: "/api/v1/services", header: map[string]string{"Authorization": "Bearer for-nothing"}, wantStatus: 403, wantType: "application/problem+json",
			want: []string{"homepage"}, wantNot: []string{"blog"},
		},
		"keys can't be read": {
			entries: []homepage.Entry{blog}, target: "/api/v1/services", header: map[string]string{"Authorization": "Bearer broken"}, wantStatus: 500, wantType: "application/problem+json",
			wantNot: []string{"blog", "fire"},
		},
		"health":             {target: "/health", wantStatus: 200, wantType: "application/json", want: []string{`{"service":"homepage-service","status":"UP","version":"v1.2.3"}`}},
		"sign-in":            {target: "/sign-in?token=x", wantStatus: 200, want: []string{"guard: /sign-in"}},
		"sign-out":           {method: "POST", target: "/sign-out", wantStatus: 200, want: []string{"guard: /sign-out"}},
		"nothing there":      {target: "/wp-login.php", wantStatus: 404, wantType: "text/plain; charset=utf-8"},
		"no such asset":      {target: "/assets/style.css", wantStatus: 404},
		"post to the page":   {method: "POST", target: "/", wantStatus: 405},
		"post to the API":    {method: "POST", target: "/api/v1/services", wantStatus: 405},
		"post to the health": {method: "POST", target: "/health", wantStatus: 405},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(test.method, test.target, nil)
			for name, value := range test.header {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			newHandler(test.entries...).ServeHTTP(w, r)
			if w.Code != test.wantStatus || test.wantType != "" && w.Header().Get("Content-Type") != test.wantType {
				t.Errorf("%d %q, want %d %q", w.Code, w.Header().Get("Content-Type"), test.wantStatus, test.wantType)
			}
			if w.Code == http.StatusMethodNotAllowed && w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("Allow: %q", w.Header().Get("Allow"))
			}
			for _, want := range test.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("lacks %q", want)
				}
			}
			for _, not := range test.wantNot {
				if strings.Contains(w.Body.String(), not) {
					t.Errorf("contains %q", not)
				}
			}
			if t.Failed() {
				t.Logf("%s", w.Body)
			}
		})
	}
}

// One visitor's view must not become everyone's after an operator looked, nor
// the other way round.
func TestViewsAreKeptApart(t *testing.T) {
	t.Parallel()
	h := newHandler(blog)
	for i, operator := range []bool{false, true, false, true} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if operator {
			r.Header.Set("Cookie", "operator")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := strings.Contains(w.Body.String(), "10.1.2.3"); got != operator {
			t.Errorf("request %d: upstream addresses shown: %v, to an operator: %v", i, got, operator)
		}
	}
}

func TestServicesIsJSON(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	newHandler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/services", nil))
	var got Report
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Services == nil || got.State != "unknown" || !got.Checked.Equal(now) {
		t.Errorf("%s: %+v, %v", w.Body, got, err)
	}
}
