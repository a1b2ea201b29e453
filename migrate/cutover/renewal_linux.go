package cutover

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Renewal is something that runs certbot from time to time.
type Renewal struct {
	// Timer is a unit of systemd, Snap a service of a snap, Cron a file of cron:
	// one of the three.
	Timer string `json:"timer,omitempty"`
	Snap  string `json:"snap,omitempty"`
	Cron  string `json:"cron,omitempty"`
	// Enabled says that a timer was started at boot, Active that it ran.
	Enabled bool `json:"enabled,omitempty"`
	Active  bool `json:"active,omitempty"`
}

// The names under which certbot's packages run it.
const (
	debianTimer = "certbot.timer"
	redHatTimer = "certbot-renew.timer"
	snapTimer   = "snap.certbot.renew.timer"
	snapService = "certbot.renew"
	cronFile    = "certbot"
	// cronDisabled is added to the name of a file of cron, which skips names
	// with a dot.
	cronDisabled = ".disabled-by-fairway"
)

// findRenewals lists what would run certbot, and is switched on.
func findRenewals(ctx context.Context, systemd Systemd, cron string) ([]Renewal, error) {
	var found []Renewal
	if systemd != nil {
		for _, unit := range []string{debianTimer, redHatTimer, snapTimer} {
			if !known(ctx, systemd, unit) {
				continue
			}
			atBoot, err := enabled(ctx, systemd, unit)
			if err != nil {
				return nil, err
			}
			state, err := property(ctx, systemd, unit, "ActiveState")
			if err != nil {
				return nil, err
			}
			renewal := Renewal{Timer: unit, Enabled: atBoot, Active: state == "active"}
			if unit == snapTimer {
				renewal.Timer, renewal.Snap = "", snapService
			}
			if renewal.Enabled || renewal.Active {
				found = append(found, renewal)
			}
		}
	}
	file := filepath.Join(cron, cronFile)
	_, err := os.Stat(file)
	if err == nil {
		return append(found, Renewal{Cron: file}), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("certbot's file of cron: %w", err)
	}
	return found, nil
}

// off switches the renewal off; it may be off already.
func (r Renewal) off(ctx context.Context, systemd Systemd) error {
	switch {
	case r.Timer != "":
		_, err := systemd.Do(ctx, "disable", "--now", r.Timer)
		return err
	case r.Snap != "":
		return snap(ctx, "stop", "--disable", r.Snap)
	}
	return rename(r.Cron, r.Cron+cronDisabled)
}

// on puts the renewal back as it was; it may be so already.
func (r Renewal) on(ctx context.Context, systemd Systemd) error {
	switch {
	case r.Timer != "":
		var errs []error
		if r.Enabled {
			errs = append(errs, setEnabled(ctx, systemd, r.Timer, true))
		}
		if r.Active {
			_, err := systemd.Do(ctx, "start", r.Timer)
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	case r.Snap != "":
		return snap(ctx, "start", "--enable", r.Snap)
	}
	return rename(r.Cron+cronDisabled, r.Cron)
}

// commands are what an operator would type for off.
func (r Renewal) command() string {
	switch {
	case r.Timer != "":
		return "systemctl disable --now " + r.Timer
	case r.Snap != "":
		return "snap stop --disable " + r.Snap
	}
	return "mv " + r.Cron + " " + r.Cron + cronDisabled
}

func snap(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "snap", args...).CombinedOutput() //nolint:gosec // arguments of ours
	if err != nil {
		return fmt.Errorf("snap %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// rename moves a file, unless that was done before.
func rename(from, to string) error {
	err := os.Rename(from, to)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err = os.Stat(to)
	return err
}

// notRenewing checks that certbot is not at work: it may reload or start Apache
// when it is done.
func notRenewing(folder string) error {
	file, err := os.Open(filepath.Join(folder, ".certbot.lock")) //nolint:gosec // of certbot
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("certbot's lock: %w", err)
	}
	defer func() { _ = file.Close() }()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(file.Fd(), unix.F_GETLK, &lock); err != nil {
		return fmt.Errorf("certbot's lock %s: %w", file.Name(), err)
	}
	if lock.Type != unix.F_UNLCK {
		return fmt.Errorf("certbot is at work (process %d): wait until it has ended", lock.Pid)
	}
	return nil
}

// otherRenewals lists lines of cron, as file:line, that run certbot and are
// the operator's own: they are reported, not changed.
func otherRenewals(cron string) []string {
	files, _ := filepath.Glob(filepath.Join(cron, "*")) // the pattern is valid
	crontabs, _ := filepath.Glob("/var/spool/cron/crontabs/*")
	files = append(append(files, "/etc/crontab"), crontabs...)
	for _, period := range []string{"hourly", "daily", "weekly", "monthly"} {
		scripts, _ := filepath.Glob(filepath.Join("/etc/cron."+period, "*"))
		files = append(files, scripts...)
	}
	var found []string
	for _, file := range files {
		if name := filepath.Base(file); name == cronFile || strings.Contains(name, cronDisabled) {
			continue
		}
		found = append(found, linesWithCertbot(file)...)
	}
	return found
}

func linesWithCertbot(name string) (found []string) {
	file, err := os.Open(name) //nolint:gosec // of cron
	if err != nil {
		return nil // none of ours, or not there
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if !strings.HasPrefix(line, "#") && (strings.Contains(line, "certbot") || strings.Contains(line, "letsencrypt renew")) {
			found = append(found, fmt.Sprintf("%s:%d", name, number))
		}
	}
	return found
}
