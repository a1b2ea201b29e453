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
	accesspostgres "github.com/aditechsphere/fairway/backends/access/postgres"
	accesssqlite "github.com/aditechsphere/fairway/backends/access/sqlite"
	accessstore "github.com/aditechsphere/fairway/backends/access/sqlstore"
	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// states holds one state for each place in use. Configurations share it, so
// that a reload neither closes nor opens a database.
var states = caddy.NewUsagePool()

// locks holds the lock of each data folder in use: two places may share one
// while a reload moves the services to another database.
var locks = caddy.NewUsagePool()

// location is where data is kept.
type location struct {
	folder string
	dsn    string // of PostgreSQL; "" for SQLite files in the folder
}

// state is what outlives a reload.
type state struct {
	place    location
	access   *access.Service
	measured *measure.Registry
	unserved homepage.UnservedLog

	mu     sync.Mutex
	shared map[string]io.Closer
}

// acquireState returns the state of a place; each success must be matched by
// one deletion from states.
func acquireState(ctx context.Context, at location) (*state, error) {
	value, _, err := states.LoadOrNew(at, func() (caddy.Destructor, error) {
		return newState(ctx, at)
	})
	if err != nil {
		return nil, err
	}
	return value.(*state), nil
}

func newState(ctx context.Context, at location) (_ *state, err error) {
	_, _, err = locks.LoadOrNew(at.folder, func() (caddy.Destructor, error) { return lockFolder(at.folder) })
	if err != nil {
		return nil, err
	}
	s := &state{
		place:    at,
		measured: measure.NewRegistry(),
		shared:   make(map[string]io.Closer),
	}
	ctx, cancel := openContext(context.WithoutCancel(ctx))
	defer cancel()
	store, err := openAccess(ctx, at)
	if err != nil {
		_, unlockErr := locks.Delete(at.folder)
		return nil, errors.Join(err, unlockErr)
	}
	s.shared["access"] = store
	s.access = access.New(store, time.Now)
	return s, nil
}

func openAccess(ctx context.Context, at location) (*accessstore.Store, error) {
	if at.dsn != "" {
		return accesspostgres.Open(ctx, at.dsn)
	}
	return accesssqlite.Open(ctx, filepath.Join(at.folder, "access.db"))
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
	_, err := locks.Delete(s.place.folder)
	return errors.Join(append(errs, err)...)
}

// folderLock is held while a data folder is in use.
type folderLock struct{ *flock.Flock }

// Destruct lets another process have the folder.
func (l folderLock) Destruct() error { return l.Unlock() }

// lockFolder makes folder, when it is not there, and locks it for this process.
func lockFolder(folder string) (caddy.Destructor, error) {
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
	return folderLock{lock}, nil
}

// Shared returns what open makes of the data folder, or of [App.Postgres],
// under a name that is unique in the program. It is opened once for a place,
// kept across reloads, and closed when the last configuration that uses the
// place is gone. Call it from a function given to [App.OnOpen].
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
	value, err := open(ctx, s.place.folder)
	if err != nil {
		return value, err
	}
	s.shared[name] = value
	return value, nil
}
