package letsencrypt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// now is a fixed time in the life of the tests' certificates.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const accountURI = "https://acme-v02.api.letsencrypt.org/acme/acct/12345"

// etc is a folder as certbot keeps it.
type etc struct {
	folder string
}

// certbot makes a folder with one account at Let's Encrypt, "account1".
func certbot(t *testing.T) *etc {
	t.Helper()
	e := &etc{filepath.Join(t.TempDir(), "letsencrypt")}
	for _, folder := range []string{"renewal", "live", "archive", "renewal-hooks/deploy"} {
		if err := os.MkdirAll(filepath.Join(e.folder, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	e.account(t, "acme-v02.api.letsencrypt.org/directory", "account1", `{"body": {}, "uri": "`+accountURI+`"}`)
	return e
}

func (e *etc) write(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join(e.folder, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (e *etc) account(t *testing.T, server, id, registration string) {
	t.Helper()
	folder := filepath.Join("accounts", server, id)
	e.write(t, filepath.Join(folder, "regr.json"), registration)
	e.write(t, filepath.Join(folder, "meta.json"), `{"creation_dt": "2020-01-02T03:04:05Z", "creation_host": "host"}`)
	e.write(t, filepath.Join(folder, "private_key.json"), jwkOf(accountKey()))
}

var accountKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// jwkOf writes a key as certbot does.
func jwkOf(key *rsa.PrivateKey) string {
	encode := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	text, err := json.Marshal(map[string]string{
		"kty": "RSA", "n": encode(key.N), "e": encode(big.NewInt(int64(key.E))), "d": encode(key.D),
		"p": encode(key.Primes[0]), "q": encode(key.Primes[1]),
		"dp": encode(key.Precomputed.Dp), "dq": encode(key.Precomputed.Dq), "qi": encode(key.Precomputed.Qinv),
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// certificate describes a lineage to make.
type certificate struct {
	name       string // of the lineage
	names      []string
	from       time.Time         // zero: a month before now
	life       time.Duration     // zero: 90 days
	parameters map[string]string // of renewalparams, over the defaults
	key        crypto.Signer     // nil: a new ECDSA key
	mustStaple bool
	version    int // in archive/
}

// add makes a lineage with a new certificate, and returns it.
func (e *etc) add(t *testing.T, c certificate) *x509.Certificate {
	t.Helper()
	leaf, chain, key := issue(t, c)
	version := max(c.version, 1)
	for name, text := range map[string][]byte{"fullchain": chain, "privkey": key} {
		archived := fmt.Sprintf("archive/%s/%s%d.pem", c.name, name, version)
		e.write(t, archived, string(text))
		link := filepath.Join(e.folder, "live", c.name, name+".pem")
		if err := os.MkdirAll(filepath.Dir(link), 0o700); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(link) // of an earlier version
		if err := os.Symlink("../../"+archived, link); err != nil {
			t.Fatal(err)
		}
	}
	parameters := map[string]string{"account": "account1", "authenticator": "apache", "installer": "apache", "server": LetsEncrypt, "key_type": "ecdsa"}
	maps.Copy(parameters, c.parameters)
	live := filepath.Join(e.folder, "live", c.name)
	text := fmt.Sprintf("# renew_before_expiry = 30 days\nversion = 2.1.0\narchive_dir = %s\nfullchain = %s/fullchain.pem\nprivkey = %s/privkey.pem\n\n# Options used in the renewal process\n[renewalparams]\n",
		filepath.Join(e.folder, "archive", c.name), live, live)
	for _, key := range slices.Sorted(maps.Keys(parameters)) {
		text += key + " = " + parameters[key] + "\n"
	}
	e.write(t, "renewal/"+c.name+".conf", text)
	return leaf
}

// issue makes a certificate, its chain and its key.
func issue(t *testing.T, c certificate) (leaf *x509.Certificate, chain, key []byte) {
	t.Helper()
	private := c.key
	if private == nil {
		var err error
		if private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	if c.from.IsZero() {
		c.from = now.AddDate(0, -1, 0)
	}
	if c.life == 0 {
		c.life = 90 * 24 * time.Hour
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial.SetBit(serial, 127, 1), // DER needs a zero before it
		NotBefore:    c.from,
		NotAfter:     c.from.Add(c.life),
		DNSNames:     c.names,
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if c.mustStaple {
		template.ExtraExtensions = []pkix.Extension{{Id: tlsFeature, Value: []byte{0x30, 3, 2, 1, 5}}}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authorityCertificate, private.Public(), authorityPrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	if leaf, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	chain = append(pemOf("CERTIFICATE", der), pemOf("CERTIFICATE", authorityCertificate.Raw)...)
	return leaf, chain, pemOf("PRIVATE KEY", privateDER)
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

var authorityCertificate, authorityPrivateKey = func() (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Intermediate"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0), SubjectKeyId: []byte{0xDD, 1, 2, 3}, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return certificate, key
}()

// plan reads the folder and plans its import into a store.
func (e *etc) plan(t *testing.T, store *Store, options Options) *Plan {
	t.Helper()
	inventory, err := Read(e.folder)
	if err != nil {
		t.Fatal(err)
	}
	options.Now = now
	plan, err := inventory.Plan(t.Context(), store, options)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// imports plans an import and carries it out.
func (e *etc) imports(t *testing.T, store *Store, options Options) *Plan {
	t.Helper()
	plan := e.plan(t, store, options)
	if err := plan.Apply(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	return plan
}

func caddyStore(t *testing.T) *Store {
	t.Helper()
	return NewStore(filepath.Join(t.TempDir(), "var", "lib", "caddy"), Owner{})
}

// tree lists what is in a folder, with modes and contents.
func tree(t *testing.T, folder string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		content := ""
		switch {
		case entry.Type()&fs.ModeSymlink != 0:
			content, err = os.Readlink(name)
		case entry.Type().IsRegular():
			var text []byte
			text, err = os.ReadFile(name)
			content = string(text) + info.ModTime().String()
		}
		files[strings.TrimPrefix(name, folder)] = info.Mode().String() + " " + content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// found returns the findings about a lineage whose text has a part.
func found(plan *Plan, severity Severity, lineage, part string) bool {
	return slices.ContainsFunc(plan.Findings, func(f Finding) bool {
		return f.Severity == severity && f.Lineage == lineage && strings.Contains(f.Text, part)
	})
}

const leKey = "acme-v02.api.letsencrypt.org-directory"

// TestLayout imports what certbot has, and finds what Caddy looks for.
func TestLayout(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	leaf := e.add(t, certificate{name: "one", names: []string{"One.example.org"}})
	e.add(t, certificate{name: "shop", names: []string{"shop.example.org", "www.shop.example.org"}})
	store := caddyStore(t)
	plan := e.imports(t, store, Options{})
	for key, action := range map[string]Action{
		"certificates/" + leKey + "/one.example.org": Add,
		"imported/shop":                    Add,
		"acme/" + leKey + "/users/default": Add,
	} {
		if !slices.ContainsFunc(plan.Items, func(i Item) bool { return i.Key == key && i.Action == action }) {
			t.Errorf("no item %s %s in %+v", action, key, plan.Items)
		}
	}
	base := filepath.Join(store.Folder(), "certificates", leKey, "one.example.org", "one.example.org")
	if pair, err := tls.LoadX509KeyPair(base+".crt", base+".key"); err != nil || pair.Leaf.SerialNumber.Cmp(leaf.SerialNumber) != 0 || len(pair.Certificate) != 2 {
		t.Errorf("the certificate: %v, %d in the chain", err, len(pair.Certificate))
	}
	var meta map[string]any
	if err := readJSON(base+".json", &meta); err != nil {
		t.Fatal(err)
	}
	data := meta["issuer_data"].(map[string]any)
	if fmt.Sprint(meta["sans"]) != "[one.example.org]" || data["ca"] != LetsEncrypt || data["account"] != accountURI || data["url"] != "" {
		t.Errorf("the metadata: %v", meta)
	}
	info := data["renewal_info"].(map[string]any)
	id, _ := info["_uniqueIdentifier"].(string)
	serial := append([]byte{0}, leaf.SerialNumber.Bytes()...)
	if want := base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." + base64.RawURLEncoding.EncodeToString(serial); id != want {
		t.Errorf("the identifier is %s, want %s", id, want)
	}
	for name, file := range tree(t, store.Folder()) {
		want := "-rw-------"
		if filepath.Ext(name) == "" || strings.HasPrefix(file, "d") {
			want = "drwx------"
		}
		if name != "" && !strings.HasPrefix(file, want) {
			t.Errorf("%s has the mode %s, want %s", name, file[:10], want)
		}
	}
}

// TestRenewalWindow: without one, Caddy never asks the authority; with a time
// to ask that has passed, it does so at once.
func TestRenewalWindow(t *testing.T) {
	t.Parallel()
	leaf, _, _ := issue(t, certificate{names: []string{"a.example"}})
	info := EstimateRenewal(leaf)
	left := leaf.NotAfter.Sub(info.SuggestedWindow.Start)
	if left != 30*24*time.Hour || !info.SuggestedWindow.End.After(info.SuggestedWindow.Start) || !info.RetryAfter.Before(now) {
		t.Errorf("%+v", info)
	}
	if info.SelectedTime.Before(info.SuggestedWindow.Start) || info.SelectedTime.After(info.SuggestedWindow.End) {
		t.Errorf("%s is outside of %v", info.SelectedTime, info.SuggestedWindow)
	}
	if brief := EstimateRenewal(&x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now, NotAfter: now.Add(time.Second)}); brief.SelectedTime.IsZero() {
		t.Error("a certificate of a second has no time of renewal")
	}
}

// TestTwice: importing again writes nothing, and neither run touches certbot's
// folder.
func TestTwice(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}})
	e.add(t, certificate{name: "shop", names: []string{"shop.example.org", "www.shop.example.org"}})
	before := tree(t, e.folder)
	store := caddyStore(t)
	e.imports(t, store, Options{})
	first := tree(t, store.Folder())
	plan := e.imports(t, store, Options{})
	if plan.Changes() {
		t.Errorf("the second import has changes: %+v", plan.Items)
	}
	if second := tree(t, store.Folder()); !maps.Equal(first, second) {
		t.Errorf("the second import changed %v to %v", first, second)
	}
	if after := tree(t, e.folder); !maps.Equal(before, after) {
		t.Error("certbot's folder has changed")
	}
}

// TestVersions: a renewal by certbot replaces what was imported, one by Caddy
// is kept.
func TestVersions(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}})
	store := caddyStore(t)
	e.imports(t, store, Options{})
	other := filepath.Join(store.Folder(), "certificates", leKey, "one.example.org", "other")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	renewed := e.add(t, certificate{name: "one", names: []string{"one.example.org"}, from: now.Add(-time.Hour), version: 2})
	plan := e.imports(t, store, Options{})
	item := plan.Items[slices.IndexFunc(plan.Items, func(i Item) bool { return i.Lineage == "one" })]
	base := filepath.Join(filepath.Dir(other), "one.example.org")
	if pair, err := tls.LoadX509KeyPair(base+".crt", base+".key"); item.Action != Replace || err != nil || pair.Leaf.SerialNumber.Cmp(renewed.SerialNumber) != 0 {
		t.Errorf("after certbot renewed: %s, %v", item.Action, err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("a file beside the certificate is gone: %v", err)
	}
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}, version: 3})
	plan = e.imports(t, store, Options{})
	if plan.Changes() || !found(plan, Note, "one", "Caddy has renewed it since") {
		t.Errorf("an older certificate than Caddy's: %+v, %+v", plan.Items, plan.Findings)
	}
}

// TestRenewedOneByOne: Caddy has renewed a name of a certificate of several.
func TestRenewedOneByOne(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	names := []string{"shop.example.org", "www.shop.example.org"}
	e.add(t, certificate{name: "one", names: names[1:], from: now.Add(-time.Hour)})
	store := caddyStore(t)
	e.imports(t, store, Options{})
	e = certbot(t)
	e.add(t, certificate{name: "shop", names: names})
	if plan := e.plan(t, store, Options{}); !found(plan, Note, "shop", "renewed it since, for www.shop.example.org;") {
		t.Errorf("%+v", plan.Findings)
	}
}

// TestInterrupted: half of a certificate, as other tools leave it, counts as
// none; what an interrupted import staged is cleared away.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}})
	store := caddyStore(t)
	e.imports(t, store, Options{})
	base := filepath.Join(store.Folder(), "certificates", leKey, "one.example.org", "one.example.org")
	if err := os.Remove(base + ".json"); err != nil {
		t.Fatal(err)
	}
	staged := filepath.Join(store.Folder(), staging, "certificates_x", "x.key")
	if err := os.MkdirAll(filepath.Dir(staged), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(staged, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e.imports(t, store, Options{})
	if _, err := os.Stat(base + ".json"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(store.Folder(), staging)); !os.IsNotExist(err) {
		t.Errorf("the staging folder is left: %v", err)
	}
}

// TestAccountFolder: Caddy finds an account by the e-mail address of the
// Caddyfile, and takes the address from the account again.
func TestAccountFolder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		contact string // of the registration
		ini     string
		option  string
		want    string // file, without extension
		email   string
	}{
		"no address":            {want: "users/default/default"},
		"of the registration":   {contact: "Ops@Example.org", want: "users/ops@example.org/ops", email: "ops@example.org"},
		"of cli.ini":            {ini: "email = admin@example.org\n", want: "users/admin@example.org/admin", email: "admin@example.org"},
		"registration over ini": {contact: "ops@example.org", ini: "email = admin@example.org\n", want: "users/ops@example.org/ops", email: "ops@example.org"},
		"of the option":         {contact: "ops@example.org", option: "a+b@example.org", want: "users/a_plus_b@example.org/a_plus_b", email: "a+b@example.org"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := certbot(t)
			if test.contact != "" {
				e.account(t, "acme-v02.api.letsencrypt.org/directory", "account1", `{"body": {"contact": ["mailto:`+test.contact+`"]}, "uri": "`+accountURI+`"}`)
			}
			if test.ini != "" {
				e.write(t, "cli.ini", test.ini)
			}
			e.add(t, certificate{name: "one", names: []string{"one.example.org"}})
			store := caddyStore(t)
			plan := e.imports(t, store, Options{Email: test.option})
			base := filepath.Join(store.Folder(), "acme", leKey, test.want)
			var got registration
			if err := readJSON(base+".json", &got); err != nil {
				t.Fatal(err)
			}
			var contact []string
			if test.email != "" {
				contact = []string{"mailto:" + test.email}
			}
			if got.Status != "valid" || got.Location != accountURI || !got.TermsOfServiceAgreed || !slices.Equal(got.Contact, contact) {
				t.Errorf("%+v", got)
			}
			text, err := os.ReadFile(base + ".key")
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(text)
			key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
			if err != nil || block.Type != "RSA PRIVATE KEY" || !key.Equal(accountKey()) {
				t.Errorf("the account's key: %s, %v", block.Type, err)
			}
			if plan.Caddyfile.Email != test.email || plan.Caddyfile.Authority != LetsEncrypt {
				t.Errorf("the Caddyfile needs %+v", plan.Caddyfile)
			}
		})
	}
}

// TestEllipticAccountKey: newer accounts may have one.
func TestEllipticAccountKey(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	number, err := private.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	key := jsonWebKey{Type: "EC", Curve: "P-384", D: encode(number), X: encode(point[1:49]), Y: encode(point[49:])}
	text, err := key.pem()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if got, err := x509.ParseECPrivateKey(block.Bytes); err != nil || !got.Equal(private) {
		t.Errorf("%s: %v", block.Type, err)
	}
	key.X, key.Y = key.Y, key.X
	if _, err := key.pem(); err == nil {
		t.Error("a public key that does not belong to the private one is accepted")
	}
}

// TestOtherAccountInPlace: an account that Caddy has made itself stays.
func TestOtherAccountInPlace(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}})
	store := caddyStore(t)
	base := filepath.Join(store.Folder(), "acme", leKey, "users", "default", "default")
	if err := os.MkdirAll(filepath.Dir(base), 0o700); err != nil {
		t.Fatal(err)
	}
	for extension, text := range map[string]string{".json": `{"status": "valid", "location": "https://ca/acct/1"}`, ".key": "own"} {
		if err := os.WriteFile(base+extension, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plan := e.imports(t, store, Options{})
	if !found(plan, Error, "", "Caddy has an account of its own") || !plan.Refused() {
		t.Errorf("%+v", plan.Findings)
	}
	if text, err := os.ReadFile(base + ".key"); err != nil || string(text) != "own" {
		t.Errorf("Caddy's own key is now %q, %v", text, err)
	}
}

// TestSeveralNames: stored where Caddy does not look by itself, and said before
// what it will cost.
func TestSeveralNames(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.add(t, certificate{name: "shop", names: []string{"shop.example.org", "www.shop.example.org", "one.example.org"}})
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}})
	store := caddyStore(t)
	plan := e.imports(t, store, Options{})
	if want := []string{"shop.example.org", "www.shop.example.org"}; !slices.Equal(plan.Orders, want) {
		t.Errorf("orders for %v, want %v", plan.Orders, want)
	}
	if want := "imported_certificate shop"; !slices.Equal(plan.Caddyfile.Sites["shop"], []string{want}) || plan.Caddyfile.Sites["one"] != nil {
		t.Errorf("the sites need %v", plan.Caddyfile.Sites)
	}
	for _, key := range []string{"shop.example.org", "www.shop.example.org"} {
		if _, err := os.Stat(filepath.Join(store.Folder(), "certificates", leKey, key)); err == nil {
			t.Errorf("%s has a certificate of several names where Caddy expects one of its own", key)
		}
	}
	certificateKey, privateKey, metadataKey := ImportedKeys("shop")
	if _, err := tls.LoadX509KeyPair(filepath.Join(store.Folder(), certificateKey), filepath.Join(store.Folder(), privateKey)); err != nil {
		t.Error(err)
	}
	var meta Metadata
	if err := readJSON(filepath.Join(store.Folder(), metadataKey), &meta); err != nil || len(meta.Names) != 3 || meta.IssuerData.RenewalInfo.SelectedTime.IsZero() {
		t.Errorf("%+v, %v", meta, err)
	}
}

// TestFindings: each thing that will be different, or stops an import, is said.
func TestFindings(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	one := []string{"one.example.org"}
	tests := map[string]struct {
		certificate
		severity Severity
		text     string
	}{
		"expired":         {certificate{names: one, from: now.AddDate(0, -4, 0)}, Error, "expired on"},
		"soon to expire":  {certificate{names: one, from: now.Add(-time.Hour), life: 80 * time.Minute}, Warning, "expires in 20m0s"},
		"not yet valid":   {certificate{names: one, from: now.Add(time.Hour)}, Warning, "is not valid before"},
		"wildcard":        {certificate{names: []string{"*.example.org"}}, Error, "through DNS only"},
		"dns plugin":      {certificate{names: one, parameters: map[string]string{"authenticator": "dns-route53"}}, Error, "authenticator dns-route53"},
		"manual dns":      {certificate{names: one, parameters: map[string]string{"authenticator": "manual", "pref_challs": "dns-01,"}}, Error, "through DNS"},
		"third-party dns": {certificate{names: one, parameters: map[string]string{"authenticator": "certbot-plugin-gandi:dns"}}, Error, "through DNS"},
		"must-staple":     {certificate{names: one, mustStaple: true}, Note, "Must-Staple"},
		"rsa":             {certificate{names: one, key: rsaKey}, Note, "RSA key"},
		"reuse key":       {certificate{names: one, parameters: map[string]string{"reuse_key": "True"}}, Warning, "reuse_key"},
		"not renewed":     {certificate{names: one, parameters: map[string]string{"autorenew": "False"}}, Warning, "autorenew"},
		"hook":            {certificate{names: one, parameters: map[string]string{"renew_hook": "systemctl reload postfix"}}, Warning, `"systemctl reload postfix"`},
		"staging":         {certificate{names: one, parameters: map[string]string{"server": "https://acme-staging-v02.api.letsencrypt.org/directory"}}, Warning, "staging"},
		"account gone":    {certificate{names: one, parameters: map[string]string{"account": "lost"}}, Warning, "account lost is not there"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := certbot(t)
			test.name = "it"
			e.add(t, test.certificate)
			store := caddyStore(t)
			plan := e.imports(t, store, Options{})
			if !found(plan, test.severity, "it", test.text) {
				t.Errorf("no %s with %q in %+v", test.severity, test.text, plan.Findings)
			}
			imported := slices.ContainsFunc(plan.Items, func(i Item) bool { return i.Lineage == "it" })
			if imported == (test.severity == Error) || plan.Refused() == imported {
				t.Errorf("imported: %t, refused: %t", imported, plan.Refused())
			}
		})
	}
}

// TestAccept imports what is renewed through DNS when asked to.
func TestAccept(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.add(t, certificate{name: "all", names: []string{"*.example.org"}})
	store := caddyStore(t)
	if plan := e.imports(t, store, Options{Accept: []string{"all"}}); plan.Refused() {
		t.Errorf("%+v", plan.Findings)
	}
	if _, err := os.Stat(filepath.Join(store.Folder(), "certificates", leKey, "wildcard_.example.org", "wildcard_.example.org.crt")); err != nil {
		t.Error(err)
	}
}

// TestBrokenLineages: one that can't be used does not keep others from being.
func TestBrokenLineages(t *testing.T) {
	t.Parallel()
	breaks := map[string]struct {
		do   func(t *testing.T, e *etc)
		text string
	}{
		"key of another": {func(t *testing.T, e *etc) {
			_, _, key := issue(t, certificate{names: []string{"x.example"}})
			e.write(t, "archive/it/privkey1.pem", string(key))
		}, "private key does not match"},
		"key missing":   {func(t *testing.T, e *etc) { remove(t, e, "archive/it/privkey1.pem") }, "no such file"},
		"chain missing": {func(t *testing.T, e *etc) { remove(t, e, "live/it/fullchain.pem") }, "no such file"},
		"chain empty":   {func(t *testing.T, e *etc) { e.write(t, "archive/it/fullchain1.pem", "") }, "fullchain.pem"},
		"no server":     {func(t *testing.T, e *etc) { e.write(t, "renewal/it.conf", "[renewalparams]\naccount = a\n") }, "no certificate authority"},
		"not settings":  {func(t *testing.T, e *etc) { e.write(t, "renewal/it.conf", "[renewalparams\nx\n") }, "line 1"},
		"no settings":   {func(t *testing.T, e *etc) { remove(t, e, "renewal/it.conf") }, "has no renewal settings"},
	}
	for name, test := range breaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := certbot(t)
			e.add(t, certificate{name: "it", names: []string{"it.example.org"}})
			e.add(t, certificate{name: "other", names: []string{"other.example.org"}})
			test.do(t, e)
			plan := e.imports(t, caddyStore(t), Options{})
			if !found(plan, Error, "it", test.text) {
				t.Errorf("no error with %q in %+v", test.text, plan.Findings)
			}
			if !slices.ContainsFunc(plan.Items, func(i Item) bool { return i.Lineage == "other" && i.Action == Add }) {
				t.Errorf("the other lineage is not imported: %+v", plan.Items)
			}
		})
	}
}

func remove(t *testing.T, e *etc, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(e.folder, name)); err != nil {
		t.Fatal(err)
	}
}

// TestDuplicates: of two lineages for the same names, as NAME and NAME-0001,
// the one that holds longer is imported.
func TestDuplicates(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}, from: now.AddDate(0, -2, 0)})
	e.add(t, certificate{name: "one-0001", names: []string{"one.example.org"}})
	plan := e.plan(t, caddyStore(t), Options{})
	if !found(plan, Note, "one", "one-0001 holds for the same names and longer") || plan.Refused() {
		t.Errorf("%+v", plan.Findings)
	}
}

// TestSecretsStaySecret: a broken account's key is not quoted.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.write(t, "accounts/acme-v02.api.letsencrypt.org/directory/account1/private_key.json", `{"kty": "RSA", "d": "c2VjcmV0`)
	inventory, err := Read(e.folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(inventory.Accounts) != 0 || len(inventory.Findings) == 0 || strings.Contains(fmt.Sprint(inventory.Findings), "c2Vj") {
		t.Errorf("%+v", inventory.Findings)
	}
}

// TestHostileStore: links in the store's folder, whose owner is the service,
// lead nowhere outside of it.
func TestHostileStore(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}})
	store, outside := caddyStore(t), t.TempDir()
	if err := os.MkdirAll(store.Folder(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(store.Folder(), "certificates")); err != nil {
		t.Fatal(err)
	}
	inventory, err := Read(e.folder)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := inventory.Plan(t.Context(), store, Options{Now: now})
	if err == nil {
		err = plan.Apply(t.Context(), store)
	}
	if entries, _ := os.ReadDir(outside); err == nil || len(entries) > 0 {
		t.Errorf("%v; outside there is %v", err, entries)
	}
}

// TestLineageOf: a file belongs to certbot's folder as it is given, or to the
// original that the folder is a copy of.
func TestLineageOf(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.write(t, "renewal/shop.conf", "")
	for file, want := range map[string]string{
		e.folder + "/live/shop/fullchain.pem":        "shop",
		e.folder + "/live/other/cert.pem":            "other",
		e.folder + "/live/../live/shop/cert.pem":     "shop",
		e.folder + "/live/README":                    "",
		e.folder + "-old/live/shop/fullchain.pem":    "",
		"/etc/letsencrypt/live/shop/fullchain.pem":   "shop",
		"/etc/letsencrypt/live/nosuch/fullchain.pem": "",
		"/etc/ssl/shop.pem":                          "",
	} {
		if got := LineageOf(e.folder, file); got != want {
			t.Errorf("%s is of %q, want %q", file, got, want)
		}
	}
	if got := LineageOf(Folder, "/etc/letsencrypt/live/nosuch/fullchain.pem"); got != "nosuch" {
		t.Errorf("in certbot's own folder it is of %q", got)
	}
}

// TestCopy: the settings in a copy of certbot's folder name the original's files;
// those of the copy are read.
func TestCopy(t *testing.T) {
	t.Parallel()
	e := certbot(t)
	e.write(t, "live/shop/fullchain.pem", "")
	for file, want := range map[string]string{
		"/etc/letsencrypt/live/shop/fullchain.pem": e.folder + "/live/shop/fullchain.pem",
		"/etc/letsencrypt/live/shop/privkey.pem":   "/etc/letsencrypt/live/shop/privkey.pem",
		"/elsewhere/fullchain.pem":                 "/elsewhere/fullchain.pem",
	} {
		if got := inCopy(e.folder, file); got != want {
			t.Errorf("%s is read from %s, want %s", file, got, want)
		}
	}
}
