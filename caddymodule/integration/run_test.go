package integration_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMakeRun runs what make run does after building.
func TestMakeRun(t *testing.T) {
	t.Parallel()
	s := prepare(t, "")
	s.env = append(s.env, "CADDY="+binary)
	script := start(t, s.env, filepath.Join(root, "scripts", "run"))
	eventually(t, 30*time.Second, "the script tells where to look", func() bool {
		return strings.Contains(script.log.String(), "Data and logs:")
	})
	told := script.log.String()
	for _, host := range []string{domain, orders, payments} {
		if !strings.Contains(told, s.url(host, "/")) {
			t.Errorf("it does not tell %s:\n%s", s.url(host, "/"), told)
		}
	}
	// It keeps Caddy's own files in the data folder.
	s.env = append(s.env, "XDG_DATA_HOME="+s.variable(t, "FAIRWAY_DATA"))
	s.folder = s.variable(t, "FAIRWAY_DATA")
	authority := regexp.MustCompile(`--cacert (\S+)`).FindStringSubmatch(told)
	link := regexp.MustCompile(`https://\S+/sign-in\?token=\S+`).FindString(told)
	if authority == nil || link == "" {
		t.Fatalf("it tells no authority or no link:\n%s", told)
	}
	client := s.clientTrusting(certificates(t, authority[1]))
	s.waitForCertificates(t, client)
	for _, host := range []string{domain, orders, payments} {
		get(t, client, s.url(host, "/"), http.StatusOK)
	}
	get(t, client, link, http.StatusSeeOther)

	// A second one on the same ports says why it cannot.
	second := start(t, s.env, filepath.Join(root, "scripts", "run"))
	select {
	case <-second.done:
	case <-time.After(30 * time.Second):
		t.Fatal("a second one does not end")
	}
	if second.err == nil || !strings.Contains(second.log.String(), "The server did not start") {
		t.Errorf("a second one: %v\n%s", second.err, second.log)
	}

	if err := script.cmd.Process.Signal(syscall.SIGINT); err != nil { // Ctrl-C
		t.Fatal(err)
	}
	select {
	case <-script.done:
		if script.err != nil {
			t.Errorf("after Ctrl-C: %v", script.err)
		}
	case <-time.After(20 * time.Second):
		t.Error("Ctrl-C does not end it")
	}
}
