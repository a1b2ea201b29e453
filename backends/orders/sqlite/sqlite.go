// Package sqlite keeps orders in a SQLite file.
package sqlite

import (
	"context"
	"embed"
	"errors"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/orders/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the file at path, creating it when it is not there.
func Open(ctx context.Context, path string) (*sqlstore.Store, error) {
	db, err := database.Open(ctx, path, migrations)
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.New(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return store, nil
}
