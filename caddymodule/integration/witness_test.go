package integration_test

import (
	"context"
	cryptorand "crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// witness saw requests from outside, whatever the Homepage says of them.
type witness struct {
	mu      sync.Mutex
	classes map[string]float64
	bytes   float64
	closed  float64         // requests that the upstream broke off: answered with a 502
	left    float64         // requests that the client gave up
	inner   []time.Duration // the part of each answered request that was waited for on purpose
	outer   []time.Duration // until the client had the head of the answer
}

func (w *witness) saw(status, bytes int, inner, outer time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.classes == nil {
		w.classes = make(map[string]float64)
	}
	w.classes[strconv.Itoa(status/100)+"xx"]++
	w.bytes += float64(bytes)
	w.inner, w.outer = append(w.inner, inner), append(w.outer, outer)
}

// gaveUp notes a request that the client did not wait for.
func (w *witness) gaveUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left++
}

// witnessed is what is asked of one request.
type witnessed struct {
	wait   time.Duration
	status int // 0: the upstream closes the connection; -1: the client gives up
}

// plan draws the requests to make: times to first byte of 120 ms to 0.8 s, as
// many short as long ones on a logarithmic scale, and every kind of outcome.
func plan(n int, outcomes []int) []witnessed {
	random := rand.New(rand.NewPCG(3, 5))
	all := make([]witnessed, n)
	for i := range all {
		wait := 120 * math.Pow(800./120, random.Float64())
		all[i] = witnessed{time.Duration(wait * float64(time.Millisecond)), outcomes[i%len(outcomes)]}
	}
	return all
}

// carryOut makes the requests, a bounded number at once.
func carryOut(all []witnessed, one func(witnessed)) {
	var group sync.WaitGroup
	slots := make(chan struct{}, 20)
	for _, w := range all {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			one(w)
		})
	}
	group.Wait()
}

// TestFiguresAgreeWithAWitness: what the Homepage reports of a proxied and of
// an embedded service is what a client saw. Counts are exact. A percentile lies
// within 5% of what lies between two stopwatches: one inside the time that is
// measured, one around it. On a machine with nothing else to do they agree.
func TestFiguresAgreeWithAWitness(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(slowly))
	defer upstream.Close()
	s := prepare(t, shipped(t)+fmt.Sprintf("\nhttps://%s:{$HTTPS_PORT} {\n\ttls internal\n\tservice blog\n\treverse_proxy %s\n}\n", blog, upstream.Listener.Addr()))
	s.hosts = nil // no request but those that the witness sees
	s.launch(t)
	for _, host := range []string{domain, orders, blog} {
		s.handshakes(t, host)
	}
	client := s.overHTTP1(certificates(t, s.rootFile()))
	transport := client.Transport.(*http.Transport)
	transport.DisableCompression, transport.ExpectContinueTimeout = true, client.Timeout
	key := s.key(t, "orders")

	proxied, embedded := new(witness), new(witness)
	var group sync.WaitGroup
	group.Go(func() {
		carryOut(plan(280, []int{200, 200, 200, 404, 302, 500, 503, 0, 200, -1}), func(w witnessed) { proxied.get(t, client, s.url(blog, "/"), w) })
	})
	group.Go(func() {
		carryOut(plan(140, []int{201, 201, 400, 201, 401}), func(w witnessed) { embedded.post(t, client, s.url(orders, "/v1/orders"), key, w) })
	})
	group.Wait()

	s.agrees(t, client, "blog", proxied)
	s.agrees(t, client, "orders", embedded)
}

// slowly answers after the time and with the status that it is asked for, or
// has the client give up, which it then waits for.
func slowly(w http.ResponseWriter, r *http.Request) {
	wait, err := time.ParseDuration(r.URL.Query().Get("wait"))
	if err != nil {
		return // a probe
	}
	begun := time.Now()
	time.Sleep(wait)
	if giveUp, ok := patience.Load(r.URL.Query().Get("client")); ok {
		giveUp.(context.CancelFunc)()
		<-r.Context().Done()
		return
	}
	status, err := strconv.Atoi(r.URL.Query().Get("status"))
	if err != nil || status == 0 {
		if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = connection.Close()
		}
		return
	}
	w.Header().Set("X-Waited", time.Since(begun).String())
	w.WriteHeader(status)
	_, _ = io.WriteString(w, strings.Repeat("x", int(wait.Milliseconds()))) // the reader is gone when this fails
}

// patience is how clients that are to give up are told to, by their name.
var patience sync.Map // string → context.CancelFunc

// get asks the slow upstream.
func (w *witness) get(t *testing.T, client *http.Client, address string, what witnessed) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	name := cryptorand.Text()
	if what.status < 0 {
		patience.Store(name, cancel)
		defer patience.Delete(name)
	}
	a, took, err := timed(ctx, client, http.MethodGet, address+fmt.Sprintf("?wait=%v&status=%d&client=%s", what.wait, what.status, name), nil)
	if what.status < 0 { // an answer may come while it goes
		if err == nil && a.StatusCode != 499 {
			t.Errorf("a request that was given up is answered with %s", a.Status)
		}
		w.gaveUp()
		return
	}
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	inner := what.wait // at least
	if told, err := time.ParseDuration(a.Header.Get("X-Waited")); err == nil {
		inner = told
	}
	want, bytes := what.status, len(a.body)
	if what.status == 0 {
		want, bytes = http.StatusBadGateway, 0 // that page is not the service's
		w.mu.Lock()
		w.closed++
		w.mu.Unlock()
	}
	if a.StatusCode != want {
		t.Errorf("%s, want %d", a.Status, want)
	}
	w.saw(a.StatusCode, bytes, inner, took)
}

// slowBody sends a body only after a time. It is first read when the server has
// asked for it, and so is within what the server measures.
type slowBody struct {
	io.Reader
	wait time.Duration
	once sync.Once
	took time.Duration
}

func (b *slowBody) Read(p []byte) (int, error) {
	b.once.Do(func() {
		begun := time.Now()
		time.Sleep(b.wait)
		b.took = time.Since(begun)
	})
	return b.Reader.Read(p)
}

// post sends an order slowly.
func (w *witness) post(t *testing.T, client *http.Client, address, key string, what witnessed) {
	order, expect := `{"currency":"eur","lines":[{"title":"Mug","quantity":1,"unit_amount":900}]}`, "100-continue"
	switch what.status {
	case http.StatusBadRequest:
		order = `{"currency":`
	case http.StatusUnauthorized: // told without a look at the body, so that there is no wait
		key, expect, what.wait = "nonsense", "", 0
	}
	body := &slowBody{Reader: strings.NewReader(order), wait: what.wait}
	a, took, err := timed(t.Context(), client, http.MethodPost, address, body,
		"Authorization", "Bearer "+key, "Content-Type", "application/json", "Expect", expect)
	if err != nil {
		t.Errorf("%v", err)
		return
	}
	if a.StatusCode != what.status {
		t.Errorf("%s, want %d: %s", a.Status, what.status, a.body)
	}
	w.saw(a.StatusCode, len(a.body), body.took, took)
}

// timed makes a request and tells how long it took until the answer began.
func timed(ctx context.Context, client *http.Client, method, address string, body io.Reader, header ...string) (a answer, took time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return a, 0, err
	}
	for pair := range slices.Chunk(header, 2) {
		request.Header.Set(pair[0], pair[1])
	}
	begun := time.Now()
	response, err := client.Do(request)
	took = time.Since(begun)
	if err != nil {
		return a, took, err
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	return answer{response, string(read)}, took, err
}

// handshakes waits until a name has a certificate, without a request.
func (s *server) handshakes(t *testing.T, host string) {
	t.Helper()
	eventually(t, firstCertificate, host+" has a certificate", func() bool {
		connection, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.httpsPort), &tls.Config{ServerName: host, InsecureSkipVerify: true})
		if err != nil {
			return false
		}
		return connection.Close() == nil
	})
}

// reported is what the API says of a service's requests.
type reported struct {
	Total, Unreached, Abandoned, Bytes float64
	InFlight                           float64            `json:"in_flight"`
	ByClass                            map[string]float64 `json:"by_class"`
	FirstByte                          map[string]float64 `json:"first_byte_ms"`
}

func (s *server) reported(t *testing.T, client *http.Client, service string) (r reported) {
	t.Helper()
	var body struct {
		Services []struct {
			ID       string
			Requests reported
		}
	}
	decode(t, get(t, client, s.url(domain, "/api/v1/services"), http.StatusOK).body, &body)
	for _, one := range body.Services {
		if one.ID == service {
			return one.Requests
		}
	}
	t.Fatalf("there is no service %s", service)
	return r
}

// agrees holds what is reported against what the witness saw.
func (s *server) agrees(t *testing.T, client *http.Client, service string, w *witness) {
	t.Helper()
	want := reported{Total: float64(len(w.outer)), Unreached: w.closed, Abandoned: w.left, Bytes: w.bytes}
	var got reported
	eventually(t, busyMachine, service+"'s requests are over", func() bool {
		got = s.reported(t, client, service)
		return got.InFlight == 0 && got.Total+got.Abandoned >= want.Total+want.Abandoned
	})
	if got.Total != want.Total || got.Unreached != want.Unreached || got.Abandoned != want.Abandoned || got.Bytes != want.Bytes {
		t.Errorf("%s: reported %+v, seen %+v", service, got, want)
	}
	for _, class := range []string{"1xx", "2xx", "3xx", "4xx", "5xx", "other"} {
		if got.ByClass[class] != w.classes[class] {
			t.Errorf("%s: %v answers of %s reported, %v seen", service, got.ByClass[class], class, w.classes[class])
		}
	}
	for name, q := range map[string]float64{"p50": 0.50, "p95": 0.95, "p99": 0.99} {
		inner, outer := percentile(w.inner, q), percentile(w.outer, q)
		t.Logf("%s: %s of %d requests: reported %.1f ms, seen %.1f to %.1f ms", service, name, len(w.outer), got.FirstByte[name], inner, outer)
		if got.FirstByte[name] < 0.95*inner || got.FirstByte[name] > 1.05*outer {
			t.Errorf("%s: %s of %v ms reported, seen %v to %v", service, name, got.FirstByte[name], inner, outer)
		}
	}
}

// percentile is in milliseconds.
func percentile(times []time.Duration, q float64) float64 {
	sorted := slices.Sorted(slices.Values(times))
	return float64(sorted[int(math.Ceil(q*float64(len(sorted))))-1].Microseconds()) / 1000
}
