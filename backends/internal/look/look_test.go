package look

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aditechsphere/fairway/backends/instance"
)

var epoch = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func body(text string) fstest.MapFS {
	return fstest.MapFS{"index.html": {Data: []byte(text)}}
}

func facts(dashboard string) instance.Facts {
	return instance.Facts{
		Service: "orders-service", Version: "v1.2.3", Environment: "staging", Host: "a.example",
		Started:      epoch.Add(-time.Hour),
		DashboardURL: func() string { return dashboard },
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		body          string
		page          Page
		want, wantNot []string
	}{
		"a visitor's page": {
			body: `{{define "body"}}<p>{{.Body}}</p>{{end}}`,
			page: Page{Title: "Orders", Heading: "3 orders", Body: "<b>", Facts: facts("https://example.org/"), Checked: epoch},
			want: []string{
				"<title>Orders · Fairway</title>", "<h1>3 orders</h1>", "<p>&lt;b&gt;</p>",
				"orders-service", "staging", "a.example", "v1.2.3", "2026-03-04 04:06:07 UTC", "2026-03-04 05:06:07 UTC",
				`<a href="https://example.org/">Dashboard</a>`, `<a href="/sign-in">Sign in</a>`,
			},
			wantNot: []string{"Sign out", "style=", "<style", "<script>", `class="mark"`, `name="description"`},
		},
		"an operator's page": {
			body:    `{{define "body"}}{{end}}`,
			page:    Page{Operator: true, Facts: facts("")},
			want:    []string{`<form method="post" action="/sign-out">`, ">never</dd>"},
			wantNot: []string{`"/sign-in"`, "Dashboard</a>"},
		},
		"without facts about the dashboard": {
			body: `{{define "body"}}{{end}}`,
			page: Page{Tone: Bad},
			want: []string{`class="verdict bad"`, `<a class="brand" href="/">`},
		},
		"functions": {
			body: `{{define "body"}}{{state "warn" "<Slow>"}}|{{ago .Checked .Body}}|{{count 1234567}}{{end}}{{define "about"}}about{{end}}`,
			page: Page{Checked: epoch, Body: epoch.Add(-3 * time.Second)},
			want: []string{
				`<span class="state warn"><svg class="mark"`, "&lt;Slow&gt;</span>|",
				`<time datetime="2026-03-04T05:06:04Z" title="2026-03-04 05:06:04 UTC">3 s ago</time>|1,234,567`, "about",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tmpl, err := Parse(body(test.body), "index.html")
			if err != nil {
				t.Fatal(err)
			}
			html, err := tmpl.Render(test.page)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(string(html), want) {
					t.Errorf("page lacks %q", want)
				}
			}
			for _, not := range test.wantNot {
				if strings.Contains(string(html), not) {
					t.Errorf("page contains %q", not)
				}
			}
			if t.Failed() {
				t.Logf("%s", html)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no body":    `hello`,
		"bad syntax": `{{define "body"}}{{`,
	} {
		if _, err := Parse(body(text), "index.html"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Parse(body(""), "missing.html"); err == nil {
		t.Error("missing file: no error")
	}
}

func TestRenderUnknownTone(t *testing.T) {
	t.Parallel()
	tmpl := MustParse(body(`{{define "body"}}{{end}}`), "index.html")
	if html, err := tmpl.Render(Page{Tone: "purple"}); err == nil || html != nil {
		t.Errorf("Render = %d bytes, %v; want only an error", len(html), err)
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                          "0 µs",
		850 * time.Microsecond:     "850 µs",
		2500 * time.Microsecond:    "2 ms",
		999 * time.Millisecond:     "999 ms",
		59999 * time.Millisecond:   "59 s",
		60 * time.Second:           "1 min",
		3599 * time.Second:         "59 min",
		47 * time.Hour:             "47 h",
		48*time.Hour + time.Minute: "2 d",
	} {
		if got := Span(d); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	for n, want := range map[any]string{0: "0", 999: "999", uint64(1000): "1,000", 1234567: "1,234,567", -100: "-100", -1000: "-1,000"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%v) = %q, want %q", n, got, want)
		}
	}
}
