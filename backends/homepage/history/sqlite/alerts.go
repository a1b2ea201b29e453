package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
	"github.com/aditechsphere/fairway/backends/internal/database"
)

// LoadAlerts implements [deliver.Store].
func (s *Store) LoadAlerts(ctx context.Context) (state deliver.State, err error) {
	texts, err := database.All(ctx, s.db.Read(), database.Text, `SELECT state FROM alerts`)
	if err != nil || len(texts) == 0 {
		return state, s.db.Explain(err)
	}
	if err := json.Unmarshal([]byte(texts[0]), &state); err != nil {
		return state, fmt.Errorf("%s: the state of alerts: %w", s.db.Path(), err)
	}
	return state, nil
}

// SaveAlerts implements [deliver.Store].
func (s *Store) SaveAlerts(ctx context.Context, state deliver.State) error {
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO alerts (only, state) VALUES (1, ?)
			ON CONFLICT (only) DO UPDATE SET state = excluded.state`, string(text))
		return err
	})
}

var _ deliver.Store = (*Store)(nil)
