package integration_test

import (
	"strings"
	"testing"
)

const module = "github.com/aditechsphere/fairway/"

// TestImportRules holds the arrows of docs/architecture.md: what each tree
// depends on, however indirectly.
func TestImportRules(t *testing.T) {
	t.Parallel()
	rules := []struct {
		of        string   // packages, as go list takes them
		forbidden []string // prefixes of import paths
		why       string
	}{
		{"./backends/...", []string{"github.com/caddyserver/", module + "caddymodule"}, "backends know nothing of Caddy"},
		{"./backends/orders/...", []string{module + "backends/payments", module + "backends/homepage"}, "services never import each other"},
		{"./backends/payments/...", []string{module + "backends/orders", module + "backends/homepage"}, "services never import each other"},
		{"./backends/homepage/...", []string{module + "backends/orders", module + "backends/payments"}, "services never import each other"},
		{"./backends/orders ./backends/payments ./backends/homepage ./backends/access ./backends/subdomain",
			[]string{"net/http", "database/sql"}, "a domain is free of HTTP and SQL"},
	}
	for _, rule := range rules {
		args := append([]string{"list", "-deps"}, strings.Fields(rule.of)...)
		for dependency := range strings.Lines(goCommand(t, root, args...)) {
			dependency = strings.TrimSpace(dependency)
			for _, forbidden := range rule.forbidden {
				if dependency == forbidden || strings.HasPrefix(dependency, strings.TrimSuffix(forbidden, "/")+"/") {
					t.Errorf("%s depends on %s: %s", rule.of, dependency, rule.why)
				}
			}
		}
	}
}
