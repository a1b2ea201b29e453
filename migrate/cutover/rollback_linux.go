package cutover

import (
	"context"
	"errors"
)

// Return is a rollback to be made.
type Return struct {
	// Folder is where the state is kept.
	Folder  string
	Systemd Systemd
	Options Options
}

// rollback is the way back at work.
type rollback struct {
	*run
	passing *passing
}

// Rollback moves the sites back to Apache, or goes on with it; a cutover that
// was interrupted is undone. A failure leaves all at Fairway.
func Rollback(ctx context.Context, plan Return) (*State, error) {
	r, err := plan.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.store.close() }()
	if r.state.Stage == OnApache {
		return r.state, nil
	}
	if undone, err := r.undoCutover(ctx); undone || err != nil {
		return r.state, err
	}
	if err := r.preflight(ctx); err != nil {
		return r.state, err
	}
	return r.state, r.forward(ctx, r.steps(), OnFairway, RollingBack, OnApache)
}

// DryRollback returns the steps of [Rollback], after every check that changes
// nothing.
func DryRollback(ctx context.Context, plan Return) ([]Step, error) {
	r, err := plan.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.store.close() }()
	return shown(r.steps()), r.preflight(ctx)
}

func (p Return) open() (*rollback, error) {
	if err := rights(); err != nil {
		return nil, err
	}
	state, err := ReadState(p.Folder)
	if err != nil {
		return nil, err
	}
	store, err := openStore(p.Folder)
	if err != nil {
		return nil, err
	}
	if state.Apache == nil || state.Service == nil {
		return nil, errors.Join(ErrNothingRecorded, store.close())
	}
	state.connect(p.Systemd)
	options := p.Options
	options.Sites = state.Sites
	r := &run{options: options, store: store, state: state}
	return &rollback{run: r, passing: r.backToApache()}, nil
}

// backToApache passes the addresses on from Fairway.
func (r *run) backToApache() *passing {
	return &passing{run: r, from: r.state.Service, to: r.state.Apache, keepsSharing: true}
}

// undoCutover undoes a cutover that was interrupted before Apache let go, and
// reports whether it did.
func (r *rollback) undoCutover(ctx context.Context) (bool, error) {
	if r.state.Stage != CuttingOver {
		return false, nil
	}
	missing, err := r.holds(ctx, r.state.Apache)
	if err != nil || len(missing) > 0 {
		return false, err
	}
	interrupted := &cutover{run: r.run}
	return true, r.backward(ctx, interrupted.steps(), OnApache, nil)
}

// steps are those of a rollback.
func (r *rollback) steps() []step {
	kernel := r.kernelStep()
	kernel.undo = nil // Fairway had it so
	renewals := r.renewalStep()
	steps := append([]step{kernel}, r.passing.steps()...)
	steps = append(steps, step{
		name: "certbot", title: "Switch certbot's renewals on again", commands: renewalCommands(r.state.Renewals),
		do: renewals.undo, undo: renewals.do,
	})
	if len(r.bootUnits()) > 0 {
		steps = append(steps, step{
			name: "boot", title: "Have the machine start what it started at boot before", commands: bootCommands(r.state.Boot),
			do: r.bootAsBefore, undo: r.bootFairway,
		})
	}
	return append(steps,
		step{name: "finish", title: "Wait until Fairway has ended", do: r.passing.finish},
		step{
			name: "kernel again", title: "Give the kernel its setting back",
			commands: []string{"sysctl net.ipv4.tcp_migrate_req=" + r.state.MigrateRequests}, do: r.kernelAsBefore,
		})
}

func renewalCommands(renewals []Renewal) []string {
	var commands []string
	for _, renewal := range renewals {
		switch {
		case renewal.Timer != "":
			commands = append(commands, "systemctl enable --now "+renewal.Timer)
		case renewal.Snap != "":
			commands = append(commands, "snap start --enable "+renewal.Snap)
		default:
			commands = append(commands, "mv "+renewal.Cron+cronDisabled+" "+renewal.Cron)
		}
	}
	return commands
}

func bootCommands(boot map[string]bool) []string {
	var commands []string
	for unit, on := range boot {
		verb := "disable"
		if on {
			verb = "enable"
		}
		commands = append(commands, "systemctl "+verb+" "+unit)
	}
	return commands
}
