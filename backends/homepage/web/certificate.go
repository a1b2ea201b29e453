package web

import (
	"fmt"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

// certificate is one as the template shows it.
type certificate struct {
	homepage.Certificate
	now time.Time
}

func certificatesOf(all []homepage.Certificate, now time.Time) []certificate {
	rows := make([]certificate, len(all))
	for i, c := range all {
		rows[i] = certificate{c, now}
	}
	return rows
}

// certificateWords are the states in a word.
var certificateWords = map[homepage.CertificateState]string{
	homepage.CertificateExpired: "Expired",
	homepage.CertificateMissing: "Missing",
	homepage.CertificateOverdue: "Overdue",
	homepage.CertificateRetried: "Retried",
	homepage.CertificatePending: "None yet",
	homepage.CertificateValid:   "Valid",
}

// Word is the state in a word.
func (c certificate) Word() string { return certificateWords[c.State(c.now)] }

// Tone is that of the state.
func (c certificate) Tone() look.Tone {
	switch state := c.State(c.now); {
	case state.Urgent():
		return look.Bad
	case state.NeedsAttention():
		return look.Warn
	case state == homepage.CertificatePending:
		return look.None
	default:
		return look.Good
	}
}

// Says is how the certificate is, in sentences.
func (c certificate) Says() string { return c.Sentence(c.now) }

// LeftShare is the share of its life that is left: "62%".
func (c certificate) LeftShare() string { return fmt.Sprintf("%.0f%%", 100*c.Served.Left(c.now)) }

// StoredWord compares what is stored with what is served.
func (c certificate) StoredWord() string {
	switch {
	case c.Stored == nil:
		return "not stored"
	case c.Served == nil || c.Stored.Serial != c.Served.Serial:
		return "another one stored, until " + c.Stored.NotAfter.Format("2 Jan 2006 15:04 MST")
	default:
		return "stored too"
	}
}

// Renewal is when the issuer asks for it, "" where it does not say.
func (c certificate) Renewal() string {
	if c.WindowStart.IsZero() {
		return ""
	}
	return "renewal asked for " + c.WindowStart.Format("2 Jan 15:04") + " to " + c.WindowEnd.Format("2 Jan 15:04 MST")
}
