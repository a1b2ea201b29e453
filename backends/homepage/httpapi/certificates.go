package httpapi

import (
	"net/http"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
)

// Certificates is the body of GET /api/v1/certificates.
type Certificates struct {
	Checked      time.Time     `json:"checked"`
	Certificates []Certificate `json:"certificates"` // worst first
}

// Certificate is that of a name.
type Certificate struct {
	Name           string                    `json:"name"`
	State          homepage.CertificateState `json:"state"`
	NeedsAttention bool                      `json:"needs_attention"`
	Sentence       string                    `json:"sentence"`
	LifeLeft       float64                   `json:"life_left"`                // share, 0 to 1
	Served         *Leaf                     `json:"served,omitempty"`         // what handshakes get
	Stored         *Leaf                     `json:"stored,omitempty"`         // what a restart would load
	RenewalWindow  *Window                   `json:"renewal_window,omitempty"` // of the issuer (ARI)
	Attempts       []Attempt                 `json:"attempts"`                 // newest first
}

// Leaf is a certificate.
type Leaf struct {
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"` // hexadecimal
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
}

// Window is a span of time.
type Window struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// Attempt is one to get a certificate.
type Attempt struct {
	At      time.Time        `json:"at"`
	Outcome homepage.Outcome `json:"outcome"`
	Error   string           `json:"error,omitempty"`
}

// certificates answers with what is known of each certificate.
func certificates(cfg Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		respond(w, r, cfg, CertificatesOf(cfg.Certificates(), cfg.Now().UTC()))
	})
}

// CertificatesOf are the certificates as JSON shows them.
func CertificatesOf(all []homepage.Certificate, now time.Time) Certificates {
	view := Certificates{Checked: now, Certificates: make([]Certificate, 0, len(all))}
	for _, c := range all {
		state := c.State(now)
		one := Certificate{
			Name: c.Name, State: state, NeedsAttention: state.NeedsAttention(), Sentence: c.Sentence(now),
			Served: (*Leaf)(c.Served), Stored: (*Leaf)(c.Stored), Attempts: make([]Attempt, 0, len(c.Attempts)),
		}
		if c.Served != nil {
			one.LifeLeft = c.Served.Left(now)
		}
		if !c.WindowStart.IsZero() {
			one.RenewalWindow = &Window{c.WindowStart, c.WindowEnd}
		}
		for _, attempt := range c.Attempts {
			one.Attempts = append(one.Attempts, Attempt{attempt.At, attempt.Outcome, attempt.Detail})
		}
		view.Certificates = append(view.Certificates, one)
	}
	return view
}

// forOperators lets in an operator's session, or an API key with the scope.
func forOperators(cfg Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !cfg.Guard.Operator(r) {
			if _, err := cfg.Guard.Authenticate(r, Scope); err != nil {
				refuse(w, r, cfg, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
