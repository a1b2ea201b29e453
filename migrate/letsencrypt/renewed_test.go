package letsencrypt

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestRenewals: for each name it is told what Caddy has of it, and until when.
func TestRenewals(t *testing.T) {
	t.Parallel()
	store := caddyStore(t)
	shop, www := "shop.example.org", "www.shop.example.org"

	// What Caddy renewed is stored as an import of a later certificate stores it.
	later := certbot(t)
	later.add(t, certificate{name: "www", names: []string{www}, from: now.Add(-time.Hour)})
	later.imports(t, store, Options{})

	e := certbot(t)
	e.add(t, certificate{name: "shop", names: []string{shop, www}})
	e.add(t, certificate{name: "one", names: []string{"one.example.org"}})
	e.add(t, certificate{name: "old", names: []string{"old.example.org"}})
	e.imports(t, store, Options{})
	e.add(t, certificate{name: "old", names: []string{"old.example.org"}, from: now.Add(-time.Hour), version: 2})
	e.add(t, certificate{name: "new", names: []string{"new.example.org"}})

	inventory, err := Read(e.folder)
	if err != nil {
		t.Fatal(err)
	}
	told := func(at time.Time) []string {
		renewals, err := inventory.Renewals(store, at)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, r := range renewals {
			told = append(told, fmt.Sprintf("%s %s %s due %v renews %v", r.Name, r.Lineage, r.State, r.Due, !r.Renews.IsZero() && r.Renews.Before(r.Expires)))
		}
		return told
	}
	want := []string{
		"new.example.org new not imported due false renews false",
		"old.example.org old outdated due false renews true",
		"one.example.org one imported due false renews true",
		shop + " shop imported due false renews true",
		www + " shop renewed due false renews true",
	}
	if got := told(now); !slices.Equal(got, want) {
		t.Errorf("it tells\n%q, want\n%q", got, want)
	}
	want[1] = "old.example.org old outdated due true renews true"
	want[2] = "one.example.org one imported due true renews true"
	want[3] = shop + " shop imported due true renews true"
	// Those of a month ago are due in their last third; the later one is not.
	if got := told(now.Add(40 * 24 * time.Hour)); !slices.Equal(got, want) {
		t.Errorf("in 40 days it tells\n%q, want\n%q", got, want)
	}
}
