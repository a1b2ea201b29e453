// Package httpapi serves Payments over HTTP in Stripe's dialect, so that
// Stripe's own SDKs work against it.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aditechsphere/fairway/backends/access/httpauth"
	accessweb "github.com/aditechsphere/fairway/backends/access/web"
	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/health"
	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/web"
)

// Config is what the service needs.
type Config struct {
	Service *payments.Service
	Guard   httpauth.Guard
	Facts   instance.Facts
	Keys    accessweb.Keys   // of the platform, for the operator's page; nil: no such page
	Logger  *slog.Logger     // default slog.Default()
	Now     func() time.Time // default time.Now
	// Notifications takes what the processor sends by itself, at
	// POST /processor/notifications; nil when it sends nothing.
	Notifications http.Handler
}

// New returns the whole service: the API under /v1/, GET /health, the pages
// and their assets, /sign-in and /sign-out.
func New(cfg Config) http.Handler { return newAPI(cfg).routes() }

// api answers the requests under /v1/.
type api struct {
	Config
	limits
}

func newAPI(cfg Config) *api {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &api{Config: cfg, limits: limits{most: maxInFlight, under: make(map[string]int)}}
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, operation := range map[string]func(context.Context, *call) error{
		"POST /v1/payment_intents":                        a.createIntent,
		"GET /v1/payment_intents":                         a.listIntents,
		"GET /v1/payment_intents/{id}":                    a.readIntent,
		"POST /v1/payment_intents/{id}":                   a.updateIntent,
		"POST /v1/payment_intents/{id}/confirm":           a.confirmIntent,
		"POST /v1/payment_intents/{id}/capture":           a.captureIntent,
		"POST /v1/payment_intents/{id}/cancel":            a.cancelIntent,
		"POST /v1/payment_intents/{id}/record":            a.recordPayment,
		"POST /v1/charges":                                a.createCharge,
		"GET /v1/charges":                                 a.listCharges,
		"GET /v1/charges/{id}":                            a.readCharge,
		"POST /v1/charges/{id}":                           a.updateCharge,
		"POST /v1/charges/{id}/capture":                   a.captureCharge,
		"POST /v1/refunds":                                a.createRefund,
		"GET /v1/refunds":                                 a.listRefunds,
		"GET /v1/refunds/{id}":                            a.readRefund,
		"POST /v1/refunds/{id}":                           a.updateRefund,
		"POST /v1/payment_methods":                        a.createMethod,
		"GET /v1/payment_methods":                         a.listMethods,
		"GET /v1/payment_methods/{id}":                    a.readMethod,
		"POST /v1/payment_methods/{id}":                   a.updateMethod,
		"POST /v1/payment_methods/{id}/attach":            a.attachMethod,
		"POST /v1/payment_methods/{id}/detach":            a.detachMethod,
		"POST /v1/customers":                              a.createCustomer,
		"GET /v1/customers":                               a.listCustomers,
		"GET /v1/customers/{id}":                          a.readCustomer,
		"POST /v1/customers/{id}":                         a.updateCustomer,
		"DELETE /v1/customers/{id}":                       a.deleteCustomer,
		"GET /v1/customers/{id}/payment_methods":          a.listCustomerMethods,
		"GET /v1/customers/{id}/payment_methods/{method}": a.readCustomerMethod,
		"GET /v1/events":                                  a.listEvents,
		"GET /v1/events/{id}":                             a.readEvent,
		"POST /v1/webhook_endpoints":                      a.createEndpoint,
		"GET /v1/webhook_endpoints":                       a.listEndpoints,
		"GET /v1/webhook_endpoints/{id}":                  a.readEndpoint,
		"POST /v1/webhook_endpoints/{id}":                 a.updateEndpoint,
		"DELETE /v1/webhook_endpoints/{id}":               a.deleteEndpoint,
		"GET /v1/balance":                                 a.readBalance,
		"GET /v1/balance_transactions":                    a.listBalanceTransactions,
		"GET /v1/balance_transactions/{id}":               a.readBalanceTransaction,
	} {
		mux.Handle(pattern, a.endpoint(operation))
	}
	mux.Handle("/v1/", http.HandlerFunc(a.unknownURL))
	mux.Handle("/health", health.Handler(a.Facts, a.Service.Ping, a.Logger))
	mux.Handle("/sign-in", a.Guard.SignIn())
	mux.Handle("/sign-out", a.Guard.SignIn())
	if a.Notifications != nil {
		mux.Handle("POST /processor/notifications", a.Notifications)
	}
	mux.Handle("/", web.New(web.Config{
		Service: a.Service, Facts: a.Facts, Keys: a.Keys, SignedIn: a.Guard.Operator, Logger: a.Logger, Now: a.Now,
	}))
	return mux
}

// maxInFlight is how many requests one key can have under way: more than the
// 100 that a busy shop needs.
const maxInFlight = 256

// limits keep one key from taking all there is.
type limits struct {
	most  int
	mu    sync.Mutex
	under map[string]int // requests under way, by the key's id
}

// enter counts a request of a key; leave must be called at its end.
func (l *limits) enter(key string) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.under[key] >= l.most {
		return nil, payments.Invalid(payments.CodeRateLimit, "",
			"Too many requests: this key has %d under way. Wait for some of them to be answered.", l.most)
	}
	l.under[key]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.under[key]--; l.under[key] == 0 {
			delete(l.under, key)
		}
	}, nil
}
