package subdomains

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/aditechsphere/fairway/backends/subdomain"
	"github.com/aditechsphere/fairway/backends/subdomain/sqlite"
)

// ledger keeps the rows that are added while the server runs, and brings every
// change into the tables of all configurations that are alive: during a reload
// these are two.
type ledger struct {
	store interface {
		subdomain.Store
		Close() error
	}

	mu     sync.Mutex // held by one change at a time
	tables map[*table]struct{}
}

func openLedger(ctx context.Context, folder string) (*ledger, error) {
	store, err := sqlite.Open(ctx, filepath.Join(folder, "subdomains.db"))
	if err != nil {
		return nil, err
	}
	return &ledger{store: store, tables: make(map[*table]struct{})}, nil
}

// Close closes the store.
func (l *ledger) Close() error { return l.store.Close() }

// attach reads the added rows of a table, which are loaded when its
// configuration starts.
func (l *ledger) attach(t *table) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows, err := l.store.Rows(t.ctx, t.rows.Domain())
	if err != nil {
		return fmt.Errorf("reading the added subdomains of %s: %w", t.rows.Domain(), err)
	}
	t.ledger = l
	t.pending = rows
	l.tables[t] = struct{}{}
	return nil
}

// detach forgets a table.
func (l *ledger) detach(t *table) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tables, t)
}

// load brings the pending rows into a table. Not earlier than its
// configuration starts: rows may lead to services, which are modules, and
// while Caddy provisions a configuration nobody else may.
func (l *ledger) load(t *table) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, attached := l.tables[t]; !attached {
		return
	}
	t.bring(t.pending, nil)
	t.pending = nil
	close(t.loaded)
}

// bring puts and removes added rows that are stored already. Rows that this
// configuration cannot serve are kept as inactive.
func (t *table) bring(put []subdomain.Row, remove []string) {
	fresh := make(map[string]row, len(put))
	failed := make(map[string]inactive)
	for _, added := range put {
		made, err := t.admit(added)
		if err != nil {
			t.logger.Error("an added subdomain is not served",
				zap.String("label", added.Label), zap.String("domain", t.rows.Domain()), zap.Error(err))
			failed[added.Label] = inactive{added.Target, err.Error()}
			continue
		}
		fresh[added.Label] = made
	}
	t.publish(fresh, slices.AppendSeq(slices.Clone(remove), maps.Keys(failed)))
	maps.Copy(t.inactive, failed)
}

// publish changes the added rows that are served.
func (t *table) publish(put map[string]row, remove []string) {
	for label := range put {
		delete(t.inactive, label)
	}
	remove = slices.DeleteFunc(slices.Clone(remove), func(label string) bool {
		delete(t.inactive, label)
		current, ok := t.rows.Get(label)
		return !ok || !current.added
	})
	t.rows.Change(put, remove)
}

// Errors of a change, for the admin endpoint to tell apart.
var (
	errConfigured = errors.New("this row is in the configuration; change it there and reload")
	errNoRow      = errors.New("there is no such row")

	// errReplaced is for a table whose configuration ended meanwhile.
	errReplaced = errors.New("the configuration was replaced")
)

// admit checks a row that is or would be added and makes it.
func (t *table) admit(added subdomain.Row) (row, error) {
	if current, ok := t.rows.Get(added.Label); ok && !current.added {
		return row{}, errConfigured
	}
	name, err := subdomain.Join(added.Label, t.rows.Domain())
	if err != nil {
		return row{}, err
	}
	if err := t.reaches(name); err != nil {
		return row{}, err
	}
	var target subdomain.Target
	if err := json.Unmarshal(added.Target, &target); err != nil {
		return row{}, err
	}
	if err := checkAdded(target); err != nil {
		return row{}, err
	}
	made, err := t.newRow(target)
	if err != nil && !errors.Is(err, subdomain.ErrTarget) {
		err = fmt.Errorf("%w: %w", subdomain.ErrTarget, err)
	}
	return made, err
}

// change puts and removes added rows: in the store first, then in every table
// of the domain. With an error nothing has changed.
func (l *ledger) change(ctx context.Context, t *table, put []subdomain.Row, remove []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changeLocked(ctx, t, put, remove)
}

// replace makes put all the added rows that there are, and returns how many
// were removed.
func (l *ledger) replace(ctx context.Context, t *table, put []subdomain.Row) (removed int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := labelsOf(put)
	remove := slices.DeleteFunc(t.addedLabels(), func(label string) bool { return kept[label] })
	return len(remove), l.changeLocked(ctx, t, put, remove)
}

func labelsOf(rows []subdomain.Row) map[string]bool {
	labels := make(map[string]bool, len(rows))
	for _, row := range rows {
		labels[row.Label] = true
	}
	return labels
}

func (l *ledger) changeLocked(ctx context.Context, t *table, put []subdomain.Row, remove []string) error {
	if _, attached := l.tables[t]; !attached {
		return errReplaced
	}
	fresh := make(map[string]row, len(put))
	for _, added := range put {
		made, err := t.admit(added)
		if err != nil {
			return fmt.Errorf("row %q: %w", added.Label, err)
		}
		fresh[added.Label] = made
	}
	if err := l.store.Change(ctx, t.rows.Domain(), put, remove); err != nil {
		return err
	}
	t.publish(fresh, remove)
	for other := range l.tables {
		if other != t && other.rows.Domain() == t.rows.Domain() {
			other.follow(put, remove)
		}
	}
	return nil
}

// follow does after another table what was changed there.
func (t *table) follow(put []subdomain.Row, remove []string) {
	select {
	case <-t.loaded:
		t.bring(put, remove)
	default:
		changed := labelsOf(put)
		for _, label := range remove {
			changed[label] = true
		}
		t.pending = slices.DeleteFunc(t.pending, func(row subdomain.Row) bool { return changed[row.Label] })
		t.pending = append(t.pending, put...)
	}
}

// addedLabels returns the labels of all added rows, served or not.
func (t *table) addedLabels() []string {
	labels := slices.Collect(maps.Keys(t.inactive))
	for _, label := range t.rows.Labels() {
		if row, ok := t.rows.Get(label); ok && row.added {
			labels = append(labels, label)
		}
	}
	return labels
}

// put adds or changes one row, and tells whether it is new.
func (l *ledger) put(ctx context.Context, t *table, row subdomain.Row) (added bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	added = !t.hasAdded(row.Label)
	return added, l.changeLocked(ctx, t, []subdomain.Row{row}, nil)
}

// remove removes one added row.
func (l *ledger) remove(ctx context.Context, t *table, label string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !t.hasAdded(label) {
		if _, ok := t.rows.Get(label); ok {
			return fmt.Errorf("row %q: %w", label, errConfigured)
		}
		return fmt.Errorf("row %q: %w", label, errNoRow)
	}
	return l.changeLocked(ctx, t, nil, []string{label})
}

// hasAdded reports whether there is an added row, served or not.
func (t *table) hasAdded(label string) bool {
	if _, ok := t.inactive[label]; ok {
		return true
	}
	current, ok := t.rows.Get(label)
	return ok && current.added
}
