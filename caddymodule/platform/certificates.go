package platform

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
	"github.com/caddyserver/certmagic"

	"github.com/aditechsphere/fairway/backends/homepage"
)

const (
	// certificateBeat is how often the certificates in memory are looked at.
	certificateBeat = 2 * time.Second
	// storedFor is how long what was read from the storage, which may be far
	// away, holds unless something happens to the certificate.
	storedFor = 10 * time.Minute
	// maxCertificates bounds the names that are looked after.
	maxCertificates = 2000
)

// certificates is what is known of the certificates of the configuration.
type certificates struct {
	mu     sync.Mutex
	byName map[string]*watched
}

// watched is the certificate of a name, and when its storage was read.
type watched struct {
	homepage.Certificate
	hash string // of what is served
	read time.Time
}

// watchCertificates notes every attempt to get a certificate.
func (a *App) watchCertificates(ctx caddy.Context) error {
	value, err := ctx.App("events")
	if err != nil {
		return err
	}
	events := value.(*caddyevents.App)
	var errs []error
	for name, outcome := range map[string]homepage.Outcome{
		"cert_obtaining": homepage.Began, "cert_obtained": homepage.Succeeded, "cert_failed": homepage.Failed,
	} {
		errs = append(errs, events.On(name, attemptHandler{a, outcome}))
	}
	return errors.Join(errs...)
}

// attemptHandler handles the events of an attempt. It never returns an error:
// one could keep a certificate from being obtained.
type attemptHandler struct {
	*App
	outcome homepage.Outcome
}

// Handle implements [caddyevents.Handler]. Of the event's data only what is
// named here is kept: there may be private keys among it.
func (h attemptHandler) Handle(_ context.Context, event caddy.Event) error {
	select {
	case <-h.ready:
	default:
		return nil
	}
	name, _ := event.Data["identifier"].(string)
	if name == "" {
		return nil
	}
	e := homepage.Event{Kind: homepage.CertificateEvent, Subject: name, Outcome: h.outcome}
	if issuer, ok := event.Data["issuer"].(string); ok && h.outcome == homepage.Succeeded {
		e.Summary = "by " + issuer
	}
	if err, ok := event.Data["error"].(error); ok {
		e.Detail = homepage.Redact(err.Error())
	}
	h.history.Note(e, time.Now())
	h.certificates.mu.Lock()
	defer h.certificates.mu.Unlock()
	if c := h.certificates.byName[name]; c != nil {
		c.read = time.Time{}
	}
	return nil
}

// keepCertificates looks after the certificates until the app stops.
func (a *App) keepCertificates() {
	ticker := time.NewTicker(certificateBeat)
	defer ticker.Stop()
	for {
		a.lookAtCertificates(time.Now())
		select {
		case <-a.stop:
			return
		case <-ticker.C:
		}
	}
}

// lookAtCertificates brings what is known of each name up to date.
func (a *App) lookAtCertificates(now time.Time) {
	names := a.catalogue.certified()
	known := make(map[string]*watched, len(names))
	for name, onDemand := range names {
		a.certificates.mu.Lock()
		var before watched
		if w := a.certificates.byName[name]; w != nil {
			before = *w
		}
		a.certificates.mu.Unlock()
		known[name] = a.look(name, onDemand, before, now)
	}
	a.certificates.mu.Lock()
	defer a.certificates.mu.Unlock()
	a.certificates.byName = known
}

// look reads what is served under a name and, when that changed or is long
// ago, what is stored.
func (a *App) look(name string, onDemand bool, before watched, now time.Time) *watched {
	w := before
	w.Name, w.OnDemand = name, onDemand
	served, hash := servedFor(name, now)
	if hash != before.hash || now.Sub(before.read) >= storedFor {
		w.Served, w.hash, w.read = served, hash, now
		w.RenewAt = a.renewAt(name)
		w.Stored, w.WindowStart, w.WindowEnd = a.stored(name)
	}
	return &w
}

// servedFor is what a handshake for the name gets from memory: the first
// certificate that is valid, else the first.
func servedFor(name string, now time.Time) (*homepage.Leaf, string) {
	var found *certmagic.Certificate
	for _, c := range caddytls.AllMatchingCertificates(name) {
		if c.Leaf == nil {
			continue
		}
		valid := !now.After(c.Leaf.NotAfter) && !now.Before(c.Leaf.NotBefore)
		if found == nil || valid {
			found = &c
		}
		if valid {
			break
		}
	}
	if found == nil {
		return nil, ""
	}
	return leafOf(found.Leaf), found.Hash()
}

func leafOf(c *x509.Certificate) *homepage.Leaf {
	issuer := c.Issuer.CommonName
	if issuer == "" {
		issuer = c.Issuer.String()
	}
	return &homepage.Leaf{Issuer: issuer, Serial: fmt.Sprintf("%x", c.SerialNumber), NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC()}
}

// stored is the newest certificate for the name in the storage, of whichever
// issuer, and the window in which the issuer asks for its renewal.
func (a *App) stored(name string) (newest *homepage.Leaf, windowStart, windowEnd time.Time) {
	ctx, cancel := context.WithTimeout(a.ctx, certificateBeat)
	defer cancel()
	storage := a.ctx.Storage()
	issuers, err := storage.List(ctx, certmagic.StorageKeys.CertsPrefix(""), false)
	if err != nil {
		return nil, windowStart, windowEnd // nothing stored yet, or out of reach
	}
	for _, path := range issuers {
		issuer := path[strings.LastIndex(path, "/")+1:]
		for _, subject := range []string{name, wildcardOf(name)} {
			leaf := storedLeaf(ctx, storage, issuer, subject)
			if leaf == nil || newest != nil && !leaf.NotBefore.After(newest.NotBefore) {
				continue
			}
			newest = leaf
			windowStart, windowEnd = storedWindow(ctx, storage, issuer, subject)
		}
	}
	return newest, windowStart, windowEnd
}

// wildcardOf is the wildcard that covers a name.
func wildcardOf(name string) string {
	_, parent, _ := strings.Cut(name, ".")
	return "*." + parent
}

func storedLeaf(ctx context.Context, storage certmagic.Storage, issuer, subject string) *homepage.Leaf {
	text, err := storage.Load(ctx, certmagic.StorageKeys.SiteCert(issuer, subject))
	if err != nil {
		return nil
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil
	}
	return leafOf(parsed)
}

// storedWindow is the issuer's window, zero when it gave none.
func storedWindow(ctx context.Context, storage certmagic.Storage, issuer, subject string) (start, end time.Time) {
	text, err := storage.Load(ctx, certmagic.StorageKeys.SiteMeta(issuer, subject))
	if err != nil {
		return start, end
	}
	// As certmagic writes it: RFC 9773's renewalInfo within the issuer's data.
	var resource struct {
		IssuerData struct {
			RenewalInfo struct {
				SuggestedWindow struct{ Start, End time.Time }
			} `json:"renewal_info"`
		} `json:"issuer_data"`
	}
	if json.Unmarshal(text, &resource) != nil {
		return start, end // of an issuer without the protocol
	}
	window := resource.IssuerData.RenewalInfo.SuggestedWindow
	return window.Start.UTC(), window.End.UTC()
}

// renewAt is the share of life left at which the configuration has a
// certificate renewed, 0 for Caddy's default.
func (a *App) renewAt(name string) float64 {
	value, err := a.ctx.AppIfConfigured("tls")
	if err != nil {
		return 0
	}
	app, ok := value.(*caddytls.TLS)
	if !ok || app.Automation == nil {
		return 0
	}
	for _, policy := range app.Automation.Policies {
		if len(policy.SubjectsRaw) == 0 {
			return policy.RenewalWindowRatio
		}
		for _, subject := range policy.SubjectsRaw {
			if certmagic.MatchWildcard(name, subject) {
				return policy.RenewalWindowRatio
			}
		}
	}
	return 0
}

// Certificates returns what is known of the certificate of each name that is
// served over HTTPS, worst first. Only for use once the stores are open.
func (a *App) Certificates() []homepage.Certificate {
	a.certificates.mu.Lock()
	all := make([]homepage.Certificate, 0, len(a.certificates.byName))
	for _, w := range a.certificates.byName {
		all = append(all, w.Certificate)
	}
	a.certificates.mu.Unlock()
	for i := range all {
		all[i].Attempts = a.history.Attempts(all[i].Name)
		if len(all[i].Attempts) == 0 {
			all[i].Attempts = a.history.Attempts(wildcardOf(all[i].Name))
		}
	}
	homepage.SortCertificates(all, time.Now())
	return all
}

// certified are the names served over HTTPS, each with whether its certificate
// is ordered only by a visitor.
func (c *catalogue) certified() map[string]bool {
	names := make(map[string]bool)
	for _, service := range c.all() {
		for _, target := range service.targets {
			if target.server.scheme != "https" {
				continue
			}
			if len(names) == maxCertificates {
				return names
			}
			names[target.host] = target.lazy
		}
	}
	return names
}
