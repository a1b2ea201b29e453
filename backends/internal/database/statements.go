package database

import (
	"context"
	"database/sql/driver"
	"errors"
)

// maxPrepared bounds the statements that a connection keeps. A program has
// far fewer texts; one that builds texts from values must not fill the memory.
const maxPrepared = 256

// preparing makes connections that prepare each text once and keep it:
// compiling a statement costs SQLite more than running a short one.
type preparing struct{ driver.Connector }

func (p preparing) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	whole, ok := conn.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("the SQLite driver lacks what its connections need"), conn.Close())
	}
	return &preparingConn{sqliteConn: whole, kept: make(map[string]*keptStatement)}, nil
}

// sqliteConn is what the driver's connections can do.
type sqliteConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// preparingConn is used by one goroutine at a time, as any driver.Conn.
type preparingConn struct {
	sqliteConn
	kept map[string]*keptStatement
}

// keptStatement can be run once at a time: rows that are being read hold it.
type keptStatement struct {
	statement
	busy bool
}

type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// take returns the kept statement of a text, or nil when it has none to give.
func (c *preparingConn) take(ctx context.Context, query string) (*keptStatement, error) {
	if kept, ok := c.kept[query]; ok {
		if kept.busy {
			return nil, nil
		}
		return kept, nil
	}
	if len(c.kept) >= maxPrepared {
		return nil, nil
	}
	prepared, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	whole, ok := prepared.(statement)
	if !ok {
		return nil, prepared.Close()
	}
	kept := &keptStatement{statement: whole}
	c.kept[query] = kept
	return kept, nil
}

func (c *preparingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	kept, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if kept == nil {
		return c.sqliteConn.ExecContext(ctx, query, args)
	}
	return kept.ExecContext(ctx, args)
}

func (c *preparingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	kept, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	if kept == nil {
		return c.sqliteConn.QueryContext(ctx, query, args)
	}
	rows, err := kept.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	kept.busy = true
	return &keptRows{rows, kept}, nil
}

// Close closes the kept statements with the connection.
func (c *preparingConn) Close() error {
	var errs []error
	for _, kept := range c.kept {
		errs = append(errs, kept.Close())
	}
	clear(c.kept)
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}

// keptRows gives its statement back when it is closed.
type keptRows struct {
	driver.Rows
	kept *keptStatement
}

func (r *keptRows) Close() error {
	r.kept.busy = false
	return r.Rows.Close()
}
