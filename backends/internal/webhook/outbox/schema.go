package outbox

import (
	_ "embed"

	"github.com/aditechsphere/fairway/backends/internal/database"
)

//go:embed schema/sqlite.sql
var sqliteSchema string

//go:embed schema/postgres.sql
var postgresSchema string

// Schema returns the statements that make the tables. A migration of the
// service contains this text; a test holds the two together.
func Schema(dialect database.Dialect) string {
	if dialect == database.PostgreSQL {
		return postgresSchema
	}
	return sqliteSchema
}
