package letsencrypt

import (
	"encoding/json"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// The layout of Caddy's storage, as certmagic 0.25 has it. Keys are paths with
// slashes, relative to the storage's folder.

// importedFolder holds the certificates of several names. Caddy does not look
// there by itself: the directive imported_certificate does.
const importedFolder = "imported"

var unsafe = regexp.MustCompile(`[^\w@.-]`)

// safe makes one component of a key.
func safe(component string) string {
	component = strings.TrimSpace(strings.ToLower(component))
	component = strings.NewReplacer(" ", "_", "+", "_plus_", "*", "wildcard_", ":", "-", "..", "").Replace(component)
	return unsafe.ReplaceAllLiteralString(component, "")
}

// authorityKey is the component that stands for a directory URL: its host and
// path with hyphens for slashes.
func authorityKey(server string) string {
	address, err := url.Parse(server)
	if err != nil {
		return safe(server)
	}
	key := address.Host
	if path := strings.Trim(strings.NewReplacer("/", "-", `\`, "-").Replace(address.Path), "-"); path != "" {
		key += "-" + path
	}
	return safe(key)
}

// certificateFolder is where Caddy keeps the certificate of a name.
func certificateFolder(server, name string) string {
	return path.Join("certificates", authorityKey(server), safe(name))
}

// ImportedKeys are the keys of the certificate, the private key and the
// metadata of an imported lineage of several names.
func ImportedKeys(lineage string) (certificate, privateKey, metadata string) {
	base := path.Join(importedFolder, safe(lineage), safe(lineage))
	return base + ".crt", base + ".key", base + ".json"
}

// accountFolder is where Caddy keeps the account for an e-mail address, and
// the name of the files there. Without an address both are "default".
func accountFolder(server, email string) (folder, file string) {
	email = strings.ToLower(email)
	if email == "" {
		email = "default"
	}
	file, domain, _ := strings.Cut(email, "@")
	if file == "" {
		file = domain
	}
	return path.Join("acme", authorityKey(server), "users", safe(email)), safe(file)
}

// Metadata is what Caddy keeps beside a certificate.
type Metadata struct {
	Names      []string   `json:"sans"`
	IssuerData IssuerData `json:"issuer_data"`
}

// IssuerData is what Caddy's ACME issuer keeps there.
type IssuerData struct {
	URL         string      `json:"url"`
	CA          string      `json:"ca"`
	Account     string      `json:"account,omitempty"`
	RenewalInfo RenewalInfo `json:"renewal_info"`
}

// registration is what Caddy keeps of an account. Without the status it would
// take the account for a new one, and sign requests as nobody.
type registration struct {
	Status               string   `json:"status"`
	Contact              []string `json:"contact,omitempty"`
	TermsOfServiceAgreed bool     `json:"termsOfServiceAgreed"`
	Location             string   `json:"location"`
}

func indented(value any) []byte {
	text, err := json.MarshalIndent(value, "", "\t")
	if err != nil {
		panic(err) // the types here always encode
	}
	return text
}
