package cutover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aditechsphere/fairway/migrate/handover"
)

// Apache is how Apache was run, so that it can be run again.
type Apache struct {
	Executable string `json:"executable"`
	// Args are without the name, and without -k.
	Args        []string `json:"args"`
	Environment []string `json:"environment"`
	Folder      string   `json:"folder"`
	// Unit is systemd's, such as "apache2.service"; empty when it was started otherwise.
	Unit string `json:"unit,omitempty"`
	// OpenFiles is the limit it ran with.
	OpenFiles uint64 `json:"open_files,omitempty"`

	systemd Systemd
}

// sharing has Apache set SO_REUSEPORT on the sockets it opens. On the command
// line it holds until Apache is stopped, and no file has to change.
var sharing = []string{"-C", "ListenCoresBucketsRatio 1000"}

// FindApache finds the running Apache, by the file of its process number or by
// the path of its control script when there is a hint.
func FindApache(ctx context.Context, hint string, systemd Systemd) (*Apache, error) {
	pid, err := apachePID(ctx, hint)
	if err != nil {
		return nil, err
	}
	process, err := readProcess(pid)
	if err != nil {
		return nil, fmt.Errorf("process %d of Apache: %w", pid, err)
	}
	environment, err := zeroSeparated(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return nil, fmt.Errorf("environment of Apache: %w; it takes root", err)
	}
	folder, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return nil, fmt.Errorf("working folder of Apache: %w; it takes root", err)
	}
	var limit unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		return nil, fmt.Errorf("limits of Apache: %w", err)
	}
	a := &Apache{
		Executable: process.executable, Args: normalised(process.args[1:]), Folder: folder, OpenFiles: limit.Cur, systemd: systemd,
		Environment: slices.DeleteFunc(environment, func(setting string) bool { return setting == "" }),
	}
	if systemd != nil {
		a.Unit = unitOf(pid)
	}
	return a, nil
}

// apachePID finds the process that owns Apache's sockets.
func apachePID(ctx context.Context, hint string) (int, error) {
	if hint == "" {
		return onlyApache()
	}
	text, err := os.ReadFile(hint) //nolint:gosec // the operator names it
	if err != nil {
		return 0, fmt.Errorf("--apache: %w; name apache2ctl or the file of its PidFile directive", err)
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		return pid, nil
	}
	out, err := exec.CommandContext(ctx, hint, "-t", "-D", "DUMP_RUN_CFG").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("--apache: %s -t -D DUMP_RUN_CFG: %w: %s", hint, err, out)
	}
	match := pidFileLine.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("--apache: %s -t -D DUMP_RUN_CFG names no PidFile; name the file itself", hint)
	}
	return apachePID(ctx, string(match[1]))
}

var pidFileLine = regexp.MustCompile(`(?m)^PidFile: "(.+)"$`)

// onlyApache finds the one Apache of this network namespace.
func onlyApache() (int, error) {
	all, err := processes(func(executable string) bool {
		name := filepath.Base(executable)
		return name == "apache2" || name == "httpd"
	})
	if err != nil {
		return 0, err
	}
	found := slices.DeleteFunc(parents(all), func(p running) bool { return !sameNetwork(p.pid) || !listens(p.pid) })
	if len(found) == 1 {
		return found[0].pid, nil
	}
	if len(found) == 0 {
		return 0, errors.New("no Apache runs here; start it first, or name the file of its process number with --apache")
	}
	var list []string
	for _, process := range found {
		list = append(list, fmt.Sprintf("%d (%s)", process.pid, strings.Join(process.args, " ")))
	}
	return 0, fmt.Errorf("several Apaches run here: %s; name the file of the process number of one with --apache", strings.Join(list, ", "))
}

// sameNetwork reports whether a process is in this one's network namespace.
func sameNetwork(pid int) bool {
	own, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return false
	}
	other, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	return err == nil && own == other
}

// normalised is args without what differs from start to start.
func normalised(args []string) []string {
	var kept []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-k":
			i++
		case args[i] == sharing[0] && i+1 < len(args) && args[i+1] == sharing[1]:
			i++
		default:
			kept = append(kept, args[i])
		}
	}
	return kept
}

// unitOf is the systemd unit that a process belongs to, or nothing.
func unitOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		name := filepath.Base(strings.TrimSpace(line))
		if strings.HasSuffix(name, ".service") {
			return name
		}
	}
	return ""
}

// Name implements [server].
func (a *Apache) Name() string { return "Apache" }

// UID implements [server]: Apache opens its sockets before it gives up root.
func (a *Apache) UID() int { return os.Getuid() }

// PID implements [server]. One that only finishes its answers does not count.
func (a *Apache) PID(context.Context) (int, error) { return a.parent(listens) }

// Ending implements [server].
func (a *Apache) Ending(context.Context) (int, error) {
	return a.parent(func(pid int) bool { return sameNetwork(pid) && !listens(pid) })
}

// parent finds a parent process of this Apache; 0 when there is none.
func (a *Apache) parent(fits func(pid int) bool) (int, error) {
	all, err := processes(func(executable string) bool { return executable == a.Executable })
	if err != nil {
		return 0, err
	}
	for _, process := range parents(all) {
		if slices.Equal(normalised(process.args[1:]), a.Args) && fits(process.pid) {
			return process.pid, nil
		}
	}
	return 0, nil
}

// Start implements [server].
func (a *Apache) Start(ctx context.Context) error {
	if a.Unit != "" && a.systemd != nil {
		return a.startUnit(ctx)
	}
	if pid, err := a.PID(ctx); pid != 0 || err != nil {
		return err
	}
	return a.startProcess(ctx)
}

func (a *Apache) arguments() []string {
	args := append(slices.Clone(sharing), a.Args...)
	if a.foreground() {
		return args
	}
	return append(args, "-k", "start")
}

func (a *Apache) foreground() bool {
	return slices.Contains(a.Args, "-DFOREGROUND") || slices.Contains(a.Args, "FOREGROUND") || slices.Contains(a.Args, "-DNO_DETACH")
}

func (a *Apache) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, a.Executable, args...) //nolint:gosec // as it ran before
	cmd.Env, cmd.Dir = a.Environment, a.Folder
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

func (a *Apache) startProcess(ctx context.Context) error {
	if a.foreground() {
		cmd := a.command(context.WithoutCancel(ctx), a.arguments()...)
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("starting Apache: %w", err)
		}
		return cmd.Process.Release()
	}
	// Not its output: the server that stays would hold the pipe open.
	cmd := a.command(ctx, a.arguments()...)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("starting Apache: %w; its error log says why", err)
	}
	return nil
}

// startUnit starts Apache as a service, with a command line of this one start.
func (a *Apache) startUnit(ctx context.Context) error {
	running, err := a.unitSettled(ctx)
	if err != nil {
		return err
	}
	if running { // an interrupted command may have left its settings
		return removeDropIn(ctx, a.systemd, a.Unit)
	}
	return withDropIn(ctx, a.systemd, a.Unit, a.settings(), func() error {
		_, err := a.systemd.Do(ctx, "start", a.Unit)
		return err
	})
}

// unitSettled waits until Apache listens, or systemd can start it anew.
func (a *Apache) unitSettled(ctx context.Context) (running bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if pid, err := a.PID(ctx); pid != 0 || err != nil {
			return pid != 0, err
		}
		state, err := property(ctx, a.systemd, a.Unit, "ActiveState")
		if err != nil {
			return false, err
		}
		if state == "inactive" || state == "failed" {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, fmt.Errorf("%s still finishes what it answered when it let go, so systemd cannot start it anew; "+
				"wait until it has ended (systemctl status %s), then call again", a.Unit, a.Unit)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// settings are those of the drop-in that starts Apache as it ran.
func (a *Apache) settings() string {
	var text strings.Builder
	text.WriteString("[Service]\nExecStart=\nExecStart=" + quoted(a.Executable))
	for _, arg := range a.arguments() {
		text.WriteString(" " + quoted(arg))
	}
	text.WriteString("\n")
	if a.OpenFiles > 0 {
		fmt.Fprintf(&text, "LimitNOFILE=%d\n", a.OpenFiles)
	}
	for _, setting := range a.Environment {
		name, _, _ := strings.Cut(setting, "=")
		if !slices.Contains(systemdSets, name) {
			text.WriteString("Environment=" + quotedSetting(setting) + "\n")
		}
	}
	return text.String()
}

// systemdSets are variables that systemd and the shell make anew.
var systemdSets = []string{"INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_EXEC_PID", "NOTIFY_SOCKET", "PWD", "OLDPWD", "SHLVL", "_"}

// LetGo implements [server]: a graceful stop.
func (a *Apache) LetGo(ctx context.Context, process *handover.Process, _ func(handover.Address) bool) error {
	listeners, err := handover.ListenersOf(process.PID)
	if err != nil {
		return err
	}
	if err := process.Signal(unix.SIGWINCH); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := handover.WaitGone(ctx, os.Getpid(), listeners); err != nil {
		return fmt.Errorf("after SIGWINCH, Apache's %w", err)
	}
	return nil
}

// Finish implements [server]: it ends by itself.
func (a *Apache) Finish(ctx context.Context, process *handover.Process) error {
	return process.Wait(ctx)
}

// Stopped implements [server]: systemd sees that it has ended.
func (a *Apache) Stopped(ctx context.Context) error {
	if a.Unit == "" || a.systemd == nil {
		return nil
	}
	return removeDropIn(ctx, a.systemd, a.Unit)
}

// CheckConfiguration has Apache read its configuration, as it will at its start.
func (a *Apache) CheckConfiguration(ctx context.Context) error {
	out, err := a.command(ctx, append(slices.Clone(a.Args), "-t")...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("the configuration of Apache is not valid, so it would not start: %w: %s", err, out)
	}
	return nil
}

// commands implements [server].
func (a *Apache) commands() (start, stop []string) {
	start = []string{shellWords(append([]string{a.Executable}, a.arguments()...)...)}
	if a.Unit != "" {
		start = []string{"systemctl start " + a.Unit + "  # for this start with: " + start[0]}
	}
	return start, []string{"kill -WINCH <Apache's parent process>  # as apache2ctl graceful-stop does"}
}

// shellWords writes a command line as a shell reads it.
func shellWords(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if word == "" || strings.ContainsAny(word, " \t\n\"'\\$`*?#&;|<>()[]{}~!") {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
