package letsencrypt

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Options say how to import.
type Options struct {
	// Email is the address that the Caddyfile gives, under which Caddy will
	// look for the account; empty: the one that certbot's registration or
	// cli.ini gives, else none.
	Email string
	// Accept are the names of lineages that are imported though their renewal
	// needs a DNS provider.
	Accept []string
	// Now is the time to compare expiries with.
	Now time.Time
	// Ask asks a certificate authority when to renew; nil: nobody is asked.
	Ask func(ctx context.Context, server string, leaf *x509.Certificate) (RenewalInfo, error)
}

// Action is what an import does with an item.
type Action string

// The actions.
const (
	Add     Action = "add"     // Caddy has none
	Replace Action = "replace" // Caddy has an older one
	Keep    Action = "keep"    // Caddy has it already
	Newer   Action = "newer"   // Caddy has a newer one, which stays
)

// Item is a folder in Caddy's storage that the import makes.
type Item struct {
	Kind    string    `json:"kind"` // "certificate" or "account"
	Lineage string    `json:"lineage,omitempty"`
	Names   []string  `json:"names,omitempty"`
	Server  string    `json:"server"` // the certificate authority's directory URL
	Account string    `json:"account,omitempty"`
	Serial  string    `json:"serial,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Renews  time.Time `json:"renews,omitzero"` // about when
	Key     string    `json:"key"`             // the folder in Caddy's storage
	Action  Action    `json:"action"`

	files map[string][]byte
}

// Plan is what an import will do.
type Plan struct {
	Items    []Item    `json:"items"`
	Findings []Finding `json:"findings"`
	// Orders are the names that get a certificate of their own when those of
	// several names are renewed: one order for each, which counts against the
	// certificate authority's limits.
	Orders []string `json:"orders"`
	// Caddyfile is what the configuration needs.
	Caddyfile Caddyfile `json:"caddyfile"`
}

// Refused reports whether something is not imported.
func (p *Plan) Refused() bool {
	return slices.ContainsFunc(p.Findings, func(f Finding) bool { return f.Severity == Error })
}

// Changes reports whether the import has anything to write.
func (p *Plan) Changes() bool {
	return slices.ContainsFunc(p.Items, func(i Item) bool { return i.Action == Add || i.Action == Replace })
}

// planner makes a plan.
type planner struct {
	*Inventory
	Options
	store *Store
	plan  Plan
	// accounts is the account by which Caddy renews, by directory URL; authority
	// is the directory URL that most lineages come from.
	accounts  map[string]*Account
	authority string
}

// Plan works out an import into a store. It writes nothing. The error says
// that the store can't be read.
func (i *Inventory) Plan(ctx context.Context, store *Store, options Options) (*Plan, error) {
	p := planner{Inventory: i, Options: options, store: store, accounts: make(map[string]*Account)}
	p.plan.Items, p.plan.Findings = []Item{}, append([]Finding{}, i.Findings...)
	usable := p.usable()
	p.authority = mostUsed(usable)
	if err := p.planAccounts(usable); err != nil {
		return nil, err
	}
	for _, lineage := range usable {
		if err := p.planCertificate(ctx, lineage); err != nil {
			return nil, err
		}
	}
	p.planOrders(usable)
	p.plan.Caddyfile = p.caddyfile(usable)
	return &p.plan, nil
}

func (p *planner) find(severity Severity, lineage *Lineage, text, do string) {
	p.plan.Findings = append(p.plan.Findings, Finding{severity, lineage.Name, lineage.Settings, text, do})
}

// usable are the lineages to import, each of which gets its findings.
func (p *planner) usable() []*Lineage {
	var usable []*Lineage
	for _, lineage := range p.Lineages {
		if p.check(lineage) {
			usable = append(usable, lineage)
			p.warn(lineage)
		}
	}
	return slices.DeleteFunc(usable, func(l *Lineage) bool {
		better := p.better(l, usable)
		if better != nil {
			p.find(Note, l, fmt.Sprintf("not imported: %s holds for the same names and longer", better.Name), "")
		}
		return better != nil
	})
}

// better is a lineage that holds for the same names and expires later.
func (p *planner) better(l *Lineage, among []*Lineage) *Lineage {
	for _, other := range among {
		if other != l && slices.Equal(sorted(other.Names), sorted(l.Names)) && other.Server == l.Server &&
			cmp.Or(other.Leaf.NotAfter.Compare(l.Leaf.NotAfter), strings.Compare(l.Name, other.Name)) > 0 {
			return other
		}
	}
	return nil
}

// check reports whether a lineage can be imported.
func (p *planner) check(l *Lineage) bool {
	switch {
	case !p.Now.Before(l.Leaf.NotAfter):
		p.find(Error, l, "expired on "+l.Leaf.NotAfter.Format(time.DateTime)+": not imported; Caddy will order one at its start for the names it serves",
			"Find out why certbot no longer renews it, because the same may stop Caddy: `certbot renew --dry-run --cert-name "+l.Name+"`")
	case l.NeedsDNS && !slices.Contains(p.Accept, l.Name):
		p.find(Error, l, p.dnsReason(l)+": not imported, since it would expire unrenewed",
			"Either build caddy with the module of your DNS provider, give its credentials in `tls { dns … }`, and import with --accept "+l.Name+
				"; or, if every name is reachable from outside on port 80 or 443, import with --accept; or keep certbot for it")
	default:
		return true
	}
	return false
}

func (p *planner) dnsReason(l *Lineage) string {
	if slices.ContainsFunc(l.Names, isWildcard) {
		return "a certificate for " + strings.Join(l.Names, ", ") + " is renewed through DNS only"
	}
	return "certbot proves its names through DNS (authenticator " + l.Authenticator + ")"
}

// warn says what will be different once Caddy renews.
func (p *planner) warn(l *Lineage) {
	if p.Now.Before(l.Leaf.NotBefore) {
		p.find(Warning, l, "is not valid before "+l.Leaf.NotBefore.Format(time.DateTime), "Check the clock of this machine")
	}
	if left := l.Leaf.NotAfter.Sub(p.Now); left < 50*time.Minute {
		p.find(Warning, l, fmt.Sprintf("expires in %s: Caddy renews it at its start", left.Round(time.Second)), "")
	}
	if l.Issuer == nil {
		p.find(Warning, l, "fullchain.pem has no intermediate certificate; some clients will not trust it until it is renewed", "")
	}
	if l.Disabled {
		p.find(Warning, l, "certbot does not renew it (autorenew = False); Caddy will", "")
	}
	if l.MustStaple {
		p.find(Note, l, "asks for OCSP Must-Staple; Caddy's renewals do not, and Let's Encrypt has ended OCSP", "")
	}
	if l.ReuseKey {
		p.find(Warning, l, "certbot keeps the key when it renews (reuse_key); Caddy makes a new one", "If the key is pinned somewhere, such as in a TLSA record: tls { reuse_private_keys }")
	}
	if keyType := l.caddyKeyType(); keyType != "" {
		p.find(Note, l, "has an RSA key; Caddy's renewals have an ECDSA key, which every client of the last ten years takes",
			"To stay with RSA: the global option `key_type "+keyType+"`")
	}
	for _, hook := range l.Hooks {
		p.find(Warning, l, fmt.Sprintf("certbot runs %q when it renews; Caddy will not", hook), hookAdvice)
	}
	if strings.Contains(authorityKey(l.Server), "staging") {
		p.find(Warning, l, "comes from a staging authority, which browsers do not trust", "")
	}
}

// planCertificate adds the item for a lineage.
func (p *planner) planCertificate(ctx context.Context, l *Lineage) error {
	item := Item{
		Kind: "certificate", Lineage: l.Name, Names: l.Names, Server: l.Server, Account: l.Account,
		Serial: l.Serial(), Expires: l.Leaf.NotAfter,
	}
	base := safe(l.Name)
	if len(l.Names) == 1 {
		base = safe(l.Names[0])
		item.Key = certificateFolder(l.Server, l.Names[0])
	} else {
		item.Key = path.Join(importedFolder, base)
	}
	stored, err := p.store.certificate(item.Key, base)
	if err != nil {
		return err
	}
	item.Action = stored.compare(l)
	if item.Action == Keep || item.Action == Newer {
		item.Renews = stored.meta.IssuerData.RenewalInfo.SelectedTime
	} else {
		info := p.renewalInfo(ctx, l)
		item.Renews = info.SelectedTime
		item.files = map[string][]byte{
			base + ".crt":  l.chain,
			base + ".key":  l.key,
			base + ".json": indented(p.metadata(l, info)),
		}
	}
	p.plan.Items = append(p.plan.Items, item)
	return p.findRenewed(l)
}

// findRenewed says when Caddy has renewed a certificate, which certbot does not
// know of.
func (p *planner) findRenewed(l *Lineage) error {
	var names []string
	for _, name := range l.Names {
		stored, err := p.store.certificate(certificateFolder(l.Server, name), safe(name))
		if err != nil {
			return err
		}
		if stored.leaf != nil && stored.leaf.NotAfter.After(l.Leaf.NotAfter) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		p.find(Note, l, fmt.Sprintf("Caddy has renewed it since, for %s; certbot's own copy ends on %s", strings.Join(names, ", "), l.Leaf.NotAfter.Format(time.DateOnly)),
			"Nothing, while Caddy serves. Before going back to Apache for good: `certbot renew --force-renewal --cert-name "+l.Name+"`")
	}
	return nil
}

func (p *planner) metadata(l *Lineage, info RenewalInfo) Metadata {
	names := l.Names
	meta := Metadata{Names: names, IssuerData: IssuerData{CA: l.Server, RenewalInfo: info}}
	if account := p.AccountOf(l); account != nil {
		meta.IssuerData.Account = account.URI
	}
	return meta
}

// renewalInfo asks the authority, and estimates when it can't be asked.
func (p *planner) renewalInfo(ctx context.Context, l *Lineage) RenewalInfo {
	if p.Ask == nil {
		return EstimateRenewal(l.Leaf)
	}
	info, err := p.Ask(ctx, l.Server, l.Leaf)
	if errors.Is(err, ErrNoRenewalInfo) {
		return EstimateRenewal(l.Leaf)
	}
	if err != nil {
		p.find(Note, l, "the certificate authority was not asked when to renew: "+err.Error(), "Nothing: Caddy asks when it runs")
		return EstimateRenewal(l.Leaf)
	}
	if info.SelectedTime.Before(p.Now) {
		text := "the certificate authority wants it renewed now; it may have been revoked"
		if info.ExplanationURL != "" {
			text += ": " + info.ExplanationURL
		}
		p.find(Warning, l, text+". Caddy does so at its start", "")
	}
	return info
}

// storedCertificate is what Caddy's storage holds already.
type storedCertificate struct {
	chain, key []byte
	meta       Metadata
	leaf       *x509.Certificate // nil: nothing usable
}

// certificate reads the certificate in a folder of the store.
func (s *Store) certificate(key, base string) (storedCertificate, error) {
	var (
		stored storedCertificate
		meta   []byte
		err    error
	)
	for name, content := range map[string]*[]byte{base + ".crt": &stored.chain, base + ".key": &stored.key, base + ".json": &meta} {
		if *content, err = s.read(path.Join(key, name)); err != nil {
			return stored, fmt.Errorf("reading what Caddy has: %w", err)
		}
	}
	pair, err := tls.X509KeyPair(stored.chain, stored.key)
	if err != nil || json.Unmarshal(meta, &stored.meta) != nil {
		return storedCertificate{}, nil //nolint:nilerr // half of a certificate is none
	}
	stored.leaf = pair.Leaf
	return stored, nil
}

// compare says what to do with a lineage, given what is stored in its place.
func (s storedCertificate) compare(l *Lineage) Action {
	switch {
	case s.leaf == nil:
		return Add
	case bytes.Equal(s.chain, l.chain) && bytes.Equal(s.key, l.key) && s.meta.IssuerData.CA == l.Server:
		return Keep
	case s.leaf.NotAfter.After(l.Leaf.NotAfter):
		return Newer
	}
	return Replace
}

// planOrders works out which names get certificates of their own later.
func (p *planner) planOrders(lineages []*Lineage) {
	p.plan.Orders = []string{}
	for _, lineage := range lineages {
		if len(lineage.Names) == 1 {
			continue
		}
		for _, name := range lineage.Names {
			if !slices.ContainsFunc(lineages, func(l *Lineage) bool { return len(l.Names) == 1 && l.Names[0] == name }) {
				p.plan.Orders = append(p.plan.Orders, name)
			}
		}
	}
	p.plan.Orders = sorted(p.plan.Orders)
}

// Apply carries the plan out. Each folder appears whole or not at all; running
// it again continues where it was interrupted.
func (p *Plan) Apply(ctx context.Context, store *Store) (err error) {
	if !p.Changes() {
		return nil
	}
	t, err := store.begin()
	if err != nil {
		return fmt.Errorf("writing to Caddy's storage: %w", err)
	}
	defer func() { err = errors.Join(err, t.end()) }()
	for _, item := range p.Items {
		if err := ctx.Err(); err != nil {
			return err
		}
		if item.Action != Add && item.Action != Replace {
			continue
		}
		if err := t.put(item.Key, item.files); err != nil {
			return fmt.Errorf("writing %s: %w", path.Join(store.Folder(), item.Key), err)
		}
	}
	return nil
}
