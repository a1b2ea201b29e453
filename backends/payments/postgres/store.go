// Package postgres keeps payments in a PostgreSQL database.
package postgres

import (
	"context"
	"embed"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/payments/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens a schema of the database at dsn, creating it when it is not there.
func Open(ctx context.Context, dsn, schema string) (*sqlstore.Store, error) {
	db, err := database.OpenPostgres(ctx, dsn, schema, migrations)
	if err != nil {
		return nil, err
	}
	return sqlstore.New(db), nil
}
