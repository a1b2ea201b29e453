package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
)

// write is one caller of Write, waiting for its result.
type write struct {
	ctx     context.Context
	fn      func(ctx context.Context, tx *sql.Tx) error
	begun   bool       // its turn has come
	dropped bool       // its ctx had ended before that
	err     error      // what fn made of it
	done    chan error // answered once, after the commit
}

// write hands fn to the writer goroutine.
//
// Writes that wait at the same time share one transaction and so one sync, up
// to 64 of them. When fn returns an error or panics, its changes alone are
// undone: the group runs again, each write in a savepoint of its own. When the
// commit itself fails, every write of the group gets the error and none has
// happened. A write that has begun is not interrupted, because SQLite would
// roll back its neighbours with it.
func (f *file) write(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	w := &write{ctx: ctx, fn: fn, done: make(chan error, 1)}
	select {
	case f.queue <- w:
		return <-w.done
	case <-ctx.Done():
		return ctx.Err()
	case <-f.closing:
		return failure(f, ErrClosed)
	}
}

// commitWaiting is the writer goroutine.
func (f *file) commitWaiting() {
	defer close(f.stopped)
	for {
		select {
		case first := <-f.queue:
			f.commitGroup(first, f.waiting)
			f.wakeCheckpoint()
		case <-f.closing:
			return
		}
	}
}

// waiting returns a write that waits now, or nil.
func (f *file) waiting() *write {
	select {
	case w := <-f.queue:
		return w
	default:
		return nil
	}
}

// commitGroup runs first and those that next gives until it gives nil,
// commits, and only then answers them. A group grows while it runs.
//
// Savepoints cost more than most writes, because SQLite keeps what each of them
// changes twice: they are for groups in which something fails.
func (f *file) commitGroup(first *write, next func() *write) {
	var group []*write
	take := func() *write {
		if len(group) == f.group {
			return nil
		}
		w := first
		if len(group) > 0 {
			w = next()
		}
		if w == nil {
			// A commit costs as much as many writes: those that are about to come first get their
			// turn. On one processor they would not, as this goroutine runs once there is one.
			runtime.Gosched()
			w = next()
		}
		if w != nil {
			group = append(group, w)
		}
		return w
	}
	err := f.inTransaction(func(tx *sql.Tx) error {
		for w := take(); w != nil; w = take() {
			if err := w.runAmong(tx); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errOneFailed) && len(group) > 1 {
		err = f.inTransaction(func(tx *sql.Tx) error {
			for i := 0; i < len(group) || take() != nil; i++ {
				if err := group[i].runApart(tx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if group == nil { // the transaction never began
		group = append(group, first)
	}
	for _, w := range group {
		switch {
		case w.err != nil:
			w.done <- explain(f, w.err)
		case err != nil:
			w.done <- failure(f, err)
		default:
			w.done <- nil
		}
	}
}

func (f *file) inTransaction(fn func(tx *sql.Tx) error) error {
	tx, err := f.writer.BeginTx(context.Background(), nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := fn(tx); err != nil {
		return errors.Join(fmt.Errorf("the transaction is lost: %w", err), ignoreDone(tx.Rollback()))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// errOneFailed has the transaction of a group rolled back.
var errOneFailed = errors.New("a write of the group failed")

// drop reports whether w is dropped because its ctx ended before fn was called.
func (w *write) drop() bool {
	if err := w.ctx.Err(); err != nil && !w.begun {
		w.dropped, w.err = true, err
	}
	w.begun = true
	return w.dropped
}

// runAmong calls fn and keeps its error in w.err. Then the others cannot stay.
func (w *write) runAmong(tx *sql.Tx) error {
	if w.drop() {
		return nil
	}
	if w.err = callSafely(context.WithoutCancel(w.ctx), tx, w.fn); w.err != nil {
		return errOneFailed
	}
	return nil
}

// runApart calls fn in a savepoint and keeps its error in w.err. An error of its
// own means that the transaction of the whole group is broken.
func (w *write) runApart(tx *sql.Tx) error {
	if w.drop() {
		return nil
	}
	ctx := context.WithoutCancel(w.ctx)
	if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	if w.err = callSafely(ctx, tx, w.fn); w.err == nil {
		_, err := tx.ExecContext(ctx, "RELEASE one")
		return err
	}
	if _, err := tx.ExecContext(ctx, "ROLLBACK TO one; RELEASE one"); err != nil {
		// A full disk or an I/O error rolls back the whole transaction, not only the savepoint.
		return fmt.Errorf("%w (after: %w)", err, w.err)
	}
	return nil
}

// ignoreDone drops the error of rolling back a transaction that SQLite or fn has already ended.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
