package database

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Copy copies the SQLite file at path, which may be in use, to target, which
// must not be there. The copy is the database at one moment, with everything
// that was acknowledged before, and is on the disk when Copy returns. Those
// who read and write meanwhile do not wait.
func Copy(ctx context.Context, path, target string) (err error) {
	db, err := openSQLite(path, readerOptions, 1)
	if err != nil {
		return fmt.Errorf("database %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	file, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // VACUUM INTO takes an empty file
	if err != nil {
		return fmt.Errorf("copying database %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", target); err != nil {
		return fmt.Errorf("copying database %s to %s: %w", path, target, err)
	}
	return file.Sync()
}
