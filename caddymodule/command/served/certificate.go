package served

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/aditechsphere/fairway/migrate/letsencrypt"
)

// Certificates are those that a configuration finds when it starts.
type Certificates struct {
	configuration *Configuration
	storage       string
	loaded        []pair
}

// pair is a certificate and the files it is in.
type pair struct {
	leaf  *x509.Certificate
	files []string
}

// errElsewhere: the storage is no folder, so nobody can look.
var errElsewhere = errors.New("the certificates are in a storage other than files")

// ErrNone says that a name has no certificate, and none is got for it.
var ErrNone = errors.New("the configuration has no site with TLS and a certificate for it")

// Certificates reads the certificates that are loaded from files and those
// that were imported into storage, the folder that is used when the
// configuration names none.
func (c *Configuration) Certificates(storage string) (*Certificates, error) {
	if c.Storage.Module != "" && c.Storage.Module != "file_system" {
		return nil, fmt.Errorf("%w (%s)", errElsewhere, c.Storage.Module)
	}
	if c.Storage.Root != "" {
		storage = c.Storage.Root
	}
	found := &Certificates{configuration: c, storage: storage}
	for _, file := range c.Apps.TLS.Certificates.Files {
		certificate, err := read(file.Certificate, file.Key)
		if err != nil {
			return nil, err
		}
		found.loaded = append(found.loaded, certificate)
	}
	for _, imported := range c.Apps.TLS.Certificates.Imported {
		name, key, _ := letsencrypt.ImportedKeys(imported.Name)
		certificate, err := read(filepath.Join(storage, name), filepath.Join(storage, key))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("imported_certificate %s: it is not in %s; import it first with: caddy migrate certificates", imported.Name, storage)
		}
		if err != nil {
			return nil, err
		}
		found.loaded = append(found.loaded, certificate)
	}
	return found, nil
}

func read(certificate, key string) (pair, error) {
	loaded, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return pair{}, fmt.Errorf("certificate %s: %w", certificate, err)
	}
	return pair{loaded.Leaf, []string{certificate, key}}, nil
}

// For returns the serial number, in hexadecimal digits, and the files of the
// certificate that a name will be served with. Both are empty for a name whose
// certificates Caddy makes itself or orders on demand. The error is ErrNone for
// a name that is no site's with TLS, or a table's with a wildcard.
func (c *Certificates) For(name string) (serial string, files []string, err error) {
	host := strings.NewReplacer("*", "any", "?", "a").Replace(name)
	for _, certificate := range c.loaded {
		if certificate.leaf.VerifyHostname(host) == nil && time.Now().Before(certificate.leaf.NotAfter) {
			return fmt.Sprintf("%X", certificate.leaf.SerialNumber), certificate.files, nil
		}
	}
	if c.configuration.madeHere(name) {
		return "", nil, nil
	}
	stored, err := c.stored(name)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("%X", stored.leaf.SerialNumber), stored.files, nil
}

// stored is the newest certificate in the storage for a name: its own, or that
// of the wildcard above it.
func (c *Certificates) stored(name string) (pair, error) {
	var newest pair
	subjects := []string{name}
	if _, parent, ok := strings.Cut(name, "."); ok {
		subjects = append(subjects, "*."+parent)
	}
	for _, subject := range subjects {
		safe := certmagic.StorageKeys.Safe(subject)
		files, err := filepath.Glob(filepath.Join(c.storage, "certificates", "*", safe, safe+".crt"))
		if err != nil {
			return pair{}, err
		}
		for _, file := range files {
			certificate, err := read(file, strings.TrimSuffix(file, ".crt")+".key")
			if err != nil {
				return pair{}, err
			}
			if newest.leaf == nil || certificate.leaf.NotAfter.After(newest.leaf.NotAfter) {
				newest = certificate
			}
		}
	}
	if newest.leaf == nil && !c.configuration.isManaged(name) {
		return pair{}, fmt.Errorf("%s: %w", name, ErrNone)
	}
	if newest.leaf == nil {
		return pair{}, fmt.Errorf("%s: no certificate is in %s; import it first with: caddy migrate certificates", name, c.storage)
	}
	if time.Now().After(newest.leaf.NotAfter) {
		return pair{}, fmt.Errorf("%s: the certificate in %s expired on %s; import the one certbot has now with: caddy migrate certificates",
			name, c.storage, newest.leaf.NotAfter.Format(time.DateOnly))
	}
	return newest, nil
}

// madeHere reports whether a name's certificate comes from Caddy's own
// authority, or when it is asked for.
func (c *Configuration) madeHere(name string) bool {
	for _, policy := range c.Apps.TLS.Automation.Policies {
		if len(policy.Subjects) > 0 && !slices.Contains(policy.Subjects, name) {
			continue
		}
		return policy.OnDemand || len(policy.Issuers) > 0 && policy.Issuers[0].Module == "internal"
	}
	return false
}
