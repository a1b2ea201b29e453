package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/caddymodule/command/served"
	"github.com/aditechsphere/fairway/migrate/cutover"
	"github.com/aditechsphere/fairway/migrate/handover"
)

func init() { migrateCommands[stepCutover] = migrateCutoverCommand }

// cutoverFlags are the flags of `caddy migrate cutover`.
type cutoverFlags struct {
	handoverFlags
	config, adapter string
	environment     string
	apache          string
	unit            string
	user            string
	storage         string
	without         []uint
	accept          bool
}

// handoverFlags are those that cutover and rollback share.
type handoverFlags struct {
	state       string
	letsencrypt string
	yes         bool
	dryRun      bool
	asJSON      bool
	start       time.Duration
	timeout     time.Duration
}

func (f *handoverFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.state, "state", cutover.DefaultFolder, "Folder of what is recorded, to continue and to undo")
	certbotFolder(cmd, &f.letsencrypt)
	flags.BoolVar(&f.yes, "yes", false, "Do it; without, the steps are only shown")
	flags.BoolVar(&f.dryRun, "dry-run", false, "Make every check, show every step, take none")
	flags.BoolVar(&f.asJSON, "json", false, "Print JSON")
	flags.DurationVar(&f.start, "start-timeout", time.Minute, "How long the server that comes may take until every site answers")
	flags.DurationVar(&f.timeout, "timeout", 10*time.Minute, "How long to wait for the server that goes to finish what it answers")
}

func migrateCutoverCommand() *cobra.Command {
	run := new(cutoverFlags)
	cmd := &cobra.Command{
		Use:   "cutover --config FILE --yes",
		Short: "Moves the sites from Apache to Fairway, without a failed request",
		Long: `
Starts Fairway beside the running Apache, on the same addresses, compares every
site at both, has new connections go to Fairway, and lets Apache finish what it
answers and end. Certbot's renewals are switched off. Whatever fails undoes all of
it. What was done is recorded: after an interruption, cutover goes on and rollback
undoes it.

With systemd the unit fairway.service, or caddy.service, is started; without, a
process is left behind that runs as --user.

Exit codes: 0 Fairway serves; 1 failed, and all is as before unless the error
says otherwise; 4 a site does not answer as at Apache, and all is as before.`,
		Example: `  sudo caddy migrate cutover --config /etc/caddy/Caddyfile --dry-run
  sudo caddy migrate cutover --config /etc/caddy/Caddyfile --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run.run(cmd) },
	}
	run.add(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&run.config, "config", "c", "", "Configuration that Fairway serves (required)")
	flags.StringVarP(&run.adapter, "adapter", "a", "", "Adapter of the configuration")
	flags.StringVar(&run.environment, "envfile", serviceEnvironment, "File of the service's environment")
	flags.StringVar(&run.apache, "apache", "", "Apache's control script or the file of its process number (default: the Apache that runs)")
	flags.StringVar(&run.unit, "unit", "", `Unit of Fairway, "none" for a process without systemd (default: fairway.service or caddy.service, where systemd runs)`)
	flags.StringVar(&run.user, "user", "", "User of a process without systemd (default: caddy, where there is one, else you)")
	flags.StringVar(&run.storage, "storage", "", "Caddy's storage folder (default: the service's)")
	flags.UintSliceVar(&run.without, "without", nil, "Ports of Apache that are given up")
	flags.BoolVar(&run.accept, "accept-differences", false, "Go on where a site answers / worse than at Apache, or with another certificate")
	_ = cmd.MarkFlagRequired("config") // there is such a flag
	return cmd
}

func (f *cutoverFlags) run(cmd *cobra.Command) error {
	ctx, stop := uninterrupted(cmd.Context())
	defer stop()
	plan, err := f.plan(cmd)
	if err != nil {
		if f.asJSON {
			err = errors.Join(f.printSteps(cmd, nil, nil, err), err)
		}
		return err
	}
	if f.dryRun || !f.yes {
		steps, notes, err := cutover.DryRun(ctx, *plan)
		return errors.Join(f.printSteps(cmd, steps, notes, err), err)
	}
	state, err := cutover.Cutover(ctx, *plan)
	if errors.Is(err, cutover.ErrDiffers) {
		err = exitError{exitDiffers, err}
	}
	return f.finish(cmd, state, err, "Fairway serves. To go back at any time: caddy migrate rollback --yes")
}

// uninterrupted is a context that an interrupt from the keyboard ends, which
// undoes. A lost terminal does not.
func uninterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// plan makes a plan of the flags.
func (f *cutoverFlags) plan(cmd *cobra.Command) (*cutover.Plan, error) {
	if err := loadEnvironment(f.environment, cmd.Flags().Changed("envfile")); err != nil {
		return nil, err
	}
	config, err := filepath.Abs(f.config)
	if err != nil {
		return nil, err
	}
	configuration, err := served.Load(cmd.Context(), config, f.adapter)
	if err != nil {
		return nil, err
	}
	addresses, err := configuration.Listens()
	if err != nil {
		return nil, err
	}
	listens, err := socketAddresses(addresses)
	if err != nil {
		return nil, err
	}
	systemd := cutover.RunningSystemd()
	service, err := f.service(cmd.Context(), config, systemd)
	if err != nil {
		return nil, err
	}
	plan := &cutover.Plan{
		Folder: f.state, Config: config, Adapter: f.adapter, Listens: listens, Service: service, Systemd: systemd,
		FindApache: func(ctx context.Context) (*cutover.Apache, error) { return cutover.FindApache(ctx, f.apache, systemd) },
		Validate:   func(ctx context.Context) error { return f.validate(ctx, service, config) },
		Options:    f.options(cmd),
	}
	plan.Options.Sites = cutover.Sites{Names: configuration.Names(), WithoutTLS: configuration.WithoutTLS(), AnyName: configuration.AnyName()}
	plan.Storage = f.storageFolder(configuration, service)
	plan.Certificate = f.certificates(cmd.Context(), configuration, service, plan.Storage)
	return plan, nil
}

func (f *handoverFlags) options(cmd *cobra.Command) cutover.Options {
	return cutover.Options{
		Drain: f.timeout, Start: f.start, Cron: "/etc/cron.d", LetsEncrypt: f.letsencrypt,
		Progress: func(event cutover.Event) { printEvent(cmd.ErrOrStderr(), event) },
	}
}

func (f *cutoverFlags) options(cmd *cobra.Command) cutover.Options {
	options := f.handoverFlags.options(cmd)
	options.AcceptDifferences = f.accept
	for _, port := range f.without {
		options.Without = append(options.Without, uint16(port)) //nolint:gosec // one that does not fit matches none
	}
	return options
}

// service is the unit that systemd knows, or a process.
func (f *cutoverFlags) service(ctx context.Context, config string, systemd cutover.Systemd) (*cutover.Service, error) {
	if systemd != nil && f.unit != "none" {
		service, err := cutover.FindUnit(ctx, systemd, f.unit)
		if err != nil {
			return nil, err
		}
		if service != nil {
			service.Environment, err = f.environ(service)
			return service, err
		}
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"run", "--config", config}
	if f.adapter != "" {
		args = append(args, "--adapter", f.adapter)
	}
	service := cutover.NewProcessService(executable, f.account(), f.state, nil, args...)
	service.Environment, err = f.environ(service)
	return service, err
}

func (f *cutoverFlags) account() string {
	if f.user != "" {
		return f.user
	}
	if _, err := user.Lookup(serviceUser); err == nil {
		return serviceUser
	}
	current, err := user.Current()
	if err != nil {
		return "root"
	}
	return current.Username
}

// environ is this program's environment, which has the service's variables,
// with the home of the service's user.
func (f *cutoverFlags) environ(service *cutover.Service) ([]string, error) {
	account, err := service.Account()
	if err != nil {
		return nil, err
	}
	if strconv.Itoa(os.Geteuid()) == account.Uid && service.Unit == "" {
		return os.Environ(), nil
	}
	home := account.HomeDir
	if service.User == serviceUser {
		home = serviceHome
	}
	notIts := []string{"HOME=", "USER=", "LOGNAME=", "MAIL=", "SUDO_"}
	if service.Unit != "" {
		notIts = append(notIts, "XDG_")
	}
	environment := slices.DeleteFunc(os.Environ(), func(setting string) bool {
		return slices.ContainsFunc(notIts, func(prefix string) bool { return strings.HasPrefix(setting, prefix) })
	})
	return append(environment, "HOME="+home, "USER="+service.User), nil
}

// validate has the service's own program, as its user, load the configuration
// without serving it.
func (f *cutoverFlags) validate(ctx context.Context, service *cutover.Service, config string) error {
	args := []string{"validate", "--config", config}
	if f.adapter != "" {
		args = append(args, "--adapter", f.adapter)
	}
	cmd, err := service.Check(ctx, args...)
	if err != nil {
		return err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return fmt.Errorf("the configuration is not valid, read as user %s: %s", service.User, lines[len(lines)-1])
	}
	return nil
}

// certificates looks up what each name will be served with, and whether the
// service may read it.
func (f *cutoverFlags) certificates(ctx context.Context, configuration *served.Configuration, service *cutover.Service, storage string) func(string) (string, error) {
	found, err := configuration.Certificates(storage)
	return func(name string) (string, error) {
		if err != nil {
			return "", err
		}
		serial, files, err := found.For(name)
		if errors.Is(err, served.ErrNone) {
			err = fmt.Errorf("%s: %w", name, cutover.ErrNoTLS)
		}
		if err != nil || len(files) == 0 {
			return serial, err
		}
		return serial, service.CanRead(ctx, files...)
	}
}

// storageFolder is where the service has its certificates.
func (f *cutoverFlags) storageFolder(configuration *served.Configuration, service *cutover.Service) string {
	switch {
	case configuration.Storage.Root != "":
		return configuration.Storage.Root
	case f.storage != "":
		return f.storage
	}
	return storageOf(service.Environment)
}

// storageOf is Caddy's data folder for a program with an environment.
func storageOf(environment []string) string {
	values := make(map[string]string)
	for _, setting := range environment {
		name, value, _ := strings.Cut(setting, "=")
		values[name] = value
	}
	if folder := values["XDG_DATA_HOME"]; folder != "" {
		return filepath.Join(folder, "caddy")
	}
	return filepath.Join(values["HOME"], ".local", "share", "caddy")
}

// socketAddresses are the addresses of the sockets that Caddy will open.
func socketAddresses(addresses []caddy.NetworkAddress) ([]handover.Address, error) {
	var all []handover.Address
	for _, address := range addresses {
		host := netip.IPv6Unspecified()
		if address.Network == "tcp4" {
			host = netip.IPv4Unspecified()
		}
		if address.Host != "" {
			resolved, err := net.ResolveTCPAddr(address.Network, net.JoinHostPort(address.Host, "0"))
			if err != nil {
				return nil, fmt.Errorf("address of a site: %w", err)
			}
			if named, _ := netip.AddrFromSlice(resolved.IP); !named.Unmap().IsUnspecified() {
				host = named.Unmap()
			}
		}
		all = append(all, handover.Address{
			AddrPort: netip.AddrPortFrom(host, uint16(address.StartPort)), //nolint:gosec // a port
			Only6:    address.Network == "tcp6",
		})
	}
	return all, nil
}

// printEvent shows a step as it begins, and how it ended.
func printEvent(out io.Writer, event cutover.Event) {
	switch event.Status {
	case "begun":
		_, _ = fmt.Fprintf(out, "%2d/%d  %-12s %s\n", event.Number, event.Of, event.Step, event.Title) // a lost terminal changes nothing
	case "done":
		_, _ = fmt.Fprintf(out, "       %-12s done (%s)\n", "", event.Detail)
	default:
		_, _ = fmt.Fprintf(out, "       %-12s %s %s\n", event.Step, event.Status, event.Detail)
	}
}

// printSteps shows the steps of a dry run.
func (f *handoverFlags) printSteps(cmd *cobra.Command, steps []cutover.Step, notes []string, failure error) error {
	if f.asJSON {
		return printJSON(cmd, struct {
			Steps []cutover.Step `json:"steps"`
			Notes []string       `json:"notes,omitempty"`
			Ready bool           `json:"ready"`
			Error string         `json:"error,omitempty"`
		}{steps, notes, failure == nil, textOf(failure)})
	}
	var text strings.Builder
	for i, step := range steps {
		fmt.Fprintf(&text, "%2d  %-12s %s\n", i+1, step.Name, step.Title)
		const enough = 10
		for j, command := range step.Commands {
			if j == enough {
				fmt.Fprintf(&text, "%17s… and %d more\n", "", len(step.Commands)-j)
				break
			}
			fmt.Fprintf(&text, "%17s%s\n", "", command)
		}
	}
	for _, note := range notes {
		fmt.Fprintf(&text, "\nNote: %s\n", note)
	}
	if failure == nil {
		text.WriteString("\nEvery check passed, and nothing was changed. With --yes these steps are taken; if one fails, those before it are undone.\n")
	} else {
		text.WriteString("\nSome checks failed, and nothing was changed:\n")
	}
	_, err := io.WriteString(cmd.OutOrStdout(), text.String())
	return err
}

func textOf(failure error) string {
	if failure == nil {
		return ""
	}
	return failure.Error()
}

// finish prints the outcome.
func (f *handoverFlags) finish(cmd *cobra.Command, state *cutover.State, failure error, success string) error {
	if f.asJSON && state != nil {
		out := *state
		out.Apache, out.Service = withoutEnvironment(state)
		return errors.Join(printJSON(cmd, struct {
			cutover.State
			Error string `json:"error,omitempty"`
		}{out, textOf(failure)}), failure)
	}
	if failure != nil && f.asJSON {
		return errors.Join(f.printSteps(cmd, nil, nil, failure), failure)
	}
	if failure != nil {
		return failure
	}
	for _, answer := range state.Answers {
		if answer.Differs != "" {
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "Note: %s at %s: %s\n", answer.Name, answer.Address, answer.Differs); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), success)
	return err
}

// withoutEnvironment keeps secrets of the environment from what is printed.
func withoutEnvironment(state *cutover.State) (*cutover.Apache, *cutover.Service) {
	if state.Apache == nil || state.Service == nil {
		return nil, nil
	}
	apache, service := *state.Apache, *state.Service
	apache.Environment, service.Environment = nil, nil
	return &apache, &service
}
