package services

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/aditechsphere/fairway/backends/payments"
	"github.com/aditechsphere/fairway/backends/payments/processor/manual"
	"github.com/aditechsphere/fairway/backends/payments/processor/stripe"
	"github.com/aditechsphere/fairway/backends/payments/processor/testcards"
)

// StripeAccount is the account that the processor "stripe" uses.
type StripeAccount struct {
	// The account's secret key, "sk_live_…" or "sk_test_…". Placeholders such
	// as {env.STRIPE_SECRET_KEY} are replaced. Required.
	SecretKey string `json:"secret_key,omitempty"`

	// The signing secret of the webhook endpoint at Stripe, "whsec_…", that
	// sends to /processor/notifications. Placeholders are replaced. Without it
	// outcomes are asked for instead.
	WebhookSecret string `json:"webhook_secret,omitempty"`

	// Where Stripe's API is. Default: "https://api.stripe.com".
	APIBase string `json:"api_base,omitempty"`
}

// makeProcessor makes a processor, and the handler of what it sends by itself.
type makeProcessor func(p *Payments) (payments.Processor, func(*payments.Service) http.Handler, error)

// processors are those that can be chosen.
var processors = map[string]makeProcessor{
	"test": func(*Payments) (payments.Processor, func(*payments.Service) http.Handler, error) {
		return testcards.New(), noNotifications, nil
	},
	"manual": func(p *Payments) (payments.Processor, func(*payments.Service) http.Handler, error) {
		return &manual.Processor{Test: p.Mode == "test"}, noNotifications, nil
	},
	"stripe": func(p *Payments) (payments.Processor, func(*payments.Service) http.Handler, error) {
		processor, err := stripe.New(stripe.Config{SecretKey: replaced(p.Stripe.SecretKey), APIBase: replaced(p.Stripe.APIBase)})
		if err != nil {
			return nil, nil, err
		}
		secret := replaced(p.Stripe.WebhookSecret)
		if secret == "" {
			return processor, noNotifications, nil
		}
		return processor, func(service *payments.Service) http.Handler {
			return stripe.Notifications(service, secret, service.Logger)
		}, nil
	},
}

func noNotifications(*payments.Service) http.Handler { return nil }

func processorNames() []string { return slices.Sorted(maps.Keys(processors)) }

func (p *Payments) newProcessor() (payments.Processor, func(*payments.Service) http.Handler, error) {
	processor, notifications, err := processors[p.Processor](p)
	if err != nil {
		return nil, nil, err
	}
	if p.Mode != "" && processor.Live() != (p.Mode == "live") {
		return nil, nil, errors.New("payments: mode " + p.Mode + " is not that of the processor " + p.Processor + " and its key")
	}
	return processor, notifications, nil
}

func (p *Payments) unmarshalProcessor(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	p.Processor = d.Val()
	if _, ok := processors[p.Processor]; !ok {
		return d.Errf("unknown processor %q; there are: %s", p.Processor, strings.Join(processorNames(), ", "))
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	account := new(StripeAccount)
	texts := map[string]*string{"secret_key": &account.SecretKey, "webhook_secret": &account.WebhookSecret, "api_base": &account.APIBase}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		text, ok := texts[d.Val()]
		if !ok || p.Processor != "stripe" {
			return d.Errf("unknown option %q of the processor %s", d.Val(), p.Processor)
		}
		if *text != "" {
			return d.Errf("%s is given twice", d.Val())
		}
		if !d.AllArgs(text) || *text == "" {
			return d.ArgErr()
		}
		p.Stripe = account
	}
	if p.Processor == "stripe" && account.SecretKey == "" {
		return d.Err("the processor stripe needs a secret_key")
	}
	return nil
}

// replaced is text with its placeholders replaced.
func replaced(text string) string { return caddy.NewReplacer().ReplaceAll(text, "") }
