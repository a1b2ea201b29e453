package cutover

import (
	"context"

	"github.com/aditechsphere/fairway/migrate/handover"
)

// Report is where a migration stands, as recorded and as it is.
type Report struct {
	*State
	// ApacheHolds and FairwayHolds are the addresses each listens on.
	ApacheHolds  []string `json:"apache_holds"`
	FairwayHolds []string `json:"fairway_holds"`
	// AtWork says that a cutover or rollback runs at this moment.
	AtWork bool `json:"at_work"`
	// Next says what can be done.
	Next string `json:"next"`
}

// Status reports where the migration recorded in folder stands.
func Status(ctx context.Context, folder string, systemd Systemd) (*Report, error) {
	if err := rights(); err != nil {
		return nil, err
	}
	state, err := ReadState(folder)
	if err != nil {
		return nil, err
	}
	report := &Report{State: state, AtWork: atWork(folder)}
	if state.Apache == nil {
		report.Next = next(report)
		return report, nil
	}
	state.connect(systemd)
	r := &run{state: state}
	for list, s := range map[*[]string]server{&report.ApacheHolds: state.Apache, &report.FairwayHolds: state.Service} {
		err := r.each(ctx, s, func(group *handover.Group) error {
			*list = append(*list, group.String())
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	report.Next = next(report)
	return report, nil
}

// atWork reports whether another command has the folder locked.
func atWork(folder string) bool {
	store, err := openStore(folder)
	if err != nil {
		return true
	}
	return store.close() != nil
}

// next is what the operator can do.
func next(r *Report) string {
	apache, fairway := len(r.ApacheHolds) > 0, len(r.FairwayHolds) > 0
	switch {
	case r.AtWork:
		return "it is at work: wait for its end"
	case !apache && !fairway && r.Apache != nil && r.Stage != OnApache:
		return "nobody listens: caddy migrate rollback --yes starts Apache, caddy migrate cutover goes on with Fairway where Apache left off"
	case r.Stage == OnApache:
		return "caddy migrate cutover moves the sites to Fairway"
	case r.Stage == OnFairway:
		return "caddy migrate rollback --yes moves the sites back to Apache"
	case r.Stage == CuttingOver && apache:
		return "the cutover was interrupted, Apache still serves: caddy migrate cutover goes on, caddy migrate rollback --yes undoes it"
	case r.Stage == CuttingOver:
		return "the cutover was interrupted, Fairway serves: caddy migrate cutover completes it, caddy migrate rollback --yes goes back to Apache"
	case fairway:
		return "the rollback was interrupted, Fairway still serves: caddy migrate rollback --yes goes on, caddy migrate cutover undoes it"
	}
	return "the rollback was interrupted, Apache serves: caddy migrate rollback --yes completes it"
}
