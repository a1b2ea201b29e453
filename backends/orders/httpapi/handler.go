// Package httpapi serves orders over HTTP: the JSON API under /v1, the page
// at / and /health.
package httpapi

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/access/httpauth"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/health"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/web"
)

// Config is what the service is made of.
type Config struct {
	Store  orders.Store
	Guard  httpauth.Guard
	Facts  instance.Facts
	Logger *slog.Logger     // default slog.Default
	Now    func() time.Time // default time.Now
}

// New returns the service as a handler.
func New(cfg Config) http.Handler {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	service := orders.NewService(cfg.Store, cfg.Now)
	h := &handler{service: service, guard: cfg.Guard, logger: cfg.Logger}

	mux := http.NewServeMux()
	mux.Handle("/health", health.Handler(cfg.Facts, service.Ping, cfg.Logger))
	mux.Handle("POST /v1/orders", h.authenticated(h.create))
	mux.Handle("GET /v1/orders", h.authenticated(h.list))
	mux.Handle("/v1/orders", methods("GET, HEAD, POST"))
	mux.Handle("GET /v1/orders/{id}", h.authenticated(h.read))
	mux.Handle("/v1/orders/{id}", methods("GET, HEAD"))
	mux.HandleFunc("/v1/", noSuchResource)
	mux.Handle("/sign-in", cfg.Guard.SignIn())
	mux.Handle("/sign-out", cfg.Guard.SignIn())
	mux.Handle("/", web.New(web.Config{
		Service: service, Facts: cfg.Facts, SignedIn: cfg.Guard.Operator, Logger: cfg.Logger, Now: cfg.Now,
	}))
	return mux
}

type handler struct {
	service *orders.Service
	guard   httpauth.Guard
	logger  *slog.Logger
}

// endpoint answers an authenticated request, or returns the error that fail answers with.
type endpoint func(w http.ResponseWriter, r *http.Request, client access.Principal) error

func (h *handler) authenticated(serve endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client, err := h.guard.Authenticate(r, access.ScopeOrders)
		if err == nil {
			err = serve(w, r, client)
		}
		if err != nil {
			h.fail(w, r, err)
		}
	})
}

func (h *handler) create(w http.ResponseWriter, r *http.Request, client access.Principal) error {
	key, err := idempotency.FromHeader(r.Header)
	if err != nil {
		return err
	}
	body, err := readBody(w, r)
	if err != nil {
		return err
	}
	var asked newOrder
	if err := decode(body, &asked); err != nil {
		return err
	}
	request := idempotency.Request{
		Client: client.KeyID, Key: key, Fingerprint: idempotency.Fingerprint(r.Method, r.URL.Path, body),
	}
	reply, replayed, err := h.service.Create(r.Context(), request, asked.order(), created)
	if err != nil {
		return err
	}
	if replayed {
		w.Header().Set(idempotency.ReplayedHeader, "true")
	}
	send(w, reply)
	return nil
}

// created is the reply to a new order.
func created(order orders.Order) (idempotency.Reply, error) {
	body, err := encode(represent(order))
	if err != nil {
		return idempotency.Reply{}, err
	}
	return idempotency.Reply{
		Status: http.StatusCreated,
		Header: map[string]string{
			"Content-Type": "application/json",
			"Location":     "/v1/orders/" + order.ID,
			"ETag":         etag(order),
		},
		Body: body,
	}, nil
}

func (h *handler) read(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	order, err := h.service.Order(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(order))
	if matches(r.Header.Values("If-None-Match"), etag(order)) {
		private(w)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return sendJSON(w, represent(order))
}

func (h *handler) list(w http.ResponseWriter, r *http.Request, _ access.Principal) error {
	cursor, limit, err := listParameters(r.URL.RawQuery)
	if err != nil {
		return err
	}
	page, err := h.service.List(r.Context(), cursor, limit)
	if err != nil {
		return err
	}
	if page.Next != "" {
		next := url.Values{"cursor": {page.Next}}
		if limit != 0 {
			next.Set("limit", strconv.Itoa(limit))
		}
		w.Header().Set("Link", fmt.Sprintf(`</v1/orders?%s>; rel="next"`, next.Encode()))
	}
	return sendJSON(w, representPage(page))
}

// listParameters refuses unknown and repeated parameters: a filter that is
// ignored would show a client the wrong orders.
func listParameters(rawQuery string) (cursor string, limit int, err error) {
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return "", 0, &orders.ParameterError{Name: "query", Detail: "is not a valid query string"}
	}
	for name, values := range query {
		if name != "cursor" && name != "limit" {
			return "", 0, &orders.ParameterError{Name: name, Detail: "is unknown: a list takes cursor and limit"}
		}
		if len(values) > 1 {
			return "", 0, &orders.ParameterError{Name: name, Detail: "is given more than once"}
		}
	}
	if query.Has("limit") {
		if limit, err = strconv.Atoi(query.Get("limit")); err != nil || limit == 0 {
			return "", 0, &orders.ParameterError{Name: "limit", Detail: fmt.Sprintf("must be from 1 to %d", orders.MaxLimit)}
		}
	}
	return query.Get("cursor"), limit, nil
}

// private lets a client keep a reply only for itself, and ask before using it again.
func private(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
}

func sendJSON(w http.ResponseWriter, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	send(w, idempotency.Reply{Status: http.StatusOK, Header: map[string]string{"Content-Type": "application/json"}, Body: body})
	return nil
}

func send(w http.ResponseWriter, reply idempotency.Reply) {
	private(w)
	for name, value := range reply.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(reply.Body)))
	w.WriteHeader(reply.Status)
	_, _ = w.Write(reply.Body) // the client is gone when this fails
}
