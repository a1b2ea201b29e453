// Package letsencrypt reads certbot's folder, /etc/letsencrypt, and brings its
// certificates and accounts into the folder where Caddy keeps its own, so that
// nothing is issued at the start and the same account renews. Certbot's folder
// is only read.
package letsencrypt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Folder is where certbot keeps everything unless told otherwise.
const Folder = "/etc/letsencrypt"

// Severity says what a finding means for the import.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // something is not imported
	Warning Severity = "warning" // imported; something will be different
	Note    Severity = "note"    // good to know
)

// Finding is something the operator should know, and what to do about it.
type Finding struct {
	Severity Severity `json:"severity"`
	Lineage  string   `json:"lineage,omitempty"` // empty: about all of them
	File     string   `json:"file,omitempty"`
	Text     string   `json:"text"`
	Do       string   `json:"do,omitempty"`
}

// Inventory is what certbot's folder holds.
type Inventory struct {
	Folder   string
	Lineages []*Lineage // by name; those that can be read whole
	Accounts []*Account // by certificate authority and ID
	Email    string     // of cli.ini; empty: none
	Findings []Finding
}

// Read reads certbot's folder, which may be a copy. What is wrong with a single lineage or account
// is a finding; the error says that the folder as a whole can't be read.
func Read(folder string) (*Inventory, error) {
	files, err := os.ReadDir(filepath.Join(folder, "renewal"))
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("reading certbot's settings: %w; run it as root", err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading certbot's settings: %w; --letsencrypt names another folder", err)
	}
	inventory := &Inventory{Folder: folder}
	inventory.readDefaults()
	inventory.readAccounts()
	for _, file := range files {
		if name, ok := strings.CutSuffix(file.Name(), ".conf"); ok {
			inventory.readLineage(name)
		}
	}
	inventory.findUnmanaged()
	inventory.findHooks()
	return inventory, nil
}

// Lineage returns the lineage with this name, nil if there is none.
func (i *Inventory) Lineage(name string) *Lineage {
	for _, lineage := range i.Lineages {
		if lineage.Name == name {
			return lineage
		}
	}
	return nil
}

// LineageOf is the name of the lineage in certbot's folder that a file of a
// certificate belongs to, or "". In a copy of /etc/letsencrypt that has the
// lineage, a file of the original is one of the copy.
func LineageOf(folder, file string) string {
	name := lineageIn(folder, file)
	if name != "" || filepath.Clean(folder) == Folder {
		return name
	}
	if name = lineageIn(Folder, file); name == "" {
		return ""
	}
	if _, err := os.Stat(filepath.Join(folder, "renewal", name+".conf")); err != nil {
		return ""
	}
	return name
}

func lineageIn(folder, file string) string {
	rest, ok := strings.CutPrefix(filepath.Clean(file), filepath.Join(folder, "live")+"/")
	if !ok {
		return ""
	}
	name, _, ok := strings.Cut(rest, "/")
	if !ok {
		return ""
	}
	return name
}

// AccountOf returns the account that renews a lineage, nil if it is not there.
func (i *Inventory) AccountOf(lineage *Lineage) *Account {
	for _, account := range i.Accounts {
		if account.ID == lineage.Account && account.servesTo(lineage.Server) {
			return account
		}
	}
	return nil
}

func (i *Inventory) find(severity Severity, lineage, file, text, do string) {
	i.Findings = append(i.Findings, Finding{severity, lineage, file, text, do})
}

// readDefaults reads cli.ini, which holds for every run of certbot.
func (i *Inventory) readDefaults() {
	file := filepath.Join(i.Folder, "cli.ini")
	text, err := os.ReadFile(file) //nolint:gosec // the operator names the folder
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		i.find(Warning, "", file, "cannot be read: "+err.Error(), "")
		return
	}
	defaults, err := parseSettings(text)
	if err != nil {
		i.find(Warning, "", file, err.Error(), "")
		return
	}
	i.Email = strings.ToLower(defaults.get("email"))
}

// findUnmanaged finds certificates that certbot has but does not renew.
func (i *Inventory) findUnmanaged() {
	folders, err := os.ReadDir(filepath.Join(i.Folder, "live"))
	if err != nil {
		return // each lineage says what it misses
	}
	for _, entry := range folders {
		settings := filepath.Join(i.Folder, "renewal", entry.Name()+".conf")
		if _, err := os.Stat(settings); entry.IsDir() && errors.Is(err, fs.ErrNotExist) {
			i.find(Error, entry.Name(), filepath.Join(i.Folder, "live", entry.Name()),
				"has no renewal settings, so neither its certificate authority nor its account is known: not imported",
				"Nothing, if no site uses it; else `certbot certonly` for its names first")
		}
	}
}

// findHooks finds the programs that certbot runs around a renewal.
func (i *Inventory) findHooks() {
	for _, kind := range []string{"pre", "deploy", "post"} {
		folder := filepath.Join(i.Folder, "renewal-hooks", kind)
		entries, err := os.ReadDir(folder)
		if err != nil {
			continue // no folder, no hooks
		}
		for _, entry := range entries {
			if info, err := os.Stat(filepath.Join(folder, entry.Name())); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				i.find(Warning, "", filepath.Join(folder, entry.Name()), "certbot runs this program when it renews; Caddy will not", hookAdvice)
			}
		}
	}
}

const hookAdvice = "A hook that only reloads Apache is not needed. For another program that reads the certificates, such as a mail server, " +
	"have it read them from Caddy's folder, or keep certbot for its name"

// sorted returns values without duplicates, in order.
func sorted(values []string) []string {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}
