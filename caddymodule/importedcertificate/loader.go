// Package importedcertificate serves certificates of several names that were
// imported from certbot, until Caddy's own, which have one name each, take over.
package importedcertificate

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
	"go.uber.org/zap"

	"github.com/aditechsphere/fairway/migrate/letsencrypt"
)

func init() {
	caddy.RegisterModule(Loader{})
}

// Loader is the module tls.certificates.imported. It loads certificates that
// `caddy migrate certificates` has put into Caddy's storage:
//
//	{"apps": {"tls": {"certificates": {"imported": [{"name": "shop.example"}]}}}}
//
// Until such a certificate is due for renewal, which the certificate authority
// decides, nothing is ordered for its names. From then on Caddy manages those
// that the configuration serves, each with a certificate of its own; the imported
// one is served until all of these are there. One that is not in the storage, or
// has expired, is passed over: Caddy manages its names at once.
type Loader []Certificate

// Certificate is an imported certificate.
type Certificate struct {
	// Name is certbot's name for it, that of the folder in
	// /etc/letsencrypt/live. Required.
	Name string `json:"name"`

	loaded *tls.Certificate // nil: there is none to serve
	key    keyID            // of the loaded certificate, among keys
}

// CaddyModule returns the Caddy module information.
func (Loader) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "tls.certificates.imported",
		New: func() caddy.Module { return new(Loader) },
	}
}

// Provision reads the certificates, and has Caddy take their names over when
// they are due.
func (l Loader) Provision(ctx caddy.Context) error {
	events, err := ctx.App("events")
	if err != nil {
		return err
	}
	seen := make(map[string]bool)
	for i := range l {
		if l[i].Name == "" {
			return errors.New("an imported certificate has no name")
		}
		if seen[l[i].Name] {
			continue // several sites may use it
		}
		seen[l[i].Name] = true
		t, err := newTakeover(ctx, l[i].Name)
		if err != nil {
			return fmt.Errorf("the imported certificate %s: %w", l[i].Name, err)
		}
		if t == nil {
			continue
		}
		if l[i].key, t.key, err = takeKey(t.certificate); err != nil {
			return err
		}
		l[i].loaded = t.certificate
		if err := events.(*caddyevents.App).On("started", t); err != nil {
			return err
		}
	}
	return nil
}

// newTakeover reads a certificate; nil: there is none to serve.
func newTakeover(ctx caddy.Context, name string) (*takeover, error) {
	logger := ctx.Logger().With(zap.String("certificate", name))
	t := &takeover{ctx: ctx, logger: logger}
	var files [3][]byte
	certificateKey, privateKey, metadataKey := letsencrypt.ImportedKeys(name)
	for i, key := range []string{certificateKey, privateKey, metadataKey} {
		content, err := ctx.Storage().Load(ctx, key)
		if errors.Is(err, fs.ErrNotExist) {
			logger.Info("no such certificate was imported; its names are managed as usual")
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		files[i] = content
	}
	pair, err := tls.X509KeyPair(files[0], files[1])
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(files[2], &t.metadata); err != nil {
		return nil, fmt.Errorf("%s: %w", metadataKey, err)
	}
	if !time.Now().Before(pair.Leaf.NotAfter) {
		logger.Info("the imported certificate has expired; its names are managed as usual, and the site no longer needs imported_certificate",
			zap.Time("expired", pair.Leaf.NotAfter))
		return nil, nil
	}
	t.certificate, t.metadataKey = &pair, metadataKey
	return t, nil
}

// Cleanup gives back what Provision took.
func (l Loader) Cleanup() error {
	var failed error
	for i := range l {
		if l[i].loaded != nil {
			_, err := keys.Delete(l[i].key)
			failed = errors.Join(failed, err)
			l[i].loaded = nil
		}
	}
	return failed
}

// LoadCertificates implements [caddytls.CertificateLoader].
func (l Loader) LoadCertificates() ([]caddytls.Certificate, error) {
	var certificates []caddytls.Certificate
	for _, certificate := range l {
		if certificate.loaded != nil {
			certificates = append(certificates, caddytls.Certificate{Certificate: *certificate.loaded})
		}
	}
	return certificates, nil
}

// Interface guards
var (
	_ caddy.Provisioner          = Loader(nil)
	_ caddy.CleanerUpper         = Loader(nil)
	_ caddytls.CertificateLoader = Loader(nil)
)
