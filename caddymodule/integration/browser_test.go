package integration_test

import (
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestPagesInChromium opens the pages in a real browser: they load whole, and
// nothing on them is refused by their own Content-Security-Policy.
func TestPagesInChromium(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	client := s.client(t)
	for host, words := range map[string]string{domain: "services answering", orders: "Orders is up", payments: "Payments is up"} {
		eventually(t, busyMachine, "the page of "+host+" says "+words, func() bool {
			return strings.Contains(get(t, client, s.url(host, "/"), http.StatusOK).body, words)
		})
		dom, console := browse(t, s.url(host, "/"), s.httpsPort)
		if !strings.Contains(dom, words) {
			t.Errorf("%s: the browser does not show %q:\n%s", host, words, dom)
		}
		for _, complaint := range []string{"Refused to", "Content Security Policy", "Failed to load resource"} {
			if strings.Contains(console, complaint) {
				t.Errorf("%s: the browser's console says %q:\n%s", host, complaint, console)
			}
		}
	}
}

// browse opens an address and returns the document and the console.
func browse(t *testing.T, address string, port int) (dom, console string) {
	t.Helper()
	cmd := exec.Command(installed(t, "/usr/bin/chromium", "chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--user-data-dir="+t.TempDir(), "--ignore-certificate-errors", "--enable-logging=stderr",
		"--host-resolver-rules=MAP *:"+strconv.Itoa(port)+" 127.0.0.1", "--dump-dom", address)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, stderr.String())
	}
	return string(out), stderr.String()
}
