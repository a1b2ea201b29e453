package homepage

import (
	"strings"
	"testing"
	"time"
)

func TestCertificateStates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 13, 50, 0, 0, time.UTC)
	// lived is a certificate with a life, of which a share is left.
	lived := func(life time.Duration, left float64) *Leaf {
		end := now.Add(time.Duration(left * float64(life)))
		return &Leaf{NotBefore: end.Add(-life), NotAfter: end}
	}
	const day = 24 * time.Hour
	failed := []Event{{Outcome: Failed, At: now.Add(-time.Minute), Detail: "the authority is down"}}
	tests := map[string]struct {
		Certificate
		state  CertificateState
		saying string
	}{
		"fresh":                       {Certificate{Served: lived(90*day, 0.9), Stored: lived(90*day, 0.9)}, CertificateValid, "is valid until"},
		"due, not overdue":            {Certificate{Served: lived(90*day, 0.30)}, CertificateValid, "is valid until"},
		"overdue, 22 days before":     {Certificate{Served: lived(90*day, 0.24)}, CertificateOverdue, "should have been renewed: 24% of its life is left"},
		"fine, with 2 hours left":     {Certificate{Served: lived(6*time.Hour, 0.34)}, CertificateValid, ""},
		"overdue, of six hours":       {Certificate{Served: lived(6*time.Hour, 0.2), Attempts: failed}, CertificateOverdue, "The last attempt to get one failed at 13:49 UTC."},
		"renewal set to a tenth":      {Certificate{Served: lived(90*day, 0.09), RenewAt: 0.1}, CertificateValid, ""},
		"the issuer's window is over": {Certificate{Served: lived(90*day, 0.6), WindowEnd: now.Add(-time.Hour)}, CertificateOverdue, "its issuer asked for it by 12:50 UTC; 60% of its life is left"},
		"in the issuer's window":      {Certificate{Served: lived(90*day, 0.6), WindowStart: now.Add(-time.Hour), WindowEnd: now.Add(time.Hour)}, CertificateValid, ""},
		"expired":                     {Certificate{Served: lived(90*day, -0.0001), Stored: lived(90*day, -0.0001), Attempts: failed}, CertificateExpired, "expired at"},
		"from the future":             {Certificate{Served: lived(90*day, 1.1)}, CertificateExpired, "is valid only from"},
		"failed once":                 {Certificate{Served: lived(90*day, 0.32), Attempts: failed}, CertificateRetried, "failed at 13:49 UTC"},
		"failed, tried again":         {Certificate{Served: lived(90*day, 0.32), Attempts: append([]Event{{Outcome: Began, At: now}}, failed...)}, CertificateRetried, "failed at 13:49 UTC"},
		"failed, then obtained":       {Certificate{Served: lived(90*day, 0.9), Attempts: append([]Event{{Outcome: Succeeded, At: now}}, failed...)}, CertificateValid, ""},
		"loaded by hand":              {Certificate{Served: lived(90*day, 0.1)}, CertificateOverdue, "This server does not renew it"},
		"none":                        {Certificate{}, CertificateMissing, "There is no certificate for blog.example"},
		"none yet":                    {Certificate{OnDemand: true}, CertificatePending, "first visitor"},
		"none, on demand":             {Certificate{OnDemand: true, Attempts: failed}, CertificateMissing, "failed at"},
	}
	for name, test := range tests {
		test.Name = "blog.example"
		if got := test.State(now); got != test.state {
			t.Errorf("%s: %s, want %s", name, got, test.state)
		}
		if got := test.Sentence(now); !strings.Contains(got, test.saying) || strings.Contains(got, "the authority") {
			t.Errorf("%s: %q lacks %q", name, got, test.saying)
		}
	}
	attention := CertificatesNeedingAttention([]Certificate{tests["fresh"].Certificate, tests["overdue, of six hours"].Certificate, tests["expired"].Certificate}, now)
	if len(attention) != 2 || attention[0].State(now) != CertificateExpired || attention[0].Error() != "the authority is down" {
		t.Errorf("needs attention: %+v", attention)
	}
}

func TestRenewalDue(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	leaf := &Leaf{NotBefore: begin, NotAfter: begin.Add(90 * 24 * time.Hour)}
	window := begin.Add(50 * 24 * time.Hour)
	for name, c := range map[string]struct {
		Certificate
		want time.Time
	}{
		"a third is left":            {Certificate{Served: leaf, Stored: leaf}, begin.Add(60 * 24 * time.Hour)},
		"half is left":               {Certificate{Served: leaf, Stored: leaf, RenewAt: 0.5}, begin.Add(45 * 24 * time.Hour)},
		"the issuer's window begins": {Certificate{Served: leaf, Stored: leaf, WindowStart: window}, window},
		"somebody else renews it":    {Certificate{Served: leaf}, time.Time{}},
		"there is none":              {Certificate{Stored: leaf}, time.Time{}},
	} {
		if got := c.RenewalDue(); !got.Equal(c.want) {
			t.Errorf("%s: due %v, want %v", name, got, c.want)
		}
	}
}
