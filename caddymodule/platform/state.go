package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/gofrs/flock"

	"github.com/aditechsphere/fairway/backends/access"
	accesssqlite "github.com/aditechsphere/fairway/backends/access/sqlite"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// states holds one state for each data folder in use. Configurations share
// it, so that a reload neither closes nor opens a database.
var states = caddy.NewUsagePool()

// state is what outlives a reload.
type state struct {
	folder   string
	lock     *flock.Flock
	access   *access.Service
	measured *measure.Registry

	mu     sync.Mutex
	shared map[string]io.Closer
}

// acquireState returns the state of folder; each success must be matched by
// one deletion from states.
func acquireState(ctx context.Context, folder string) (*state, error) {
	value, _, err := states.LoadOrNew(folder, func() (caddy.Destructor, error) {
		return newState(ctx, folder)
	})
	if err != nil {
		return nil, err
	}
	return value.(*state), nil
}

func newState(ctx context.Context, folder string) (_ *state, err error) {
	lock, err := lockFolder(folder)
	if err != nil {
		return nil, err
	}
	s := &state{
		folder:   folder,
		lock:     lock,
		measured: measure.NewRegistry(),
		shared:   make(map[string]io.Closer),
	}
	ctx, cancel := openContext(context.WithoutCancel(ctx))
	defer cancel()
	store, err := accesssqlite.Open(ctx, filepath.Join(folder, "access.db"))
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	s.shared["access"] = store
	s.access = access.New(store, time.Now)
	return s, nil
}

// Destruct closes what the state holds, the lock last.
func (s *state) Destruct() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for name, closer := range s.shared {
		if err := closer.Close(); err != nil {
			errs = append(errs, fmt.Errorf("closing %s: %w", name, err))
		}
	}
	return errors.Join(append(errs, s.lock.Unlock())...)
}

// lockFolder makes folder, when it is not there, and locks it for this process.
func lockFolder(folder string) (*flock.Flock, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("data folder %s cannot be made: %w", folder, err)
	}
	lock := flock.New(filepath.Join(folder, "lock"), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("data folder %s is not writable: %w", folder, err)
	}
	if !locked {
		return nil, fmt.Errorf("data folder %s is in use by another process; "+
			"stop that one, or set another folder in the global option fairway { store sqlite FOLDER }", folder)
	}
	return lock, nil
}

// Shared returns what open makes of the data folder, under a name that is
// unique in the program. It is opened once for a folder, kept across reloads,
// and closed when the last configuration that uses the folder is gone. Call it
// from a function given to [App.OnOpen].
func Shared[T io.Closer](a *App, name string, open func(ctx context.Context, folder string) (T, error)) (T, error) {
	s := a.state
	s.mu.Lock()
	defer s.mu.Unlock()
	if existing, ok := s.shared[name]; ok {
		value, ok := existing.(T)
		if !ok {
			return value, fmt.Errorf("%s is open as %T", name, existing)
		}
		return value, nil
	}
	ctx, cancel := openContext(context.WithoutCancel(a.ctx))
	defer cancel()
	value, err := open(ctx, s.folder)
	if err != nil {
		return value, err
	}
	s.shared[name] = value
	return value, nil
}
