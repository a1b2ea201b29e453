// Package homepage is what the dashboard knows and how it judges it: which
// services the running configuration has, what was seen of each, and what may
// truthfully be said from that.
package homepage

import (
	"time"

	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// Kind is how a service is served.
type Kind string

// The kinds of service.
const (
	Embedded Kind = "embedded" // runs inside this process
	Proxied  Kind = "proxied"  // runs elsewhere, behind a reverse proxy
	Static   Kind = "static"   // files or fixed answers
	Redirect Kind = "redirect" // leads to another address
	Other    Kind = "other"
)

// Service is one service of the running configuration.
type Service struct {
	ID          string   // fixed by the configuration: "blog"
	Name        string   // as shown: "Blog"; default: the ID
	Description string   // a sentence; optional
	Kind        Kind     //
	URLs        []string // addresses without a trailing slash, the preferred first
	Upstreams   []string // addresses behind the proxy; for operators only
	Health      string   // path of the health check; optional

	Group       string        // heading it is shown under; optional
	Icon        string        // a symbol's name, or a path of the Homepage's own site; optional
	Target      time.Duration // for the p95 of the time to first byte; 0: none
	Expect      Expectation   // of its probes
	Maintenance []Window      // in which it may be away
}

// Title is the name to show.
func (s Service) Title() string {
	if s.Name == "" {
		return s.ID
	}
	return s.Name
}

// Probe is the outcome of the last request that was made only to see whether
// the service answers.
type Probe struct {
	At      time.Time
	Latency time.Duration
	Status  int    // 0 without an answer
	Err     string // why there was no answer; may name addresses
	Unmet   string // what the answer lacks of what is expected, see [Expectation.Unmet]

	// Expires is when the certificate does that it was shown. Default: none was.
	Expires time.Time

	// Cause is why the probe failed, where the service itself told.
	// Default: judged by Err and Status.
	Cause measure.Cause

	// FailingSince is when the first of an unbroken run of failed probes was
	// made. Default: At.
	FailingSince time.Time
}

// Passed reports whether the service answered as is expected of it: with
// anything below 500, unless more is said.
func (p *Probe) Passed() bool {
	return p.Err == "" && p.Status >= 100 && p.Status < 500 && p.Unmet == ""
}

// Outlived reports whether the certificate has expired since. Requests on
// connections from before go on, and do not show it.
func (p *Probe) Outlived(now time.Time) bool {
	return !p.Expires.IsZero() && now.After(p.Expires)
}

// Lately is what the last five minutes' real requests came to.
type Lately struct {
	Requests uint64
	P95      time.Duration // of the time to first byte
}

// Entry is a service and everything that was seen of it.
type Entry struct {
	Service
	Evidence measure.Snapshot // of real requests; zero when they are not measured
	Probe    *Probe           // nil: never probed
	Waiting  time.Time        // since when a probe waits for its answer; zero: none does
	Lately   Lately           // zero without a target
}

// Catalogue lists the services of the running configuration. It is safe for
// concurrent use and fast enough to be asked once a second.
type Catalogue interface {
	Entries() []Entry
}

// Icons are the names of the symbols that a service can be shown with.
var Icons = []string{
	"book", "cart", "chart", "chat", "code", "database", "file", "globe", "home", "image", "lock", "mail", "music", "server", "video", "wallet",
}
