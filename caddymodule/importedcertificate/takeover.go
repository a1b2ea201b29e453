package importedcertificate

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
	"go.uber.org/zap"

	"github.com/aditechsphere/fairway/migrate/letsencrypt"
)

const (
	// askInterval is how often the certificate authority is asked when to renew,
	// unless it says itself.
	askInterval = 6 * time.Hour
	// shortest keeps a wait from ending while the configuration that this one
	// replaces is still being taken down.
	shortest = 10 * time.Second
)

// takeover has Caddy manage the names of an imported certificate once it is due
// for renewal.
type takeover struct {
	ctx         caddy.Context
	logger      *zap.Logger
	certificate *tls.Certificate
	key         *retirable
	metadata    letsencrypt.Metadata
	metadataKey string
}

// Handle implements [caddyevents.Handler] for the event that the configuration
// runs.
func (t *takeover) Handle(context.Context, caddy.Event) error {
	if t.due() {
		t.manage()
		return nil
	}
	go t.wait()
	return nil
}

func (t *takeover) renewal() *letsencrypt.RenewalInfo { return &t.metadata.IssuerData.RenewalInfo }

func (t *takeover) due() bool { return !time.Now().Before(t.renewal().SelectedTime) }

// wait ends when the names are managed, or the configuration ends.
func (t *takeover) wait() {
	for {
		next := t.renewal().SelectedTime
		if ask := t.renewal().RetryAfter; ask.Before(next) {
			next = ask
		}
		timer := time.NewTimer(max(time.Until(next), shortest))
		select {
		case <-t.ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if !time.Now().Before(t.renewal().RetryAfter) {
			t.ask()
		}
		if t.due() && t.ctx.Err() == nil {
			t.manage()
			return
		}
	}
}

// ask asks the certificate authority when to renew, and stores what it says.
func (t *takeover) ask() {
	known := *t.renewal()
	info, err := new(letsencrypt.Authority).RenewalInfo(t.ctx, t.metadata.IssuerData.CA, t.certificate.Leaf)
	if err != nil {
		t.logger.Info("asking the certificate authority when to renew", zap.Error(err))
		t.renewal().RetryAfter = time.Now().Add(askInterval)
		return
	}
	if info.SuggestedWindow == known.SuggestedWindow {
		info.SelectedTime = known.SelectedTime
	}
	if !info.RetryAfter.After(time.Now()) {
		info.RetryAfter = time.Now().Add(askInterval)
	}
	*t.renewal() = info
	if err := t.store(); err != nil {
		t.logger.Warn("storing when to renew", zap.Error(err))
	}
}

func (t *takeover) store() error {
	text, err := json.MarshalIndent(t.metadata, "", "\t")
	if err != nil {
		return err
	}
	return t.ctx.Storage().Store(t.ctx, t.metadataKey, text)
}

// manage has Caddy get and renew a certificate for each name that is served.
func (t *takeover) manage() {
	names, err := t.served()
	if err == nil && len(names) > 0 {
		t.logger.Info("the imported certificate is due for renewal: its names get certificates of their own", zap.Strings("names", names))
		err = t.manageNames(names)
	}
	if err != nil {
		t.logger.Error("managing the names of the imported certificate", zap.Error(err), zap.Time("expires", t.certificate.Leaf.NotAfter))
	}
	go t.retire(names)
}

func (t *takeover) manageNames(names []string) error {
	value, err := t.ctx.AppIfConfigured("tls")
	if err != nil {
		return err
	}
	app, ok := value.(*caddytls.TLS)
	if !ok {
		return fmt.Errorf("the tls app is a %T", value)
	}
	set := make(map[string]struct{})
	for _, name := range names {
		set[name] = struct{}{}
	}
	return app.Manage(set)
}

// served are the certificate's names for which the configuration has sites with
// automatic HTTPS.
func (t *takeover) served() ([]string, error) {
	value, err := t.ctx.AppIfConfigured("http")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return t.metadata.Names, nil // loaded for something else than sites
	}
	if err != nil {
		return nil, err
	}
	app, ok := value.(*caddyhttp.App)
	if !ok {
		return nil, fmt.Errorf("the http app is a %T", value)
	}
	hosts := make(map[string]bool)
	for _, server := range app.Servers {
		automatic := server.AutoHTTPS == nil || !server.AutoHTTPS.Disabled && !server.AutoHTTPS.DisableCerts
		if automatic && len(server.TLSConnPolicies) > 0 {
			collectHosts(server.Routes, hosts)
		}
	}
	return slices.DeleteFunc(slices.Clone(t.metadata.Names), func(name string) bool { return !hosts[name] }), nil
}

func collectHosts(routes caddyhttp.RouteList, hosts map[string]bool) {
	for _, route := range routes {
		for _, matchers := range route.MatcherSets {
			for _, matcher := range matchers {
				if matched, ok := matcher.(*caddyhttp.MatchHost); ok {
					for _, host := range *matched {
						hosts[host] = true
					}
				}
			}
		}
	}
}

// Interface guard
var _ caddyevents.Handler = (*takeover)(nil)
