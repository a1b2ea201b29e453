package crashtest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// call is a request that was acknowledged, and how.
type call struct {
	address, key, body string
	status             int
	answer             string
}

// orderMade is what the answers said of an order.
type orderMade struct {
	id                        string
	fulfilled, paid, refunded int64
}

// intentMade is what the answers said of a payment intent.
type intentMade struct {
	id, status         string
	received, refunded int64
}

// writer is one client. It goes through the lives of orders and payments; a
// request without an answer is sent again, with its key, until it has one.
// What it was told stays with it, outside the server.
type writer struct {
	*campaign
	number int
	random *rand.Rand
	count  int // of keys and references
	calls  []call
	placed map[string]orderMade  // by reference
	paid   map[string]intentMade // by reference
}

func newWriter(c *campaign, number int) *writer {
	return &writer{
		campaign: c, number: number, random: rand.New(rand.NewPCG(1, uint64(number))),
		placed: make(map[string]orderMade), paid: make(map[string]intentMade),
	}
}

// next is a name that no other has.
func (w *writer) next() string {
	w.count++
	return "w" + strconv.Itoa(w.number) + "-" + strconv.Itoa(w.count)
}

// run goes on until the campaign ends, and finishes what it began.
func (w *writer) run() {
	for w.ctx.Err() == nil && !w.ending.Load() {
		if w.random.IntN(2) == 0 {
			w.order()
		} else {
			w.payment()
		}
		if len(w.calls) > 0 && w.random.IntN(4) == 0 {
			w.again(w.calls[w.random.IntN(len(w.calls))])
		}
	}
}

// order places an order; some are fulfilled in part, some are paid.
func (w *writer) order() {
	ref := w.next()
	var placed struct {
		ID    string
		Lines []struct{ ID string }
	}
	w.do(w.orders+"/v1/orders", `{"currency":"eur","lines":[{"title":"Mug","quantity":2,"unit_amount":900}],"metadata":{"ref":"`+ref+`"}}`, &placed)
	if placed.ID == "" {
		return
	}
	made := orderMade{id: placed.ID}
	own := w.orders + "/v1/orders/" + placed.ID
	switch w.random.IntN(3) {
	case 0:
		if w.do(own+"/fulfillments", `{"lines":[{"line":"`+placed.Lines[0].ID+`","quantity":1}]}`, nil) {
			made.fulfilled = 1
		}
	case 1:
		var started struct{ Payment string }
		w.do(own+"/payments", `{}`, &started)
		intent := intentMade{id: started.Payment, status: "requires_payment_method"}
		w.confirm(&intent)
		if intent.received > 0 && w.random.IntN(2) == 0 {
			w.refund(&intent, 900)
		}
		made.paid, made.refunded = intent.received, intent.refunded
		w.paid["order "+ref] = intent
	}
	w.placed[ref] = made
}

// payment creates an intent, confirms it, and captures or cancels it; some of
// what was captured is refunded.
func (w *writer) payment() {
	ref := w.next()
	form := url.Values{"amount": {"5000"}, "currency": {"usd"}, "metadata[ref]": {ref}}
	manual := w.random.IntN(2) == 0
	if manual {
		form.Set("capture_method", "manual")
	}
	intent := intentMade{status: "requires_payment_method"}
	var created struct{ ID string }
	w.do(w.payments+"/v1/payment_intents", form.Encode(), &created)
	if intent.id = created.ID; intent.id == "" {
		return
	}
	w.confirm(&intent)
	if intent.status == "requires_capture" {
		if w.random.IntN(3) == 0 {
			w.change(&intent, "/cancel", "")
		} else {
			w.change(&intent, "/capture", "amount_to_capture=4000")
		}
	}
	for intent.received > intent.refunded && w.random.IntN(2) == 0 {
		w.refund(&intent, 1000)
	}
	w.paid[ref] = intent
}

func (w *writer) confirm(intent *intentMade) {
	w.change(intent, "/confirm", "payment_method=pm_card_visa")
}

// change does something to an intent, and notes what became of it.
func (w *writer) change(intent *intentMade, what, form string) {
	var changed struct {
		Status   string
		Received int64 `json:"amount_received"`
	}
	if w.do(w.payments+"/v1/payment_intents/"+intent.id+what, form, &changed) {
		intent.status, intent.received = changed.Status, changed.Received
	}
}

func (w *writer) refund(intent *intentMade, amount int64) {
	if w.do(w.payments+"/v1/refunds", fmt.Sprintf("payment_intent=%s&amount=%d", intent.id, amount), nil) {
		intent.refunded += amount
	}
}

// do sends a request with a new key until it is answered, and reports whether
// it succeeded.
func (w *writer) do(address, body string, into any) bool {
	asked := call{address: address, key: w.next(), body: body}
	for w.ctx.Err() == nil {
		got, final := w.try(asked)
		if !final {
			continue
		}
		if got.status >= 500 {
			asked.key = w.next() // a failure is kept under its key: nothing happened, so another key may do it
			continue
		}
		asked.status, asked.answer = got.status, got.text
		w.calls = append(w.calls, asked)
		if asked.status >= 300 {
			w.problem("POST %s was refused: %d %s", address, asked.status, asked.answer)
			return false
		}
		if into != nil {
			if err := json.Unmarshal([]byte(asked.answer), into); err != nil {
				w.problem("POST %s: %v in %s", address, err, asked.answer)
			}
		}
		return true
	}
	return false
}

// try sends a request once, and reports whether its answer is final.
func (w *writer) try(asked call) (got answer, final bool) {
	got, err := w.send(w.ctx, http.MethodPost, asked.address, asked.key, asked.body)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED): // nobody is there
	case err != nil:
		w.cut.Add(1)
	case got.status == http.StatusConflict && strings.Contains(got.text, "key"), got.status == http.StatusTooManyRequests:
		w.busy.Add(1) // the first request with the key is under way
	case got.status >= 500:
		w.failed.Add(1)
		if !w.mayFail {
			w.problem("POST %s: %d %s", asked.address, got.status, got.text)
		}
		final = got.replayed
	default:
		w.acknowledged.Add(1)
		final = true
	}
	if !final {
		time.Sleep(10 * time.Millisecond) // the server may be starting
	}
	return got, final
}

// again repeats a request that was acknowledged: it gets the same answer.
func (w *writer) again(told call) {
	for w.ctx.Err() == nil {
		got, final := w.try(told)
		if !final {
			continue
		}
		if got.status != told.status || got.text != told.answer {
			w.problem("POST %s, repeated with its key: %d %s\nat first %d %s", told.address, got.status, got.text, told.status, told.answer)
		}
		return
	}
}
