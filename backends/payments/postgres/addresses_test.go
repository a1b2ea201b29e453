//go:build unix

package postgres

import (
	"sync"
	"testing"

	"github.com/aditechsphere/fairway/backends/postgrestest"
)

// addresses keep a database for each test.
type addresses struct {
	mu   sync.Mutex
	dsns map[string]string
}

func newAddresses() *addresses { return &addresses{dsns: make(map[string]string)} }

func (a *addresses) of(t *testing.T) string {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dsns[t.Name()] == "" {
		a.dsns[t.Name()] = postgrestest.DSN(t)
	}
	return a.dsns[t.Name()]
}
