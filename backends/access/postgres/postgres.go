// Package postgres keeps access data in a PostgreSQL schema.
package postgres

import (
	"context"
	"embed"

	"github.com/aditechsphere/fairway/backends/access/sqlstore"
	"github.com/aditechsphere/fairway/backends/internal/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the schema "access" of the database that dsn names, creating it
// when it is not there.
func Open(ctx context.Context, dsn string) (*sqlstore.Store, error) {
	db, err := database.OpenPostgres(ctx, dsn, "access", migrations)
	if err != nil {
		return nil, err
	}
	return sqlstore.New(db), nil
}
