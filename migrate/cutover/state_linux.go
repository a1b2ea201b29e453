package cutover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// DefaultFolder is where the state is kept.
const DefaultFolder = "/var/lib/fairway"

// store keeps a [State] in a folder that only its owner reads: it holds
// Apache's environment.
type store struct {
	file string
	lock *flock.Flock
}

// openStore locks the folder: two commands at once would undo each other.
func openStore(folder string) (*store, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("folder of the state: %w; --state names another", err)
	}
	lock := flock.New(filepath.Join(folder, "lock"))
	// A status that looks at the same moment takes less than that.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	locked, err := lock.TryLockContext(ctx, 50*time.Millisecond)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("locking %s: %w", folder, err)
	}
	if !locked {
		return nil, fmt.Errorf("another cutover or rollback is at work with %s; wait for it", folder)
	}
	return &store{stateFile(folder), lock}, nil
}

func stateFile(folder string) string { return filepath.Join(folder, "cutover.json") }

func (s *store) close() error { return s.lock.Unlock() }

// ReadState reads what is recorded in folder, or returns ErrNothingRecorded.
func ReadState(folder string) (*State, error) {
	file := stateFile(folder)
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s", ErrNothingRecorded, file)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the state: %w", err)
	}
	state := new(State)
	if err := json.Unmarshal(text, state); err != nil {
		return nil, fmt.Errorf("%s: %w; it was changed by something else", file, err)
	}
	return state, nil
}

// save replaces the file in one step that survives a crash.
func (s *store) save(state *State) (err error) {
	state.Changed = time.Now().UTC()
	text, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(s.file), ".cutover-*")
	if err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("writing the state: %w", err), os.Remove(file.Name()))
		}
	}()
	_, err = file.Write(append(text, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), s.file)
}
