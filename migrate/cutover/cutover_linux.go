package cutover

import (
	"errors"
	"net/netip"
	"time"
)

// Options says what is to be moved.
type Options struct {
	// Sites are those that are checked.
	Sites Sites
	// Without are ports of Apache that nobody will serve any more.
	Without []uint16
	// Drain bounds how long the server that goes may take to finish what it
	// answers; it is left to end by itself after that.
	Drain time.Duration
	// Start bounds how long the server that comes may take until it answers for
	// every site.
	Start time.Duration
	// AcceptDifferences takes sites that answer "/" worse than before, or with
	// another certificate.
	AcceptDifferences bool
	// Cron is the folder of cron's files, "/etc/cron.d".
	Cron string
	// LetsEncrypt is certbot's folder, "/etc/letsencrypt".
	LetsEncrypt string
	// Progress is told of every step as it begins and ends.
	Progress func(Event)
}

// Sites are those of the configuration.
type Sites struct {
	// Names are their host names; * stands for any characters, ? for one.
	Names []string `json:"names"`
	// WithoutTLS are those of Names that are not asked for with TLS.
	WithoutTLS []string `json:"without_tls,omitempty"`
	// AnyName are the ports at which a site answers for names that none has.
	AnyName []uint16 `json:"any_name,omitempty"`
}

// ErrNoTLS says that the configuration gets no certificate for a name.
var ErrNoTLS = errors.New("the configuration has no certificate for this name and gets none; import one with: caddy migrate certificates, or add a site with this name and TLS")

// Event is a moment of a step.
type Event struct {
	Step   string    `json:"step"`
	Title  string    `json:"title"`
	Number int       `json:"number"` // from 1
	Of     int       `json:"of"`
	Status string    `json:"status"` // begun, done, failed, undoing, undone, not undone
	Detail string    `json:"detail,omitempty"`
	Time   time.Time `json:"time"`
}

// ErrNothingRecorded says that no cutover has been made from here.
var ErrNothingRecorded = errors.New("no cutover has been recorded")

// ErrDiffers says that a site does not answer as before.
var ErrDiffers = errors.New("a site does not answer as before; --accept-differences goes on all the same")

// Stage is where the migration stands.
type Stage string

// The stages, in their order.
const (
	OnApache    Stage = "apache"
	CuttingOver Stage = "cutting over"
	OnFairway   Stage = "fairway"
	RollingBack Stage = "rolling back"
)

// State is what is written down: where the migration stands and how to undo it.
type State struct {
	Stage   Stage     `json:"stage"`
	Changed time.Time `json:"changed"`
	// Step is the last that was begun, and its status as in [Event].
	Steps []Event `json:"steps"`

	// Config and Adapter are what Fairway serves.
	Config  string `json:"config"`
	Adapter string `json:"adapter,omitempty"`
	Sites   Sites  `json:"sites"`
	// Storage is the folder of Fairway's certificates.
	Storage string   `json:"storage,omitempty"`
	Apache  *Apache  `json:"apache"`
	Service *Service `json:"service"`

	// Addresses are those that pass from one to the other.
	Addresses []SharedAddress `json:"addresses"`
	// MigrateRequests is net.ipv4.tcp_migrate_req as it was.
	MigrateRequests string `json:"tcp_migrate_req,omitempty"`
	// Renewals are certbot's, switched off.
	Renewals []Renewal `json:"renewals,omitempty"`
	// Boot is what systemd started at boot before.
	Boot map[string]bool `json:"boot,omitempty"`
	// Answers are the sites' as they were checked last.
	Answers []SiteAnswer `json:"answers,omitempty"`
}

// SharedAddress is an address that passes from Apache to Fairway.
type SharedAddress struct {
	Network string         `json:"network"` // tcp4, tcp6 or tcp
	Address netip.AddrPort `json:"address"`
	Shares  bool           `json:"shares"` // Apache had SO_REUSEPORT on its sockets
	TLS     bool           `json:"tls"`    // Apache speaks TLS there
}

// SiteAnswer is how a site answers GET /.
type SiteAnswer struct {
	Name    string         `json:"name"`
	Address netip.AddrPort `json:"address"`
	// Serial is the number of the certificate in hexadecimal digits; empty without TLS.
	Serial string `json:"serial,omitempty"`
	// Covers says that the certificate is for the name, and has not expired.
	Covers bool `json:"covers,omitempty"`
	Status int  `json:"status"`
	// Differs says in what the answer is not as before.
	Differs string `json:"differs,omitempty"`
}
