package deliver_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/aditechsphere/fairway/backends/homepage/alert"
	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
	"github.com/aditechsphere/fairway/backends/homepage/history/sqlite"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// world is a desk over a real store, and a clock that is moved by hand.
type world struct {
	t    *testing.T
	path string
	log  *strings.Builder

	mu    sync.Mutex
	now   time.Time
	store *store
	desk  *deliver.Desk
}

// store is a real one that can be told to refuse.
type store struct {
	*sqlite.Store
	full bool
}

func (s *store) SaveAlerts(ctx context.Context, state deliver.State) error {
	if s.full {
		return errors.New("the disk is full")
	}
	return s.Store.SaveAlerts(ctx, state)
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, path: filepath.Join(t.TempDir(), "history.db"), now: noon, log: new(strings.Builder)}
	w.start()
	t.Cleanup(w.stop)
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) start() {
	w.t.Helper()
	opened, err := sqlite.Open(w.t.Context(), w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = &store{Store: opened}
	if w.desk, err = deliver.Open(w.t.Context(), w.store, slog.New(slog.NewTextHandler(w.log, nil)), w.clock); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stop() {
	if err := errors.Join(w.desk.Close(), w.store.Close()); err != nil {
		w.t.Error(err)
	}
}

// pass lets time pass in beats of two seconds, in which the blog is in a state,
// and what is under way ends.
func (w *world) pass(d time.Duration, state string, channels ...deliver.Channel) {
	for range d / (2 * time.Second) {
		w.mu.Lock()
		w.now = w.now.Add(2 * time.Second)
		w.mu.Unlock()
		w.desk.Beat(deliver.Round{
			Policy: alert.Policy{After: 30 * time.Second, Reminder: time.Hour}, Channels: channels, Server: "example.org", URL: "https://example.org",
			Conditions: []alert.Condition{{
				Subject: alert.Subject{Kind: "service", ID: "blog"}, Name: "Blog", State: state, Sentence: "Blog is " + state,
				Trouble: state != "answering", Path: "/services/blog",
			}},
		})
		w.desk.Wait()
	}
}

// receiver is an HTTP server that keeps what it is sent.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	status   int // what it answers
	asked    int // how often, whatever it answered
	redirect string
	requests []*http.Request
	bodies   []string
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked++
		if r.status == http.StatusOK {
			r.requests, r.bodies = append(r.requests, request), append(r.bodies, string(body))
		}
		if r.status/100 == 3 {
			w.Header().Set("Location", r.redirect)
		}
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// got returns and forgets the headlines of webhooks.
func (r *receiver) got(t *testing.T) (headlines []string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, body := range r.bodies {
		var m alert.Message
		if err := json.Unmarshal([]byte(body), &m); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		headlines = append(headlines, m.Headline)
	}
	r.bodies = nil
	return headlines
}

func (r *receiver) url(t *testing.T, path string) *url.URL {
	t.Helper()
	parsed, err := deliver.ParseURL(r.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTellsOnceAndWhenItIsOver(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t)
	hook := &deliver.Webhook{URL: r.url(t, "/hook")}
	w.pass(time.Minute, "answering", hook)
	w.pass(10*time.Minute, "failing", hook)
	expect(t, r.got(t), "Blog is failing")
	w.pass(55*time.Minute, "failing", hook)
	expect(t, r.got(t), "Blog is still failing")
	w.pass(time.Minute, "answering", hook)
	expect(t, r.got(t), "Blog is answering again")
	if told := w.desk.Told(); len(told) != 0 {
		t.Errorf("still told: %+v", told)
	}
}

// What was told before a restart is not told again, what was not delivered is.
func TestSurvivesRestarts(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t)
	hook := &deliver.Webhook{URL: r.url(t, "/hook")}
	w.pass(time.Minute, "failing", hook)
	expect(t, r.got(t), "Blog is failing")
	for range 3 {
		w.stop()
		w.start()
		w.pass(time.Minute, "failing", hook)
	}
	expect(t, r.got(t))
	r.answer(http.StatusServiceUnavailable)
	w.pass(time.Minute, "answering", hook)
	w.stop()
	w.start()
	r.answer(http.StatusOK)
	w.pass(2*time.Minute, "answering", hook)
	expect(t, r.got(t), "Blog is answering again")
}

// While a receiver is away messages wait, with longer and longer pauses; it is
// told of, and they come in order when it is back.
func TestRetries(t *testing.T) {
	t.Parallel()
	w, r, fine := newWorld(t), newReceiver(t), newReceiver(t)
	hook, other := &deliver.Webhook{URL: r.url(t, "/secret-path")}, &deliver.Webhook{URL: fine.url(t, "/")}
	r.answer(http.StatusBadGateway)
	w.pass(time.Minute, "failing", hook, other)
	since := noon.Add(32 * time.Second)
	troubles := w.desk.Troubles()
	if len(troubles) != 1 || !troubles[0].Since.Equal(since) || troubles[0].Waiting != 1 || troubles[0].Error != "it answered 502 Bad Gateway" {
		t.Fatalf("%+v", troubles)
	}
	if got, want := troubles[0].Sentence(w.clock()), "Alerts by webhook at "+hook.URL.Host+" could not be delivered since 12:00 UTC"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if r.asked != 2 { // after 32 s, and 10 s later
		t.Errorf("asked %d times in a minute", r.asked)
	}
	w.pass(time.Minute, "answering", hook, other)
	if r.asked != 3 { // and after 30 s more
		t.Errorf("asked %d times in two minutes", r.asked)
	}
	expect(t, fine.got(t), "Blog is failing", "Blog is answering again") // one that is away holds up nobody else
	r.answer(http.StatusOK)
	w.pass(2*time.Minute, "answering", hook, other)
	expect(t, r.got(t), "Blog is failing", "Blog is answering again")
	if troubles := w.desk.Troubles(); len(troubles) != 0 {
		t.Errorf("%+v", troubles)
	}
	if logged := w.log.String(); strings.Contains(logged, "secret-path") || strings.Count(logged, "could not be delivered") != 1 {
		t.Errorf("logged:\n%s", logged)
	}
}

func TestGivesUpAfterADay(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t)
	hook := &deliver.Webhook{URL: r.url(t, "/")}
	r.answer(http.StatusInternalServerError)
	w.pass(time.Minute, "failing", hook)
	w.mu.Lock()
	w.now = w.now.Add(24 * time.Hour)
	w.mu.Unlock()
	r.answer(http.StatusOK)
	w.pass(4*time.Second, "failing", hook)
	expect(t, r.got(t), "Blog is still failing") // the first one is too old
}

// A disk that is full keeps no alert from being sent.
func TestAlertsGoOnWithAFullDisk(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t)
	hook := &deliver.Webhook{URL: r.url(t, "/")}
	w.store.full = true
	w.pass(time.Minute, "failing", hook)
	expect(t, r.got(t), "Blog is failing")
	w.store.full = false
	w.pass(2*time.Second, "failing", hook)
	w.stop()
	w.start()
	w.pass(time.Minute, "failing", hook)
	expect(t, r.got(t)) // saved as soon as it could be
}

func TestWebhookIsSigned(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	hook := &deliver.Webhook{URL: r.url(t, "/"), Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
	if err := hook.Send(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	h := r.requests[0].Header
	if h.Get("Webhook-Id") != "alert_1" || h.Get("Webhook-Timestamp") == "" || !strings.HasPrefix(h.Get("Webhook-Signature"), "v1,") || h.Get("Content-Type") != "application/json" {
		t.Errorf("%v", h)
	}
}

func TestNtfy(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	topic := &deliver.Ntfy{URL: r.url(t, "/alerts"), Token: "tk_secret"}
	m := message
	m.Headline = "Blög is failing"
	if err := topic.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	m.Kind, m.Headline = alert.Recovery, "Blog is answering again"
	if err := topic.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	first, second := r.requests[0], r.requests[1]
	if first.Method != http.MethodPost || first.URL.Path != "/alerts" || r.bodies[0] != message.Sentence {
		t.Errorf("%s %s: %s", first.Method, first.URL, r.bodies[0])
	}
	for name, want := range map[string]string{
		"Title": "=?utf-8?q?Bl=C3=B6g_is_failing_=C2=B7_example.org?=", "Priority": "high", "Click": message.URL, "Authorization": "Bearer tk_secret",
	} {
		if got := first.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if got := second.Header.Get("Priority"); got != "default" {
		t.Errorf("a recovery has the priority %s", got)
	}
}

func TestRefusalsTellNoSecret(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	elsewhere := newReceiver(t)
	r.redirect = elsewhere.URL
	gone := *r.url(t, "/secret-topic")
	gone.Host = "127.0.0.1:1"
	for status, channel := range map[int]deliver.Channel{
		http.StatusFound:        &deliver.Ntfy{URL: r.url(t, "/secret-topic"), Token: "secret"},
		http.StatusUnauthorized: &deliver.Webhook{URL: r.url(t, "/secret-topic"), Secret: "secret"},
		0:                       &deliver.Webhook{URL: &gone},
	} {
		r.answer(max(status, http.StatusOK))
		err := channel.Send(t.Context(), message)
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(channel.Name()+channel.ID(), "secret") {
			t.Errorf("%d: %v through %s %s", status, err, channel.Name(), channel.ID())
		}
	}
	if elsewhere.asked != 0 {
		t.Error("a redirect was followed")
	}
	if _, err := deliver.ParseURL("ftp://secret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestDeadMan(t *testing.T) {
	t.Parallel()
	w, r := newWorld(t), newReceiver(t)
	round := deliver.Round{DeadMan: &deliver.DeadMan{URL: r.url(t, "/ping"), Every: time.Minute}}
	beat := func(forward time.Duration) {
		w.mu.Lock()
		w.now = w.now.Add(forward)
		w.mu.Unlock()
		w.desk.Beat(round)
		w.desk.Wait()
	}
	for range 61 {
		beat(2 * time.Second)
	}
	if len(r.requests) != 3 { // at once, and after one and two minutes
		t.Errorf("%d pings", len(r.requests))
	}
	r.answer(http.StatusNotFound)
	beat(time.Minute)
	troubles := w.desk.Troubles()
	if len(troubles) != 1 || troubles[0].Sentence(w.clock()) != "Pings of the dead-man switch could not be delivered since 12:03 UTC" {
		t.Errorf("%+v", troubles)
	}
	r.answer(http.StatusOK)
	beat(time.Minute)
	if troubles := w.desk.Troubles(); len(troubles) != 0 {
		t.Errorf("%+v", troubles)
	}
}

func TestTestMessages(t *testing.T) {
	t.Parallel()
	w, r, away := newWorld(t), newReceiver(t), newReceiver(t)
	away.answer(http.StatusForbidden)
	tried := w.desk.Test(t.Context(), deliver.Round{Server: "example.org", Channels: []deliver.Channel{
		&deliver.Webhook{URL: r.url(t, "/")}, &deliver.Webhook{URL: away.url(t, "/")},
	}})
	if len(tried) != 2 || tried[0].Error != "" || tried[1].Error != "it answered 403 Forbidden" {
		t.Errorf("%+v", tried)
	}
	expect(t, r.got(t), "This is a test")
}

// silentServer accepts connections and says nothing; it returns its port.
func silentServer(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}
