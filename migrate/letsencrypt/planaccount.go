package letsencrypt

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// planAccounts adds the accounts that renew the lineages. Caddy has one for each
// certificate authority and e-mail address.
func (p *planner) planAccounts(lineages []*Lineage) error {
	byServer := make(map[string][]*Lineage)
	for _, lineage := range lineages {
		byServer[lineage.Server] = append(byServer[lineage.Server], lineage)
	}
	for server, lineages := range byServer {
		p.accounts[server] = p.chooseAccount(lineages)
	}
	for _, server := range slices.Sorted(maps.Keys(byServer)) {
		account := p.accounts[server]
		if account == nil {
			continue
		}
		if err := p.planAccount(server, account); err != nil {
			return err
		}
	}
	return nil
}

// chooseAccount picks the account that renews the most of an authority's
// lineages, and says which lineages lose theirs.
func (p *planner) chooseAccount(lineages []*Lineage) *Account {
	uses := make(map[*Account]int)
	for _, lineage := range lineages {
		account := p.AccountOf(lineage)
		if account == nil {
			p.find(Warning, lineage, fmt.Sprintf("its account %s is not there: Caddy makes a new one to renew it", lineage.Account),
				"If a CAA record of its names pins an account (accounturi), change it to the new one before the renewal")
			continue
		}
		uses[account]++
	}
	if len(uses) == 0 {
		return nil
	}
	chosen := slices.MaxFunc(slices.Collect(maps.Keys(uses)), func(a, b *Account) int {
		return cmp.Or(cmp.Compare(uses[a], uses[b]), b.Created.Compare(a.Created), strings.Compare(b.ID, a.ID))
	})
	for _, lineage := range lineages {
		if account := p.AccountOf(lineage); account != nil && account != chosen {
			p.find(Warning, lineage, fmt.Sprintf("was issued to the account %s; Caddy renews it with %s, as it has one account for each authority", account.URI, chosen.URI),
				"If a CAA record of its names pins an account (accounturi), change it to "+chosen.URI)
		}
	}
	return chosen
}

// email is the address under which Caddy will look for accounts; empty: the
// Caddyfile gives none. It is one for all authorities, because Caddy, given none
// for some, may take for these what it has found for another.
func (p *planner) email() string {
	email := ""
	if account := p.accounts[p.authority]; account != nil {
		email = account.Email
	}
	return strings.ToLower(cmp.Or(p.Options.Email, email, p.Inventory.Email))
}

func (p *planner) planAccount(server string, account *Account) error {
	email := p.email()
	folder, base := accountFolder(server, email)
	entry := registration{Status: "valid", TermsOfServiceAgreed: true, Location: account.URI}
	if email != "" {
		// Caddy takes the address from here again, so it must be the folder's.
		entry.Contact = []string{"mailto:" + email}
	}
	item := Item{
		Kind: "account", Server: server, Account: account.URI, Key: folder, Action: Add,
		files: map[string][]byte{base + ".json": indented(entry), base + ".key": account.key},
	}
	stored, storedKey, err := p.storedAccount(folder, base)
	if err != nil {
		return err
	}
	switch {
	case stored == nil:
	case stored.Location != account.URI && storedKey != nil:
		p.plan.Findings = append(p.plan.Findings, Finding{
			Severity: Error, File: path.Join(p.store.Folder(), folder),
			Text: fmt.Sprintf("Caddy has an account of its own here, %s, and renews with it; certbot's, %s, is not imported", stored.Location, account.URI),
			Do:   "Nothing, unless a CAA record pins certbot's account (accounturi): then move this folder away and run this again",
		})
		return nil
	case storedKey != nil && sameKey(storedKey, account.key) && stored.Status == entry.Status && slices.Equal(stored.Contact, entry.Contact):
		item.Action = Keep
	default:
		item.Action = Replace
	}
	p.plan.Items = append(p.plan.Items, item)
	return p.warnOfOthers(server, folder, email)
}

// storedAccount is what Caddy's storage holds already; nil: nothing usable.
func (p *planner) storedAccount(folder, base string) (*registration, []byte, error) {
	text, err := p.store.read(path.Join(folder, base+".json"))
	if err != nil {
		return nil, nil, fmt.Errorf("reading what Caddy has: %w", err)
	}
	key, err := p.store.read(path.Join(folder, base+".key"))
	if err != nil {
		return nil, nil, fmt.Errorf("reading what Caddy has: %w", err)
	}
	stored := new(registration)
	if json.Unmarshal(text, stored) != nil {
		return nil, nil, nil //nolint:nilerr // half of an account is none
	}
	return stored, key, nil
}

// warnOfOthers says when Caddy, given no address, might choose another account.
func (p *planner) warnOfOthers(server, folder, email string) error {
	names, err := p.store.list(path.Dir(folder))
	if err != nil {
		return fmt.Errorf("reading what Caddy has: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == path.Base(folder) })
	if len(names) > 0 && email == "" {
		p.plan.Findings = append(p.plan.Findings, Finding{
			Severity: Warning, File: path.Join(p.store.Folder(), path.Dir(folder)),
			Text: fmt.Sprintf("Caddy has other accounts at %s (%s) and takes the one it used last when the Caddyfile gives no e-mail address", server, strings.Join(names, ", ")),
			Do:   "Give the address for certbot's account with --email ADDRESS here and `email ADDRESS` in the Caddyfile",
		})
	}
	return nil
}

func sameKey(a, b []byte) bool {
	first, second := publicKey(a), publicKey(b)
	if first == nil || second == nil {
		return bytes.Equal(a, b)
	}
	comparable, ok := first.(interface{ Equal(crypto.PublicKey) bool })
	return ok && comparable.Equal(second)
}

// publicKey is that of a PEM private key, nil if it can't be read.
func publicKey(text []byte) crypto.PublicKey {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key.Public()
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key.Public()
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		if signer, ok := key.(crypto.Signer); ok {
			return signer.Public()
		}
	}
	return nil
}
