package cutover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/aditechsphere/fairway/migrate/handover"
)

// server is one of the two between which the sockets pass.
type server interface {
	Name() string
	// PID is the process that owns its sockets; 0 when it does not run.
	PID(ctx context.Context) (int, error)
	// Ending is the process that finishes its answers, once it has let go; 0 when
	// there is none.
	Ending(ctx context.Context) (int, error)
	// UID is the user whose sockets it opens.
	UID() int
	// Start starts it so that it shares its addresses. It may run already.
	Start(ctx context.Context) error
	// LetGo has it close the sockets on the shared addresses, and go on answering
	// on the connections it has.
	LetGo(ctx context.Context, process *handover.Process, shared func(handover.Address) bool) error
	// Finish waits until it has ended.
	Finish(ctx context.Context, process *handover.Process) error
	// Stopped has the service manager know that it is to stay so.
	Stopped(ctx context.Context) error
	// commands are what an operator would type.
	commands() (start, stop []string)
}

// passing passes the addresses from one server to the other.
type passing struct {
	*run
	from, to server
	// keepsSharing says that from sets SO_REUSEPORT by itself.
	keepsSharing bool
	leaving      *handover.Process // from, once it has let go
}

func (s SharedAddress) handover() handover.Address {
	return handover.Address{AddrPort: s.Address, Only6: s.Network == "tcp6" && s.Address.Addr().IsUnspecified()}
}

// shared reports whether an address is one that passes.
func (r *run) shared(address handover.Address) bool {
	return slices.ContainsFunc(r.state.Addresses, func(s SharedAddress) bool { return sameAddress(s.handover(), address) })
}

// sameAddress compares addresses; that of one host is of one family anyhow.
func sameAddress(a, b handover.Address) bool {
	return a.AddrPort == b.AddrPort && (a.Only6 == b.Only6 || !a.Addr().IsUnspecified())
}

// withGroups runs do with the sockets of a server on the shared addresses,
// unless it does not run.
func (r *run) withGroups(ctx context.Context, s server, do func(groups []*handover.Group) error) (err error) {
	pid, err := s.PID(ctx)
	if err != nil || pid == 0 {
		return err
	}
	process, err := handover.OpenProcess(pid)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, process.Close()) }()
	sockets, err := process.Sockets()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, handover.CloseAll(sockets)) }()
	var groups []*handover.Group
	for _, group := range handover.Groups(sockets) {
		if r.shared(group.Address) {
			groups = append(groups, group)
		}
	}
	return do(groups)
}

// each runs do with each group of a server.
func (r *run) each(ctx context.Context, s server, do func(*handover.Group) error) error {
	return r.withGroups(ctx, s, func(groups []*handover.Group) error {
		var errs []error
		for _, group := range groups {
			errs = append(errs, do(group))
		}
		return errors.Join(errs...)
	})
}

// holds reports whether a server listens on all shared addresses; if not, on
// which it does not.
func (r *run) holds(ctx context.Context, s server) (missing []SharedAddress, err error) {
	have := make([]handover.Address, 0, len(r.state.Addresses))
	err = r.each(ctx, s, func(group *handover.Group) error {
		have = append(have, group.Address)
		return nil
	})
	for _, shared := range r.state.Addresses {
		if !slices.ContainsFunc(have, func(a handover.Address) bool { return sameAddress(a, shared.handover()) }) {
			missing = append(missing, shared)
		}
	}
	return missing, err
}

// passed reports whether the one has let go and the other holds all: what is
// left is to finish.
func (p *passing) passed(ctx context.Context) (bool, error) {
	left, err := p.holds(ctx, p.from)
	if err != nil || len(left) < len(p.state.Addresses) {
		return false, err
	}
	missing, err := p.holds(ctx, p.to)
	return len(missing) == 0, err
}

// unlessPassed skips what was done before the program was interrupted.
func (p *passing) unlessPassed(do func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		passed, err := p.passed(ctx)
		if passed || err != nil {
			return err
		}
		return do(ctx)
	}
}

// steps are those of passing the addresses on.
func (p *passing) steps() []step {
	startTo, _ := p.to.commands()
	_, stopFrom := p.from.commands()
	from, to := p.from.Name(), p.to.Name()
	return []step{
		{
			name: "share", title: "Let " + to + " listen on the addresses of " + from + ", which keeps all connections",
			commands: []string{"pidfd_getfd(2), setsockopt(SO_REUSEPORT, SO_ATTACH_REUSEPORT_CBPF) and fchown(2) on " + from + "'s listening sockets"},
			do:       p.unlessPassed(p.share), undo: p.unshare,
		},
		{
			name: "start", title: "Start " + to + " beside " + from, commands: startTo,
			do: p.unlessPassed(p.start), undo: p.stopNewcomer,
		},
		{
			name: "check", title: "Compare every site at " + to + " with " + from,
			commands: p.questionsAsCommands(), do: p.unlessPassed(p.check),
		},
		{
			name: "hand on", title: "Have new connections go to " + to,
			commands: []string{"setsockopt(SO_ATTACH_REUSEPORT_CBPF) on " + from + "'s listening sockets"},
			do:       p.unlessPassed(p.handOn), undo: p.takeBack,
		},
		{
			name: "let go", title: "Have " + from + " close its sockets and finish what it answers",
			commands: stopFrom, do: p.unlessPassed(p.letGo), undo: p.passBack,
		},
		{
			name: "confirm", title: "Check every site again, as visitors reach it",
			commands: p.questionsAsCommands(), do: p.confirm,
		},
	}
}

func (p *passing) questionsAsCommands() []string {
	var commands []string
	for _, q := range questions(p.options.Sites, p.state.Addresses) {
		commands = append(commands, "GET / of "+q.String())
	}
	return commands
}

func (p *passing) share(ctx context.Context) error {
	return p.each(ctx, p.from, func(group *handover.Group) error { return group.Share(p.to.UID()) })
}

func (p *passing) unshare(ctx context.Context) error {
	return p.each(ctx, p.from, func(group *handover.Group) error {
		for _, shared := range p.state.Addresses {
			if sameAddress(shared.handover(), group.Address) {
				return group.Unshare(p.from.UID(), shared.Shares || p.keepsSharing)
			}
		}
		return nil
	})
}

func (p *passing) start(ctx context.Context) error {
	if err := p.endRemains(ctx); err != nil {
		return err
	}
	if err := p.to.Start(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.options.Start)
	defer cancel()
	for {
		missing, err := p.holds(ctx, p.to)
		if len(missing) == 0 && err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			if err != nil {
				return err
			}
			return fmt.Errorf("%s does not listen on %s within %s", p.to.Name(), missing[0].handover(), p.options.Start)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// endRemains waits for the end of a process of the newcomer that has let go of
// its sockets before, and finishes what it answers.
func (p *passing) endRemains(ctx context.Context) error {
	missing, err := p.holds(ctx, p.to)
	if err != nil || len(missing) < len(p.state.Addresses) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.options.Drain)
	defer cancel()
	return finishProcess(ctx, p.to, p.to.PID)
}

// finishProcess waits for the end of a server's process, if there is one.
func finishProcess(ctx context.Context, s server, find func(context.Context) (int, error)) error {
	pid, err := find(ctx)
	if err != nil || pid == 0 {
		return err
	}
	process, err := handover.OpenProcess(pid)
	if err != nil {
		return err
	}
	return errors.Join(s.Finish(ctx, process), process.Close())
}

// stopNewcomer ends the server that came, while the other still listens.
func (p *passing) stopNewcomer(ctx context.Context) error {
	missing, err := p.holds(ctx, p.from)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s does not listen on %s, so %s stays", p.from.Name(), missing[0].handover(), p.to.Name())
	}
	process, err := p.retire(ctx, p.to)
	if err == nil && process != nil {
		err = errors.Join(p.to.Finish(ctx, process), process.Close())
	}
	return errors.Join(err, p.to.Stopped(ctx))
}

// retire has a server let go. It returns its process, which the caller closes,
// or nil when it does not run.
func (p *passing) retire(ctx context.Context, s server) (*handover.Process, error) {
	pid, err := s.PID(ctx)
	if err != nil || pid == 0 {
		return nil, err
	}
	process, err := handover.OpenProcess(pid)
	if err != nil {
		return nil, err
	}
	if err := s.LetGo(ctx, process, p.shared); err != nil {
		return nil, errors.Join(err, process.Close())
	}
	return process, nil
}

// check compares the two, as soon as the newcomer answers for every site.
func (p *passing) check(ctx context.Context) error {
	all, before, err := askFirst(ctx, new(net.Dialer), questions(p.options.Sites, p.state.Addresses))
	if err != nil {
		return fmt.Errorf("asking %s: %w", p.from.Name(), err)
	}
	after, err := p.compared(ctx, handover.Dialer(), all, before)
	p.state.Answers = after
	return err
}

// compared asks again until the answers are as before, or time is up.
func (p *passing) compared(ctx context.Context, dialer *net.Dialer, all []question, before []SiteAnswer) (after []SiteAnswer, err error) {
	deadline := time.Now().Add(p.options.Start)
	for {
		after, err = askAll(ctx, dialer, all)
		if err != nil {
			err = fmt.Errorf("asking %s: %w", p.to.Name(), err)
		} else if err = compare(before, after); p.options.AcceptDifferences {
			err = nil
		}
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return after, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (p *passing) handOn(ctx context.Context) error {
	if err := p.each(ctx, p.from, (*handover.Group).HandOn); err != nil {
		return err
	}
	time.Sleep(handover.HandshakeTime)
	// What waits at the one that goes is better taken by it; what stays silent
	// goes to the other when it closes.
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = p.each(ctx, p.from, func(group *handover.Group) error { return group.Drain(ctx) })
	return nil
}

func (p *passing) takeBack(ctx context.Context) error {
	return p.each(ctx, p.from, (*handover.Group).Keep)
}

func (p *passing) letGo(ctx context.Context) error {
	leaving, err := p.retire(ctx, p.from)
	p.leaving = leaving
	return err
}

// passBack undoes it all when the one has already let go: the same, the other
// way round. It does nothing while it still listens.
func (p *passing) passBack(ctx context.Context) error {
	missing, err := p.holds(ctx, p.from)
	if err != nil || len(missing) == 0 {
		return err
	}
	back := &passing{run: p.run, from: p.to, to: p.from, keepsSharing: !p.keepsSharing}
	for _, step := range []func(context.Context) error{back.share, back.start, back.handOn, back.letGo} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("passing the addresses back to %s: %w", p.from.Name(), err)
		}
	}
	return errors.Join(back.release(ctx), back.finish(ctx))
}

// confirm asks every site as visitors do, and then has nothing special remain.
func (p *passing) confirm(ctx context.Context) error {
	asked := questions(p.options.Sites, p.state.Addresses)
	if all, before := answeredBefore(asked, p.state.Answers); len(all) > 0 {
		after, err := p.compared(ctx, new(net.Dialer), all, before)
		if err != nil {
			return err
		}
		for i := range after {
			after[i].Differs = before[i].Differs
		}
		p.state.Answers = after
	} else if _, _, err := askFirst(ctx, new(net.Dialer), asked); err != nil {
		return err
	}
	return p.release(ctx)
}

func (p *passing) release(ctx context.Context) error {
	return p.each(ctx, p.to, (*handover.Group).Release)
}

// finish waits for the end of the server that let go. One that takes longer
// ends by itself.
func (p *passing) finish(ctx context.Context) (err error) {
	waiting, cancel := context.WithTimeout(ctx, p.options.Drain)
	defer cancel()
	if p.leaving == nil { // it let go before the program was interrupted
		err = finishProcess(waiting, p.from, p.from.Ending)
	} else {
		err = errors.Join(p.from.Finish(waiting, p.leaving), p.leaving.Close())
		p.leaving = nil
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		p.note("%s still finishes what it answers, and ends by itself", p.from.Name())
		return nil
	}
	return errors.Join(err, p.from.Stopped(ctx))
}
