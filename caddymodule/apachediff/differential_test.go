package apachediff_test

import (
	"flag"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// show only asks Apache and prints what it says: to write a case by.
var show = flag.Bool("show", false, "print what Apache answers, without comparing")

// stage is a case with both servers running.
type stage struct {
	apacheCase
	apps         *apps
	apache, ours *tree
}

// startStage runs both servers on a case.
func startStage(t *testing.T, c *apacheCase) *stage {
	t.Helper()
	backends := startApps(t, c.answers)
	s := &stage{apacheCase: *c, apps: backends, apache: writeTree(t, c, backends), ours: writeTree(t, c, backends)}
	serveApache(t, s.apache)
	if !*show {
		serveOurs(t, s.ours)
	}
	return s
}

// observe sends a request to one of the servers.
func (s *stage) observe(m *tree, r *request) observed {
	s.apps.take()
	got, err := m.ask(r)
	o := observed{answer: got, seen: m.generalise(s.apps.take()), err: err}
	o.body, o.certificate = m.generalise(got.plainBody()), m.generalise(got.certificate)
	o.header = make(http.Header)
	for name, values := range got.header {
		for _, value := range values {
			o.header.Add(name, m.generaliseLink(value))
		}
	}
	if o.header.Get("Content-Encoding") == "gzip" {
		o.header.Set("Content-Encoding", "gzip, undone")
	}
	return o
}

// generaliseLink also takes away the default ports, which have other numbers
// here only.
func (m *tree) generaliseLink(text string) string {
	text = m.generalise(text)
	if at := strings.Index(text, "://"); at >= 0 {
		scheme := text[:at]
		host, rest, slash := strings.Cut(text[at+3:], "/")
		host = strings.TrimSuffix(host, map[string]string{"http": ":80", "https": ":443"}[scheme[max(0, strings.LastIndexByte(scheme, ' ')+1):]])
		text = scheme + "://" + host
		if slash {
			text += "/" + rest
		}
	}
	return text
}

// TestCases sends every request of every case to both servers and compares the
// answers and what the apps behind them saw.
func TestCases(t *testing.T) {
	t.Parallel()
	for _, c := range readCases(t) {
		if len(c.refused) > 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := startStage(t, &c)
			for i := range s.requests {
				if *show {
					s.showAnswer(t, &s.requests[i])
					continue
				}
				s.compareAnswers(t, &s.requests[i])
			}
			if !*show {
				s.compareLogs(t)
				s.walkProtected(t)
			}
		})
	}
}

func (s *stage) showAnswer(t *testing.T, r *request) {
	t.Helper()
	got := s.observe(s.apache, r)
	if got.err != nil {
		t.Logf("%s\n  %v", r.line, got.err)
		return
	}
	var fields []string
	for _, name := range headerNames(got.header) {
		if !slices.Contains(ignoredHeaders, name) {
			fields = append(fields, name+": "+strings.Join(got.header.Values(name), " ¦ "))
		}
	}
	t.Logf("%s\n  %d %s\n  %s", r.line, got.status, strings.Join(fields, "\n      "), indent(comparableBody(got, got)))
}

func (s *stage) compareAnswers(t *testing.T, r *request) {
	t.Helper()
	apache, ours := s.observe(s.apache, r), s.observe(s.ours, r)
	unanswered := apache.err != nil && apache.status == 0
	switch {
	case unanswered && !r.refused && r.allow["answer"] == "":
		t.Errorf("%s: Apache does not answer: %v", r.line, apache.err)
	case r.refused && !unanswered:
		t.Errorf("%s: Apache answers %d, and is expected to refuse the connection", r.line, apache.status)
	}
	var unexpected []string
	found := make(map[string]bool)
	for _, d := range compare(apache, ours) {
		found[d.what] = true
		if r.allow[d.what] == "" {
			unexpected = append(unexpected, d.String())
		}
	}
	for what := range r.allow {
		if !found[what] {
			unexpected = append(unexpected, fmt.Sprintf("%s is allowed to differ, but does not: strike it out", what))
		}
	}
	if len(unexpected) > 0 {
		t.Errorf("%s (Apache %d, ours %d)\n%s", r.line, apache.status, ours.status, strings.Join(unexpected, "\n"))
	}
}

// TestRefusals adapts the cases that cannot be carried over: each names the
// lines that say so.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range readCases(t) {
		if len(c.refused) == 0 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := writeTree(t, &c, startApps(t, nil))
			command := exec.Command(caddy, "adapt", "--adapter", "apache", "--config", m.root+"/etc/apache2/apache2.conf")
			command.Env = m.ourEnvironment(t)
			output, err := command.CombinedOutput()
			if err == nil {
				t.Fatal("the configuration is adapted")
			}
			for _, expected := range c.refused {
				if !strings.Contains(m.generalise(string(output)), expected) {
					t.Errorf("nothing is said about %q:\n%s", expected, output)
				}
			}
		})
	}
}
