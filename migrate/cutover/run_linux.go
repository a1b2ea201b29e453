package cutover

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// step is a part of the way. What it does and undoes may be done already.
type step struct {
	name, title string
	commands    []string // what an operator would type, for show
	do          func(context.Context) error
	undo        func(context.Context) error // nil: there is nothing to undo
}

// run is a walk along steps, written down as it goes.
type run struct {
	options Options
	store   *store
	state   *State
	notes   []string
}

// note adds something to what the current step says when it is done.
func (r *run) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// forward takes all steps. When one fails, it and those before are undone, and
// the stage is what it was before.
func (r *run) forward(ctx context.Context, steps []step, before, during, after Stage) error {
	r.state.Stage, r.state.Steps = during, nil
	for i, step := range steps {
		began := time.Now()
		if err := r.record(steps, i, "begun", ""); err != nil {
			return r.backward(ctx, steps[:i], before, err)
		}
		if err := step.do(ctx); err != nil {
			err = fmt.Errorf("%s: %w", step.name, err)
			_ = r.record(steps, i, "failed", err.Error()) // the undoing is recorded too
			return r.backward(ctx, steps[:i+1], before, err)
		}
		if err := r.record(steps, i, "done", r.detail(began)); err != nil {
			return r.backward(ctx, steps[:i+1], before, err)
		}
	}
	r.state.Stage = after
	return r.store.save(r.state)
}

func (r *run) detail(began time.Time) string {
	detail := time.Since(began).Round(time.Millisecond).String()
	for _, note := range r.notes {
		detail += "; " + note
	}
	r.notes = nil
	return detail
}

// backward undoes steps, the last first. cause is why; the error holds it and
// what could not be undone.
func (r *run) backward(ctx context.Context, steps []step, before Stage, cause error) error {
	ctx = context.WithoutCancel(ctx) // an interruption is a reason to undo
	errs := []error{cause}
	undone := true
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].undo == nil {
			continue
		}
		errs = append(errs, r.record(steps, i, "undoing", ""))
		if err := steps[i].undo(ctx); err != nil {
			undone = false
			err = fmt.Errorf("undoing %s: %w", steps[i].name, err)
			errs = append(errs, err, r.record(steps, i, "not undone", err.Error()))
			continue
		}
		errs = append(errs, r.record(steps, i, "undone", ""))
	}
	if undone {
		r.state.Stage = before
	}
	return errors.Join(append(errs, r.store.save(r.state))...)
}

// record writes down and tells where the walk is.
func (r *run) record(steps []step, i int, status, detail string) error {
	event := Event{
		Step: steps[i].name, Title: steps[i].title, Number: i + 1, Of: len(steps),
		Status: status, Detail: detail, Time: time.Now().UTC(),
	}
	r.state.Steps = append(r.state.Steps, event)
	if err := r.store.save(r.state); err != nil {
		return err
	}
	if r.options.Progress != nil {
		r.options.Progress(event)
	}
	return nil
}
