package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
)

// write is one caller of Write, waiting for its result.
type write struct {
	ctx  context.Context
	fn   func(ctx context.Context, tx *sql.Tx) error
	err  error      // what fn made of it
	done chan error // answered once, after the commit
}

// Write runs fn in a transaction and returns nil only after the commit is on
// the disk.
//
// Writes that wait at the same time share one transaction and so one sync, up
// to 64 of them. Each runs in a savepoint of its own: when fn returns an error
// or panics, its changes alone are undone and Write returns that error. When
// the commit itself fails, every write of the group gets the error and none
// has happened.
//
// A write whose ctx ends before it begins is dropped with ctx.Err(). Once
// begun it is not interrupted, because SQLite would roll back its neighbours
// with it: the context given to fn carries ctx's values, not its end.
//
// fn runs on the writer's goroutine and holds up every other write: it must
// be quick, and neither call Write nor commit or roll back tx.
func (db *DB) Write(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &write{ctx: ctx, fn: fn, done: make(chan error, 1)}
	select {
	case db.queue <- w:
		return <-w.done
	case <-ctx.Done():
		return ctx.Err()
	case <-db.closing:
		return db.failure(ErrClosed)
	}
}

// commitWaiting is the writer goroutine.
func (db *DB) commitWaiting() {
	defer close(db.stopped)
	for {
		select {
		case first := <-db.queue:
			db.commitGroup(first, db.waiting)
		case <-db.closing:
			return
		}
	}
}

// waiting returns a write that waits now, or nil.
func (db *DB) waiting() *write {
	select {
	case w := <-db.queue:
		return w
	default:
		return nil
	}
}

// commitGroup runs first and those that next gives until it gives nil,
// commits, and only then answers them. A group grows while it runs.
func (db *DB) commitGroup(first *write, next func() *write) {
	var group []*write
	err := db.inTransaction(func(tx *sql.Tx) error {
		for w := first; w != nil; w = next() {
			group = append(group, w)
			if err := w.run(tx); err != nil {
				return err
			}
			if len(group) == db.group {
				break
			}
		}
		return nil
	})
	if group == nil { // the transaction never began
		group = append(group, first)
	}
	for _, w := range group {
		switch {
		case w.err != nil:
			w.done <- db.Explain(w.err)
		case err != nil:
			w.done <- db.failure(err)
		default:
			w.done <- nil
		}
	}
}

func (db *DB) inTransaction(fn func(tx *sql.Tx) error) error {
	tx, err := db.writer.BeginTx(context.Background(), nil)
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

// run calls fn in a savepoint and keeps its error in w.err. An error of its
// own means that the transaction of the whole group is broken.
func (w *write) run(tx *sql.Tx) error {
	select {
	case <-w.ctx.Done():
		w.err = w.ctx.Err()
		return nil
	default:
	}
	ctx := context.WithoutCancel(w.ctx)
	if _, err := tx.ExecContext(ctx, "SAVEPOINT one"); err != nil {
		return err
	}
	if w.err = w.call(ctx, tx); w.err == nil {
		_, err := tx.ExecContext(ctx, "RELEASE one")
		return err
	}
	if _, err := tx.ExecContext(ctx, "ROLLBACK TO one; RELEASE one"); err != nil {
		// A full disk or an I/O error rolls back the whole transaction, not only the savepoint.
		return fmt.Errorf("%w (after: %w)", err, w.err)
	}
	return nil
}

// call runs fn and turns a panic into an error.
func (w *write) call(ctx context.Context, tx *sql.Tx) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic in a database write: %v\n%s", cause, debug.Stack())
		}
	}()
	return w.fn(ctx, tx)
}

// ignoreDone drops the error of rolling back a transaction that SQLite or fn has already ended.
func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
