package subdomain

import (
	"context"
	"encoding/json"
)

// Row is a row that was added while the server runs. Its target stays JSON, so
// that one row that a later version refuses does not hide the others.
type Row struct {
	Label  string          // as [Label] returns it
	Target json.RawMessage // as [Target.MarshalJSON] writes it
}

// Store keeps the rows that were added while the server runs, for each domain
// on its own. All methods are safe for concurrent use.
type Store interface {
	// Rows returns the rows of a domain, sorted by label.
	Rows(ctx context.Context, domain string) ([]Row, error)

	// Change puts and removes rows of a domain: all of it or, with an error,
	// nothing. It returns when the change is durable. A row that is there is
	// replaced; removing one that is not there does nothing.
	Change(ctx context.Context, domain string, put []Row, remove []string) error

	// Ping reports whether the store can be read.
	Ping(ctx context.Context) error
}
