package httpapi

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/backends/orders/postgres"
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

// Random calls, made from the document, on both databases: no answer is a 5xx
// or outside the document, a refused call stores nothing, and the databases
// answer alike.
func TestRandomCalls(t *testing.T) {
	t.Parallel()
	statuses := make(map[string]int)
	for seed := range walks() {
		onPostgres, err := postgres.Open(t.Context(), postgrestest.DSN(t))
		if err != nil {
			t.Fatal(err)
		}
		w := newWalk(t, uint64(seed), newService(t), newServiceOn(t, onPostgres, 0))
		for n := range callsOfWalk {
			if err := w.step(); err != nil {
				t.Fatalf("seed %d, call %d: %v", seed, n, err)
			}
		}
		for status, count := range w.statuses {
			statuses[status] += count
		}
		w.close(t)
	}
	t.Logf("%d walks of %d calls: %v", walks(), callsOfWalk, statuses)
	for _, kind := range []string{"200", "201", "204", "400", "404", "409", "412", "422"} {
		if statuses[kind] == 0 {
			t.Errorf("no answer was %s: the calls are not varied enough", kind)
		}
	}
}

// walker is a service under a walk, with the ids that it gave, in their order.
type walker struct {
	*service
	names []string
}

// walk makes the same calls of two services.
type walk struct {
	random     *rand.Rand
	doc        map[string]any
	operations []operation
	services   [2]*walker
	kinds      map[string][]int // places of ids in walker.names, by prefix
	cursors    []string
	keys       int
	last       *drawn
	statuses   map[string]int
	changes    *sql.Conn // sees whether the first service's file was changed
}

// drawn is a call; where it has an id of a service there is "§12§".
type drawn struct {
	op           operation
	target, body string
	header       []string
}

func newWalk(t *testing.T, seed uint64, services ...*service) *walk {
	t.Helper()
	w := &walk{
		random: rand.New(rand.NewPCG(seed, 8)), doc: described(t, services[0]), operations: (&handler{}).operations(),
		kinds: make(map[string][]int), statuses: make(map[string]int),
	}
	for n, s := range services {
		w.services[n] = &walker{service: s}
	}
	db, err := sql.Open("sqlite", services[0].path)
	if err != nil {
		t.Fatal(err)
	}
	w.changes, err = db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// close closes what a walk opened; there are hundreds of walks.
func (w *walk) close(t *testing.T) {
	t.Helper()
	if err := w.changes.Close(); err != nil {
		t.Error(err)
	}
	for _, s := range w.services {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// version changes with every commit that another connection makes to the file.
func (w *walk) version() (version int, err error) {
	return version, w.changes.QueryRowContext(context.Background(), "PRAGMA data_version").Scan(&version)
}

// step makes one call of both services.
func (w *walk) step() error {
	call := w.last
	if call == nil || w.random.IntN(10) > 0 { // now and then the same again
		call = w.draw()
	}
	w.last = call
	before, err := w.version()
	if err != nil {
		return err
	}
	var told [2]string
	for n, s := range w.services {
		answer, err := s.make(w, call)
		if err != nil {
			return err
		}
		told[n] = answer
		if n > 0 {
			continue
		}
		after, err := w.version()
		if err != nil {
			return err
		}
		if refused := answer[0] == '4'; refused && after != before {
			return fmt.Errorf("%s %s %s stored something, yet was refused: %s", call.op.Method, call.target, call.body, answer)
		}
	}
	w.statuses[told[0][:3]]++
	if told[0] != told[1] {
		return fmt.Errorf("%s %s %s %v\non SQLite:     %s\non PostgreSQL: %s", call.op.Method, call.target, call.body, call.header, told[0], told[1])
	}
	for _, found := range cursorForm.FindAllStringSubmatch(told[0], 1) {
		w.cursors = append(w.cursors, found[1])
	}
	return nil
}

var (
	idForm     = regexp.MustCompile(`\b(?:pi_)?([a-z]+)_[a-z2-7]{26}\b`)
	secretForm = regexp.MustCompile(`whsec_[A-Za-z0-9+/=_-]+`)
	cursorForm = regexp.MustCompile(`"next_cursor":"([^"]+)"`)
	placeForm  = regexp.MustCompile(`§(\d+)§`)
)

// make makes the call and returns the answer with "§12§" for ids.
func (s *walker) make(w *walk, call *drawn) (string, error) {
	own := func(text string) string {
		return placeForm.ReplaceAllStringFunc(text, func(place string) string {
			n, _ := strconv.Atoi(strings.Trim(place, "§"))
			return s.names[n]
		})
	}
	got := s.do(call.op.Method, own(call.target), own(call.body), call.header...)
	if err := checkReply(w.doc, call.op, got); err != nil || got.Code >= 500 {
		return "", fmt.Errorf("%s %s %s %v: %d %s\n%w", call.op.Method, own(call.target), own(call.body), call.header, got.Code, got.Body, err)
	}
	return s.transcript(w, got), nil
}

func (s *walker) transcript(w *walk, got *httptest.ResponseRecorder) string {
	text := fmt.Sprint(got.Code)
	for _, name := range []string{"Content-Type", "ETag", "Location", "Link", "Idempotent-Replayed"} {
		text += "\n" + name + ": " + got.Header().Get(name)
	}
	text = secretForm.ReplaceAllString(text+"\n"+got.Body.String(), "whsec_")
	return idForm.ReplaceAllStringFunc(text, func(name string) string {
		n := slices.Index(s.names, name)
		if n < 0 {
			n = len(s.names)
			s.names = append(s.names, name)
			if s == w.services[0] {
				kind := idForm.FindStringSubmatch(name)[1]
				w.kinds[kind] = append(w.kinds[kind], n)
			}
		}
		return fmt.Sprintf("§%d§", n)
	})
}

func (w *walk) chance(oneIn int) bool { return w.random.IntN(oneIn) == 0 }

func pick[T any](w *walk, of ...T) T { return of[w.random.IntN(len(of))] }

// id is one that was given, of late, or none.
func (w *walk) id(kind string) string {
	given := w.kinds[kind]
	if len(given) == 0 || w.chance(20) {
		return pick(w, "x", kind+"_aaaaaaaaaaaaaaaaaaaaaaaaaa", "%00", "ü")
	}
	recent := given[max(0, len(given)-6):]
	return fmt.Sprintf("§%d§", pick(w, recent...))
}

// draw draws a call of any operation, half of them of the commonest.
func (w *walk) draw() *drawn {
	op := pick(w, w.operations...)
	if w.chance(3) {
		op = w.operations[0]
	}
	kind := "ord"
	if strings.Contains(op.Path, "webhook_endpoints") {
		kind = "we"
	} else if strings.Contains(op.Path, "deliveries") {
		kind = "dlv"
	}
	call := &drawn{op: op, target: strings.ReplaceAll(op.Path, "{id}", w.id(kind))}
	var query []string
	for _, p := range op.Query {
		if w.chance(2 + len(op.Query)/2) {
			query = append(query, p.Name+"="+w.parameter(p))
		}
	}
	if len(query) > 0 {
		call.target += "?" + strings.Join(query, "&")
	}
	if op.Body != nil {
		w.drawBody(call)
	}
	if op.Key || w.chance(2) {
		call.header = append(call.header, "Idempotency-Key", w.key())
	}
	if op.Match && !w.chance(10) || w.chance(5) {
		call.header = append(call.header, "If-Match", pick(w, "*", `"2-1"`, `"2-2"`, `"2-3"`, "x"))
	}
	return call
}

// key is a new key, or, less often, one of the last.
func (w *walk) key() string {
	if w.chance(6) {
		return fmt.Sprint("k", max(0, w.keys-w.random.IntN(5)))
	}
	w.keys++
	return fmt.Sprint("k", w.keys)
}

func (w *walk) parameter(p parameter) string {
	switch {
	case w.chance(15):
		return pick(w, "", "%00", "-1", "x", "99999999999999999999", "%FF", "a=b", "§")
	case p.Name == "cursor" && len(w.cursors) > 0:
		return pick(w, w.cursors...)
	case p.Name == "after":
		return w.id("evt")
	case p.Number:
		return strconv.Itoa(1 + w.random.IntN(40))
	case p.Name == "q":
		// A beginning must be longer than the random one of an id, by which orders are found too.
		return pick(w, "coffee", "coffe*", "red+mug", "example", "%E6%97%A5%E6%9C%AC", "name%40example.com", "7")
	case strings.HasSuffix(p.Name, "_from"), strings.HasSuffix(p.Name, "_until"):
		return pick(w, "2026-03-04", "2026-03-04T12:00:00Z", "2026-03-05", "2020-01-01")
	}
	return pick(w, "open", "paid", "unpaid", "unfulfilled", "draft,canceled", "eur", "usd", "name@example.com", "order.created")
}

// drawBody draws a body from the operation's schema.
func (w *walk) drawBody(call *drawn) {
	item := w.doc["paths"].(map[string]any)[call.op.Path].(map[string]any)[strings.ToLower(call.op.Method)].(map[string]any)
	content := item["requestBody"].(map[string]any)["content"].(map[string]any)
	mediaType := mediaType(call.op.Takes)
	body, err := json.Marshal(w.value(content[mediaType].(map[string]any)["schema"].(map[string]any), ""))
	if err != nil {
		panic(err) // of maps, lists, texts and numbers
	}
	call.body = string(body)
	if w.chance(40) {
		call.body = pick(w, "", "[", "null", "[]", `"x"`, call.body+"x", strings.Repeat(`{"a":`, 40), "\xff", strings.Repeat(" ", 70<<10))
	}
	if w.chance(60) {
		mediaType = pick(w, "text/plain", "application/json; charset=utf-8", "x")
	}
	call.header = append(call.header, "Content-Type", mediaType)
}

// value draws what fits a schema, or, now and then, does not.
func (w *walk) value(schema map[string]any, name string) any {
	if reference, ok := schema["$ref"].(string); ok {
		schema = w.doc["components"].(map[string]any)["schemas"].(map[string]any)[strings.TrimPrefix(reference, "#/components/schemas/")].(map[string]any)
	}
	if either, ok := schema["oneOf"].([]any); ok {
		return w.value(pick(w, either...).(map[string]any), name)
	}
	if w.chance(150) {
		return pick[any](w, nil, "x", -1, 1.5, true, []any{}, map[string]any{}, 1e300)
	}
	kind, _ := schema["type"].(string)
	if kinds, ok := schema["type"].([]any); ok {
		kind = pick(w, kinds...).(string)
	}
	switch kind {
	case "object":
		return w.object(schema, name)
	case "array":
		list := make([]any, w.random.IntN(3)+w.random.IntN(2))
		for n := range list {
			list[n] = w.value(schema["items"].(map[string]any), name)
		}
		return list
	case "integer":
		return w.integer(name)
	case "boolean":
		return w.chance(2)
	case "null":
		return nil
	}
	return w.text(name)
}

func (w *walk) object(schema map[string]any, name string) any {
	drawn := make(map[string]any)
	properties, _ := schema["properties"].(map[string]any)
	always, _ := schema["required"].([]any)
	for _, property := range slices.Sorted(maps.Keys(properties)) {
		if needed := slices.Contains(always, any(property)); needed && !w.chance(60) || !needed && w.chance(4) {
			drawn[property] = w.value(properties[property].(map[string]any), property)
		}
	}
	if values, ok := schema["additionalProperties"].(map[string]any); ok {
		for range w.random.IntN(3) {
			drawn[pick(w, "cart", "a", "日本", strings.Repeat("k", 39+w.random.IntN(2)))] = w.value(values, name)
		}
	}
	if w.chance(150) {
		drawn["unknown"] = 1
	}
	return drawn
}

func (w *walk) integer(name string) any {
	switch {
	case w.chance(30):
		return pick(w, -1, 0, 1<<53-1, 1<<53, 1_000_001)
	case strings.HasSuffix(name, "rate"):
		return pick(w, 0, 700, 1900, 2500, 10_000)
	case name == "quantity":
		return pick(w, 1, 1, 1, 2, 3, 10)
	}
	return pick(w, 0, 1, 99, 490, 900, 2390, 1_000_000)
}

func (w *walk) text(name string) string {
	if w.chance(120) {
		return pick(w, "", "\x00", strings.Repeat("x", 3000), "=1+1", "a\nb", "\u202e")
	}
	switch name {
	case "currency":
		return pick(w, "eur", "eur", "usd", "jpy", "kwd", "EUR", "xxx")
	case "email":
		return pick(w, "name@example.com", "Other@Example.com", "x")
	case "line":
		return w.id("line")
	case "url":
		return pick(w, "https://example.com/hook", "http://example.com", "ftp://x", "https://user:password@example.com/")
	case "events":
		return pick(w, "*", "order.created", "order.*", "x")
	case "ip":
		return pick(w, "192.0.2.7", "2001:db8::1", "x")
	}
	return pick(w, "Coffee", "Mug", "red mug", "日本 tea", "O'Brien & Söhne", "7")
}
