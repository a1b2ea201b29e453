// Package services hosts services in Caddy: the three that are built in and
// guest modules of the namespace fairway.services that anyone can write.
package services

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
	"github.com/aditechsphere/fairway/caddymodule/platform"
)

func init() {
	caddy.RegisterModule(new(Service))
}

// Namespace is the namespace of guest modules. A guest is a Caddy module that
// implements [http.Handler]; it may implement [Described] as well.
const Namespace = "fairway.services"

// Described is implemented by guests that tell the Homepage about themselves.
type Described interface {
	Describe() Description
}

// Description is what a guest says of itself; every field is optional.
type Description struct {
	Title   string // shown instead of the name
	Summary string // one sentence
	Health  string // path to probe; default: "/"
}

// Service puts a site into the platform's catalogue under a name and measures
// the requests to it. With a guest it also answers them; without, the handlers
// that follow do.
type Service struct {
	// Identifies the service in the catalogue and in its measurements: letters,
	// digits, dots and hyphens. Sites that give the same name are one service.
	Name string `json:"name,omitempty"`

	// Shown on the Homepage. Default: the guest's title, else the name.
	Title string `json:"title,omitempty"`

	// One sentence for the Homepage. Default: the guest's summary.
	Description string `json:"description,omitempty"`

	// The path that is probed while the service is idle.
	// Default: the guest's, else "/".
	Health string `json:"health,omitempty"`

	// The heading that the Homepage shows it under. Default: none.
	Group string `json:"group,omitempty"`

	// What is shown before its title: a symbol's name (book, cart, chart, chat,
	// code, database, file, globe, home, image, lock, mail, music, server, video,
	// wallet), or the path of an image on the Homepage's own site. Default: none.
	Icon string `json:"icon,omitempty"`

	// What the p95 of the time to first byte should not exceed; over it the
	// service is slow. Default: none.
	Target caddy.Duration `json:"target,omitempty"`

	// What a probe must find, beside an answer below 500. With any of it, the
	// service is probed even while real requests come.
	Expect *Expect `json:"expect,omitempty"`

	// The windows in which it may be away: "FROM TO", both in RFC 3339, or
	// "DAYS FROM-TO [ZONE]", such as "Sun 02:00-04:00 Europe/Vienna". DAYS is
	// "daily" or days such as "Mon,Thu"; the default zone is UTC.
	Maintenance []string `json:"maintenance,omitempty"`

	// The guest module that answers; none: the handlers that follow.
	GuestRaw json.RawMessage `json:"guest,omitempty" caddy:"namespace=fairway.services inline_key=service"`

	guest    http.Handler
	platform *platform.App
	recorder *measure.Recorder // set before platform.Ready is closed

	expect  homepage.Expectation
	windows []homepage.Window
}

// CaddyModule returns the Caddy module information.
func (*Service) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.service",
		New: func() caddy.Module { return new(Service) },
	}
}

// Provision loads the guest.
func (s *Service) Provision(ctx caddy.Context) error {
	if s.GuestRaw == nil {
		return s.provision(ctx, nil)
	}
	module, err := ctx.LoadModule(s, "GuestRaw")
	if err != nil {
		return fmt.Errorf("service %q: loading its guest module: %w", s.Name, err)
	}
	guest, ok := module.(http.Handler)
	if !ok {
		return fmt.Errorf("service %q: the guest module %T is not an http.Handler", s.Name, module)
	}
	return s.provision(ctx, guest)
}

// provision joins the platform; guest may be nil.
func (s *Service) provision(ctx caddy.Context, guest http.Handler) error {
	app, err := platform.FromContext(ctx)
	if err != nil {
		return err
	}
	s.platform, s.guest = app, guest
	s.describe()
	if err := s.declare(); err != nil {
		return fmt.Errorf("service %q: %w", s.Name, err)
	}
	return app.OnOpen(func() error {
		s.recorder = app.Recorder(s.Name)
		return nil
	})
}

// describe fills in what the configuration leaves to the guest.
func (s *Service) describe() {
	var said Description
	if described, ok := s.guest.(Described); ok {
		said = described.Describe()
	}
	s.Title = firstOf(s.Title, said.Title, s.Name)
	s.Description = firstOf(s.Description, said.Summary)
	s.Health = firstOf(s.Health, said.Health, "/")
}

func firstOf(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}

var validName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$`)

// Validate checks the name and the path of the probe.
func (s *Service) Validate() error {
	if !validName.MatchString(s.Name) {
		return fmt.Errorf("%q is not a service name: use up to 63 letters, digits, dots and hyphens", s.Name)
	}
	if s.Health[0] != '/' {
		return fmt.Errorf("service %q: the health path %q does not begin with /", s.Name, s.Health)
	}
	return nil
}

// ServeHTTP implements [caddyhttp.MiddlewareHandler].
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if err := s.wait(r.Context()); err != nil {
		return caddyhttp.Error(http.StatusServiceUnavailable, err)
	}
	if probe := platform.ProbeOf(r); probe != nil {
		return s.probed(probe, w, r, next)
	}
	return s.measure(w, r, next)
}

// probed answers a probe, which is neither measured nor logged, and tells it
// the error that clients are not told.
func (s *Service) probed(probe *platform.Probing, w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	caddyhttp.SetVar(r.Context(), caddyhttp.LogSkipVar, true)
	err := s.answer(w, r, next)
	probe.Report(reasonOf(err))
	return err
}

// wait lets requests that reach a new configuration while its stores open
// wait for them.
func (s *Service) wait(ctx context.Context) error {
	select {
	case <-s.platform.Ready():
		return nil
	default:
	}
	select {
	case <-s.platform.Ready():
		return nil
	case <-ctx.Done():
		return fmt.Errorf("service %q is starting: %w", s.Name, ctx.Err())
	}
}

func (s *Service) answer(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if s.guest == nil {
		return next.ServeHTTP(w, r)
	}
	s.guest.ServeHTTP(w, r)
	return nil
}

// Catalogue implements [platform.Cataloguer].
func (s *Service) Catalogue([]string) []platform.Listing {
	listing := platform.Listing{
		Service: homepage.Service{
			ID: s.Name, Name: s.Title, Description: s.Description, Health: s.Health,
			Group: s.Group, Icon: s.Icon, Target: time.Duration(s.Target), Expect: s.expect, Maintenance: s.windows,
		},
		Measured: true,
	}
	if s.guest != nil {
		listing.Kind = homepage.Embedded
	}
	return []platform.Listing{listing}
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Service)(nil)
	_ caddy.Validator             = (*Service)(nil)
	_ caddyhttp.MiddlewareHandler = (*Service)(nil)
	_ platform.Cataloguer         = (*Service)(nil)
)
