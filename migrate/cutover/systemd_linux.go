package cutover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Systemd is the service manager of a machine.
type Systemd interface {
	// Do runs systemctl with arguments, and returns what it printed.
	Do(ctx context.Context, args ...string) (string, error)
}

// systemctl is the one that runs this machine.
type systemctl struct{}

func (systemctl) Do(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "systemctl", args...) //nolint:gosec // arguments of ours
	var failure strings.Builder
	cmd.Stderr = &failure
	out, err := cmd.Output()
	printed := strings.TrimSpace(string(out))
	if err != nil {
		return printed, fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(failure.String()))
	}
	return printed, nil
}

// RunningSystemd is the systemd that runs this machine, or nil.
func RunningSystemd() Systemd {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return nil
	}
	return systemctl{}
}

// property reads a property of a unit.
func property(ctx context.Context, systemd Systemd, unit, name string) (string, error) {
	return systemd.Do(ctx, "show", "--property="+name, "--value", unit)
}

// known reports whether there is a unit of that name.
func known(ctx context.Context, systemd Systemd, unit string) bool {
	state, err := property(ctx, systemd, unit, "LoadState")
	return err == nil && state == "loaded"
}

// enabled reports whether a unit is started at boot.
func enabled(ctx context.Context, systemd Systemd, unit string) (bool, error) {
	state, err := property(ctx, systemd, unit, "UnitFileState")
	return state == "enabled", err
}

// setEnabled has a unit started at boot, or not.
func setEnabled(ctx context.Context, systemd Systemd, unit string, on bool) error {
	verb := "disable"
	if on {
		verb = "enable"
	}
	_, err := systemd.Do(ctx, verb, unit)
	return err
}

// dropIn is a change of a unit that the next boot forgets.
func dropIn(unit string) string {
	return "/run/systemd/system/" + unit + ".d/90-fairway-cutover.conf"
}

// withDropIn runs do while a unit has the additional settings.
func withDropIn(ctx context.Context, systemd Systemd, unit, settings string, do func() error) (err error) {
	file := dropIn(unit)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil { //nolint:gosec // systemd's folders are readable
		return fmt.Errorf("settings of %s: %w", unit, err)
	}
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		return fmt.Errorf("settings of %s: %w", unit, err)
	}
	defer func() { err = errors.Join(err, removeDropIn(context.WithoutCancel(ctx), systemd, unit)) }()
	if _, err := systemd.Do(ctx, "daemon-reload"); err != nil {
		return err
	}
	return do()
}

// removeDropIn removes the additional settings of a unit, if it has them.
func removeDropIn(ctx context.Context, systemd Systemd, unit string) error {
	file := dropIn(unit)
	err := os.Remove(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	_ = os.Remove(filepath.Dir(file)) // unless there are others in it
	_, reloaded := systemd.Do(ctx, "daemon-reload")
	return errors.Join(err, reloaded)
}

// quoted is text as a word in a unit file, taken literally.
func quoted(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "%", "%%", "$", "$$", "\n", `\n`).Replace(text) + `"`
}

// quotedSetting is quoted for Environment=, where $ has no meaning.
func quotedSetting(text string) string {
	return strings.ReplaceAll(quoted(text), "$$", "$")
}
