package cutover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/aditechsphere/fairway/migrate/handover"
)

// preflight makes every check that changes nothing, and returns all that is
// in the way.
func (c *cutover) preflight(ctx context.Context) error {
	if err := kernel(); err != nil {
		return err
	}
	apache, err := c.state.Apache, error(nil)
	if apache == nil {
		apache, err = c.plan.FindApache(ctx)
	}
	if err != nil {
		return err
	}
	if err := c.recordBefore(ctx, apache); err != nil {
		return err
	}
	for _, line := range otherRenewals(c.options.Cron) {
		c.note("%s runs certbot too and is yours: switch it off yourself", line)
	}
	return errors.Join(
		notRenewing(c.options.LetsEncrypt),
		c.serviceReads(ctx),
		c.opensAddresses(),
		c.othersListen(ctx),
		c.plan.Validate(ctx),
		c.certificates(ctx),
	)
}

// serviceReads checks that systemd would start the very configuration.
func (c *cutover) serviceReads(ctx context.Context) error {
	if c.plan.Service.Unit == "" {
		return nil
	}
	return c.plan.Service.Reads(ctx, c.plan.Config, c.plan.Adapter)
}

// rights checks what the command may do.
func rights() error {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(text), "\nCapEff:")
	line, _, _ := strings.Cut(rest, "\n")
	set, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	if err != nil {
		return fmt.Errorf("reading this program's rights: %w", err)
	}
	var missing []string
	for name, number := range map[string]int{
		"CAP_SYS_PTRACE": unix.CAP_SYS_PTRACE, "CAP_NET_ADMIN": unix.CAP_NET_ADMIN,
		"CAP_CHOWN": unix.CAP_CHOWN, "CAP_KILL": unix.CAP_KILL, "CAP_SETUID": unix.CAP_SETUID,
	} {
		if set&(1<<number) == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 || os.Geteuid() != 0 {
		slices.Sort(missing)
		return fmt.Errorf("it takes root, to reach Apache's sockets (missing: %s); run it with sudo", strings.Join(missing, ", "))
	}
	return nil
}

// kernel checks what the kernel can.
func kernel() error {
	if _, err := os.Stat(migrateRequests); err != nil {
		return fmt.Errorf("this kernel cannot move waiting connections from one server to another "+
			"(net.ipv4.tcp_migrate_req: %w); Linux 5.14 or later is needed", err)
	}
	if unix.Access(migrateRequests, unix.W_OK) != nil {
		return errors.New("net.ipv4.tcp_migrate_req cannot be set here, as in a container; run it on the machine itself")
	}
	process, err := handover.OpenProcess(os.Getpid())
	if err != nil {
		return err
	}
	return process.Close()
}

// opensAddresses checks that the configuration listens where Apache does, in
// the same address family: others would get none of what waits.
func (c *cutover) opensAddresses() error {
	var errs []error
	for _, shared := range c.state.Addresses {
		if !slices.ContainsFunc(c.plan.Listens, func(a handover.Address) bool { return sameAddress(a, shared.handover()) }) {
			errs = append(errs, fmt.Errorf("Apache listens on %s, the configuration does not (%s): %s, or give the port up with --without %d",
				shared.handover(), listOf(c.plan.Listens), bindAdvice(shared), shared.Address.Port()))
		}
	}
	return errors.Join(errs...)
}

func bindAdvice(shared SharedAddress) string {
	if shared.Network == "tcp" {
		return fmt.Sprintf("add a site on port %d, with no bind", shared.Address.Port())
	}
	return fmt.Sprintf("add \"bind %s/%s\" to the sites on port %d, or \"default_bind\" with it to the global options",
		shared.Network, bracketed(shared), shared.Address.Port())
}

func bracketed(shared SharedAddress) string {
	if shared.Address.Addr().Is6() {
		return "[" + shared.Address.Addr().String() + "]"
	}
	return shared.Address.Addr().String()
}

func listOf(addresses []handover.Address) string {
	list := make([]string, len(addresses))
	for i, address := range addresses {
		list[i] = address.String()
	}
	return "it listens on " + strings.Join(list, ", ")
}

// othersListen looks for processes that hold a port Fairway is to open.
func (c *cutover) othersListen(ctx context.Context) error {
	own := make(map[uint64]bool)
	for _, s := range []server{c.state.Apache, c.state.Service} {
		pid, err := s.PID(ctx)
		if err != nil {
			return err
		}
		if pid == 0 {
			continue
		}
		listeners, err := handover.ListenersOf(pid)
		if err != nil {
			return err
		}
		for _, listener := range listeners {
			own[listener.Inode] = true
		}
	}
	all, err := handover.Listening(os.Getpid())
	if err != nil {
		return err
	}
	var errs []error
	for _, listener := range all {
		if !own[listener.Inode] && slices.ContainsFunc(c.plan.Listens, func(a handover.Address) bool { return overlap(a, listener.Address) }) {
			errs = append(errs, fmt.Errorf("port %d is taken on %s by %s: stop it first", listener.Port(), listener.AddrPort, holderName(listener.Inode)))
		}
	}
	return errors.Join(errs...)
}

// overlap reports whether two sockets cannot listen on both addresses.
func overlap(a, b handover.Address) bool {
	if a.Port() != b.Port() {
		return false
	}
	families := a.Addr().Is4() == b.Addr().Is4() ||
		!a.Addr().Is4() && a.Addr().IsUnspecified() && !a.Only6 || !b.Addr().Is4() && b.Addr().IsUnspecified() && !b.Only6
	return families && (a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified())
}

func holderName(inode uint64) string {
	process, ok := holderOf(inode)
	if !ok {
		return "another program"
	}
	return fmt.Sprintf("process %d (%s)", process.pid, shellWords(process.args...))
}

// certificates checks that each site will show the very certificate that
// Apache shows.
func (c *cutover) certificates(ctx context.Context) error {
	if missing, err := c.holds(ctx, c.state.Apache); err != nil || len(missing) > 0 {
		return err // it let go before an interruption
	}
	_, answers, err := askFirst(ctx, new(net.Dialer), questions(c.options.Sites, c.state.Addresses))
	if err != nil {
		return fmt.Errorf("asking Apache: %w", err)
	}
	errs := c.lostTLS(ctx)
	checked := make(map[string]bool)
	for _, answer := range answers {
		if answer.Serial == "" || checked[answer.Name] {
			continue
		}
		checked[answer.Name] = true
		serial, err := c.plan.Certificate(answer.Name)
		switch {
		case errors.Is(err, ErrNoTLS) && !answer.Covers: // nor has Apache
		case err != nil:
			errs = append(errs, err)
		case serial != "" && answer.Covers && serial != answer.Serial && !c.options.AcceptDifferences:
			errs = append(errs, fmt.Errorf("%s: Apache shows certificate %s, Fairway would show %s; import it again with: caddy migrate certificates",
				answer.Name, answer.Serial, serial))
		}
	}
	return errors.Join(errs...)
}

// lostTLS finds names that Apache has a certificate for, and the configuration
// has no site with TLS.
func (c *cutover) lostTLS(ctx context.Context) (errs []error) {
	if c.options.AcceptDifferences {
		return nil
	}
	// One that Apache does not answer with TLS either is not lost.
	answers, _ := askEach(ctx, new(net.Dialer), withoutTLS(c.options.Sites, c.state.Addresses))
	for _, answer := range answers {
		if answer.Covers {
			errs = append(errs, fmt.Errorf("%s: Apache serves it with TLS at %s, the configuration does not: add a site https://%s:%d",
				answer.Name, answer.Address, answer.Name, answer.Address.Port()))
		}
	}
	return errs
}

// preflight makes every check of the way back that changes nothing.
func (r *rollback) preflight(ctx context.Context) error {
	if err := kernel(); err != nil {
		return err
	}
	return r.state.Apache.CheckConfiguration(ctx)
}
