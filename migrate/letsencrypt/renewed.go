package letsencrypt

import (
	"fmt"
	"path"
	"time"
)

// RenewalState is where a name's certificate stands between certbot and Caddy.
type RenewalState string

// The states.
const (
	Missing  RenewalState = "not imported" // Caddy has none for the name
	Outdated RenewalState = "outdated"     // certbot has renewed it since the import
	Imported RenewalState = "imported"     // Caddy has the one that certbot has
	Renewed  RenewalState = "renewed"      // Caddy has got one since
)

// NameRenewal is how the renewal of a name's certificate goes on under Caddy.
type NameRenewal struct {
	Name    string       `json:"name"`
	Lineage string       `json:"lineage"` // certbot's, that the name is in
	State   RenewalState `json:"state"`
	// Due says that the time of renewal has come: Caddy renews when it next looks,
	// which it does every ten minutes.
	Due bool `json:"due,omitempty"`
	// Serial, Expires and Renews are of the certificate that Caddy has, else of
	// certbot's, which has no time of renewal.
	Serial  string    `json:"serial"`
	Expires time.Time `json:"expires"`
	Renews  time.Time `json:"renews,omitzero"`
}

// Renewals says for every name of certbot's certificates what a store has. The
// error says that the store can't be read.
func (i *Inventory) Renewals(store *Store, now time.Time) ([]NameRenewal, error) {
	all := []NameRenewal{}
	for _, lineage := range i.Lineages {
		for _, name := range lineage.Names {
			renewal, err := store.renewal(lineage, name, now)
			if err != nil {
				return nil, err
			}
			all = append(all, renewal)
		}
	}
	return all, nil
}

func (s *Store) renewal(l *Lineage, name string, now time.Time) (NameRenewal, error) {
	renewal := NameRenewal{Name: name, Lineage: l.Name, State: Missing, Serial: l.Serial(), Expires: l.Leaf.NotAfter}
	has, err := s.newest(l, name)
	if err != nil || has.leaf == nil {
		return renewal, err
	}
	switch {
	case has.leaf.SerialNumber.Cmp(l.Leaf.SerialNumber) == 0:
		renewal.State = Imported
	case has.leaf.NotAfter.After(l.Leaf.NotAfter):
		renewal.State = Renewed
	default:
		renewal.State = Outdated
	}
	renewal.Serial, renewal.Expires = fmt.Sprintf("%X", has.leaf.SerialNumber), has.leaf.NotAfter
	renewal.Renews = has.meta.IssuerData.RenewalInfo.SelectedTime
	if renewal.Renews.IsZero() { // its authority says nothing of renewals
		renewal.Renews = EstimateRenewal(has.leaf).SuggestedWindow.Start
	}
	renewal.Due = !now.Before(renewal.Renews)
	return renewal, nil
}

// newest is the certificate in the store for a name that lasts longest: its own,
// of whatever authority, or the imported one of several names.
func (s *Store) newest(l *Lineage, name string) (newest storedCertificate, err error) {
	authorities, err := s.list("certificates")
	if err != nil {
		return newest, fmt.Errorf("reading what Caddy has: %w", err)
	}
	folders := map[string]string{path.Join(importedFolder, safe(l.Name)): safe(l.Name)}
	for _, authority := range authorities {
		folders[path.Join("certificates", authority, safe(name))] = safe(name)
	}
	for folder, base := range folders {
		has, err := s.certificate(folder, base)
		if err != nil {
			return newest, err
		}
		if has.leaf != nil && (newest.leaf == nil || has.leaf.NotAfter.After(newest.leaf.NotAfter)) {
			newest = has
		}
	}
	return newest, nil
}
