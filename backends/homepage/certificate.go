package homepage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Leaf is a certificate as far as it matters for its life.
type Leaf struct {
	Issuer    string // common name of who signed it
	Serial    string // hexadecimal
	NotBefore time.Time
	NotAfter  time.Time
}

// Left is the share of its life that is left at the time now, from 0 to 1.
func (l Leaf) Left(now time.Time) float64 {
	life := l.NotAfter.Sub(l.NotBefore)
	if life <= 0 {
		return 0
	}
	return min(max(float64(l.NotAfter.Sub(now))/float64(life), 0), 1)
}

// Certificate is that of a name this server serves.
type Certificate struct {
	Name   string
	Served *Leaf // what handshakes get; nil: nothing
	Stored *Leaf // what a restart would load; nil: none, so nobody here renews it

	// OnDemand: the first handshake orders it, so that none is no fault.
	OnDemand bool

	// RenewAt is the share of life left at which renewal begins. Default: a third.
	RenewAt float64

	// WindowStart and WindowEnd are when the issuer asks for renewal (ARI); zero
	// where it does not say.
	WindowStart, WindowEnd time.Time

	Attempts []Event // the last ones to get it, newest first
}

// CertificateState is what is to be said of a certificate.
type CertificateState string

// The states of a certificate, worst first.
const (
	CertificateExpired CertificateState = "expired" // or not valid yet
	CertificateMissing CertificateState = "missing" // none to serve
	CertificateOverdue CertificateState = "overdue" // should have been renewed
	CertificateRetried CertificateState = "retried" // the last attempt to get it failed
	CertificatePending CertificateState = "pending" // none yet, and nobody has asked for it
	CertificateValid   CertificateState = "valid"
)

const (
	// defaultRenewAt is when Caddy renews unless told otherwise.
	defaultRenewAt = 1.0 / 3
	// overduePart of the time left for renewing may go by before renewal is
	// overdue: a quarter of a life at which renewal begins at a third.
	overduePart = 0.75
)

func (c Certificate) renewAt() float64 {
	if c.RenewAt <= 0 || c.RenewAt > 1 {
		return defaultRenewAt
	}
	return c.RenewAt
}

// RenewalDue is when renewal begins: with the issuer's window, or where there is
// none, with the share of life left; zero for a certificate that is not renewed
// here.
func (c Certificate) RenewalDue() time.Time {
	switch {
	case c.Served == nil || c.Stored == nil:
		return time.Time{}
	case !c.WindowStart.IsZero():
		return c.WindowStart
	default:
		life := c.Served.NotAfter.Sub(c.Served.NotBefore)
		return c.Served.NotAfter.Add(-time.Duration(c.renewAt() * float64(life)))
	}
}

// State judges the certificate at the time now, by the share of life left and
// by the issuer's window, never by a number of days.
func (c Certificate) State(now time.Time) CertificateState {
	switch l := c.Served; {
	case l == nil && c.OnDemand && len(c.Attempts) == 0:
		return CertificatePending
	case l == nil:
		return CertificateMissing
	case now.After(l.NotAfter), now.Before(l.NotBefore):
		return CertificateExpired
	case l.Left(now) < overduePart*c.renewAt(), !c.WindowEnd.IsZero() && now.After(c.WindowEnd):
		return CertificateOverdue
	case c.failing() != nil:
		return CertificateRetried
	default:
		return CertificateValid
	}
}

// NeedsAttention reports whether somebody should look at it.
func (s CertificateState) NeedsAttention() bool {
	return s != CertificateValid && s != CertificatePending
}

// Urgent reports whether visitors are turned away.
func (s CertificateState) Urgent() bool { return s == CertificateExpired || s == CertificateMissing }

// Sentence says how the certificate is, without errors: "The certificate of
// blog.example expired at 13:47 UTC. The last attempt to renew it failed at
// 13:50 UTC."
func (c Certificate) Sentence(now time.Time) string {
	attempt := c.attempt(now)
	switch c.State(now) {
	case CertificateExpired:
		if now.Before(c.Served.NotBefore) {
			return fmt.Sprintf("The certificate of %s is valid only from %s.%s", c.Name, clock(c.Served.NotBefore, now), attempt)
		}
		return fmt.Sprintf("The certificate of %s expired at %s.%s", c.Name, clock(c.Served.NotAfter, now), attempt)
	case CertificateMissing:
		return fmt.Sprintf("There is no certificate for %s, so nobody can connect to it.%s", c.Name, attempt)
	case CertificatePending:
		return fmt.Sprintf("%s gets its certificate with its first visitor.", c.Name)
	case CertificateOverdue:
		return fmt.Sprintf("The certificate of %s should have been renewed: %s.%s", c.Name, c.overdue(now), attempt)
	case CertificateRetried:
		return fmt.Sprintf("The certificate of %s is valid until %s.%s", c.Name, clock(c.Served.NotAfter, now), attempt)
	default:
		return fmt.Sprintf("The certificate of %s is valid until %s.", c.Name, clock(c.Served.NotAfter, now))
	}
}

// overdue says by what renewal is overdue.
func (c Certificate) overdue(now time.Time) string {
	left := fmt.Sprintf("%.0f%% of its life is left, until %s", 100*c.Served.Left(now), clock(c.Served.NotAfter, now))
	if !c.WindowEnd.IsZero() && now.After(c.WindowEnd) {
		return fmt.Sprintf("its issuer asked for it by %s; %s", clock(c.WindowEnd, now), left)
	}
	return fmt.Sprintf("%s, and renewal begins at %.0f%%", left, 100*c.renewAt())
}

// attempt tells of the last attempt, with a blank before it.
func (c Certificate) attempt(now time.Time) string {
	if failed := c.failing(); failed != nil {
		return fmt.Sprintf(" The last attempt to get one failed at %s.", clock(failed.At, now))
	}
	if len(c.Attempts) == 0 {
		if c.Stored == nil && c.Served != nil {
			return " This server does not renew it: it was loaded by hand."
		}
		return " No attempt to get one is known."
	}
	last := c.Attempts[0]
	if last.Outcome == Began {
		return fmt.Sprintf(" One was asked for at %s.", clock(last.At, now))
	}
	return fmt.Sprintf(" The last one was obtained at %s.", clock(last.At, now))
}

// failing is the last attempt that is over when it failed, else nil.
func (c Certificate) failing() *Event {
	for i := range c.Attempts {
		switch c.Attempts[i].Outcome {
		case Failed:
			return &c.Attempts[i]
		case Succeeded:
			return nil
		}
	}
	return nil
}

// Error is why the last attempt failed, "" when it did not; for operators only.
func (c Certificate) Error() string {
	if failed := c.failing(); failed != nil {
		return failed.Detail
	}
	return ""
}

var certificateSeverity = []CertificateState{
	CertificateExpired, CertificateMissing, CertificateOverdue, CertificateRetried, CertificatePending, CertificateValid,
}

// SortCertificates puts the worst first.
func SortCertificates(certificates []Certificate, now time.Time) {
	slices.SortStableFunc(certificates, func(a, b Certificate) int {
		return cmp.Or(
			cmp.Compare(slices.Index(certificateSeverity, a.State(now)), slices.Index(certificateSeverity, b.State(now))),
			strings.Compare(a.Name, b.Name))
	})
}

// CertificatesNeedingAttention are those somebody should look at, worst first.
func CertificatesNeedingAttention(certificates []Certificate, now time.Time) []Certificate {
	var found []Certificate
	for _, c := range certificates {
		if c.State(now).NeedsAttention() {
			found = append(found, c)
		}
	}
	SortCertificates(found, now)
	return found
}
