// Package stripenode drives Payments with Stripe's library for Node.js.
package stripenode

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/backends/payments/paymentstest"
)

func TestFlows(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "flows.mjs"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, folder, nil, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	server := paymentstest.Start(t, nil)
	said := run(t, folder, []string{"PAYMENTS_URL=" + server.URL, "PAYMENTS_KEY=" + server.Key}, "node", "flows.mjs")
	if !strings.HasSuffix(strings.TrimSpace(said), "9 flows") {
		t.Errorf("it said %s", said)
	}
}

// run runs a program and returns what it said.
func run(t *testing.T, folder string, environment []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), environment...)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said)
	}
	return string(said)
}
