package importedcertificate

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
)

// retirable is the private key of an imported certificate. Caddy chooses the
// certificate it has had longest among those that fit a client, and there is no
// way to take one back; a retired key fits no client, so that the others get
// their turn.
type retirable struct {
	crypto.Signer
	retired atomic.Bool
}

// Public implements [crypto.Signer]. A key of no known type is what the TLS
// library passes over.
func (r *retirable) Public() crypto.PublicKey {
	if r.retired.Load() {
		return nil
	}
	return r.Signer.Public()
}

// Destruct implements [caddy.Destructor].
func (*retirable) Destruct() error { return nil }

// keys are the keys of certificates in Caddy's cache, which outlives a reload:
// the certificate there keeps the key that it came with.
var keys = caddy.NewUsagePool()

// keyID identifies a certificate among keys.
type keyID [sha256.Size]byte

// takeKey makes the key of a certificate retirable; keys.Delete gives it back.
func takeKey(certificate *tls.Certificate) (keyID, *retirable, error) {
	id := keyID(sha256.Sum256(certificate.Leaf.Raw))
	value, _, err := keys.LoadOrNew(id, func() (caddy.Destructor, error) {
		return &retirable{Signer: certificate.PrivateKey.(crypto.Signer)}, nil
	})
	if err != nil {
		return id, nil, err
	}
	key := value.(*retirable)
	certificate.PrivateKey = key
	return id, key, nil
}

// retire retires the certificate when each name that is served has another, or
// when it expires: Caddy would serve it for another second.
func (t *takeover) retire(names []string) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	expiry := time.NewTimer(time.Until(t.certificate.Leaf.NotAfter))
	defer expiry.Stop()
	for !replaced(names, t.certificate.Leaf) {
		select {
		case <-t.ctx.Done():
			return
		case <-expiry.C:
			t.key.retired.Store(true)
			return
		case <-ticker.C:
		}
	}
	t.key.retired.Store(true)
	t.logger.Info("every name has a certificate of its own: the imported one is no longer served")
}

// replaced reports whether each name has a valid certificate beside the
// imported one.
func replaced(names []string, imported *x509.Certificate) bool {
	for _, name := range names {
		if !hasOther(name, imported) {
			return false
		}
	}
	return len(names) > 0
}

func hasOther(name string, imported *x509.Certificate) bool {
	now := time.Now()
	for _, certificate := range caddytls.AllMatchingCertificates(name) {
		leaf := certificate.Leaf
		if leaf != nil && !bytes.Equal(leaf.Raw, imported.Raw) && now.After(leaf.NotBefore) && now.Before(leaf.NotAfter) {
			return true
		}
	}
	return false
}
