package webhook

import (
	"strings"
	"testing"
	"time"
)

func TestWants(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		types  string
		event  string
		status Status
		want   bool
	}{
		{"*", "order.created", Enabled, true},
		{"*", "order.created", Disabled, false},
		{"order.created", "order.created", Enabled, true},
		{"order.created", "order.canceled", Enabled, false},
		{"order.*", "order.canceled", Enabled, true},
		{"order.*", "orders", Enabled, false},
		{"refund.created,order.created", "order.created", Enabled, true},
	} {
		endpoint := Endpoint{Types: strings.Split(tc.types, ","), Status: tc.status}
		if got := endpoint.Wants(tc.event); got != tc.want {
			t.Errorf("%s endpoint of %s wants %s: %v", tc.status, tc.types, tc.event, got)
		}
	}
}

// The vectors are Stripe's scheme and the example of the Standard Webhooks specification.
func TestSignatures(t *testing.T) {
	t.Parallel()
	now := time.Unix(1614265330, 0)
	endpoint := Endpoint{Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
	got := endpoint.Headers("msg_p5jXN8AQM9LWM0D4loKWxJek", []byte(`{"test": 2432232314}`), now)
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got["Webhook-Signature"] != want {
		t.Errorf("Webhook-Signature %q, want %q", got["Webhook-Signature"], want)
	}
	if got["Webhook-Timestamp"] != "1614265330" || got["Webhook-Id"] != "msg_p5jXN8AQM9LWM0D4loKWxJek" {
		t.Errorf("headers %v", got)
	}
	endpoint.OldSecret, endpoint.OldSecretUntil = "whsec_old", now.Add(time.Hour)
	both := endpoint.Headers("e", nil, now)
	if strings.Count(both["Stripe-Signature"], ",v1=") != 2 || strings.Count(both["Webhook-Signature"], "v1,") != 2 {
		t.Errorf("while a secret is replaced: %v", both)
	}
	if one := endpoint.Headers("e", nil, now.Add(time.Hour)); strings.Count(one["Stripe-Signature"], ",v1=") != 1 {
		t.Errorf("after a secret was replaced: %v", one)
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	var total time.Duration
	attempts := 0
	for ; ; attempts++ {
		wait, ok := Next(attempts, 0)
		if !ok {
			break
		}
		total += wait
	}
	if attempts != 10 || total < 75*time.Hour || total > 76*time.Hour {
		t.Errorf("%d attempts over %v", attempts, total)
	}
	if wait, _ := Next(1, time.Hour); wait != time.Hour {
		t.Errorf("Retry-After is not honoured: %v", wait)
	}
	if wait, _ := Next(1, 1000*time.Hour); wait != 24*time.Hour {
		t.Errorf("Retry-After is not bounded: %v", wait)
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://example.com/hook?a=b":    "",
		"http://127.0.0.1:8080":           "",
		"ftp://example.com":               "must begin with",
		"/hook":                           "must be an address",
		"https://":                        "must be an address",
		"https://user:secret@example.com": "user name",
		"https://example.com/#part":       "fragment",
		"https://example.com/" + strings.Repeat("a", MaxURL): "at most",
		"https://exa mple.com":                               "must be an address",
	} {
		err := CheckURL(address)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %q", address, err, want)
		}
	}
}
