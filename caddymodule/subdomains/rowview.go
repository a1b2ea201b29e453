package subdomains

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/aditechsphere/fairway/backends/subdomain"
	"github.com/aditechsphere/fairway/caddymodule/internal/adminapi"
)

// rowView is a row as the admin endpoint shows it.
type rowView struct {
	Label  string          `json:"label"`
	Name   string          `json:"name"`
	Kind   string          `json:"kind,omitempty"` // service, upstream, redirect or handler
	Target json.RawMessage `json:"target"`
	Source string          `json:"source"` // configuration or added

	// Why an added row is not served, and its target when another row is
	// served in its place.
	Problem  string          `json:"problem,omitempty"`
	Shadowed json.RawMessage `json:"shadowed,omitempty"`
}

// list writes a page of the rows, sorted by label, the domain itself first.
func list(w http.ResponseWriter, r *http.Request, t *table) error {
	limit, err := limitOf(r)
	if err != nil {
		return err
	}
	t.ledger.mu.Lock()
	defer t.ledger.mu.Unlock()
	labels := t.allLabels()
	from := 0
	if after := r.URL.Query().Get("after"); after != "" {
		at, found := slices.BinarySearchFunc(labels, after, compareLabels)
		if from = at; found {
			from++
		}
	}
	page := labels[from:min(from+limit, len(labels))]
	answer := struct {
		Domain string    `json:"domain"`
		Total  int       `json:"total"`
		Rows   []rowView `json:"rows"`
		Next   string    `json:"next,omitempty"` // what to ask for with ?after=
	}{Domain: t.rows.Domain(), Total: len(labels), Rows: make([]rowView, len(page))}
	for i, label := range page {
		if answer.Rows[i], err = t.view(label); err != nil {
			return err
		}
	}
	if from+limit < len(labels) {
		answer.Next = page[len(page)-1]
	}
	return adminapi.WriteJSON(w, http.StatusOK, answer)
}

func limitOf(r *http.Request) (int, error) {
	written := r.URL.Query().Get("limit")
	if written == "" {
		return defaultLimit, nil
	}
	limit, err := strconv.Atoi(written)
	if err != nil || limit < 1 || limit > maxLimit {
		return 0, adminapi.Error(http.StatusBadRequest, fmt.Errorf("limit %q is not a number from 1 to %d", written, maxLimit))
	}
	return limit, nil
}

// allLabels returns the labels of all rows, served or not, sorted.
func (t *table) allLabels() []string {
	labels := t.rows.Labels()
	unserved := 0
	for label := range t.inactive {
		if _, ok := t.rows.Get(label); !ok {
			labels = append(labels, label)
			unserved++
		}
	}
	if unserved > 0 {
		slices.SortFunc(labels, compareLabels)
	}
	return labels
}

func compareLabels(a, b string) int {
	switch {
	case a == b:
		return 0
	case a == subdomain.Apex:
		return -1
	case b == subdomain.Apex:
		return 1
	}
	return cmp.Compare(a, b)
}

// view returns a row as it is shown; its error is errNoRow when there is none.
func (t *table) view(label string) (rowView, error) {
	name, err := subdomain.Join(label, t.rows.Domain())
	if err != nil {
		return rowView{}, err
	}
	shown := rowView{Label: label, Name: name, Source: "added"}
	unserved, isInactive := t.inactive[label]
	current, isServed := t.rows.Get(label)
	switch {
	case isServed:
		target := current.target()
		shown.Kind = target.Kind()
		if shown.Target, err = json.Marshal(target); err != nil {
			return rowView{}, err
		}
		if !current.added {
			shown.Source = "configuration"
		}
		shown.Shadowed = unserved.target
	case isInactive:
		shown.Target, shown.Problem = unserved.target, unserved.problem
	default:
		return rowView{}, errNoRow
	}
	return shown, nil
}

func showRow(w http.ResponseWriter, status int, t *table, label string) error {
	t.ledger.mu.Lock()
	defer t.ledger.mu.Unlock()
	shown, err := t.view(label)
	if errors.Is(err, errNoRow) {
		return adminapi.Error(http.StatusNotFound, fmt.Errorf("no row %q in the table of %s", label, t.rows.Domain()))
	}
	if err != nil {
		return err
	}
	return adminapi.WriteJSON(w, status, shown)
}
