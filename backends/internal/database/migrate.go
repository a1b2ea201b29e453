package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// NewerSchemaError says that the database was written by a newer program.
type NewerSchemaError struct {
	Path  string // of the database file, or the server, database and schema
	Found int64  // schema version in the database
	Known int64  // newest schema version this program knows
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("database %s has schema version %d, but this program knows versions up to %d: "+
		"run the version that wrote it, or restore a backup made before the upgrade", e.Path, e.Found, e.Known)
}

// migrate runs the files of the folder "migrations" that db has not seen yet.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, name string, migrations fs.FS) error {
	numbered, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	provider, err := goose.NewProvider(dialect, db, numbered,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	found, err := provider.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("schema version: %w", err)
	}
	sources := provider.ListSources()
	if known := sources[len(sources)-1].Version; found > known {
		return &NewerSchemaError{Path: name, Found: found, Known: known}
	}
	_, err = provider.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		return fmt.Errorf("migration %s: %w", partial.Failed.Source.Path, partial.Err)
	}
	if err != nil {
		return fmt.Errorf("migration: %w", err)
	}
	return nil
}
