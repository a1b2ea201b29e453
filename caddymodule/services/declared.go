package services

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// Expect is what a probe must find.
type Expect struct {
	// The statuses that pass: each one, as "200", or several, as "2xx" or
	// "200-299". Default: anything below 500.
	Status []string `json:"status,omitempty"`

	// The longest time until the end of the answer. Default: ten seconds, after
	// which a probe is given up.
	Latency caddy.Duration `json:"latency,omitempty"`

	// A text that the first megabyte of the answer must have. Default: none.
	Body string `json:"body,omitempty"`

	// The share of the certificate's life that must be left, from 0 to 1.
	// Default: 0, the certificate must be valid.
	Certificate float64 `json:"certificate,omitempty"`
}

// expectation is the same for the Homepage.
func (e *Expect) expectation() (expected homepage.Expectation, err error) {
	if e == nil {
		return expected, nil
	}
	expected = homepage.Expectation{Latency: time.Duration(e.Latency), Body: e.Body, LifeLeft: e.Certificate}
	for _, text := range e.Status {
		statuses, err := homepage.ParseStatuses(text)
		if err != nil {
			return expected, err
		}
		expected.Statuses = append(expected.Statuses, statuses)
	}
	if e.Latency < 0 {
		return expected, errors.New("the latency to expect is negative")
	}
	if e.Certificate < 0 || e.Certificate >= 1 {
		return expected, fmt.Errorf("%v is not a share of a certificate's life: give one from 0 to below 1", e.Certificate)
	}
	return expected, nil
}

// declare reads what the configuration says of targets, probes and maintenance.
func (s *Service) declare() (err error) {
	if s.expect, err = s.Expect.expectation(); err != nil {
		return err
	}
	if s.Target < 0 {
		return errors.New("the target is negative")
	}
	if err := validIcon(s.Icon); err != nil {
		return err
	}
	s.windows = nil
	for _, text := range s.Maintenance {
		window, err := homepage.ParseWindow(text)
		if err != nil {
			return err
		}
		s.windows = append(s.windows, window)
	}
	return nil
}

// validIcon checks an icon: the Homepage loads nothing from elsewhere.
func validIcon(icon string) error {
	if icon == "" || slices.Contains(homepage.Icons, icon) {
		return nil
	}
	if strings.HasPrefix(icon, "/") && !strings.HasPrefix(icon, "//") && !strings.ContainsAny(icon, "\\ \t\r\n") {
		return nil
	}
	return fmt.Errorf("%q is no icon: give the path of an image on the Homepage's own site, or one of: %s", icon, strings.Join(homepage.Icons, ", "))
}

// unmarshalDeclared parses an option of what is declared of a service; known is
// false for other options.
func (s *Service) unmarshalDeclared(d *caddyfile.Dispenser) (known bool, err error) {
	switch d.Val() {
	case "target":
		err = unmarshalDuration(d, &s.Target)
	case "maintenance":
		err = s.unmarshalMaintenance(d)
	case "expect":
		err = s.unmarshalExpect(d)
	default:
		return false, nil
	}
	return true, err
}

// unmarshalDuration parses the one argument of an option that may be given once.
func unmarshalDuration(d *caddyfile.Dispenser, value *caddy.Duration) error {
	option := d.Val()
	if *value != 0 {
		return d.Errf("%s is given twice", option)
	}
	var text string
	if !d.AllArgs(&text) {
		return d.ArgErr()
	}
	duration, err := caddy.ParseDuration(text)
	if err != nil || duration <= 0 {
		return d.Errf("%s: %q is not a time such as 500ms or 2s", option, text)
	}
	*value = caddy.Duration(duration)
	return nil
}

func (s *Service) unmarshalMaintenance(d *caddyfile.Dispenser) error {
	text := strings.Join(d.RemainingArgs(), " ")
	if _, err := homepage.ParseWindow(text); err != nil {
		return d.Err(err.Error())
	}
	s.Maintenance = append(s.Maintenance, text)
	return nil
}

// unmarshalExpect parses expect with a condition after it, or a block of them:
//
//	expect status      <statuses...>
//	expect latency     <duration>
//	expect body        <text>
//	expect certificate <percent>
func (s *Service) unmarshalExpect(d *caddyfile.Dispenser) error {
	if s.Expect == nil {
		s.Expect = new(Expect)
	}
	if d.NextArg() {
		return s.Expect.unmarshalCondition(d)
	}
	empty := true
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		empty = false
		if err := s.Expect.unmarshalCondition(d); err != nil {
			return err
		}
	}
	if empty {
		return d.ArgErr()
	}
	return nil
}

func (e *Expect) unmarshalCondition(d *caddyfile.Dispenser) error {
	switch condition := d.Val(); condition {
	case "status":
		return e.unmarshalStatus(d)
	case "latency":
		return unmarshalDuration(d, &e.Latency)
	case "body":
		if e.Body != "" {
			return d.Err("expect body is given twice")
		}
		if !d.AllArgs(&e.Body) || e.Body == "" {
			return d.ArgErr()
		}
		return nil
	case "certificate":
		return e.unmarshalCertificate(d)
	default:
		return d.Errf("a probe cannot expect %q; there are: status, latency, body, certificate", condition)
	}
}

func (e *Expect) unmarshalStatus(d *caddyfile.Dispenser) error {
	if e.Status != nil {
		return d.Err("expect status is given twice")
	}
	e.Status = d.RemainingArgs()
	if len(e.Status) == 0 {
		return d.ArgErr()
	}
	for _, text := range e.Status {
		if _, err := homepage.ParseStatuses(text); err != nil {
			return d.Err(err.Error())
		}
	}
	return nil
}

func (e *Expect) unmarshalCertificate(d *caddyfile.Dispenser) error {
	if e.Certificate != 0 {
		return d.Err("expect certificate is given twice")
	}
	var text string
	if !d.AllArgs(&text) {
		return d.ArgErr()
	}
	number, ok := strings.CutSuffix(text, "%")
	percent, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(percent > 0 && percent < 100) {
		return d.Errf("expect certificate: %q is not a share of its life such as 20%%", text)
	}
	e.Certificate = percent / 100
	return nil
}
