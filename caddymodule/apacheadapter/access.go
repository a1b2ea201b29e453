package apacheadapter

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/ipaddr"
)

func init() { registerHandler[Access]("apache_access", httpcaddyfile.Before, "basic_auth") }

// Access lets a request through, or not, by the rules of Apache: Require with
// its groups, Basic authentication against a password file, and the older
// Order, Allow, Deny and Satisfy. What it refuses is an error 403, what needs
// another user an error 401.
//
//	apache_access [<matcher>] {
//		require all granted|denied
//		require [not] ip <addresses...> | local | method <methods...> | env <names...>
//		require valid-user | user <names...> | group <names...>
//		require expr <expression of Apache>
//		require_any|require_all|require_none {
//			require …
//		}
//		limit|limit_except <methods...> {
//			require …
//		}
//		auth_name       <realm>
//		auth_user_file  <file>
//		auth_group_file <file>
//		forbidden_on_fail
//		order   allow,deny | deny,allow | mutual-failure
//		allow   from all | env=[!]<name> | <addresses...>
//		deny    from …
//		satisfy all|any
//	}
//
// Several requirements side by side are met when one of them is. Addresses are
// those of Apache: 10.1, 10.1.0.0/16, 10.1.0.0/255.255.0.0, 2001:db8::/32. The
// address of the client is the one Caddy's trusted_proxies leaves.
type Access struct {
	// Require is the root of the requirements; none grants access.
	Require *Requirement `json:"require,omitempty"`
	// Compat are Order, Allow, Deny; nil grants access.
	Compat *Compat `json:"compat,omitempty"`
	// Satisfy is "all" (the default) or "any": whether Compat alone may grant access.
	Satisfy string `json:"satisfy,omitempty"`
	// Basic tells how users prove who they are. Without it no user is known.
	Basic *Basic `json:"basic,omitempty"`
	// ForbiddenOnFail answers 403 instead of 401 to a user who signed in and
	// may not come in.
	ForbiddenOnFail bool `json:"forbidden_on_fail,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Access) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_access", New: func() caddy.Module { return new(Access) }}
}

// Provision parses addresses.
func (a *Access) Provision(caddy.Context) error { return a.prepare() }

func (a *Access) prepare() error {
	if a.Satisfy != "" && a.Satisfy != "all" && a.Satisfy != "any" {
		return fmt.Errorf("satisfy is %q; it is all or any", a.Satisfy)
	}
	if a.Require != nil {
		if err := a.Require.prepare(); err != nil {
			return err
		}
	}
	if a.Basic != nil {
		if err := a.Basic.prepare(); err != nil {
			return err
		}
	}
	if a.Compat != nil {
		return a.Compat.prepare()
	}
	return nil
}

func (a *Access) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	v := newVisitor(r)
	admitted := a.Compat == nil || a.Compat.admits(v)
	if a.Satisfy == "any" && a.Compat != nil && admitted {
		return next.ServeHTTP(w, r)
	}
	if a.Satisfy == "any" && a.Compat == nil {
		return next.ServeHTTP(w, r) // as Apache: without Order, Allow and Deny they admit
	}
	if !admitted && a.Satisfy != "any" {
		return denied(r)
	}
	if err := a.authorize(w, r, v); err != nil {
		return err
	}
	if v.user != "" {
		setUser(r, v.user)
	}
	return next.ServeHTTP(w, r)
}

// authorize asks the requirements, and for a user when they need one.
func (a *Access) authorize(w http.ResponseWriter, r *http.Request, v *visitor) error {
	if a.Require == nil {
		if a.Basic != nil {
			return caddyhttp.Error(http.StatusInternalServerError, errors.New("authentication is configured, and nothing requires it"))
		}
		return nil
	}
	switch a.Require.check(v) {
	case granted:
		return nil
	case deniedWithoutUser:
	default:
		return denied(r)
	}
	if a.Basic == nil {
		return caddyhttp.Error(http.StatusInternalServerError, errors.New("a user is required, and no authentication is configured"))
	}
	user, err := a.Basic.authenticate(w, r)
	if err != nil {
		return err
	}
	v.user, v.groups = user, a.Basic.groupsOf
	switch a.Require.check(v) {
	case granted:
		return nil
	case deniedWithoutUser:
	default:
		if a.ForbiddenOnFail {
			return denied(r)
		}
	}
	return a.Basic.challenge(w, fmt.Errorf("user %s: authorization failure for %q", user, r.URL.Path))
}

func denied(r *http.Request) error {
	return caddyhttp.Error(http.StatusForbidden, fmt.Errorf("client denied by server configuration: %s", r.URL.Path))
}

// setUser makes the user known to logs and to later handlers.
func setUser(r *http.Request, user string) {
	if replacer, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		replacer.Set("http.auth.user.id", user)
	}
}

// visitor is who asks.
type visitor struct {
	request *http.Request
	client  netip.Addr // invalid when it is not known
	local   netip.Addr // the address the client has reached
	user    string
	groups  func(user string) ([]string, error)
}

func newVisitor(r *http.Request) *visitor {
	v := &visitor{request: r}
	client, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	v.client, _ = netip.ParseAddr(client)
	v.client = v.client.Unmap().WithZone("")
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(fmt.Stringer); ok {
		if at, err := netip.ParseAddrPort(local.String()); err == nil {
			v.local = at.Addr().Unmap().WithZone("")
		}
	}
	return v
}

// method is the request's as Apache's Limit sees it: HEAD is GET.
func (v *visitor) method() string {
	if v.request.Method == http.MethodHead {
		return http.MethodGet
	}
	return v.request.Method
}

// environment tells whether an environment variable of Apache's is set.
func (v *visitor) environment(name string) bool {
	return caddyhttp.GetVar(v.request.Context(), environmentVariable(name)) != nil
}

// environmentVariable is the variable of a request that holds one of Apache's
// environment variables.
func environmentVariable(name string) string { return "apache_env." + name }

// Compat is Order, Allow and Deny.
type Compat struct {
	// Order is "deny,allow" (the default: what neither denies is allowed),
	// "allow,deny" or "mutual-failure" (both: only what is allowed and not denied).
	Order string   `json:"order,omitempty"`
	Allow []Source `json:"allow,omitempty"`
	Deny  []Source `json:"deny,omitempty"`
}

// Source is one word after "from".
type Source struct {
	// From is "all", "env=NAME", "env=!NAME" or an address.
	From string `json:"from"`

	prefix netip.Prefix
}

func (c *Compat) prepare() error {
	if !slices.Contains([]string{"", "deny,allow", "allow,deny", "mutual-failure"}, c.Order) {
		return fmt.Errorf("order is %q; it is deny,allow, allow,deny or mutual-failure", c.Order)
	}
	for _, list := range [][]Source{c.Allow, c.Deny} {
		for i := range list {
			if err := list[i].prepare(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Source) prepare() error {
	if s.From == "all" {
		return nil
	}
	if _, ok := environmentOf(s.From); ok {
		return nil
	}
	var err error
	s.prefix, err = ipaddr.Parse(s.From)
	return err
}

func (c *Compat) admits(v *visitor) bool {
	allowed, denied := matchesAny(c.Allow, v), matchesAny(c.Deny, v)
	if c.Order == "allow,deny" || c.Order == "mutual-failure" {
		return allowed && !denied
	}
	return allowed || !denied
}

func matchesAny(sources []Source, v *visitor) bool {
	return slices.ContainsFunc(sources, func(s Source) bool {
		if s.From == "all" {
			return true
		}
		if name, ok := environmentOf(s.From); ok {
			if rest, negated := cutNot(name); negated {
				return !v.environment(rest)
			}
			return v.environment(name)
		}
		return v.client.IsValid() && s.prefix.Contains(v.client)
	})
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Access)(nil)
	_ caddyhttp.MiddlewareHandler = (*Access)(nil)
	_ caddyfile.Unmarshaler       = (*Access)(nil)
)
