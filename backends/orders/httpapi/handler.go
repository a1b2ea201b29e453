// Package httpapi serves orders over HTTP: the JSON API under /v1 with its
// description, the pages and /health.
package httpapi

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/access/httpauth"
	accessweb "github.com/aditechsphere/fairway/backends/access/web"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/health"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/problem"
	"github.com/aditechsphere/fairway/backends/internal/text"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/web"
)

// Config is what the service is made of.
type Config struct {
	Service *orders.Service
	Guard   httpauth.Guard
	Facts   instance.Facts
	Keys    accessweb.Keys   // of the platform, for the operator's page; nil: no such page
	Logger  *slog.Logger     // default slog.Default
	Now     func() time.Time // default time.Now

	// RateLimit is how many requests a second one API key may make for long;
	// it may make twice as many at once. 0: as many as it likes.
	RateLimit float64
}

// New returns the service as a handler.
func New(cfg Config) http.Handler {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	service := cfg.Service
	h := &handler{service: service, guard: cfg.Guard, logger: cfg.Logger, limits: newLimits(cfg.RateLimit, cfg.Now)}

	mux := http.NewServeMux()
	mux.Handle("/health", health.Handler(cfg.Facts, service.Ping, cfg.Logger))
	methods := make(map[string][]string)
	for _, op := range h.operations() {
		mux.Handle(op.Method+" "+op.Path, h.authenticated(op))
		methods[op.Path] = append(methods[op.Path], op.Method)
	}
	for path, allowed := range methods {
		mux.Handle(path, notAllowed(allowed))
	}
	mux.HandleFunc("/v1/", noSuchResource)
	mux.Handle("GET /openapi.json", describe(h.operations(), cfg.Facts))
	mux.Handle("/sign-in", cfg.Guard.SignIn())
	mux.Handle("/sign-out", cfg.Guard.SignIn())
	mux.Handle("/", web.New(web.Config{
		Service: service, Facts: cfg.Facts, Keys: cfg.Keys, SignedIn: cfg.Guard.Operator, Reference: reference(h.operations()),
		Logger: cfg.Logger, Now: cfg.Now,
	}))
	return mux
}

type handler struct {
	service *orders.Service
	guard   httpauth.Guard
	logger  *slog.Logger
	limits  *limits
}

// endpoint answers an authenticated request, or returns the error that fail answers with.
type endpoint func(w http.ResponseWriter, r *http.Request, client access.Principal) error

// scopeRead is the scope of keys that change nothing.
const scopeRead = access.ScopeOrders + ":read"

func (h *handler) authenticated(op operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, err := h.authenticate(r, op.Method == http.MethodGet)
		if err == nil {
			err = h.limits.take(w, client.KeyID)
		}
		if err == nil {
			err = checkTexts(r, op)
		}
		if err == nil {
			err = op.serve(w, r, client)
		}
		if err != nil {
			h.fail(w, r, err)
		}
	})
}

// checkTexts refuses what no store has. A body is JSON and is checked by its rules.
func checkTexts(r *http.Request, op operation) error {
	if !text.Storable(r.PathValue("id")) {
		return webhook.ErrNotFound
	}
	if len(op.Query) == 0 || r.URL.RawQuery == "" {
		return nil
	}
	query := r.URL.Query()
	for _, name := range slices.Sorted(keys(query)) {
		if slices.ContainsFunc(query[name], func(value string) bool { return !text.Storable(value) }) {
			return &orders.ParameterError{Name: name, Detail: "must be UTF-8 without NUL"}
		}
	}
	return nil
}

func (h *handler) authenticate(r *http.Request, reads bool) (access.Principal, error) {
	client, err := h.guard.Authenticate(r, access.ScopeOrders)
	if err == nil || !reads {
		return client, err
	}
	if reader, err := h.guard.Authenticate(r, scopeRead); err == nil {
		return reader, nil
	}
	return client, err
}

// actorOf is whom the audit log names.
func actorOf(client access.Principal) orders.Actor {
	return orders.Actor{Type: "key", ID: client.KeyID, Name: client.Name}
}

// callOf reads from a request who wants what, with the body that it carries.
func callOf(r *http.Request, client access.Principal, body []byte) (orders.Call, error) {
	key, err := idempotency.FromHeader(r.Header)
	if err != nil {
		return orders.Call{}, err
	}
	version, err := ifMatch(r.Header.Values("If-Match"))
	return orders.Call{
		Actor:   actorOf(client),
		Version: version,
		Request: idempotency.Request{Client: client.KeyID, Key: key, Fingerprint: idempotency.Fingerprint(r.Method, r.URL.Path, body)},
	}, err
}

// change makes an endpoint of a use case that takes a body of type T and
// replies with an order.
func change[T any](use func(r *http.Request, call orders.Call, asked T) (idempotency.Reply, bool, error)) endpoint {
	return func(w http.ResponseWriter, r *http.Request, client access.Principal) error {
		body, err := readBody(w, r)
		if err != nil {
			return err
		}
		var asked T
		if err := decode(body, &asked); err != nil {
			return err
		}
		call, err := callOf(r, client, body)
		if err != nil {
			return err
		}
		reply, replayed, err := use(r, call, asked)
		if err != nil {
			return err
		}
		if replayed {
			w.Header().Set(idempotency.ReplayedHeader, "true")
		}
		send(w, reply)
		return nil
	}
}

// notAllowed answers a method that a resource does not have.
func notAllowed(methods []string) http.Handler {
	if slices.Contains(methods, http.MethodGet) {
		methods = append(methods, http.MethodHead)
	}
	slices.Sort(methods)
	allow := strings.Join(slices.Compact(methods), ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", allow)
		problem.Write(w, newProblem(http.StatusMethodNotAllowed, "method-not-allowed", "This resource takes "+allow+"."))
	})
}

func noSuchResource(w http.ResponseWriter, _ *http.Request) {
	problem.Write(w, newProblem(http.StatusNotFound, "not-found", "There is nothing at this address."))
}
