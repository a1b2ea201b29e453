package letsencrypt

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Lineage is a certificate that certbot renews: a name in live/ and the
// settings in renewal/.
type Lineage struct {
	Name          string
	Settings      string   // the file renewal/NAME.conf
	Names         []string // that the certificate holds for, lower-case, in its order
	Server        string   // the certificate authority's directory URL
	Account       string   // ID of the account that renews it
	Authenticator string   // how certbot proves the names: apache, webroot, dns-route53 …
	Installer     string   // who puts it into use: apache, nginx; empty: nobody
	KeyType       string   // ecdsa or rsa
	ReuseKey      bool     // renewals keep the key
	Disabled      bool     // autorenew is off
	NeedsDNS      bool     // the names are proven through DNS, or only can be
	MustStaple    bool     // the certificate asks for a stapled OCSP answer
	Hooks         []string // commands that certbot runs around a renewal
	Leaf          *x509.Certificate
	Issuer        *x509.Certificate // nil when the file holds the leaf alone

	chain, key []byte // PEM
}

// Serial is the certificate's serial number as openssl prints it.
func (l *Lineage) Serial() string { return fmt.Sprintf("%X", l.Leaf.SerialNumber) }

// readLineage adds the lineage, or a finding that says why it can't be used.
func (i *Inventory) readLineage(name string) {
	file := filepath.Join(i.Folder, "renewal", name+".conf")
	lineage, values, err := readLineageSettings(i.Folder, name, file)
	if err != nil {
		i.find(Error, name, file, err.Error()+": not imported", "`certbot certificates` shows what certbot makes of it")
		return
	}
	if err := lineage.readCertificate(values); err != nil {
		do := "`certbot update_symlinks`, or `certbot renew --cert-name " + name + "`, then run this again"
		if errors.Is(err, fs.ErrPermission) {
			do = "Run it as root"
		}
		i.find(Error, name, file, err.Error()+": not imported", do)
		return
	}
	i.Lineages = append(i.Lineages, lineage)
}

func readLineageSettings(folder, name, file string) (*Lineage, settings, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the folder
	if err != nil {
		return nil, nil, err
	}
	values, err := parseSettings(text)
	if err != nil {
		return nil, nil, err
	}
	parameter := func(key string) string { return values.get("renewalparams/" + key) }
	lineage := &Lineage{
		Name:          name,
		Settings:      file,
		Server:        parameter("server"),
		Account:       parameter("account"),
		Authenticator: parameter("authenticator"),
		Installer:     parameter("installer"),
		KeyType:       parameter("key_type"),
		ReuseKey:      values.is("renewalparams/reuse_key"),
		Disabled:      strings.EqualFold(values.get("renewalparams/autorenew"), "false"),
	}
	if lineage.Installer == "None" {
		lineage.Installer = ""
	}
	if address, err := url.Parse(lineage.Server); err != nil || address.Host == "" {
		return nil, nil, fmt.Errorf("no certificate authority: server is %q", lineage.Server)
	}
	for _, hook := range []string{"pre_hook", "renew_hook", "post_hook"} {
		if command := parameter(hook); command != "" && command != "None" {
			lineage.Hooks = append(lineage.Hooks, command)
		}
	}
	lineage.NeedsDNS = strings.HasPrefix(lineage.Authenticator, "dns") || strings.Contains(lineage.Authenticator, ":dns") ||
		strings.HasPrefix(parameter("pref_challs"), "dns")
	for key, fallback := range map[string]string{"fullchain": "fullchain.pem", "privkey": "privkey.pem"} {
		if values[key] == "" {
			values[key] = filepath.Join(folder, "live", name, fallback)
		}
		values[key] = inCopy(folder, values[key])
	}
	return lineage, values, nil
}

// inCopy is where a file that the settings name is in a copy of /etc/letsencrypt.
func inCopy(folder, file string) string {
	rest, ok := strings.CutPrefix(file, Folder+"/")
	if !ok {
		return file
	}
	copied := filepath.Join(folder, rest)
	if _, err := os.Stat(copied); err != nil {
		return file
	}
	return copied
}

// readCertificate reads what live/ holds now, and refuses halves of two pairs.
func (l *Lineage) readCertificate(values settings) error {
	var err error
	if l.chain, err = os.ReadFile(values["fullchain"]); err != nil {
		return err
	}
	if l.key, err = os.ReadFile(values["privkey"]); err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(l.chain, l.key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", values["fullchain"], values["privkey"], err)
	}
	l.Leaf = pair.Leaf
	if len(pair.Certificate) > 1 {
		if l.Issuer, err = x509.ParseCertificate(pair.Certificate[1]); err != nil {
			return fmt.Errorf("%s: the second certificate: %w", values["fullchain"], err)
		}
	}
	for _, name := range l.Leaf.DNSNames {
		l.addName(name)
	}
	for _, address := range l.Leaf.IPAddresses {
		l.addName(address.String())
	}
	if len(l.Names) == 0 {
		return fmt.Errorf("%s: the certificate holds for no name", values["fullchain"])
	}
	l.NeedsDNS = l.NeedsDNS || slices.ContainsFunc(l.Names, isWildcard)
	l.MustStaple = mustStaple(l.Leaf)
	return nil
}

func (l *Lineage) addName(name string) {
	if name = strings.ToLower(name); !slices.Contains(l.Names, name) {
		l.Names = append(l.Names, name)
	}
}

func isWildcard(name string) bool { return strings.HasPrefix(name, "*.") }

// caddyKeyType is Caddy's name for the type of the certificate's key, empty for
// the one it makes by itself.
func (l *Lineage) caddyKeyType() string {
	key, ok := l.Leaf.PublicKey.(*rsa.PublicKey)
	if !ok {
		return ""
	}
	if key.N.BitLen() <= 2048 {
		return "rsa2048"
	}
	return "rsa4096"
}

var tlsFeature = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

// mustStaple reports whether the certificate has RFC 7633's status_request.
func mustStaple(leaf *x509.Certificate) bool {
	for _, extension := range leaf.Extensions {
		var features []int
		if !extension.Id.Equal(tlsFeature) {
			continue
		}
		if rest, err := asn1.Unmarshal(extension.Value, &features); err == nil && len(rest) == 0 {
			return slices.Contains(features, 5)
		}
	}
	return false
}
