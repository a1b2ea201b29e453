package letsencrypt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Account is certbot's account at a certificate authority.
type Account struct {
	ID      string
	Host    string // of the certificate authority, with its port unless 443
	Path    string // of its directory URL, without slashes around it
	URI     string // by which the certificate authority knows the account
	Email   string // of its registration; empty: the authority has told none
	Created time.Time

	key []byte // PEM
}

func (a *Account) servesTo(server string) bool {
	address, err := url.Parse(server)
	return err == nil && address.Host == a.Host && strings.Trim(address.Path, "/") == a.Path
}

// readAccounts reads accounts/HOST/PATH…/ID/regr.json and what lies beside.
func (i *Inventory) readAccounts() {
	top := filepath.Join(i.Folder, "accounts")
	i.walkAccounts(top, "")
}

// walkAccounts follows links, unlike filepath.WalkDir: certbot makes one where
// a new version of a certificate authority shares the accounts of the old.
func (i *Inventory) walkAccounts(top, inside string) {
	entries, err := os.ReadDir(filepath.Join(top, inside))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			i.find(Error, "", filepath.Join(top, inside), err.Error(), "Run it as root")
		}
		return
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "regr.json" }) {
		folder := filepath.Join(top, inside)
		account, err := readAccount(folder, filepath.ToSlash(inside))
		if err != nil {
			i.find(Error, "", folder, "the account cannot be read: "+err.Error(), "`certbot show_account` shows what certbot makes of it")
			return
		}
		i.Accounts = append(i.Accounts, account)
		return
	}
	if strings.Count(inside, string(filepath.Separator)) > 8 {
		return // a link that leads back
	}
	for _, entry := range entries {
		if info, err := os.Stat(filepath.Join(top, inside, entry.Name())); err == nil && info.IsDir() {
			i.walkAccounts(top, filepath.Join(inside, entry.Name()))
		}
	}
}

// readAccount reads one account; inside is HOST/PATH…/ID.
func readAccount(folder, inside string) (*Account, error) {
	host, rest, _ := strings.Cut(inside, "/")
	account := &Account{ID: path.Base(inside), Host: host, Path: strings.Trim(path.Dir(rest), "./")}
	var registration struct {
		Body struct {
			Contact []string `json:"contact"`
		} `json:"body"`
		URI string `json:"uri"`
	}
	if err := readJSON(filepath.Join(folder, "regr.json"), &registration); err != nil {
		return nil, err
	}
	if registration.URI == "" {
		return nil, errors.New("regr.json has no uri")
	}
	account.URI = registration.URI
	for _, contact := range registration.Body.Contact {
		if address, ok := strings.CutPrefix(contact, "mailto:"); ok && account.Email == "" {
			account.Email = strings.ToLower(address)
		}
	}
	var meta struct {
		Created time.Time `json:"creation_dt"`
	}
	if err := readJSON(filepath.Join(folder, "meta.json"), &meta); err == nil {
		account.Created = meta.Created // only ever shown
	}
	key := new(jsonWebKey)
	if err := readJSON(filepath.Join(folder, "private_key.json"), key); err != nil {
		return nil, err
	}
	var err error
	account.key, err = key.pem()
	return account, err
}

func readJSON(file string, into any) error {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the folder
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		// The cause may quote the file, which may be a key.
		return fmt.Errorf("%s is not the JSON it should be", file)
	}
	return nil
}

// jsonWebKey is a private key as in RFC 7517; numbers are base64url.
type jsonWebKey struct {
	Type  string `json:"kty"`
	N     string `json:"n"`
	E     string `json:"e"`
	D     string `json:"d"`
	P     string `json:"p"`
	Q     string `json:"q"`
	Curve string `json:"crv"`
	X     string `json:"x"`
	Y     string `json:"y"`
}

// pem is the key as Caddy reads it: PKCS#1 for RSA, SEC 1 for elliptic curves.
func (k *jsonWebKey) pem() ([]byte, error) {
	key, err := k.private()
	if err != nil {
		return nil, fmt.Errorf("private_key.json: %w", err)
	}
	if key, ok := key.(*rsa.PrivateKey); ok {
		return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
	}
	der, err := x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey))
	if err != nil {
		return nil, fmt.Errorf("private_key.json: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func (k *jsonWebKey) private() (crypto.PrivateKey, error) {
	switch k.Type {
	case "RSA":
		return k.rsa()
	case "EC":
		return k.ecdsa()
	}
	return nil, fmt.Errorf("a key of type %q; RSA and EC are supported", k.Type)
}

func (k *jsonWebKey) rsa() (*rsa.PrivateKey, error) {
	numbers, err := decode(k.N, k.E, k.D, k.P, k.Q)
	if err != nil {
		return nil, err
	}
	integer := func(i int) *big.Int { return new(big.Int).SetBytes(numbers[i]) }
	exponent := integer(1)
	if !exponent.IsInt64() || exponent.Int64() > 1<<31-1 {
		return nil, errors.New("the public exponent is too large")
	}
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: integer(0), E: int(exponent.Int64())},
		D:         integer(2),
		Primes:    []*big.Int{integer(3), integer(4)},
	}
	if err := key.Validate(); err != nil {
		return nil, errors.New("not a valid RSA key")
	}
	key.Precompute()
	return key, nil
}

func (k *jsonWebKey) ecdsa() (*ecdsa.PrivateKey, error) {
	curve, ok := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[k.Curve]
	if !ok {
		return nil, fmt.Errorf("the curve %q is not supported", k.Curve)
	}
	numbers, err := decode(k.D, k.X, k.Y)
	if err != nil {
		return nil, err
	}
	size := (curve.Params().BitSize + 7) / 8
	for i := range numbers {
		if len(numbers[i]) > size {
			return nil, errors.New("not a valid key of its curve")
		}
		numbers[i] = append(make([]byte, size-len(numbers[i])), numbers[i]...)
	}
	key, err := ecdsa.ParseRawPrivateKey(curve, numbers[0])
	if err != nil {
		return nil, errors.New("not a valid key of its curve")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, numbers[1], numbers[2]))
	if err != nil || !key.PublicKey.Equal(public) {
		return nil, errors.New("the private key does not belong to the public key")
	}
	return key, nil
}

// decode reads base64url numbers, none of which may be missing.
func decode(numbers ...string) ([][]byte, error) {
	decoded := make([][]byte, len(numbers))
	for i, number := range numbers {
		var err error
		decoded[i], err = base64.RawURLEncoding.DecodeString(strings.TrimRight(number, "="))
		if err != nil || len(decoded[i]) == 0 {
			return nil, errors.New("a number of the key is missing or not base64url")
		}
	}
	return decoded, nil
}
