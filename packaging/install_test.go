package packaging_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestInstallScriptIsPortable(t *testing.T) {
	t.Parallel()
	if printed, err := output(t, nil, "shellcheck", "install"); err != nil {
		t.Errorf("%v\n%s", err, printed)
	}
}

// install runs the install script below root and returns what it printed.
func install(t *testing.T, root string, args ...string) string {
	t.Helper()
	printed, err := output(t, []string{"DESTDIR=" + root}, "./install", append([]string{"--binary", binary}, args...)...)
	if err != nil {
		t.Fatalf("install %s: %v\n%s", args, err, printed)
	}
	return printed
}

// installed returns a folder with everything installed below it.
func installed(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	install(t, root)
	return root
}

// tree lists what is below root with its modes, and checks that all of it belongs
// to the user who installs: on a server that is root.
func tree(t *testing.T, root string) map[string]fs.FileMode {
	t.Helper()
	modes := make(map[string]fs.FileMode)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != os.Getuid() {
			t.Errorf("%s belongs to user %d", path, owner)
		}
		modes[strings.TrimPrefix(path, root)] = info.Mode()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return modes
}

func TestInstall(t *testing.T) {
	t.Parallel()
	root := installed(t)
	want := map[string]fs.FileMode{
		"/etc":                       fs.ModeDir | 0o755,
		"/etc/caddy":                 fs.ModeDir | 0o755,
		"/etc/caddy/Caddyfile":       0o644,
		"/etc/caddy/environment":     0o600,
		"/etc/caddy/sites-available": fs.ModeDir | 0o755,
		"/etc/caddy/sites-available/blog.caddy.example": 0o644,
		"/etc/caddy/sites-enabled":                      fs.ModeDir | 0o755,
		"/etc/sysctl.d":                                 fs.ModeDir | 0o755,
		"/etc/sysctl.d/60-fairway.conf":                 0o644,
		"/etc/systemd":                                  fs.ModeDir | 0o755,
		"/etc/systemd/system":                           fs.ModeDir | 0o755,
		"/etc/systemd/system/fairway.service":           0o644,
		"/etc/sysusers.d":                               fs.ModeDir | 0o755,
		"/etc/sysusers.d/fairway.conf":                  0o644,
		"/usr":                                          fs.ModeDir | 0o755,
		"/usr/bin":                                      fs.ModeDir | 0o755,
		"/usr/bin/caddy":                                0o755,
	}
	got := tree(t, root)
	for path, mode := range want {
		if got[path] != mode {
			t.Errorf("%s is %s, want %s", path, got[path], mode)
		}
	}
	for path := range got {
		if _, ok := want[path]; !ok {
			t.Errorf("%s is there as well", path)
		}
	}
}

func TestInstallAgainTakesNoStep(t *testing.T) {
	t.Parallel()
	root := installed(t)
	if printed := install(t, root); strings.Contains(printed, "+ ") {
		t.Errorf("the second run:\n%s", printed)
	}
}

func TestInstallRepairsModes(t *testing.T) {
	t.Parallel()
	root := installed(t)
	unit := filepath.Join(root, "etc/systemd/system/fairway.service")
	if err := os.Chmod(unit, 0o666); err != nil {
		t.Fatal(err)
	}
	install(t, root)
	if mode := tree(t, root)["/etc/systemd/system/fairway.service"]; mode != 0o644 {
		t.Errorf("the unit is %s after a second run", mode)
	}
}

func TestDryRunShowsEveryStepAndTakesNone(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	shown := install(t, root, "--dry-run")
	if left := tree(t, root); len(left) != 0 {
		t.Errorf("a dry run made %v", left)
	}
	for path, mode := range tree(t, installed(t)) {
		if mode.IsRegular() && !strings.Contains(shown, root+path) {
			t.Errorf("a dry run does not show %s:\n%s", path, shown)
		}
	}
}

func TestInstallKeepsWhatTheOperatorChanged(t *testing.T) {
	t.Parallel()
	root := installed(t)
	const mine = "# mine\n"
	for _, name := range []string{"etc/caddy/Caddyfile", "etc/caddy/environment"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(mine), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install(t, root)
	for _, name := range []string{"etc/caddy/Caddyfile", "etc/caddy/environment"} {
		if content := read(t, filepath.Join(root, name)); content != mine {
			t.Errorf("%s is now:\n%s", name, content)
		}
	}
	if got := read(t, filepath.Join(root, "etc/caddy/Caddyfile.new")); got != read(t, "../Caddyfile") {
		t.Errorf("the Caddyfile of the release is not put beside: %q", got)
	}
}

func TestInstallKeepsThePreviousBinary(t *testing.T) {
	t.Parallel()
	root := installed(t)
	target := filepath.Join(root, "usr/bin/caddy")
	if err := os.WriteFile(target, []byte("older"), 0o600); err != nil {
		t.Fatal(err)
	}
	install(t, root)
	install(t, root) // must not take the new one for the previous
	if got := read(t, target+".previous"); got != "older" {
		t.Errorf("the previous binary has %d bytes, want the older one", len(got))
	}
	if read(t, target) != read(t, binary) {
		t.Error("the binary was not replaced")
	}
}

func TestUninstallKeepsConfiguration(t *testing.T) {
	t.Parallel()
	root := installed(t)
	install(t, root, "--uninstall")
	for path, mode := range tree(t, root) {
		if mode.IsRegular() && !strings.HasPrefix(path, "/etc/caddy/") {
			t.Errorf("%s is still there", path)
		}
	}
	for _, name := range []string{"Caddyfile", "environment"} {
		if _, err := os.Stat(filepath.Join(root, "etc/caddy", name)); err != nil {
			t.Error(err)
		}
	}
}

func TestUnknownOptionIsRefused(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	printed, err := output(t, []string{"DESTDIR=" + root}, "./install", "--no-such-option")
	if err == nil || !strings.Contains(printed, "--uninstall") {
		t.Errorf("%v\n%s", err, printed)
	}
	if left := tree(t, root); len(left) != 0 {
		t.Errorf("it made %v", left)
	}
}
