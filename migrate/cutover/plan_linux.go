package cutover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/handover"
)

// Plan is a cutover to be made.
type Plan struct {
	// Folder is where the state is kept.
	Folder string
	// Config and Adapter name what Fairway serves.
	Config, Adapter string
	// Storage is the folder of its certificates.
	Storage string
	// Listens are the addresses that the configuration opens.
	Listens []handover.Address
	// Validate checks the configuration as the service will read it.
	Validate func(ctx context.Context) error
	// Certificate returns the serial number, in hexadecimal digits, of the
	// certificate that Fairway will show for a name, or why there is none:
	// [ErrNoTLS] when no site needs one. It is empty for one that Fairway makes
	// itself.
	Certificate func(name string) (serial string, err error)

	Service *Service
	// FindApache finds the Apache that runs.
	FindApache func(ctx context.Context) (*Apache, error)
	Systemd    Systemd
	Options    Options
}

// Step is a step to be taken, for show.
type Step struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Commands []string `json:"commands"`
	Undone   bool     `json:"undone_on_failure"`
}

// Cutover moves the sites from Apache to Fairway, or goes on with it. A failure
// leaves all at Apache, and is told with what could not be undone.
func Cutover(ctx context.Context, plan Plan) (*State, error) {
	c, err := plan.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.store.close() }()
	if done, err := c.settled(ctx); done || err != nil {
		return c.state, err
	}
	if err := c.preflight(ctx); err != nil {
		return c.state, err
	}
	return c.state, c.forward(ctx, c.steps(), OnApache, CuttingOver, OnFairway)
}

// DryRun returns the steps of [Cutover], after every check that changes nothing.
func DryRun(ctx context.Context, plan Plan) (steps []Step, notes []string, err error) {
	c, err := plan.open()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = c.store.close() }()
	err = c.preflight(ctx)
	if c.state.Apache == nil {
		return nil, c.notes, err
	}
	return shown(c.steps()), c.notes, err
}

func shown(steps []step) []Step {
	list := make([]Step, len(steps))
	for i, step := range steps {
		list[i] = Step{step.name, step.title, step.commands, step.undo != nil}
	}
	return list
}

// cutover is a plan at work.
type cutover struct {
	*run
	plan    Plan
	passing *passing
}

// open reads what is recorded.
func (p Plan) open() (*cutover, error) {
	if err := rights(); err != nil {
		return nil, err
	}
	store, err := openStore(p.Folder)
	if err != nil {
		return nil, err
	}
	state, err := ReadState(p.Folder)
	if err != nil && !errors.Is(err, ErrNothingRecorded) {
		return nil, errors.Join(err, store.close())
	}
	if state == nil || state.Stage == OnApache {
		state = &State{Stage: OnApache}
	}
	if state.Apache != nil {
		state.connect(p.Systemd)
	}
	return &cutover{run: &run{options: p.Options, store: store, state: state}, plan: p}, nil
}

// connect gives what was read from a file the means to act.
func (s *State) connect(systemd Systemd) {
	s.Apache.systemd, s.Service.systemd = systemd, systemd
}

// settled undoes a rollback that was interrupted, and reports whether all is
// at Fairway then, or was before.
func (c *cutover) settled(ctx context.Context) (bool, error) {
	if c.state.Stage == OnApache || c.state.Stage == CuttingOver {
		return false, nil
	}
	back := &rollback{run: c.run, passing: c.backToApache()}
	missing, err := c.holds(ctx, c.state.Service)
	if err != nil || len(missing) > 0 {
		return false, err
	}
	if c.state.Stage == RollingBack {
		return true, c.backward(ctx, back.steps(), OnFairway, nil)
	}
	left, err := c.holds(ctx, c.state.Apache)
	return len(left) == len(c.state.Addresses), err
}

// steps are those of a cutover.
func (c *cutover) steps() []step {
	c.passing = &passing{run: c.run, from: c.state.Apache, to: c.state.Service}
	steps := []step{c.kernelStep(), c.renewalStep()}
	steps = append(steps, c.passing.steps()...)
	if boot := c.bootUnits(); len(boot) > 0 {
		steps = append(steps, step{
			name: "boot", title: "Have the machine start Fairway, not Apache, when it boots", commands: boot,
			do: c.bootFairway, undo: c.bootAsBefore,
		})
	}
	return append(steps, step{name: "finish", title: "Wait until Apache has ended", do: c.passing.finish})
}

const migrateRequests = "/proc/sys/net/ipv4/tcp_migrate_req"

// kernelStep has connections that wait at a closing socket move to another.
func (r *run) kernelStep() step {
	return step{
		name: "kernel", title: "Have the kernel move waiting connections to the other server",
		commands: []string{"sysctl net.ipv4.tcp_migrate_req=1"},
		do:       r.kernelMigrates, undo: r.kernelAsBefore,
	}
}

func (r *run) kernelMigrates(context.Context) error {
	value, err := os.ReadFile(migrateRequests)
	if err != nil {
		return err
	}
	if r.state.MigrateRequests == "" {
		r.state.MigrateRequests = strings.TrimSpace(string(value))
		if err := r.store.save(r.state); err != nil {
			return err
		}
	}
	return writeSetting("1")
}

func (r *run) kernelAsBefore(context.Context) error {
	if r.state.MigrateRequests == "" {
		return nil
	}
	return writeSetting(r.state.MigrateRequests)
}

func writeSetting(value string) error {
	if err := os.WriteFile(migrateRequests, []byte(value), 0o644); err != nil { //nolint:gosec // a setting of the kernel
		return fmt.Errorf("net.ipv4.tcp_migrate_req=%s: %w", value, err)
	}
	return nil
}

// renewalStep switches certbot off, which would fight for port 80 and start
// Apache.
func (r *run) renewalStep() step {
	commands := make([]string, 0, len(r.state.Renewals))
	for _, renewal := range r.state.Renewals {
		commands = append(commands, renewal.command())
	}
	return step{
		name: "certbot", title: "Switch certbot's renewals off", commands: commands,
		do: r.renewalsOff, undo: r.renewalsOn,
	}
}

func (r *run) renewalsOff(ctx context.Context) error {
	for _, renewal := range r.state.Renewals {
		if err := renewal.off(ctx, r.state.Apache.systemd); err != nil {
			return err
		}
	}
	return notRenewing(r.options.LetsEncrypt)
}

func (r *run) renewalsOn(ctx context.Context) error {
	var errs []error
	for _, renewal := range r.state.Renewals {
		errs = append(errs, renewal.on(ctx, r.state.Apache.systemd))
	}
	return errors.Join(errs...)
}

// bootUnits are the commands of the boot step, without systemd none.
func (r *run) bootUnits() []string {
	var commands []string
	if r.state.Service.Unit != "" {
		commands = append(commands, "systemctl enable "+r.state.Service.Unit)
	}
	if r.state.Apache.Unit != "" {
		commands = append(commands, "systemctl disable "+r.state.Apache.Unit)
	}
	return commands
}

func (r *run) bootFairway(ctx context.Context) error {
	for unit, on := range r.boot() {
		if err := setEnabled(ctx, r.state.Apache.systemd, unit, on); err != nil {
			return err
		}
	}
	return nil
}

// boot says which unit is started at boot once Fairway serves.
func (r *run) boot() map[string]bool {
	units := make(map[string]bool)
	if unit := r.state.Service.Unit; unit != "" {
		units[unit] = true
	}
	if unit := r.state.Apache.Unit; unit != "" {
		units[unit] = false
	}
	return units
}

func (r *run) bootAsBefore(ctx context.Context) error {
	var errs []error
	for unit, on := range r.state.Boot {
		errs = append(errs, setEnabled(ctx, r.state.Apache.systemd, unit, on))
	}
	return errors.Join(errs...)
}

// recordBefore notes how Apache, systemd and certbot are before anything is
// changed. What an interrupted command noted stays: it has changed them since.
func (c *cutover) recordBefore(ctx context.Context, apache *Apache) error {
	state := c.state
	state.Config, state.Adapter, state.Storage, state.Sites = c.plan.Config, c.plan.Adapter, c.plan.Storage, c.plan.Options.Sites
	if state.Apache != nil {
		return nil
	}
	service := *c.plan.Service
	if service.Unit != "" {
		service.Environment = nil // systemd makes it
	}
	state.Apache, state.Service = apache, &service
	state.connect(c.plan.Systemd)
	var err error
	if state.Addresses, err = c.apacheAddresses(ctx); err != nil {
		return err
	}
	if state.Renewals, err = findRenewals(ctx, c.plan.Systemd, c.options.Cron); err != nil {
		return err
	}
	state.Boot = make(map[string]bool)
	for unit := range c.boot() {
		if state.Boot[unit], err = enabled(ctx, c.plan.Systemd, unit); err != nil {
			return err
		}
	}
	return nil
}

// apacheAddresses lists what Apache listens on, without the ports that
// are to be given up.
func (c *cutover) apacheAddresses(ctx context.Context) ([]SharedAddress, error) {
	pid, err := c.state.Apache.PID(ctx)
	if err != nil {
		return nil, err
	}
	process, err := handover.OpenProcess(pid)
	if err != nil {
		return nil, err
	}
	defer func() { _ = process.Close() }()
	sockets, err := process.Sockets()
	if err != nil {
		return nil, err
	}
	var addresses []SharedAddress
	for _, group := range handover.Groups(sockets) {
		if !slices.Contains(c.options.Without, group.Port()) {
			shared := SharedAddress{Network: group.Network(), Address: group.AddrPort, Shares: group.Sockets[0].Shares}
			shared.TLS = speaksTLS(ctx, shared.handover().Reachable(), c.options.Sites.anyOf())
			addresses = append(addresses, shared)
		}
	}
	return addresses, handover.CloseAll(sockets)
}
