// Package httpapi serves Payments over HTTP in Stripe's dialect, so that
// Stripe's own SDKs work against it.
package httpapi

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/aditechsphere/fairway/backends/access/httpauth"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/health"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/web"
)

// Config is what the service needs. All fields but Logger and Now are required.
type Config struct {
	Store     payments.Store
	Processor payments.Processor // decides whether the service is in live mode
	Guard     httpauth.Guard
	Facts     instance.Facts
	Logger    *slog.Logger     // default slog.Default()
	Now       func() time.Time // default time.Now
}

// New returns the whole service: the API under /v1/, GET /health, the page
// and its assets, /sign-in and /sign-out.
func New(cfg Config) http.Handler { return newAPI(cfg).routes() }

// api answers the requests under /v1/.
type api struct {
	Config
	service  *payments.Service
	inFlight payments.KeyLock // idempotency keys of requests under way
	patience time.Duration    // how long a repeated request waits for the first one
}

func newAPI(cfg Config) *api {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &api{
		Config:   cfg,
		service:  payments.NewService(cfg.Store, cfg.Processor, cfg.Now),
		patience: 5 * time.Second,
	}
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /v1/payment_intents", a.endpoint(a.create))
	mux.Handle("GET /v1/payment_intents", a.endpoint(a.list))
	mux.Handle("GET /v1/payment_intents/{id}", a.endpoint(a.retrieve))
	mux.Handle("POST /v1/payment_intents/{id}/confirm", a.endpoint(a.confirm))
	mux.Handle("POST /v1/payment_intents/{id}/cancel", a.endpoint(a.cancel))
	mux.Handle("/v1/", http.HandlerFunc(a.unknownURL))
	mux.Handle("/health", health.Handler(a.Facts, a.service.Ping, a.Logger))
	mux.Handle("/sign-in", a.Guard.SignIn())
	mux.Handle("/sign-out", a.Guard.SignIn())
	mux.Handle("/", web.New(web.Config{
		Service: a.service, Facts: a.Facts, SignedIn: a.Guard.Operator, Logger: a.Logger, Now: a.Now,
	}))
	return mux
}
