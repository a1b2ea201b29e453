package subdomains

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/aditechsphere/fairway/backends/subdomain"
	"github.com/aditechsphere/fairway/caddymodule/internal/adminapi"
)

func init() {
	caddy.RegisterModule(new(adminAPI))
}

// adminAPI lists, adds and removes rows without a reload:
//
//	GET    /fairway/subdomains          a page of the rows: ?limit=100&after=LABEL
//	PUT    /fairway/subdomains          {"LABEL": target, …}: these are all the added rows
//	PATCH  /fairway/subdomains          {"LABEL": target or null, …}: add, change, remove
//	GET    /fairway/subdomains/LABEL    one row
//	PUT    /fairway/subdomains/LABEL    target: add or change
//	DELETE /fairway/subdomains/LABEL    remove
//
// A target is written as in the configuration. When the configuration has
// tables of several domains, ?domain= says which. Rows of the configuration
// are shown, but only the configuration changes them.
type adminAPI struct{}

const (
	adminPath    = "/fairway/subdomains"
	defaultLimit = 100
	maxLimit     = 1000
	maxBody      = 64 << 20
)

// CaddyModule returns the Caddy module information.
func (*adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.fairway_subdomains",
		New: func() caddy.Module { return new(adminAPI) },
	}
}

// Routes implements [caddy.AdminRouter].
func (*adminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: adminPath, Handler: caddy.AdminHandlerFunc(handleTable)},
		{Pattern: adminPath + "/", Handler: caddy.AdminHandlerFunc(handleRow)},
	}
}

func handleTable(w http.ResponseWriter, r *http.Request) error {
	switch r.Method {
	case http.MethodGet:
		return withTable(r, func(t *table) error { return list(w, r, t) })
	case http.MethodPut, http.MethodPatch:
		put, remove, err := readRows(w, r)
		if err != nil {
			return err
		}
		if r.Method == http.MethodPut {
			return replaceRows(w, r, put, remove)
		}
		return withTable(r, func(t *table) error {
			err := t.ledger.change(r.Context(), t, put, remove)
			return writeChange(w, t, len(put), len(remove), err)
		})
	}
	return adminapi.MethodNotAllowed(w, "GET, PUT, PATCH")
}

func replaceRows(w http.ResponseWriter, r *http.Request, put []subdomain.Row, remove []string) error {
	if len(remove) > 0 {
		return adminapi.Error(http.StatusBadRequest, fmt.Errorf("row %q is null: leave it out, PUT replaces all added rows", remove[0]))
	}
	return withTable(r, func(t *table) error {
		removed, err := t.ledger.replace(r.Context(), t, put)
		return writeChange(w, t, len(put), removed, err)
	})
}

func writeChange(w http.ResponseWriter, t *table, put, removed int, err error) error {
	if err != nil {
		return err
	}
	return adminapi.WriteJSON(w, http.StatusOK, map[string]any{"domain": t.rows.Domain(), "put": put, "removed": removed})
}

func handleRow(w http.ResponseWriter, r *http.Request) error {
	label, err := subdomain.Label(strings.TrimPrefix(r.URL.Path, adminPath+"/"))
	if err != nil {
		return adminapi.Error(http.StatusBadRequest, err)
	}
	switch r.Method {
	case http.MethodGet:
		return withTable(r, func(t *table) error { return showRow(w, http.StatusOK, t, label) })
	case http.MethodPut:
		target, err := readTarget(w, r)
		if err != nil {
			return err
		}
		return withTable(r, func(t *table) error {
			added, err := t.ledger.put(r.Context(), t, subdomain.Row{Label: label, Target: target})
			switch {
			case err != nil:
				return err
			case added:
				return showRow(w, http.StatusCreated, t, label)
			}
			return showRow(w, http.StatusOK, t, label)
		})
	case http.MethodDelete:
		return withTable(r, func(t *table) error {
			if err := t.ledger.remove(r.Context(), t, label); err != nil {
				return err
			}
			w.WriteHeader(http.StatusNoContent)
			return nil
		})
	}
	return adminapi.MethodNotAllowed(w, "GET, PUT, DELETE")
}

// withTable has do work on the table that a request is about; again, when a
// reload replaced it meanwhile.
func withTable(r *http.Request, do func(*table) error) error {
	for {
		t, err := tableFor(r)
		if err != nil {
			return err
		}
		if err := do(t); !errors.Is(err, errReplaced) {
			return changeError(err)
		}
	}
}

// tableFor returns the table that a request is about, once it is loaded.
func tableFor(r *http.Request) (*table, error) {
	app, err := runningApp()
	if err != nil && !errors.Is(err, caddy.ErrNotConfigured) {
		return nil, err
	}
	var tables []*table
	if app != nil {
		tables = app.all()
	}
	t, err := choose(tables, r.URL.Query().Get("domain"))
	if err != nil {
		return nil, err
	}
	select {
	case <-t.loaded:
		return t, nil
	case <-r.Context().Done():
		return nil, adminapi.Error(http.StatusServiceUnavailable, errors.New("the rows are being loaded"))
	}
}

func choose(tables []*table, domain string) (*table, error) {
	domains := make([]string, len(tables))
	for i, t := range tables {
		domains[i] = t.rows.Domain()
	}
	slices.Sort(domains)
	switch {
	case len(tables) == 0:
		return nil, adminapi.Error(http.StatusNotFound, errors.New("the running configuration has no subdomains table"))
	case domain == "" && len(tables) == 1:
		return tables[0], nil
	case domain == "":
		return nil, adminapi.Error(http.StatusBadRequest, fmt.Errorf("which table? Add ?domain= and one of %s", strings.Join(domains, ", ")))
	}
	wanted, err := subdomain.Domain(domain)
	if err != nil {
		return nil, adminapi.Error(http.StatusBadRequest, err)
	}
	for _, t := range tables {
		if t.rows.Domain() == wanted {
			return t, nil
		}
	}
	return nil, adminapi.Error(http.StatusNotFound, fmt.Errorf("no table of %s; there are %s", wanted, strings.Join(domains, ", ")))
}

// changeError maps an error to an answer.
func changeError(err error) error {
	var answered caddy.APIError
	switch {
	case err == nil, errors.As(err, &answered):
		return err
	case errors.Is(err, errConfigured):
		return adminapi.Error(http.StatusConflict, err)
	case errors.Is(err, errNoRow):
		return adminapi.Error(http.StatusNotFound, err)
	case errors.Is(err, subdomain.ErrName), errors.Is(err, subdomain.ErrTarget):
		return adminapi.Error(http.StatusBadRequest, err)
	}
	return adminapi.Error(http.StatusInternalServerError, err)
}

var _ caddy.AdminRouter = (*adminAPI)(nil)
