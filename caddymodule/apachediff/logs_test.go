package apachediff_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// comparedLogs is where a case has the access logs that must be equal, line by
// line; their formats leave out times and what names the client.
const comparedLogs = "/var/log/apache2/compared"

// compareLogs waits until both servers have logged all requests, which they do
// after the answer.
func (s *stage) compareLogs(t *testing.T) {
	t.Helper()
	var apache, ours map[string]string
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		apache, ours = s.apache.readLogs(t), s.ours.readLogs(t)
		if equalLogs(apache, ours) {
			return
		}
		if time.Now().After(deadline) {
			break
		}
	}
	for name, want := range apache {
		if ours[name] != want {
			t.Errorf("%s is\n%s\nApache's is\n%s", name, indent(ours[name]), indent(want))
		}
	}
	for name := range ours {
		if _, ok := apache[name]; !ok {
			t.Errorf("%s is written, which Apache does not write", name)
		}
	}
}

func equalLogs(a, b map[string]string) bool {
	for name, text := range a {
		if b[name] != text {
			return false
		}
	}
	return len(a) == len(b)
}

// readLogs reads the logs that are compared. Requests that follow one another
// on different connections may be logged in any order.
func (m *tree) readLogs(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob(m.root + comparedLogs + "/*.log")
	if err != nil {
		t.Fatal(err)
	}
	logs := map[string]string{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(m.generalise(string(text))), "\n")
		slices.Sort(lines)
		logs[filepath.Base(name)] = strings.Join(lines, "\n")
	}
	return logs
}
