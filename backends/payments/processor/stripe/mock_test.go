package stripe

import (
	"bufio"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/payments"
)

// startMock starts stripe-mock, which refuses requests that Stripe's OpenAPI
// description does not allow and answers the others with examples from it.
func startMock(t *testing.T) (url string) {
	t.Helper()
	program := filepath.Join("..", "..", "..", "..", "bin", "tools", "stripe-mock")
	mock := exec.Command(program, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	output, err := mock.StdoutPipe()
	must(t, err)
	if err := mock.Start(); err != nil {
		t.Fatalf("stripe-mock does not start; make tools builds it: %v", err)
	}
	t.Cleanup(func() {
		_ = mock.Process.Kill()
		_ = mock.Wait()
	})
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "Listening for HTTP at address: "); ok {
			go func() {
				for lines.Scan() { // it must be able to write on
				}
			}()
			return "http://" + address
		}
	}
	t.Fatal("stripe-mock ended before it listened")
	return ""
}

// observed notes what is asked, as "METHOD path STATUS", ids left out.
type observed struct {
	mu    sync.Mutex
	calls []string
}

var idInPath = regexp.MustCompile(`/(pi|pm|re)_[^/]+`)

func (o *observed) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.calls = append(o.calls, r.Method+" "+idInPath.ReplaceAllString(r.URL.Path, "/ID")+" "+response.Status)
	}
	return response, err
}

// Everything that the processor asks is allowed by Stripe's own description of
// its API, and the answers are understood.
func TestStripeAllowsWhatIsAsked(t *testing.T) {
	t.Parallel()
	calls := new(observed)
	processor, err := New(Config{SecretKey: "sk_test_mock", APIBase: startMock(t), Transport: calls})
	must(t, err)
	if _, err := processor.NamedMethod(t.Context(), "pm_1"); err != nil {
		t.Errorf("a payment method: %v", err)
	}
	if _, err := processor.FailedRefunds(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Errorf("refunds that failed: %v", err)
	}
	if _, _, err := processor.RefundsOf(t.Context(), "pi_1"); err != nil {
		t.Errorf("refunds of a payment: %v", err)
	}
	if _, err := processor.RefundedElsewhere(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Errorf("refunds made elsewhere: %v", err)
	}
	now := payments.Head{ID: "op_1", Created: time.Now()}
	old := payments.Head{ID: "op_2", Created: time.Now().Add(-48 * time.Hour)}
	method := payments.MethodDetails{Type: payments.TypeCard, Token: "pm_1"}
	for name, operation := range map[string]payments.Operation{
		"take": {Head: now, Do: payments.OpAuthorize, Intent: "pi_ours", Amount: 500, Currency: "usd", Method: method,
			Description: "Order 7", ReturnURL: "https://shop.example.com/done"},
		"hold": {Head: now, Do: payments.OpAuthorize, Intent: "pi_ours", Amount: 500, Currency: "usd", Method: method,
			Manual: true, OffSession: true, NoAction: true},
		"take, asked again": {Head: now, Do: payments.OpAuthorize, Amount: 500, Currency: "usd", Method: method, Reference: "pi_1", Tries: 1},
		"take, a day ago":   {Head: old, Do: payments.OpAuthorize, Amount: 500, Currency: "usd", Method: method, Reference: "pi_1"},
		"capture":           {Head: now, Do: payments.OpCapture, Amount: 300, Held: 500, Currency: "usd", Reference: "pi_1"},
		"void":              {Head: now, Do: payments.OpVoid, Held: 500, Currency: "usd", Reference: "pi_1"},
		"refund":            {Head: now, Do: payments.OpRefund, Refund: "re_ours", Amount: 300, Currency: "usd", Reference: "pi_1", Reason: "duplicate"},
		"refund, named":     {Head: now, Do: payments.OpRefund, Refund: "re_ours", Amount: 300, Currency: "usd", Reference: "re_1"},
		"refund, forgotten": {Head: old, Do: payments.OpRefund, Refund: "re_ours", Amount: 300, Currency: "usd", Reference: "pi_1"},
	} {
		if answer := processor.Do(t.Context(), operation); answer.Reference == "" {
			t.Errorf("%s: no answer was understood: %+v", name, answer)
		}
	}
	lost := payments.Operation{Head: old, Do: payments.OpAuthorize, Intent: "pi_ours", Amount: 500, Currency: "usd", Method: method}
	if answer := processor.Do(t.Context(), lost); answer.Verdict != payments.VerdictDeclined {
		t.Errorf("a payment that was never made: %+v", answer)
	}
	slices.Sort(calls.calls)
	want := []string{
		"GET /v1/events 200 OK",
		"GET /v1/payment_intents 200 OK",
		"GET /v1/payment_intents/ID 200 OK",
		"GET /v1/payment_methods/ID 200 OK",
		"GET /v1/refunds 200 OK",
		"GET /v1/refunds/ID 200 OK",
		"POST /v1/payment_intents 200 OK",
		"POST /v1/payment_intents/ID/cancel 200 OK",
		"POST /v1/payment_intents/ID/capture 200 OK",
		"POST /v1/payment_intents/ID/confirm 200 OK",
		"POST /v1/refunds 200 OK",
	}
	if got := slices.Compact(calls.calls); !slices.Equal(got, want) {
		t.Errorf("asked were\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The test above can fail: what Stripe does not know is refused.
func TestTheMockRefusesWhatStripeDoesNotKnow(t *testing.T) {
	t.Parallel()
	processor, err := New(Config{SecretKey: "sk_test_mock", APIBase: startMock(t)})
	must(t, err)
	answer := processor.Do(t.Context(), payments.Operation{Head: payments.Head{ID: "op_1", Created: time.Now()}, Do: payments.OpRefund,
		Amount: 300, Reference: "pi_1", Reason: "no reason that Stripe knows"})
	if answer.Verdict != payments.VerdictDeclined {
		t.Errorf("a refund for an unknown reason: %+v", answer)
	}
}
