package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/httpapi"
	"github.com/aditechsphere/fairway/caddymodule/internal/adminapi"
)

func init() {
	caddy.RegisterModule(new(adminAPI))
}

// adminAPI is the platform's part of Caddy's admin endpoint:
//
//	GET    /fairway/keys         all API keys, without their secrets
//	POST   /fairway/keys         make a key: {"name", "scopes", "life"}
//	DELETE /fairway/keys/{id}    revoke a key
//	POST   /fairway/sign-in      a one-time sign-in link for the operator
//	GET    /fairway/status       how the services are, as operators see it
//	GET    /fairway/certificates  those of the names that are served
//	POST   /fairway/alerts/test  send a test message through each channel
//	POST   /fairway/backup       copy the databases: {"folder"}
//	POST   /fairway/verify       recompute the books: a report for each service
//
// It also stands before Caddy's own
//
//	POST   /load                 load a configuration, which is noted
type adminAPI struct{}

// CaddyModule returns the Caddy module information.
func (*adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.fairway",
		New: func() caddy.Module { return new(adminAPI) },
	}
}

// Provision opens the platform's stores. Caddy provisions admin modules only
// for a configuration that it goes on to run, and before any app starts: a
// store that cannot be opened fails the reload with nothing changed.
func (*adminAPI) Provision(ctx caddy.Context) error {
	noteRefusal(ctx)
	app, err := configured(ctx)
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := app.open(); err != nil {
		return err
	}
	app.watchServers(ctx)
	return nil
}

// Routes implements [caddy.AdminRouter].
func (*adminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: "/fairway/keys", Handler: caddy.AdminHandlerFunc(handleKeys)},
		{Pattern: "/fairway/keys/", Handler: caddy.AdminHandlerFunc(handleKey)},
		{Pattern: "/fairway/backup", Handler: caddy.AdminHandlerFunc(handleBackup)},
		{Pattern: "/fairway/verify", Handler: caddy.AdminHandlerFunc(handleVerify)},
		{Pattern: "/fairway/sign-in", Handler: caddy.AdminHandlerFunc(handleSignIn)},
		{Pattern: "/fairway/status", Handler: caddy.AdminHandlerFunc(handleStatus)},
		{Pattern: "/fairway/alerts", Handler: caddy.AdminHandlerFunc(handleAlerts)},
		{Pattern: "/fairway/alerts/test", Handler: caddy.AdminHandlerFunc(handleAlertTest)},
		{Pattern: "/fairway/certificates", Handler: caddy.AdminHandlerFunc(handleCertificates)},
		{Pattern: "POST /load", Handler: caddy.AdminHandlerFunc(handleLoad)},
	}
}

func configured(ctx caddy.Context) (*App, error) {
	value, err := ctx.AppIfConfigured("fairway")
	if err != nil {
		return nil, err
	}
	return value.(*App), nil
}

// Running returns the platform of the running configuration, or a 503 for the
// client of the admin endpoint.
func Running() (*App, error) {
	app, err := configured(caddy.ActiveContext())
	if err != nil {
		return nil, caddy.APIError{
			HTTPStatus: http.StatusServiceUnavailable,
			Err:        errors.New("the running configuration uses no Fairway service, so there is nothing to administer"),
		}
	}
	<-app.Ready()
	return app, nil
}

// KeyView is an API key as the admin endpoint shows it. Secret is there only in
// the answer to its creation.
type KeyView struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Hint    string     `json:"hint"`
	Scopes  []string   `json:"scopes"`
	Live    bool       `json:"live"`
	Created time.Time  `json:"created"`
	Expires *time.Time `json:"expires,omitempty"`
	Revoked *time.Time `json:"revoked,omitempty"`
	Used    *time.Time `json:"used,omitempty"` // last, to the minute
	Secret  string     `json:"secret,omitempty"`
}

func showKey(key access.Key, secret string) KeyView {
	return KeyView{
		ID: key.ID, Name: key.Name, Hint: key.Hint, Scopes: key.Scopes, Live: key.Live,
		Created: key.Created, Expires: unlessZero(key.Expires), Revoked: unlessZero(key.Revoked), Used: unlessZero(key.Used), Secret: secret,
	}
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func handleKeys(w http.ResponseWriter, r *http.Request) error {
	app, err := Running()
	if err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet:
		keys, err := app.Access().Keys(r.Context())
		if err != nil {
			return err
		}
		shown := make([]KeyView, 0, len(keys))
		for _, key := range keys {
			shown = append(shown, showKey(key, ""))
		}
		return adminapi.WriteJSON(w, http.StatusOK, shown)
	case http.MethodPost:
		return createKey(w, r, app)
	}
	return adminapi.MethodNotAllowed(w, "GET, POST")
}

func createKey(w http.ResponseWriter, r *http.Request, app *App) error {
	var request access.KeyRequest
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return adminapi.Error(http.StatusBadRequest, fmt.Errorf("reading the request: %w", err))
	}
	for _, scope := range request.Scopes {
		if !app.catalogue.embeds(strings.TrimSuffix(scope, ":read")) {
			return adminapi.Error(http.StatusBadRequest, fmt.Errorf(
				"no embedded service %q in the running configuration to give a key for; there are: %s",
				scope, strings.Join(app.catalogue.embedded(), ", ")))
		}
	}
	request.Live = app.modeOf(request.Scopes)
	key, secret, err := app.Access().CreateKey(r.Context(), request)
	var invalid access.InvalidKeyError
	if errors.As(err, &invalid) {
		return adminapi.Error(http.StatusBadRequest, err)
	}
	if err != nil {
		return err
	}
	return adminapi.WriteJSON(w, http.StatusCreated, showKey(key, secret))
}

// modeOf is whether a key with the scopes is for live mode: that of the service
// which has modes.
func (a *App) modeOf(scopes []string) (live bool) {
	for _, scope := range scopes {
		live = live || a.live[strings.TrimSuffix(scope, ":read")]
	}
	return live
}

func handleVerify(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return adminapi.MethodNotAllowed(w, "POST")
	}
	app, err := Running()
	if err != nil {
		return err
	}
	reports := make(map[string]any, len(app.verifies))
	for service, verify := range app.verifies {
		report, err := verify(r.Context())
		if err != nil {
			return fmt.Errorf("verifying %s: %w", service, err)
		}
		reports[service] = report
	}
	return adminapi.WriteJSON(w, http.StatusOK, reports)
}

func handleKey(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodDelete {
		return adminapi.MethodNotAllowed(w, "DELETE")
	}
	app, err := Running()
	if err != nil {
		return err
	}
	key, err := app.Access().RevokeKey(r.Context(), strings.TrimPrefix(r.URL.Path, "/fairway/keys/"))
	if errors.Is(err, access.ErrNotFound) {
		return adminapi.Error(http.StatusNotFound, err)
	}
	if err != nil {
		return err
	}
	return adminapi.WriteJSON(w, http.StatusOK, showKey(key, ""))
}

func handleSignIn(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return adminapi.MethodNotAllowed(w, "POST")
	}
	app, err := Running()
	if err != nil {
		return err
	}
	origins := app.catalogue.origins()
	if dashboard := app.catalogue.dashboardURL(); dashboard != "" {
		origins = []string{dashboard}
	}
	if len(origins) == 0 {
		return adminapi.Error(http.StatusConflict, errors.New("no page to sign in on: the configuration serves none of homepage, orders, payments"))
	}
	token, err := app.Access().CreateToken(r.Context(), origins[0])
	if err != nil {
		return err
	}
	return adminapi.WriteJSON(w, http.StatusCreated, map[string]string{
		"url":     origins[0] + "/sign-in?token=" + token,
		"expires": time.Now().Add(access.TokenLife).UTC().Format(time.RFC3339),
	})
}

func handleStatus(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		return adminapi.MethodNotAllowed(w, "GET")
	}
	app, err := Running()
	if err != nil {
		return err
	}
	entries := app.Catalogue().Entries()
	report := homepage.Assess(entries, time.Now().UTC()) // the time after what was seen
	return adminapi.WriteJSON(w, http.StatusOK, httpapi.ReportOf(report, true))
}

func handleCertificates(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		return adminapi.MethodNotAllowed(w, "GET")
	}
	app, err := Running()
	if err != nil {
		return err
	}
	return adminapi.WriteJSON(w, http.StatusOK, httpapi.CertificatesOf(app.Certificates(), time.Now().UTC()))
}

func handleAlerts(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		return adminapi.MethodNotAllowed(w, "GET")
	}
	app, err := Running()
	if err != nil {
		return err
	}
	return adminapi.WriteJSON(w, http.StatusOK, httpapi.AlertsOf(app.AlertsTold(), app.AlertTroubles(), time.Now().UTC()))
}

// handleAlertTest answers with what came of a test through each channel.
func handleAlertTest(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return adminapi.MethodNotAllowed(w, "POST")
	}
	app, err := Running()
	if err != nil {
		return err
	}
	if app.Alerts == nil || len(app.Alerts.channels) == 0 {
		return adminapi.Error(http.StatusConflict, errors.New("the running configuration tells nobody: it has no webhook, ntfy or email in fairway { alerts { … } }"))
	}
	return adminapi.WriteJSON(w, http.StatusOK, app.desk.Test(r.Context(), app.round()))
}

// Interface guards
var (
	_ caddy.AdminRouter = (*adminAPI)(nil)
	_ caddy.Provisioner = (*adminAPI)(nil)
)
