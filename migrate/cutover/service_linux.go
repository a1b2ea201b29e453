package cutover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/aditechsphere/fairway/migrate/handover"
)

// Service is how Fairway is run: as a unit of systemd, or as a process that
// the command leaves behind.
type Service struct {
	// Unit is systemd's; when it is empty, the rest says what is run.
	Unit string `json:"unit,omitempty"`

	Executable  string   `json:"executable,omitempty"`
	Args        []string `json:"args,omitempty"`
	Environment []string `json:"environment,omitempty"`
	Folder      string   `json:"folder,omitempty"`
	Log         string   `json:"log,omitempty"` // what it prints

	User string `json:"user"`

	systemd Systemd
}

// Name implements [server].
func (s *Service) Name() string { return "Fairway" }

// Account is the user the service runs as.
func (s *Service) Account() (*user.User, error) {
	account, err := user.Lookup(s.User)
	if err != nil {
		return nil, fmt.Errorf("user of the service: %w; --user names another", err)
	}
	return account, nil
}

// UID implements [server].
func (s *Service) UID() int {
	account, err := s.Account()
	if err != nil {
		return 0
	}
	uid, _ := strconv.Atoi(account.Uid) // a number, on Linux
	return uid
}

// PID implements [server].
func (s *Service) PID(ctx context.Context) (int, error) {
	if s.Unit != "" {
		text, err := property(ctx, s.systemd, s.Unit, "MainPID")
		if err != nil {
			return 0, err
		}
		pid, err := strconv.Atoi(text)
		if err != nil {
			return 0, fmt.Errorf("%s: MainPID is %q", s.Unit, text)
		}
		return pid, nil
	}
	pids, err := s.processes()
	if err != nil || len(pids) == 0 {
		return 0, err
	}
	return pids[0], nil
}

// Ending implements [server]: for the service manager it runs until its end.
func (s *Service) Ending(ctx context.Context) (int, error) { return s.PID(ctx) }

// processes are those that run the very command line.
func (s *Service) processes() ([]int, error) {
	all, err := processes(func(executable string) bool { return executable == s.Executable })
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, process := range all {
		if slices.Equal(process.args[1:], s.Args) && sameNetwork(process.pid) {
			pids = append(pids, process.pid)
		}
	}
	return pids, nil
}

// Start implements [server].
func (s *Service) Start(ctx context.Context) error {
	if s.Unit != "" {
		_, err := s.systemd.Do(ctx, "start", s.Unit)
		if err != nil {
			return fmt.Errorf("%w; journalctl -u %s says why", err, s.Unit)
		}
		return nil
	}
	if pids, err := s.processes(); len(pids) > 0 || err != nil {
		return err
	}
	return s.startProcess()
}

// startProcess leaves a process behind that is nobody's child.
func (s *Service) startProcess() error {
	output, err := os.OpenFile(s.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("log of the service: %w", err)
	}
	defer func() { _ = output.Close() }()
	attributes, err := s.attributes()
	if err != nil {
		return err
	}
	attributes.Setsid = true
	cmd := exec.Command(s.Executable, s.Args...) //nolint:gosec,noctx // it outlives this program
	cmd.Env, cmd.Dir, cmd.SysProcAttr = s.Environment, s.Folder, attributes
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the service: %w", err)
	}
	go func() { _ = cmd.Wait() }() // should it end while we are here
	return nil
}

// attributes make a process one of the service's user, who may still listen on
// ports below 1024.
func (s *Service) attributes() (*syscall.SysProcAttr, error) {
	credential, err := s.credential()
	if err != nil {
		return nil, err
	}
	attributes := &syscall.SysProcAttr{Credential: credential}
	if credential.Uid != 0 {
		attributes.AmbientCaps = []uintptr{unix.CAP_NET_BIND_SERVICE}
	}
	return attributes, nil
}

func (s *Service) credential() (*syscall.Credential, error) {
	account, err := s.Account()
	if err != nil {
		return nil, err
	}
	groups, err := account.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", s.User, err)
	}
	numbers := make([]uint32, 0, 2+len(groups))
	for _, text := range append([]string{account.Uid, account.Gid}, groups...) {
		number, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("number of user %s: %w", s.User, err)
		}
		numbers = append(numbers, uint32(number))
	}
	return &syscall.Credential{Uid: numbers[0], Gid: numbers[1], Groups: numbers[2:]}, nil
}

// Command runs the service's program with other arguments, as the service's
// user and in its environment.
func (s *Service) Command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	attributes, err := s.attributes()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, s.Executable, args...) //nolint:gosec // the service's own program
	cmd.Env, cmd.Dir, cmd.SysProcAttr = s.Environment, s.Folder, attributes
	return cmd, nil
}

// unitSettings are those of a unit that say what its program can read and write.
var unitSettings = []string{
	"User", "Group", "SupplementaryGroups", "UMask", "Environment", "EnvironmentFiles",
	"StateDirectory", "StateDirectoryMode", "LogsDirectory", "LogsDirectoryMode",
	"ProtectSystem", "ProtectHome", "PrivateTmp", "ReadWritePaths", "ReadOnlyPaths", "InaccessiblePaths",
}

// Check runs the service's program with other arguments, such as "validate", and
// with what the service can read and write.
func (s *Service) Check(ctx context.Context, args ...string) (*exec.Cmd, error) {
	if s.Unit == "" {
		return s.Command(ctx, args...)
	}
	shown, err := s.systemd.Do(ctx, "show", "--property="+strings.Join(unitSettings, ","), s.Unit)
	if err != nil {
		return nil, err
	}
	words := []string{"--quiet", "--wait", "--pipe", "--collect", "--service-type=exec"}
	for line := range strings.Lines(shown) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name == "EnvironmentFiles" {
			name = "EnvironmentFile"
			value, _, _ = strings.Cut(value, " (")
		}
		if value != "" {
			words = append(words, "--property="+name+"="+value)
		}
	}
	words = append(append(words, s.Executable), args...)
	return exec.CommandContext(ctx, "systemd-run", words...), nil
}

// CanRead checks that the service's user may read files.
func (s *Service) CanRead(ctx context.Context, files ...string) error {
	cmd, err := s.Command(ctx)
	if err != nil {
		return err
	}
	cmd.Path, cmd.Args, cmd.Stdout = "/bin/cat", append([]string{"cat", "--"}, files...), nil
	var failure strings.Builder
	cmd.Stderr = &failure
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("user %s cannot read what it is to serve: %s; give it the files, or import them with: caddy migrate certificates",
			s.User, strings.TrimSpace(failure.String()))
	}
	return nil
}

// LetGo implements [server]: a graceful stop that closes the sockets first.
func (s *Service) LetGo(ctx context.Context, process *handover.Process, shared func(handover.Address) bool) error {
	sockets, err := process.Sockets()
	if err != nil {
		return err
	}
	var errs []error
	var listeners []handover.Listener
	for _, group := range handover.Groups(sockets) {
		if !shared(group.Address) {
			continue
		}
		errs = append(errs, group.Shutdown())
		for _, socket := range group.Sockets {
			listeners = append(listeners, handover.Listener{Inode: socket.Inode})
		}
	}
	errs = append(errs, handover.CloseAll(sockets))
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return errors.Join(append(errs, handover.WaitGone(ctx, os.Getpid(), listeners))...)
}

// settle is how long Go's server takes a connection for new that has sent
// nothing yet, and a second: a stop would cut its first request off before.
const settle = 6 * time.Second

// Finish implements [server].
func (s *Service) Finish(ctx context.Context, process *handover.Process) error {
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), settle)
	defer cancel()
	if err := process.Wait(waiting); err == nil {
		return nil
	}
	// Not through systemd, which would cut long answers off.
	if err := process.Signal(unix.SIGTERM); err != nil {
		return err
	}
	return process.Wait(ctx)
}

// Stopped implements [server].
func (s *Service) Stopped(ctx context.Context) error {
	if s.Unit == "" {
		return nil
	}
	_, err := s.systemd.Do(ctx, "stop", s.Unit)
	return err
}

// commands implements [server].
func (s *Service) commands() (start, stop []string) {
	start = []string{"sudo -u " + s.User + " " + shellWords(append([]string{s.Executable}, s.Args...)...) + "  # in the background, printing to " + s.Log}
	if s.Unit != "" {
		start = []string{"systemctl start " + s.Unit}
	}
	return start, []string{"shutdown(2) on Fairway's listening sockets", "kill -TERM <Fairway's process>  # after 6 s"}
}

// NewProcessService is Fairway without systemd.
func NewProcessService(executable, account, folder string, environment []string, args ...string) *Service {
	return &Service{
		Executable: executable, Args: args, Environment: environment, User: account, Folder: "/",
		Log: filepath.Join(folder, "fairway.log"),
	}
}

// FindUnit is the unit of Fairway that systemd knows, with the name given or, when
// that is empty, one of those it usually has. It returns nil when there is none.
func FindUnit(ctx context.Context, systemd Systemd, name string) (*Service, error) {
	names := []string{"fairway.service", "caddy.service"}
	if name != "" {
		names = []string{name}
	}
	for _, unit := range names {
		if !known(ctx, systemd, unit) {
			continue
		}
		account, err := property(ctx, systemd, unit, "User")
		if err != nil {
			return nil, err
		}
		if account == "" {
			account = "root"
		}
		return &Service{Unit: unit, User: account, systemd: systemd}, nil
	}
	if name != "" {
		return nil, fmt.Errorf("systemd knows no unit %s; packaging/install installs fairway.service", name)
	}
	return nil, nil
}

// Reads reports whether the unit's command line has --config FILE, and with the
// adapter.
func (s *Service) Reads(ctx context.Context, config, adapter string) error {
	text, err := property(ctx, s.systemd, s.Unit, "ExecStart")
	if err != nil {
		return err
	}
	line := text
	if _, rest, ok := strings.Cut(text, "argv[]="); ok {
		line, _, _ = strings.Cut(rest, " ;")
	}
	words := strings.Fields(line)
	if len(words) > 0 {
		s.Executable = words[0]
	}
	if option(words, "--config", "-c") != config || option(words, "--adapter", "-a") != adapter {
		return fmt.Errorf("%s runs %q, not --config %s%s: put the configuration there, or change the unit with: systemctl edit %s",
			s.Unit, line, config, adapterWords(adapter), s.Unit)
	}
	return nil
}

func adapterWords(adapter string) string {
	if adapter == "" {
		return ""
	}
	return " --adapter " + adapter
}

// option is the value of an option among words, in any of its names.
func option(words []string, names ...string) string {
	for i, word := range words {
		for _, name := range names {
			if word == name && i+1 < len(words) {
				return words[i+1]
			}
			if value, ok := strings.CutPrefix(word, name+"="); ok {
				return value
			}
		}
	}
	return ""
}
