// Package look is the one look of every page Fairway serves: layout,
// stylesheet, icon, and the handler that renders a page at most once a second.
//
// A service keeps a template that defines "body" (and, if it has something to
// say under the runtime facts, "about", and tools for the header, "tools"), parses it once and mounts a handler:
//
//	//go:embed index.html
//	var files embed.FS
//
//	var index = look.MustParse(files, "index.html")
//
//	mux.Handle("GET /{$}", look.Handler(look.Config{
//		Template: index,
//		Facts:    cfg.Facts,
//		SignedIn: cfg.Guard.Operator,
//		Visitor:  func(ctx context.Context) (look.Page, error) { … },
//	}))
//	mux.Handle("GET /assets/", look.Assets())
//
// Inside the templates the dot is the Page. See [Parse] for the functions.
package look

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/aditechsphere/fairway/backends/instance"
)

//go:embed layout.html assets
var files embed.FS

// Tone is the meaning of a colour. It is never shown alone: a mark gives it
// a shape, and the text beside the mark says it in words.
type Tone string

// The tones and their shapes.
const (
	Good Tone = "good" // filled circle with a check
	Warn Tone = "warn" // triangle
	Bad  Tone = "bad"  // square with a cross
	Info Tone = "info" // diamond
	None Tone = "none" // dashed ring
)

// Page is what every page has. The handler fills in Facts, Checked and Operator.
type Page struct {
	Title       string // what the page is, in the tab and the header: "Orders"
	Description string // for search engines and link previews; optional
	Heading     string // the h1
	Tone        Tone   // mark before the heading; "" for none
	Lede        string // a sentence under the heading; optional
	Tabs        []Tab  // the operator's pages of the service; none for visitors
	Body        any    // whatever the body template needs
	Live        string // what the page consists of, for one that the script keeps current; "" for others

	Facts    instance.Facts
	Checked  time.Time // when the facts of the page were read
	Operator bool      // the reader is a signed-in operator
}

// Tab is a link between the operator's pages of a service.
type Tab struct {
	Name, Path string
	Here       bool // it is the page itself
}

// MarkTab marks the tab of a path as the page itself, and returns the tabs.
func MarkTab(tabs []Tab, here string) []Tab {
	for i := range tabs {
		tabs[i].Here = tabs[i].Path == here
	}
	return tabs
}

// DashboardURL is the address of the dashboard, "" when there is none.
func (p Page) DashboardURL() string {
	if p.Facts.DashboardURL == nil {
		return ""
	}
	return p.Facts.DashboardURL()
}

// Template is a page's body inside the shared layout. Safe for concurrent use.
type Template struct {
	tmpl *template.Template
	size atomic.Int64 // of the page that was rendered last: the next one is much like it
}

// Parse reads the files matching patterns, which must define a template
// "body", into the shared layout. They can use:
//
//	{{mark "good"}}             the shape of a Tone, for decoration beside a word
//	{{state "good" "Paid"}}     shape and word in the tone's colour
//	{{ago .Checked .At}}        "3 s ago", a <time> with the full instant as its title
//	{{timestamp .At}}           "2026-01-02 15:04:05 UTC", a <time>
//	{{span .Duration}}          "2 ms", "3 s", "4 min", "5 h", "6 d"
//	{{count .N}}                "12,345"
//	{{asset "style.css"}}       the address of a shared asset
//	{{spaced "partially_paid"}} "partially paid"
//	{{percent 1900}}            "19%", of hundredths of a percent
//	{{template "refused" .Why}} why a form was refused; nothing when it is ""
func Parse(fsys fs.FS, patterns ...string) (*Template, error) {
	tmpl, err := template.New("page").Funcs(funcs).ParseFS(files, "layout.html")
	if err != nil {
		return nil, fmt.Errorf("the shared layout: %w", err)
	}
	if tmpl, err = tmpl.ParseFS(fsys, patterns...); err != nil {
		return nil, fmt.Errorf("page template: %w", err)
	}
	if tmpl.Lookup("body") == nil {
		return nil, fmt.Errorf("page template %v: does not define %q", patterns, "body")
	}
	return &Template{tmpl: tmpl}, nil
}

// MustParse is Parse for templates embedded in the binary.
func MustParse(fsys fs.FS, patterns ...string) *Template {
	t, err := Parse(fsys, patterns...)
	if err != nil {
		panic(err)
	}
	return t
}

// Render gives the whole page, or an error and nothing of it.
func (t *Template) Render(p Page) ([]byte, error) {
	size := t.size.Load()
	buf := bytes.NewBuffer(make([]byte, 0, size+size/8))
	if err := t.tmpl.ExecuteTemplate(buf, "layout", p); err != nil {
		return nil, fmt.Errorf("rendering page %q: %w", p.Title, err)
	}
	t.size.Store(int64(buf.Len()))
	return buf.Bytes(), nil
}
