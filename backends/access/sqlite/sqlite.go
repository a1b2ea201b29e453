// Package sqlite keeps access data in a SQLite file.
package sqlite

import (
	"context"
	"embed"

	"github.com/aditechsphere/fairway/backends/access/sqlstore"
	"github.com/aditechsphere/fairway/backends/internal/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the file at path, creating it when it is not there.
func Open(ctx context.Context, path string) (*sqlstore.Store, error) {
	db, err := database.Open(ctx, path, migrations)
	if err != nil {
		return nil, err
	}
	return sqlstore.New(db), nil
}
