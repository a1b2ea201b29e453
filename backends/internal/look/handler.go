package look

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/aditechsphere/fairway/backends/instance"
)

const (
	// lifetime is how long a visitor's page is served before it is rendered anew.
	lifetime = time.Second
	// patience bounds gathering the facts of a page for all who wait for it.
	patience = 10 * time.Second
)

// Config says how a page comes about.
type Config struct {
	Template *Template
	Facts    instance.Facts

	// Visitor gathers the page anyone may see. It is called at most once per
	// second and never twice at once; what it returns is shared.
	Visitor func(ctx context.Context) (Page, error)

	// Operator gathers the page of a signed-in operator, once per request.
	// Default: Visitor.
	Operator func(r *http.Request) (Page, error)

	// SignedIn reports whether the request is a signed-in operator's.
	// Default: nobody is.
	SignedIn func(r *http.Request) bool

	Now    func() time.Time // default time.Now
	Logger *slog.Logger     // default slog.Default
}

// Handler serves the page for GET and HEAD at whatever path it is mounted.
// A page that can't be rendered is a 500 and a line in the log.
func Handler(cfg Config) http.Handler {
	if cfg.Operator == nil {
		cfg.Operator = func(r *http.Request) (Page, error) { return cfg.Visitor(r.Context()) }
	}
	if cfg.SignedIn == nil {
		cfg.SignedIn = func(*http.Request) bool { return false }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &handler{Config: cfg}
}

type handler struct {
	Config
	cached    atomic.Pointer[rendered]
	rendering singleflight.Group
}

// rendered is a visitor's page and when it stops being fresh.
type rendered struct {
	*response
	at time.Time
}

// fresh also holds when the clock was set back only as far as a lifetime.
func (p *rendered) fresh(now time.Time) bool {
	if p == nil {
		return false
	}
	age := now.Sub(p.at)
	return age < lifetime && age > -lifetime
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	res, err := h.page(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	res.serve(w, r)
}

func (h *handler) page(r *http.Request) (*response, error) {
	if h.SignedIn(r) {
		checked := h.Now()
		page, err := h.Operator(r)
		if err != nil {
			return nil, err
		}
		return h.render(page, checked, true)
	}
	if page := h.cached.Load(); page.fresh(h.Now()) {
		return page.response, nil
	}
	return h.refresh()
}

// refresh renders the visitor's page once for all who wait for it.
func (h *handler) refresh() (*response, error) {
	shared, err, _ := h.rendering.Do("", func() (any, error) {
		if page := h.cached.Load(); page.fresh(h.Now()) {
			return page.response, nil
		}
		// Not the request's context: the page is for everyone who waits.
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		checked := h.Now()
		page, err := h.Visitor(ctx)
		if err != nil {
			return nil, err
		}
		res, err := h.render(page, checked, false)
		if err != nil {
			return nil, err
		}
		h.cached.Store(&rendered{res, h.Now()})
		return res, nil
	})
	if err != nil {
		return nil, err
	}
	return shared.(*response), nil
}

func (h *handler) render(page Page, checked time.Time, operator bool) (*response, error) {
	page.Facts, page.Checked, page.Operator = h.Facts, checked, operator
	html, err := h.Template.Render(page)
	if err != nil {
		return nil, err
	}
	if operator {
		return newResponse(html, operatorFields...), nil
	}
	return newResponse(html, visitorFields...), nil
}

var (
	// visitorFields are few, because each costs time in every answer: with those
	// of the server they are eight, and a map of more grows and is copied slowly.
	// The layout has the policy for referrers. An entity tag would not outlive
	// the second, and without a session there is nothing to keep apart from other
	// origins' windows.
	visitorFields = []field{
		{"Content-Security-Policy", ContentSecurityPolicy},
		{"X-Content-Type-Options", "nosniff"},
		{"Content-Type", "text/html; charset=utf-8"},
		{"Cache-Control", "no-cache"},
		{"Vary", "Accept-Encoding, Cookie"},
	}
	operatorFields = append(securityFields(ContentSecurityPolicy),
		field{"Content-Type", "text/html; charset=utf-8"},
		field{"Cache-Control", "no-store"},
		field{"Vary", "Accept-Encoding, Cookie"},
	)
)

func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the reader left before the page was ready
	}
	h.Logger.ErrorContext(r.Context(), "page could not be rendered", "service", h.Facts.Service, "path", r.URL.Path, "error", err)
	SetSecurityHeaders(w.Header(), ContentSecurityPolicy)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "The page could not be rendered; the server's log says why.", http.StatusInternalServerError)
}
