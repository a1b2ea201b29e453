package integration_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// told is an alert as a webhook gets it.
type told struct{ ID, Kind, State, Headline, URL string }

// mailbox receives alerts.
type mailbox struct {
	mu      sync.Mutex
	refuses bool
	got     []told
}

func (m *mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuses {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	var t told
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &t); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.got = append(m.got, t)
}

func (m *mailbox) refuse(refuses bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuses = refuses
}

// headlines are those of all alerts about the blog so far, one a line.
func (m *mailbox) headlines() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var lines []string
	for _, t := range m.got {
		if strings.Contains(t.Headline, "The blog") {
			lines = append(lines, t.Kind+": "+t.Headline)
		}
	}
	return strings.Join(lines, "\n")
}

// TestAlerts breaks what a probe expects of a service, over reloads and a restart.
func TestAlerts(t *testing.T) {
	t.Parallel()
	var broken, pings atomic.Int64
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, []string{"ready", "out of order"}[broken.Load()])
	}))
	defer app.Close()
	box := new(mailbox)
	hook := httptest.NewServer(box)
	defer hook.Close()
	switchboard := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { pings.Add(1) }))
	defer switchboard.Close()

	alerts := fmt.Sprintf("fairway {\n\t\talerts {\n\t\t\tafter 1s\n\t\t\twebhook {env.ALERT_WEBHOOK}\n\t\t\tdead_man %s every 2s\n\t\t}\n", switchboard.URL)
	config := replaced(t, shipped(t), map[string]string{"fairway {\n": alerts}) + fmt.Sprintf(
		"\nhttps://%s:{$HTTPS_PORT} {\n\ttls internal\n\tservice blog {\n\t\ttitle \"The blog\"\n\t\texpect body ready\n\t}\n\treverse_proxy %s\n}\n", blog, app.Listener.Addr())
	s := serve(t, config, "ALERT_WEBHOOK="+hook.URL+"/secret-path")
	s.hosts = append(s.hosts, blog)
	client := s.client(t)
	key := s.key(t, "homepage")
	state := func() string {
		body := get(t, client, s.url(domain, "/api/v1/services"), http.StatusOK).body
		var report struct {
			Services []struct{ ID, State, Reason string }
		}
		decode(t, body, &report)
		for _, service := range report.Services {
			if service.ID == "blog" {
				return service.State + " " + service.Reason
			}
		}
		return ""
	}
	eventually(t, 30*time.Second, "the blog answers", func() bool { return state() == "answering " })

	broken.Store(1)
	eventually(t, 40*time.Second, "it is told that the blog fails", func() bool { return box.headlines() == "problem: The blog is failing" })
	if got := state(); !strings.HasPrefix(got, "failing answering without the text that is expected since") {
		t.Errorf("the blog is %s", got)
	}
	s.write(t, config+"\n# changed\n")
	s.mustCaddy(t, "reload", "--config", s.config, "--force")
	s.stop(t)
	s.launch(t)
	s.waitForCertificates(t, client)
	eventually(t, 30*time.Second, "it is known again that the blog fails", func() bool { return strings.HasPrefix(state(), "failing") })
	if got := box.headlines(); got != "problem: The blog is failing" {
		t.Errorf("after a reload and a restart it was told:\n%s", got)
	}

	box.refuse(true)
	if _, err := s.caddy("fairway", "alert", "test"); err == nil || !strings.Contains(err.Error(), "1 of 1 test messages could not be sent") {
		t.Errorf("a test that is refused: %v", err)
	}
	broken.Store(0)
	undelivered := func() string {
		return get(t, client, s.url(domain, "/api/v1/alerts"), http.StatusOK, "Authorization", "Bearer "+key).body
	}
	eventually(t, 60*time.Second, "it is said that an alert did not arrive", func() bool {
		body := undelivered()
		return strings.Contains(body, `"error":"it answered 503 Service Unavailable"`) && !strings.Contains(body, `"waiting":0`)
	})
	out, err := s.caddy("fairway", "status")
	if code := exitCode(t, errors.Unwrap(err)); code != 7 || !strings.Contains(out, "Alerts by webhook at 127.0.0.1") ||
		!strings.Contains(out, "could not be delivered since") || !strings.Contains(out, "it answered 503 Service Unavailable") {
		t.Errorf("exit code %d, %v:\n%s", code, err, out)
	}
	box.refuse(false)
	eventually(t, 30*time.Second, "it is told that the blog answers", func() bool {
		return box.headlines() == "problem: The blog is failing\nrecovery: The blog is answering again"
	})
	if said := s.mustCaddy(t, "fairway", "alert", "test"); !strings.HasPrefix(said, "webhook at 127.0.0.1:") || !strings.Contains(said, ": sent") {
		t.Errorf("a test says %q", said)
	}
	eventually(t, busyMachine, "nothing waits", func() bool { return strings.Contains(undelivered(), `"told":[],"undelivered":[]`) })
	if pings.Load() < 3 {
		t.Errorf("%d pings", pings.Load())
	}
	if strings.Contains(s.log.String(), "secret-path") {
		t.Error("the webhook's address is in the log")
	}
}
