package database

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// advice says what to do about the SQLite errors that concern the file rather than the statement.
var advice = map[int]string{
	sqlite3.SQLITE_NOTADB:   "it is not a database, or is encrypted: name another path, or restore a backup",
	sqlite3.SQLITE_CORRUPT:  "it is damaged: stop the server and restore a backup",
	sqlite3.SQLITE_READONLY: "it cannot be written: make the file and its folder writable for this user",
	sqlite3.SQLITE_CANTOPEN: "it cannot be opened: make the file and its folder readable and writable for this user",
	sqlite3.SQLITE_PERM:     "it may not be accessed: make the file and its folder readable and writable for this user",
	sqlite3.SQLITE_FULL:     "the disk is full: free some space",
	sqlite3.SQLITE_IOERR:    "the disk failed: look at the system log",
	sqlite3.SQLITE_BUSY:     "another process has locked it: stop the other process",
}

// Explain adds the path and what to do to an error that comes from the file
// itself: damaged, not writable, full disk. Other errors, and nil, are
// returned as they are. What Write returns is already explained.
func (db *DB) Explain(err error) error {
	if what, ok := adviceOn(err); ok {
		return fmt.Errorf("database %s: %s: %w", db.path, what, err)
	}
	return err
}

func adviceOn(err error) (what string, ok bool) {
	var cause *sqlite.Error
	if !errors.As(err, &cause) {
		return "", false
	}
	const primaryCode = 0xff // extended codes keep the primary one in the low byte
	what, ok = advice[cause.Code()&primaryCode]
	return what, ok
}

// failure explains err and names the path in any case.
func (db *DB) failure(err error) error {
	var newer *NewerSchemaError
	if errors.As(err, &newer) {
		return err
	}
	if _, ok := adviceOn(err); ok {
		return db.Explain(err)
	}
	return fmt.Errorf("database %s: %w", db.path, err)
}
