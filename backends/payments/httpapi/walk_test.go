package httpapi

import (
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/payments/postgres"
	"github.com/aditechsphere/fairway/backends/payments/storetest"
	"github.com/aditechsphere/fairway/backends/postgrestest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// Random calls are walks of so many calls, each on fresh stores: 500 calls, or
// 100,000 in the long form.
const callsOfWalk = 500

func walks() int {
	if os.Getenv("SOAK") != "" {
		return 200
	}
	return 1
}

// Random calls, made from Stripe's description of its parameters, on both
// databases: no answer is a 5xx or outside Stripe's schema, a refused call
// stores nothing, the books add up, and the databases answer alike.
func TestRandomCalls(t *testing.T) {
	t.Parallel()
	described := readSpec(t)
	statuses := make(map[string]int)
	for seed := range walks() {
		w := newWalk(t, described, uint64(seed))
		for n := range callsOfWalk {
			if err := w.step(t); err != nil {
				t.Fatalf("seed %d, call %d: %v", seed, n, err)
			}
		}
		for what, count := range w.statuses {
			statuses[what] += count
		}
		w.close(t)
	}
	t.Logf("%d walks of %d calls: %v", walks(), callsOfWalk, statuses)
	for _, kind := range []string{"200", "400", "402", "404"} {
		if statuses[kind] == 0 {
			t.Errorf("no answer was %s: the calls are not varied enough", kind)
		}
	}
}

// walker is a service under a walk, with the ids that it gave, in their order.
type walker struct {
	*server
	names []string
}

// walk makes the same calls of a service on SQLite and one on PostgreSQL.
type walk struct {
	*spec
	random     *rand.Rand
	operations []drawn // without parameters
	services   [2]*walker
	kinds      map[string][]int // places of ids in walker.names, by prefix
	keys       int
	last       *drawn
	statuses   map[string]int
	stored     *sql.DB // the first service's file
}

// drawn is a call; where it has an id of a service there is "§12§".
type drawn struct {
	op           *specOperation
	method, path string
	form, key    string
}

func newWalk(t *testing.T, described *spec, seed uint64) *walk {
	t.Helper()
	quietly := func(o *options) { o.unaudited = true }
	onSQLite := start(t, quietly)
	other, err := postgres.Open(t.Context(), postgrestest.DSN(t), "payments")
	must(t, err)
	onPostgres := start(t, quietly, func(o *options) { o.store = other })
	w := &walk{
		spec: described, random: rand.New(rand.NewPCG(seed, 9)), kinds: make(map[string][]int), statuses: make(map[string]int),
		services: [2]*walker{{server: onSQLite}, {server: onPostgres}},
	}
	w.stored, err = sql.Open("sqlite", onSQLite.folder+"/payments.db")
	must(t, err)
	w.findOperations(onSQLite.Config.Handler.(*http.ServeMux))
	return w
}

// findOperations keeps the operations of the description that the service has.
func (w *walk) findOperations(mux *http.ServeMux) {
	for _, path := range slices.Sorted(maps.Keys(w.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(w.Paths[path])) {
			method := strings.ToUpper(method)
			_, pattern := mux.Handler(httptest.NewRequest(method, path, nil))
			if strings.HasPrefix(pattern, method+" ") && strings.Count(pattern, "{") == strings.Count(path, "{") {
				w.operations = append(w.operations, drawn{op: w.Paths[path][strings.ToLower(method)], method: method, path: path})
			}
		}
	}
}

// close checks the books and closes what a walk opened; there are hundreds.
func (w *walk) close(t *testing.T) {
	t.Helper()
	must(t, w.stored.Close())
	for _, s := range w.services {
		storetest.Verify(t, s.store, s.clock.now())
		s.stop(t)
	}
}

// state tells whether anything but replies was stored.
func (w *walk) state(t *testing.T) (state string) {
	t.Helper()
	var parts []string
	for _, table := range []string{"payment_intents", "charges", "refunds", "payment_methods", "customers", "balance_transactions", "operations"} {
		parts = append(parts, "(SELECT count(*) || ' ' || total(version) FROM "+table+")")
	}
	parts = append(parts, "(SELECT count(*) FROM ledger)", "(SELECT count(*) FROM webhook_events)", "(SELECT count(*) || ' ' || total(updated_at) FROM webhook_endpoints)")
	must(t, w.stored.QueryRowContext(t.Context(), "SELECT "+strings.Join(parts, " || ' ' || ")).Scan(&state))
	return state
}

// step makes one call of both services, or lets time pass.
func (w *walk) step(t *testing.T) error {
	if w.chance(25) {
		by := pick(w, time.Second, 6*time.Second, time.Hour, 3*24*time.Hour)
		for _, s := range w.services {
			s.move(t, by)
		}
	}
	call := w.last
	if call == nil || !w.chance(12) { // now and then the same again
		call = w.draw()
	}
	w.last = call
	before := w.state(t)
	var told [2]string
	for n, s := range w.services {
		got := s.make(call)
		if err := w.checkAnswer(call.op, got); err != nil || got.Code >= 500 {
			return fmt.Errorf("%v: %d %s\n%w", call, got.Code, got.Body, err)
		}
		// A decline is stored: the attempt has failed.
		if n == 0 && got.Code >= 400 && got.Code != http.StatusPaymentRequired && w.state(t) != before {
			return fmt.Errorf("%v stored something, yet was refused: %d %s", call, got.Code, got.Body)
		}
		told[n] = s.transcript(w, got)
	}
	w.statuses[told[0][:3]]++
	if told[0] != told[1] {
		return fmt.Errorf("%v\non SQLite:     %s\non PostgreSQL: %s", call, told[0], told[1])
	}
	return nil
}

func (d *drawn) String() string {
	return fmt.Sprintf("%s %s %s (key %q)", d.method, d.path, d.form, d.key)
}

var (
	idForm    = regexp.MustCompile(`\b([a-z]+)_[a-z2-7]{26}(?:_secret_[A-Za-z0-9]+)?`)
	hookForm  = regexp.MustCompile(`whsec_[A-Za-z0-9+/=_-]+`)
	placeForm = regexp.MustCompile(`§(\d+)§`)
)

// make makes the call without a connection.
func (s *walker) make(call *drawn) *httptest.ResponseRecorder {
	own := func(text string) string {
		return placeForm.ReplaceAllStringFunc(text, func(place string) string {
			n, _ := strconv.Atoi(strings.Trim(place, "§"))
			return s.names[n]
		})
	}
	target, body := own(call.path), own(call.form)
	if call.method != http.MethodPost && body != "" {
		target, body = target+"?"+body, ""
	}
	request := httptest.NewRequest(call.method, target, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+s.key)
	if body != "" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if call.key != "" {
		request.Header.Set("Idempotency-Key", call.key)
	}
	got := httptest.NewRecorder()
	s.Config.Handler.ServeHTTP(got, request)
	return got
}

// transcript is the answer with "§12§" for ids.
func (s *walker) transcript(w *walk, got *httptest.ResponseRecorder) string {
	text := fmt.Sprint(got.Code)
	for _, name := range []string{"Content-Type", "Idempotent-Replayed", "Stripe-Should-Retry"} {
		text += "\n" + name + ": " + got.Header().Get(name)
	}
	text = hookForm.ReplaceAllString(text+"\n"+got.Body.String(), "whsec_")
	return idForm.ReplaceAllStringFunc(text, func(name string) string {
		n := slices.Index(s.names, name)
		if n < 0 {
			n = len(s.names)
			s.names = append(s.names, name)
			if kind := idForm.FindStringSubmatch(name)[1]; s == w.services[0] && !strings.Contains(name, "_secret_") {
				w.kinds[kind] = append(w.kinds[kind], n)
			}
		}
		return fmt.Sprintf("§%d§", n)
	})
}

func (w *walk) chance(oneIn int) bool { return w.random.IntN(oneIn) == 0 }

func pick[T any](w *walk, of ...T) T { return of[w.random.IntN(len(of))] }

// id is one that was given, of late, or none.
func (w *walk) id(kinds ...string) string {
	kind := pick(w, kinds...)
	given := w.kinds[kind]
	if len(given) == 0 || w.chance(25) {
		return pick(w, "x", kind+"_aaaaaaaaaaaaaaaaaaaaaaaaaa", "%00", "%ff", "%C3%BC")
	}
	return fmt.Sprintf("§%d§", pick(w, given[max(0, len(given)-5):]...))
}

// kindsOfPath are the ids that the first parameter of a path stands for.
var kindsOfPath = map[string][]string{
	"payment_intents": {"pi"}, "charges": {"ch"}, "refunds": {"re"}, "payment_methods": {"pm"}, "customers": {"cus"}, "events": {"evt"},
	"webhook_endpoints": {"we"}, "balance_transactions": {"txn"},
}

var pathParameter = regexp.MustCompile(`\{[a-z_]+\}`)

// draw draws a call of any operation, more of those that move money.
func (w *walk) draw() *drawn {
	call := pick(w, w.operations...)
	for range 3 {
		if resource := strings.Split(call.path, "/")[2]; call.method != http.MethodPost || resource == "webhook_endpoints" {
			call = pick(w, w.operations...)
		}
	}
	if w.chance(4) {
		call = w.operations[slices.IndexFunc(w.operations, func(d drawn) bool { return d.method == http.MethodPost && d.path == "/v1/payment_intents" })]
	}
	kinds := kindsOfPath[strings.Split(call.path, "/")[2]]
	call.path = pathParameter.ReplaceAllStringFunc(call.path, func(name string) string {
		if name == "{payment_method}" {
			return w.id("pm")
		}
		return w.id(kinds...)
	})
	var form []string
	for _, parameter := range call.op.Parameters {
		if parameter.In == "query" {
			form = w.parameter(form, parameter.Name, parameter.Name, parameter.Schema, parameter.Required)
		}
	}
	if content := call.op.RequestBody.Content["application/x-www-form-urlencoded"]; content.Schema != nil {
		form = w.hash(form, "", content.Schema)
		if call.path == "/v1/charges" { // needs both, though the description does not say so
			form = append(w.parameter(form, "amount", "amount", &schema{}, true), "currency="+w.text("currency", nil))
		}
	}
	if w.chance(20) {
		form = append(form, "expand[]="+url.QueryEscape(pick(w, textsOf["expand"]...)))
	}
	if w.chance(100) {
		form = append(form, pick(w, "unknown=1", "amount[x]=1", "a=%00", "expand[]=x", "amount=1&amount=2", "%zz", "metadata=1", "metadata[a][b]=1"))
	}
	call.form = strings.Join(form, "&")
	if call.method == http.MethodPost && !w.chance(3) {
		call.key = w.key()
	}
	return &call
}

// key is a new key, or, less often, one of the last.
func (w *walk) key() string {
	if w.chance(10) {
		return fmt.Sprint("k", max(0, w.keys-w.random.IntN(5)))
	}
	w.keys++
	return fmt.Sprint("k", w.keys)
}

// How often parameters are drawn: once in so many calls. Of the others few are
// supported, and each of those that is not has the call refused.
const (
	often  = 2
	seldom = 8
	rarely = 3000
)

var (
	oftenDrawn  = strings.Fields("confirm payment_method payment_intent card number exp_month exp_year type url enabled_events")
	seldomDrawn = strings.Fields(`capture_method customer description metadata receipt_email shipping amount_to_capture reason charge source
		email name phone cancellation_reason return_url limit starting_after address line1 city country cvc types capture created gte`)
)

func (w *walk) hash(form []string, outer string, of *schema) []string {
	of = w.resolve(of)
	for _, name := range slices.Sorted(maps.Keys(of.Properties)) {
		full := name
		if outer != "" {
			full = outer + "[" + name + "]"
		}
		form = w.parameter(form, full, name, of.Properties[name], slices.Contains(of.Required, name))
	}
	return form
}

// parameter draws a parameter, or leaves it out.
func (w *walk) parameter(form []string, full, name string, of *schema, required bool) []string {
	oneIn := rarely
	switch {
	case required:
		oneIn = 1
	case slices.Contains(oftenDrawn, name) && !strings.HasPrefix(full, "payment_method_data["):
		oneIn = often
	case slices.Contains(seldomDrawn, name):
		oneIn = seldom
	}
	if !w.chance(oneIn) || required && w.chance(100) {
		return form
	}
	of = w.resolve(of)
	if len(of.AnyOf) > 0 {
		of = w.resolve(pick(w, of.AnyOf...))
	}
	switch {
	case w.chance(120):
		return append(form, full+"="+pick(w, "", "x", "-1", "99999999999999999999", "%F0%9F%92%B6", "true", strings.Repeat("y", 600)))
	case of.Type == "object" && name == "metadata":
		return append(form, full+"["+pick(w, "cart", "a", "b+c")+"]="+pick(w, "7", "", "%E6%97%A5"))
	case of.Type == "object":
		return w.hash(form, full, of)
	case of.Type == "array":
		return append(form, full+"[]="+w.text(name, w.resolve(of.Items)))
	}
	return append(form, full+"="+w.text(name, of))
}

// text draws the text of a parameter that has no others in it.
func (w *walk) text(name string, of *schema) string {
	if values := textsOf[name]; values != nil {
		return url.QueryEscape(pick(w, values...))
	}
	switch name {
	case "payment_method":
		if !w.chance(3) {
			return pick(w, testMethods...)
		}
		return w.id("pm")
	case "customer":
		return w.id("cus")
	case "payment_intent":
		return w.id("pi")
	case "charge":
		return w.id("ch")
	case "source":
		return pick(w, "tok_visa", "tok_chargeDeclined", "tok_x", w.id("ch"))
	case "starting_after", "ending_before":
		return w.id("pi", "ch", "re", "cus", "evt", "txn")
	case "limit":
		return strconv.Itoa(1 + w.random.IntN(30))
	}
	if len(of.Enum) > 0 {
		return url.QueryEscape(fmt.Sprint(pick(w, of.Enum...)))
	}
	switch of.Type {
	case "boolean":
		return pick(w, "true", "false")
	case "integer":
		return pick(w, "0", "1", "1772625600", "2030", "12")
	}
	return url.QueryEscape(pick(w, "Coffee", "日本", "O'Brien & Söhne", "7"))
}

var testMethods = []string{
	"pm_card_visa", "pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_chargeDeclined", "pm_card_visa_chargeDeclinedInsufficientFunds",
	"pm_card_threeDSecure2Required", "pm_card_authenticationRequired", "pm_card_pendingRefund", "pm_card_refundFail", "pm_usBankAccount_success",
	"pm_usBankAccount_insufficientFunds", "pm_card_chargeCustomerFail",
}

// textsOf are what parameters are drawn from, where a name tells more than a type.
var textsOf = map[string][]string{
	"amount":               {"50", "999", "2000", "10000", "10000", "1", "0", "123456789"},
	"amount_to_capture":    {"1", "999", "2000", "10000"},
	"currency":             {"usd", "usd", "usd", "eur", "jpy", "kwd", "xxx", "USD"},
	"number":               {"4242424242424242", "4000000000000002", "4000000000003220", "4242424242424241", "4012888888881881"},
	"exp_month":            {"1", "12", "13"},
	"exp_year":             {"2030", "31", "2020"},
	"cvc":                  {"123", "12"},
	"type":                 {"card", "charge", "payment_intent.succeeded", "us_bank_account"},
	"email":                {"name@example.com", "x"},
	"receipt_email":        {"name@example.com", "x"},
	"url":                  {"https://example.com/hook", "http://example.com", "x"},
	"return_url":           {"https://example.com/back", "x"},
	"enabled_events":       {"*", "payment_intent.succeeded", "charge.*", "x"},
	"types":                {"payment_intent.succeeded", "charge.*"},
	"expand":               {"latest_charge", "data.customer", "payment_intent.latest_charge", "x"},
	"payment_method_types": {"card", "us_bank_account", "x"},
	"country":              {"DE", "x"},
	"phone":                {"+49 30 1", strings.Repeat("1", 30)},
}
