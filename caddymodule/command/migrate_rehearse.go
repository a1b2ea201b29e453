package command

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/rehearse"
)

func init() { migrateCommands[stepRehearse] = migrateRehearseCommand }

// rehearsal are the flags of `caddy migrate rehearse`.
type rehearsal struct {
	config   string
	adapter  string
	apache   string // file
	address  string
	user     string
	logs     []string
	formats  []string
	requests string
	exclude  string
	limit    int
	rate     float64
	ignore   []string
	queries  bool
	asJSON   bool
}

func migrateRehearseCommand() *cobra.Command {
	run := new(rehearsal)
	cmd := &cobra.Command{
		Use:   "rehearse",
		Short: "Tries the new configuration beside the running Apache, and compares",
		Long: `
Starts the new configuration beside the running Apache, on free ports of the
loopback address, with certificates of its own and everything it writes in a
folder that is removed at the end. Then it replays requests of Apache's access
logs, GET and HEAD alone, to both, and compares status, Location, headers,
cookies and bodies. Apache is asked twice: what it answers differently itself is
no difference. Redirects are not followed.

The requests reach the applications behind Apache, three times each, marked by
the user agent fairway-rehearsal. --exclude leaves out what must not be asked.

Exit codes: 0 the same; 1 failed; 4 something is answered differently.`,
		Example: `  sudo caddy migrate rehearse --config /etc/caddy/Caddyfile
  sudo caddy migrate rehearse --config /etc/apache2/apache2.conf --adapter apache --exclude '^/(logout|cron)'
  caddy migrate rehearse --config Caddyfile --requests urls.txt --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&run.config, "config", "c", defaultConfig, "The new configuration")
	flags.StringVarP(&run.adapter, "adapter", "a", "", "Its adapter, as for caddy run")
	flags.StringVar(&run.apache, "apache-config", "/etc/apache2/apache2.conf", "Apache's configuration, which names its logs")
	flags.StringVar(&run.address, "apache", "127.0.0.1", "Where Apache listens")
	flags.StringVar(&run.user, "user", serviceUser, "Who runs the new server, when root rehearses")
	flags.StringSliceVar(&run.logs, "log", nil, "Only these of Apache's logs")
	flags.StringArrayVar(&run.formats, "format", nil, "LogFormat of the logs, where it is not the configuration's")
	flags.StringVar(&run.requests, "requests", "", "File with a list of [METHOD] URL, instead of the logs")
	flags.StringVar(&run.exclude, "exclude", "", "Leave out requests whose path and query match this regular expression")
	flags.IntVar(&run.limit, "limit", 500, "How many different requests to compare")
	flags.Float64Var(&run.rate, "rate", 20, "How many requests a second to begin, 0: as fast as they are answered")
	flags.StringSliceVar(&run.ignore, "ignore-header", nil, "Headers that are not compared")
	flags.BoolVar(&run.queries, "show-queries", false, "Show queries, which may hold secrets, in the report")
	flags.BoolVar(&run.asJSON, "json", false, "Print JSON")
	return cmd
}

func (r *rehearsal) run(cmd *cobra.Command) error {
	if err := loadEnvironment(serviceEnvironment, false); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	selection, err := r.selection(ctx, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	config, _, _, err := caddycmd.LoadConfig(r.config, r.adapter)
	if err != nil {
		return err
	}
	trial, err := r.start(ctx, config)
	if err != nil {
		return err
	}
	defer trial.stop()
	if err := trial.ready(ctx, selection); err != nil {
		return err
	}
	options := rehearse.Options{Apache: r.address, Ports: trial.ports, Rate: r.rate, IgnoreHeaders: r.ignore, ShowQueries: r.queries}
	if !r.asJSON && terminal(cmd.ErrOrStderr()) {
		options.Progress = func(done int) {
			_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "\r%d of %d requests compared", done, selection.Chosen) // progress only
		}
	}
	report, err := rehearse.Run(ctx, selection, options)
	if options.Progress != nil {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr()) // ends the line of the progress
	}
	if err != nil {
		return err
	}
	return r.print(cmd, report)
}

func (r *rehearsal) print(cmd *cobra.Command, report *rehearse.Report) error {
	var err error
	if r.asJSON {
		err = printJSON(cmd, struct {
			Verdict string `json:"verdict"`
			*rehearse.Report
		}{report.Verdict(), report})
	} else {
		err = report.Write(cmd.OutOrStdout())
	}
	switch {
	case err != nil:
		return err
	case report.Compared == 0:
		return errors.New("nothing was compared")
	case report.Differ > 0:
		return exitError{exitDiffers, fmt.Errorf("%d of %d requests are answered differently", report.Differ, report.Compared)}
	}
	return nil
}

// terminal reports whether somebody looks on.
func terminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// selection picks what to replay, from the list or from Apache's logs.
func (r *rehearsal) selection(ctx context.Context, notes io.Writer) (rehearse.Selection, error) {
	var exclude *regexp.Regexp
	if r.exclude != "" {
		var err error
		if exclude, err = regexp.Compile(r.exclude); err != nil {
			return rehearse.Selection{}, fmt.Errorf("--exclude: %w", err)
		}
	}
	if r.limit < 1 || r.rate < 0 {
		return rehearse.Selection{}, errors.New("--limit must be at least 1, and --rate not less than 0")
	}
	sample := rehearse.NewSample()
	if r.requests != "" {
		err := sample.ReadList(r.requests)
		return sample.Select(r.limit, exclude), err
	}
	logs, err := r.apacheLogs(ctx, notes)
	if err != nil {
		return rehearse.Selection{}, err
	}
	for _, log := range logs {
		if err := sample.ReadLog(log); errors.Is(err, os.ErrNotExist) {
			_, _ = fmt.Fprintf(notes, "%s is not there yet.\n", log.File) // a note only
		} else if err != nil {
			return rehearse.Selection{}, fmt.Errorf("reading Apache's log: %w", err)
		}
	}
	return sample.Select(r.limit, exclude), nil
}

// apacheLogs are the logs that Apache's configuration names, or those of them
// that were asked for.
func (r *rehearsal) apacheLogs(ctx context.Context, notes io.Writer) ([]rehearse.Log, error) {
	file, err := filepath.Abs(r.apache)
	if err != nil {
		return nil, err
	}
	tree, err := apacheconf.Load(ctx, apacheconf.Options{File: file})
	if err != nil {
		return nil, fmt.Errorf("finding Apache's logs: %w", err)
	}
	logs, passedOver := rehearse.ApacheLogs(tree)
	for _, line := range passedOver {
		_, _ = fmt.Fprintln(notes, line) // notes only
	}
	if len(r.logs) > 0 {
		if logs, err = r.chosenLogs(logs); err != nil {
			return nil, err
		}
	} else {
		logs = rehearse.Rotated(logs)
	}
	if len(r.formats) > 0 {
		for i := range logs {
			logs[i].Formats = r.formats
		}
	}
	if len(logs) == 0 {
		return nil, fmt.Errorf("%s names no access log that can be read; --requests takes a list instead", r.apache)
	}
	return logs, nil
}

// chosenLogs are the logs of --log. One that the configuration does not name,
// such as a copy, may be of any site.
func (r *rehearsal) chosenLogs(known []rehearse.Log) ([]rehearse.Log, error) {
	var chosen []rehearse.Log
	for _, name := range r.logs {
		file, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		log := rehearse.Log{File: file}
		for _, other := range known {
			if other.File == file {
				log = other
				break
			}
			log.Origins = append(log.Origins, other.Origins...)
		}
		if len(log.Formats) == 0 {
			log.Formats = []string{rehearse.VhostCombined, rehearse.Combined, rehearse.Common}
		}
		chosen = append(chosen, log)
	}
	return chosen, nil
}

// trialServer is the new configuration, running beside Apache.
type trialServer struct {
	folder string
	ports  []rehearse.Port
	cmd    *exec.Cmd
	ended  chan struct{} // closed when the server has
}

// start runs the configuration as the service's user would, in a folder that
// stop removes.
func (r *rehearsal) start(ctx context.Context, config []byte) (*trialServer, error) {
	owner, err := (&certificateImport{user: r.user}).owner(false)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "fairway-rehearsal-")
	if err != nil {
		return nil, err
	}
	trial := &trialServer{folder: folder, ended: make(chan struct{})}
	if err := trial.launch(ctx, config, owner.UID, owner.GID); err != nil {
		trial.stop()
		return nil, err
	}
	return trial, nil
}

// launch writes the configuration and starts the server. The user is that of
// this program when uid is 0.
func (t *trialServer) launch(ctx context.Context, config []byte, uid, gid int) error {
	isolated, ports, err := rehearse.Isolate(config, t.folder, freePort)
	if err != nil {
		return err
	}
	t.ports = ports
	file := filepath.Join(t.folder, "caddy.json")
	if err := os.WriteFile(file, isolated, 0o600); err != nil {
		return err
	}
	if uid != 0 {
		if err := errors.Join(os.Chown(t.folder, uid, gid), os.Chown(file, uid, gid)); err != nil {
			return err
		}
	}
	program, err := os.Executable()
	if err != nil {
		return err
	}
	t.cmd = exec.CommandContext(ctx, program, "run", "--config", file) //nolint:gosec // this program itself
	t.cmd.Env = append(os.Environ(), "HOME="+t.folder, "XDG_DATA_HOME="+t.folder, "XDG_CONFIG_HOME="+t.folder, "NOTIFY_SOCKET=")
	if t.cmd.SysProcAttr, err = trialAttributes(uid, gid); err != nil {
		return err
	}
	t.cmd.Cancel = func() error { return t.cmd.Process.Signal(syscall.SIGTERM) }
	t.cmd.WaitDelay = 5 * time.Second
	output, err := os.OpenFile(filepath.Join(t.folder, "output"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	t.cmd.Stdout, t.cmd.Stderr = output, output
	started := make(chan error)
	go func() {
		// The kernel ends the child with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := t.cmd.Start()
		_ = output.Close() // the child has its own
		started <- err
		if err == nil {
			_ = t.cmd.Wait() // how it ended shows in what it printed
			close(t.ended)
		}
	}()
	if err := <-started; err != nil {
		t.cmd = nil
		return fmt.Errorf("starting the new configuration: %w", err)
	}
	return nil
}

// freePort is a port of the loopback address that nobody listens on.
func freePort() (int, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// ready waits until the server listens, and has certificates for the names it
// is asked for; those that it does not serve show in the comparison.
func (t *trialServer) ready(ctx context.Context, selection rehearse.Selection) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for _, port := range t.listening() {
		if err := t.waitFor(ctx, port, nil); err != nil {
			return err
		}
	}
	ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	seen := make(map[string]bool)
	for _, request := range selection.Requests {
		if request.Scheme != "https" || seen[request.Host] {
			continue
		}
		seen[request.Host] = true
		for _, port := range t.ports {
			if port.Old == request.Port {
				_ = t.waitFor(ctx, port.New, &tls.Config{ServerName: request.Host, InsecureSkipVerify: true}) //nolint:gosec // only whether there is one
			}
		}
	}
	return nil
}

// listening are the ports of the configuration itself, without those that Caddy
// opens only when it redirects.
func (t *trialServer) listening() []int {
	var ports []int
	for _, port := range t.ports {
		if !port.Optional {
			ports = append(ports, port.New)
		}
	}
	return ports
}

// waitFor waits until a connection to a port succeeds, or the server ends.
func (t *trialServer) waitFor(ctx context.Context, port int, secure *tls.Config) error {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	dial := new(net.Dialer).DialContext
	if secure != nil {
		dial = (&tls.Dialer{Config: secure}).DialContext
	}
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		connection, err := dial(ctx, "tcp", address)
		if err == nil {
			return connection.Close()
		}
		select {
		case <-t.ended:
			return fmt.Errorf("the new configuration does not start:\n%s", t.output())
		case <-ctx.Done():
			return fmt.Errorf("the new configuration does not listen in time: %w", err)
		case <-ticker.C:
		}
	}
}

// output is the end of what the server printed.
func (t *trialServer) output() string {
	text, err := os.ReadFile(filepath.Join(t.folder, "output"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-2000):])
}

// stop ends the server and removes its folder.
func (t *trialServer) stop() {
	if t.cmd != nil {
		_ = t.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		select {
		case <-t.ended:
		case <-time.After(5 * time.Second):
			_ = t.cmd.Process.Kill()
			<-t.ended
		}
	}
	_ = os.RemoveAll(t.folder) // a temporary one
}
