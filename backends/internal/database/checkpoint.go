package database

import (
	"context"
	"time"
)

const (
	// checkpointPages is how much of the WAL, in pages, is worth a checkpoint.
	checkpointPages = 2000
	// checkpointEvery bounds how often the WAL is looked at while writes come.
	checkpointEvery = 50 * time.Millisecond
)

// checkpointCommitted is a goroutine that copies what was committed from the WAL
// into the file, on a connection of its own: writes go on meanwhile, while a
// checkpoint by the writer has them wait until it is synced. Only when the WAL is
// long does the writer copy the rest, so that it begins anew.
//
// A checkpoint that fails leaves the WAL as it is, and is tried again after the
// next commit; nothing that was acknowledged depends on it.
func (f *file) checkpointCommitted() {
	defer close(f.copied)
	for {
		select {
		case <-f.committed:
		case <-f.closing:
			return
		}
		if f.uncopied() >= checkpointPages {
			_ = f.checkpoint("PASSIVE")
		}
		select {
		case <-time.After(checkpointEvery):
		case <-f.closing:
			return
		}
	}
}

// uncopied is how many pages are in the WAL alone.
func (f *file) uncopied() int {
	progress := f.checkpoint("NOOP")
	return progress.pages - progress.copied
}

// progress is how far a checkpoint is.
type progress struct{ busy, pages, copied int }

// checkpoint runs a checkpoint of one of SQLite's modes; the zero progress says that it failed.
func (f *file) checkpoint(mode string) (p progress) {
	row := f.checkpointer.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint("+mode+")")
	if row.Scan(&p.busy, &p.pages, &p.copied) != nil {
		return progress{}
	}
	return p
}

// wakeCheckpoint is called after a commit.
func (f *file) wakeCheckpoint() {
	select {
	case f.committed <- struct{}{}:
	default: // it is awake
	}
}
