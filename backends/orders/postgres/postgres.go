// Package postgres keeps orders in a PostgreSQL schema.
package postgres

import (
	"context"
	"embed"
	"errors"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/orders/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the schema "orders" of the database that dsn names, creating it
// when it is not there.
func Open(ctx context.Context, dsn string) (*sqlstore.Store, error) {
	db, err := database.OpenPostgres(ctx, dsn, "orders", migrations)
	if err != nil {
		return nil, err
	}
	store, err := sqlstore.New(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return store, nil
}
