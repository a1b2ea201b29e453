package cutovertest_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// machine is a system of its own run by a real systemd, with this machine's
// programs, in this test's network.
type machine struct {
	*host
	pid int // of its systemd
}

// boot makes the file system of a machine, all in memory above this one's,
// and becomes its systemd.
const boot = `set -e
echo $$ > "$1/cgroup.procs"
exec unshare --mount --pid --ipc --uts --cgroup --fork --kill-child sh -ec '
	mount --make-rprivate /
	mount -t tmpfs tmpfs "$0"
	mkdir "$0/upper" "$0/work" "$0/root"
	mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0/root"
	cd "$0/root"
	mount -t proc proc proc
	mount --rbind /dev dev
	mount -t sysfs sysfs sys
	mount -t cgroup2 cgroup2 sys/fs/cgroup
	mount -t tmpfs tmpfs run
	mount -t tmpfs tmpfs tmp
	rm -f etc/fstab etc/machine-id
	ln -s /dev/null etc/systemd/system/systemd-networkd-wait-online.service # it has no network to wait for
	mkdir -p oldroot
	pivot_root . oldroot
	umount -l /oldroot
	exec env -i container=other PATH="$PATH" /lib/systemd/systemd --unit=basic.target --log-target=null
' "$0"
`

// startMachine boots a machine until the test ends.
func startMachine(t *testing.T) *machine {
	t.Helper()
	group := filepath.Join(unifiedCgroup(t), fmt.Sprintf("fairway-test-%d", os.Getpid()))
	must(t, os.Mkdir(group, 0o755))
	cmd := exec.Command("sh", "-c", boot, t.TempDir(), group)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, cmd.Start())
	m := new(machine)
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // and with it all of the machine
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the machine:\n%s", lastLines(log.String(), 20))
		}
		eventually(t, time.Minute, "the machine is gone", func() bool { return removeCgroup(group) == nil })
	})
	eventually(t, time.Minute, "systemd runs", func() bool {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
		if err != nil {
			return false
		}
		if _, err := fmt.Sscan(string(children), &m.pid); err != nil {
			return false
		}
		out, _ := m.try("systemctl", "is-system-running")
		return strings.HasPrefix(out, "running") || strings.HasPrefix(out, "degraded")
	})
	return m
}

// unifiedCgroup is where the second version of control groups is mounted.
func unifiedCgroup(t *testing.T) string {
	t.Helper()
	for _, folder := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(filepath.Join(folder, "cgroup.controllers")); err == nil {
			return folder
		}
	}
	t.Fatal("control groups of version 2 are not mounted; systemd needs them")
	return ""
}

// removeCgroup removes a group and those below.
func removeCgroup(group string) error {
	return errors.Join(filepath.WalkDir(group, func(path string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != group {
			_ = removeCgroup(path)
			return filepath.SkipDir
		}
		return err
	}), os.Remove(group))
}

// command is one to be run on the machine.
func (m *machine) command(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--target", fmt.Sprint(m.pid), "--mount", "--pid", "--ipc", "--uts", "--cgroup", "--root", "--wd"}, args...)...)
}

func (m *machine) try(args ...string) (string, error) {
	out, err := m.command(args...).CombinedOutput()
	return string(out), err
}

// run runs what must succeed.
func (m *machine) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.try(args...)
	if err != nil {
		journal, _ := m.try("journalctl", "--no-pager", "--lines=40", "--unit=fairway", "--unit=apache2")
		t.Fatalf("%v: %v\n%s\n%s", args, err, out, journal)
	}
	return out
}

// file is where a file of the machine is from here.
func (m *machine) file(name string) string { return fmt.Sprintf("/proc/%d/root%s", m.pid, name) }

func (m *machine) write(t *testing.T, name, text string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(m.file(name)), 0o755))
	must(t, os.WriteFile(m.file(name), []byte(text), 0o644))
}

// classic gives the machine Debian's Apache with a site for each name.
func (m *machine) classic(t *testing.T) {
	t.Helper()
	m.run(t, "a2enmod", "--quiet", "ssl", "proxy", "proxy_http", "headers")
	m.run(t, "a2dissite", "--quiet", "*default*")
	for i, name := range names {
		m.write(t, "/etc/apache2/sites-available/"+name+".conf", fmt.Sprintf(`<VirtualHost *:80>
	ServerName %[1]s
	Redirect permanent / https://%[1]s/
</VirtualHost>
<VirtualHost *:443>
	ServerName %[1]s
	SSLEngine on
	SSLCertificateFile /etc/ssl/%[1]s.crt
	SSLCertificateKeyFile /etc/ssl/%[1]s.key
	ProxyPreserveHost On
	ProxyPass / http://127.0.0.1:500%[2]d/ retry=0
</VirtualHost>
`, name, i))
		m.run(t, "a2ensite", "--quiet", name)
		for _, extension := range []string{".crt", ".key"} {
			text, err := os.ReadFile(filepath.Join(m.folder, "apache", name+extension))
			must(t, err)
			m.write(t, "/etc/ssl/"+name+extension, string(text))
		}
	}
	m.run(t, "systemctl", "start", "apache2", "certbot.timer")
	m.run(t, "systemctl", "enable", "--quiet", "apache2", "certbot.timer")
}

// installFairway installs it as the README says.
func (m *machine) installFairway(t *testing.T) {
	t.Helper()
	install := exec.Command(filepath.Join(root, "packaging", "install"), "--binary", binary)
	install.Env = append(os.Environ(), "DESTDIR="+m.file(""))
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("packaging/install: %v\n%s", err, out)
	}
	m.run(t, "systemd-sysusers", "/etc/sysusers.d/fairway.conf")
	m.run(t, "systemctl", "daemon-reload")
}

// configure gives Fairway the certificates in its storage and a Caddyfile for
// the sites.
func (m *machine) configure(t *testing.T) {
	t.Helper()
	m.write(t, "/etc/caddy/Caddyfile", m.caddyfile(t))
	storage := m.file("/var/lib/caddy/.local/share")
	must(t, os.MkdirAll(storage, 0o755))
	if out, err := exec.Command("cp", "-r", filepath.Join(m.folder, "data", "caddy"), storage).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m.run(t, "chown", "-R", "caddy:", "/var/lib/caddy")
}

func (m *machine) caddyfile(t *testing.T) string {
	t.Helper()
	var text bytes.Buffer
	must(t, caddyfile.Execute(&text, map[string]any{"Names": names, "Bind": "", "Folder": "/run/caddy", "Authority": deadAuthority}))
	withPlatform := strings.Replace(text.String(), "{\n", "{\n\tfairway\n", 1) // whose reloads lose nothing
	return strings.ReplaceAll(withPlatform, "/run/caddy/data/", "/run/caddy/")
}
