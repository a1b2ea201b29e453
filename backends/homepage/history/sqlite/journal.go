package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/history"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
	"github.com/aditechsphere/fairway/backends/internal/database"
)

// moreOfEvent is what an event has beside its columns.
type moreOfEvent struct {
	Summary string   `json:"summary,omitempty"`
	By      string   `json:"by,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Changes []string `json:"changes,omitempty"`
}

// SaveEvents implements [history.Store].
func (s *Store) SaveEvents(ctx context.Context, events []homepage.Event) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, e := range events {
			more, err := json.Marshal(moreOfEvent{e.Summary, e.By, e.Detail, e.Changes})
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO events (id, at, kind, subject, outcome, more) VALUES (?, ?, ?, ?, ?, ?)
				ON CONFLICT (id) DO NOTHING`, e.ID, database.Millis(e.At), string(e.Kind), e.Subject, string(e.Outcome), string(more)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Events implements [history.Store].
func (s *Store) Events(ctx context.Context, since time.Time, most int) ([]homepage.Event, error) {
	events, err := database.All(ctx, s.db.Read(), scanEvent, `SELECT id, at, kind, subject, outcome, more FROM events
		WHERE at >= ? ORDER BY id DESC LIMIT ?`, database.Millis(since), most)
	return events, s.db.Explain(err)
}

// EventsBefore implements [history.Store].
func (s *Store) EventsBefore(ctx context.Context, id int64, most int) ([]homepage.Event, error) {
	events, err := database.All(ctx, s.db.Read(), scanEvent, `SELECT id, at, kind, subject, outcome, more FROM events
		WHERE id < ? ORDER BY id DESC LIMIT ?`, id, most)
	return events, s.db.Explain(err)
}

// EventsOf implements [history.Store].
func (s *Store) EventsOf(ctx context.Context, kind homepage.EventKind, most int) ([]homepage.Event, error) {
	events, err := database.All(ctx, s.db.Read(), scanEvent, `SELECT id, at, kind, subject, outcome, more FROM events
		WHERE kind = ? ORDER BY id DESC LIMIT ?`, string(kind), most)
	return events, s.db.Explain(err)
}

func scanEvent(row database.Row) (e homepage.Event, err error) {
	var at int64
	var text string
	if err := row.Scan(&e.ID, &at, &e.Kind, &e.Subject, &e.Outcome, &text); err != nil {
		return e, err
	}
	var more moreOfEvent
	err = json.Unmarshal([]byte(text), &more)
	e.At = database.Moment(at)
	e.Summary, e.By, e.Detail, e.Changes = more.Summary, more.By, more.Detail, more.Changes
	return e, err
}

// moreOfFailure is what a failure has beside its columns; times are in nanoseconds.
type moreOfFailure struct {
	Method   string        `json:"method"`
	Host     string        `json:"host"`
	Path     string        `json:"path"`
	Status   int           `json:"status"`
	Cause    string        `json:"cause"`
	Error    string        `json:"error,omitempty"`
	Upstream string        `json:"upstream,omitempty"`
	Retries  int           `json:"retries,omitempty"`
	Waited   time.Duration `json:"waited,omitempty"`
	Total    time.Duration `json:"total"`
}

// SaveFailures implements [history.Store].
func (s *Store) SaveFailures(ctx context.Context, service string, failures []homepage.Failure) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, f := range failures {
			more, err := json.Marshal(moreOfFailure{f.Method, f.Host, f.Path, f.Status, f.Cause.String(), f.Error, f.Upstream, f.Retries, f.Waited, f.Total})
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO failures (service, at, more) VALUES (?, ?, ?)`,
				service, database.Millis(f.At), string(more)); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM failures WHERE service = ? AND id NOT IN
			(SELECT id FROM failures WHERE service = ? ORDER BY id DESC LIMIT ?)`, service, service, homepage.FailuresKept)
		return err
	})
}

// Failures implements [history.Store].
func (s *Store) Failures(ctx context.Context) (map[string][]homepage.Failure, error) {
	failures := make(map[string][]homepage.Failure)
	_, err := database.All(ctx, s.db.Read(), func(row database.Row) (none struct{}, err error) {
		var service, text string
		var at int64
		if err := row.Scan(&service, &at, &text); err != nil {
			return none, err
		}
		var more moreOfFailure
		if err := json.Unmarshal([]byte(text), &more); err != nil {
			return none, err
		}
		failures[service] = append(failures[service], homepage.Failure{
			At: database.Moment(at), Method: more.Method, Host: more.Host, Path: more.Path, Status: more.Status, Cause: measure.CauseNamed(more.Cause),
			Error: more.Error, Upstream: more.Upstream, Retries: more.Retries, Waited: more.Waited, Total: more.Total,
		})
		return none, nil
	}, `SELECT service, at, more FROM failures ORDER BY id`)
	return failures, s.db.Explain(err)
}

// forgetJournal deletes events that are too old or too many, and failures that
// are too old.
func forgetJournal(ctx context.Context, tx *sql.Tx, now time.Time) error {
	oldest := database.Millis(now.Add(-history.EventsKeep))
	for _, statement := range []string{`DELETE FROM events WHERE at < ?`, `DELETE FROM failures WHERE at < ?`} {
		if _, err := tx.ExecContext(ctx, statement, oldest); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM events WHERE id IN
		(SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY kind ORDER BY id DESC) AS place FROM events) WHERE place > ?)`,
		history.MostEvents)
	return err
}
