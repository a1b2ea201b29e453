package cutovertest_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/migrate/cutover"
)

// units checks which run, and which would at boot.
func (m *machine) units(t *testing.T, want map[string]string) {
	t.Helper()
	for unit, states := range want {
		active, _ := m.try("systemctl", "is-active", unit)
		enabled, _ := m.try("systemctl", "is-enabled", unit)
		if got := strings.TrimSpace(active) + " " + strings.TrimSpace(enabled); got != states {
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

// TestUnderSystemd moves the sites there and back on a machine as Debian has it,
// with the packaged unit.
func TestUnderSystemd(t *testing.T) {
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
	visitors := h.begin(t)
	time.Sleep(time.Second)

	t.Log(m.run(t, "caddy", "migrate", "cutover", "--config", "/etc/caddy/Caddyfile", "--yes"))
	m.units(t, map[string]string{
		"fairway.service": "active enabled", "apache2.service": "inactive disabled", "certbot.timer": "inactive disabled",
	})
	if report := m.status(t); report.Stage != cutover.OnFairway || report.Apache.Unit != "apache2.service" {
		t.Errorf("after the cutover: %+v", report)
	}
	time.Sleep(time.Second)

	t.Log(m.run(t, "caddy", "migrate", "rollback", "--yes"))
	m.units(t, map[string]string{
		"fairway.service": "inactive disabled", "apache2.service": "active enabled", "certbot.timer": "active enabled",
	})
	if _, err := os.Stat(m.file("/run/systemd/system/apache2.service.d")); err == nil {
		t.Error("settings of Apache's unit were left behind")
	}
	time.Sleep(time.Second)
	if lost := visitors.end(t); lost > 0 {
		t.Errorf("%d requests were lost", lost)
	}

	m.run(t, "systemctl", "restart", "apache2")
	if line := m.run(t, "pgrep", "--list-full", "--oldest", "apache2"); strings.Contains(line, "ListenCoresBucketsRatio") {
		t.Errorf("after a restart Apache runs with %s", line)
	}
	h.eventuallyAnswers(t)
}
