package cutovertest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/migrate/cutover"
)

// units checks which run, and which would at boot. systemd notices a moment
// later that the last process of a unit has ended.
func (m *machine) units(t *testing.T, want map[string]string) {
	t.Helper()
	for unit, states := range want {
		var got string
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			active, _ := m.try("systemctl", "is-active", unit)
			enabled, _ := m.try("systemctl", "is-enabled", unit)
			got = strings.TrimSpace(active) + " " + strings.TrimSpace(enabled)
			if !strings.HasPrefix(got, "deactivating ") || time.Now().After(deadline) {
				break
			}
		}
		if got != states {
			t.Errorf("%s is %s, want %s", unit, got, states)
		}
	}
}

func (m *machine) status(t *testing.T) cutover.Report {
	t.Helper()
	var report cutover.Report
	must(t, json.Unmarshal([]byte(m.run(t, "caddy", "migrate", "status", "--json")), &report))
	return report
}

// machineWithFairway is a machine with the classic stack, and Fairway installed
// beside it but not started.
func machineWithFairway(t *testing.T) (*host, *machine) {
	t.Helper()
	h := prepareHost(t)
	h.certify(t)
	for i := range names {
		h.startApp(t, 5000+i)
	}
	m := startMachine(t)
	m.host = h
	m.classic(t)
	m.installFairway(t)
	m.configure(t)
	h.eventuallyAnswers(t)
	return h, m
}

// TestUnderSystemd moves the sites there and back on a machine as Debian has it,
// with the packaged unit.
func TestUnderSystemd(t *testing.T) {
	h, m := machineWithFairway(t)
	visitors := h.begin(t)
	time.Sleep(time.Second)

	t.Log(m.run(t, "caddy", "migrate", "cutover", "--config", "/etc/caddy/Caddyfile", "--yes"))
	m.units(t, map[string]string{
		"fairway.service": "active enabled", "apache2.service": "inactive disabled", "certbot.timer": "inactive disabled",
	})
	if report := m.status(t); report.Stage != cutover.OnFairway || report.Apache.Unit != "apache2.service" {
		t.Errorf("after the cutover: %+v", report)
	}
	for range 3 { // as an operator does, while the kernel still moves waiting connections
		m.run(t, "systemctl", "reload", "fairway")
		time.Sleep(time.Second)
	}

	t.Log(m.run(t, "caddy", "migrate", "rollback", "--yes"))
	m.units(t, map[string]string{
		"fairway.service": "inactive disabled", "apache2.service": "active enabled", "certbot.timer": "active enabled",
	})
	time.Sleep(time.Second)
	if lost := visitors.end(t); lost > 0 {
		t.Errorf("%d requests were lost", lost)
	}

	m.restartedPlainly(t)
}

// TestTimersOfOthers: certbot's timers as Red Hat and snap name them are off while
// Fairway serves, and on again after that.
func TestTimersOfOthers(t *testing.T) {
	_, m := machineWithFairway(t)
	timers := []string{"certbot-renew.timer", "snap.certbot.renew.timer"}
	for _, timer := range timers {
		m.write(t, "/etc/systemd/system/"+timer, "[Timer]\nOnCalendar=*-01-01\n\n[Install]\nWantedBy=timers.target\n")
		m.write(t, "/etc/systemd/system/"+strings.TrimSuffix(timer, ".timer")+".service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
	}
	// What snapd does for these commands: the timer is the service's for it.
	m.write(t, "/usr/local/bin/snap", `#!/bin/sh
case "$*" in
"stop --disable certbot.renew") exec systemctl disable --now snap.certbot.renew.timer ;;
"start --enable certbot.renew") exec systemctl enable --now snap.certbot.renew.timer ;;
esac
echo "error: unknown command $*" >&2
exit 1
`)
	m.run(t, "chmod", "+x", "/usr/local/bin/snap")
	m.run(t, "systemctl", "daemon-reload")
	m.run(t, append([]string{"systemctl", "enable", "--now"}, timers...)...)

	m.run(t, "caddy", "migrate", "cutover", "--config", "/etc/caddy/Caddyfile", "--yes")
	m.units(t, map[string]string{timers[0]: "inactive disabled", timers[1]: "inactive disabled", "certbot.timer": "inactive disabled"})
	m.run(t, "caddy", "migrate", "rollback", "--yes")
	m.units(t, map[string]string{timers[0]: "active enabled", timers[1]: "active enabled", "certbot.timer": "active enabled"})
}

// restartedPlainly checks that after a restart Apache runs as it always did.
func (m *machine) restartedPlainly(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(m.file("/run/systemd/system/apache2.service.d")); err == nil {
		t.Error("settings of Apache's unit were left behind")
	}
	m.run(t, "systemctl", "restart", "apache2")
	if line := m.run(t, "pgrep", "--list-full", "--oldest", "apache2"); strings.Contains(line, "ListenCoresBucketsRatio") {
		t.Errorf("after a restart Apache runs with %s", line)
	}
	m.eventuallyAnswers(t)
}

// TestKilledUnderSystemd kills the command as systemd starts or stops something
// for it, and goes on or back.
func TestKilledUnderSystemd(t *testing.T) {
	h, m := machineWithFairway(t)
	visitors := h.begin(t)
	cutoverCommand := []string{"caddy", "migrate", "cutover", "--config", "/etc/caddy/Caddyfile", "--yes"}
	rollbackCommand := []string{"caddy", "migrate", "rollback", "--yes"}

	m.killAt(t, "start", cutoverCommand...)
	m.run(t, rollbackCommand...)
	m.units(t, map[string]string{"fairway.service": "inactive disabled", "apache2.service": "active enabled", "certbot.timer": "active enabled"})

	m.killAt(t, "let go", cutoverCommand...)
	m.run(t, cutoverCommand...)
	m.units(t, map[string]string{"fairway.service": "active enabled", "apache2.service": "inactive disabled", "certbot.timer": "inactive disabled"})

	m.killAt(t, "start", rollbackCommand...)
	m.run(t, rollbackCommand...)
	m.units(t, map[string]string{"fairway.service": "inactive disabled", "apache2.service": "active enabled", "certbot.timer": "active enabled"})
	if lost := visitors.end(t); lost > 0 {
		t.Errorf("%d requests were lost", lost)
	}
	m.restartedPlainly(t)
}

// killAt kills a command on the machine while it takes a step.
func (m *machine) killAt(t *testing.T, step string, args ...string) {
	t.Helper()
	cmd := m.command(args...)
	stderr, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	killed := false
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if killed || !strings.Contains(lines.Text(), " "+step+"  ") || !strings.Contains(lines.Text(), "/1") {
			continue
		}
		killed = true
		time.Sleep(30 * time.Millisecond) // systemctl may be at it
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
		must(t, err)
		var pid int
		_, err = fmt.Sscan(string(children), &pid)
		must(t, err)
		must(t, syscall.Kill(pid, syscall.SIGKILL))
	}
	_ = cmd.Wait()
	if !killed {
		t.Fatalf("%v has no step %q", args, step)
	}
	m.answers(t)
}
