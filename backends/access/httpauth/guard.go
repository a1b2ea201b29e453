// Package httpauth carries access over HTTP: API keys in the Authorization
// header, the operator's session in a cookie.
package httpauth

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/backends/instance"
)

// sessionCookie is bound to one host by its prefix, so that apps on sibling
// subdomains never see it.
const sessionCookie = "__Host-fairway"

// Guard tells who a request comes from.
type Guard interface {
	// Authenticate checks the API key of r (Bearer, or Basic with the key as
	// user) for scope. It returns [access.ErrUnauthenticated] when there is
	// none or it is not valid, [access.ErrForbidden] when it lacks the scope.
	Authenticate(r *http.Request, scope string) (access.Principal, error)
	// Operator reports whether r carries the cookie of a signed-in operator.
	Operator(r *http.Request) bool
	// SignIn serves /sign-in and /sign-out.
	SignIn() http.Handler
}

// Config is what a guard needs.
type Config struct {
	Access *access.Service
	Logger *slog.Logger
	Facts  instance.Facts // shown under the sign-in page
	// Origins returns scheme://host[:port] of the sites that a signed-in
	// operator may be handed on to.
	Origins func() []string
}

// New returns the guard of config.
func New(config Config) Guard { return &guard{config} }

type guard struct{ Config }

func (g *guard) Authenticate(r *http.Request, scope string) (access.Principal, error) {
	secret := secretOf(r)
	if secret == "" {
		return access.Principal{}, access.ErrUnauthenticated
	}
	return g.Access.Authenticate(r.Context(), secret, scope)
}

// secretOf finds the API key in the Authorization header.
func secretOf(r *http.Request) string {
	if user, _, ok := r.BasicAuth(); ok {
		return user
	}
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func (g *guard) Operator(r *http.Request) bool {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return false
	}
	ok, err := g.Access.SignedIn(r.Context(), cookie.Value)
	if err != nil {
		g.Logger.Error("checking an operator's session", "error", err)
	}
	return ok
}

func (g *guard) SignIn() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sign-in", g.signIn)
	mux.HandleFunc("POST /sign-out", g.signOut)
	return http.NewCrossOriginProtection().Handler(mux)
}

// signIn takes a one-time token, or hands a signed-in operator on to another
// of the platform's sites.
func (g *guard) signIn(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodHead:
		w.WriteHeader(http.StatusOK) // a link preview must not use the token up
	case query.Has("token"):
		g.exchange(w, r, query.Get("token"))
	case query.Has("to") && g.Operator(r):
		g.handOn(w, r, query.Get("to"))
	case g.elsewhere(r) != "":
		http.Redirect(w, r, g.elsewhere(r), http.StatusSeeOther) //nolint:gosec // to the dashboard of this configuration
	default:
		g.explain(w, http.StatusOK, "Sign in",
			"Run “caddy fairway sign-in” on the server and open the link that it prints. It works once, for 15 minutes.")
	}
}

// elsewhere is where an operator of another site of the platform signs in:
// the dashboard, which hands back. It is "" on the dashboard itself.
func (g *guard) elsewhere(r *http.Request) string {
	dashboard := g.Facts.DashboardURL()
	here := originOf(r)
	if dashboard == "" || here == dashboard || r.URL.Query().Has("to") || !slices.Contains(g.Origins(), here) {
		return ""
	}
	return dashboard + "/sign-in?to=" + url.QueryEscape(here)
}

// originOf is the origin of the site that r asks.
func originOf(r *http.Request) string {
	if r.TLS == nil {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}

func (g *guard) exchange(w http.ResponseWriter, r *http.Request, token string) {
	secret, err := g.Access.SignIn(r.Context(), token, originOf(r))
	if errors.Is(err, access.ErrUnauthenticated) {
		g.explain(w, http.StatusForbidden, "This link no longer works",
			"A sign-in link works once, for 15 minutes. Run “caddy fairway sign-in” on the server for a new one.")
		return
	}
	if err != nil {
		g.Logger.Error("signing in", "error", err)
		g.explain(w, http.StatusInternalServerError, "Signing in failed", "The server's log says why.")
		return
	}
	setCookie(w, secret, int(access.SessionLife.Seconds()))
	g.Logger.Info("operator signed in", "remote", r.RemoteAddr)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// handOn signs the operator in on another site with a token of its own,
// because cookies are bound to one host.
func (g *guard) handOn(w http.ResponseWriter, r *http.Request, origin string) {
	if !slices.Contains(g.Origins(), origin) {
		g.explain(w, http.StatusBadRequest, "Not one of this platform's sites", "The address to go on to is not served here.")
		return
	}
	token, err := g.Access.CreateToken(r.Context(), origin)
	if err != nil {
		g.Logger.Error("handing on an operator", "error", err)
		g.explain(w, http.StatusInternalServerError, "Signing in failed", "The server's log says why.")
		return
	}
	http.Redirect(w, r, origin+"/sign-in?token="+url.QueryEscape(token), http.StatusSeeOther) //nolint:gosec // one of Origins
}

func (g *guard) signOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		if err := g.Access.SignOut(r.Context(), cookie.Value); err != nil {
			g.Logger.Error("signing out", "error", err)
			g.explain(w, http.StatusInternalServerError, "Signing out failed", "The server's log says why.")
			return
		}
	}
	setCookie(w, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: value, MaxAge: maxAge, Path: "/",
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
