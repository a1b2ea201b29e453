package cutovertest_test

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/migrate/cutover"
)

// The numbers of the steps, without systemd.
const (
	cutoverSteps, rollbackSteps = 9, 10

	cutoverStart, cutoverLetGo, rollbackLetGo = 4, 7, 6
)

// interrupt ends a command with a signal as it begins its step n, and reports
// whether it came that far.
func (h *host) interrupt(t *testing.T, n int, signal syscall.Signal, args ...string) bool {
	t.Helper()
	cmd := h.command(args...)
	stderr, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	reached := false
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if !reached && strings.HasPrefix(lines.Text(), fmt.Sprintf("%2d/", n)) {
			reached = true
			must(t, cmd.Process.Signal(signal))
		}
	}
	_ = cmd.Wait() // the last steps may be done before the signal comes
	return reached
}

// TestKilledAtAnyStep kills the command with SIGKILL as it begins a step, under
// load: one of the two answers, and both a cutover and a rollback go on from
// there. The long form does so at every step.
func TestKilledAtAnyStep(t *testing.T) {
	type interruption struct {
		command string
		step    int
		then    string
	}
	interruptions := []interruption{
		{"cutover", cutoverStart, "rollback"}, {"cutover", cutoverLetGo, "cutover"}, {"rollback", rollbackLetGo, "rollback"},
	}
	if soak() {
		interruptions = nil
		for _, then := range []string{"cutover", "rollback"} {
			for step := range cutoverSteps {
				interruptions = append(interruptions, interruption{"cutover", step + 1, then})
			}
			for step := range rollbackSteps {
				interruptions = append(interruptions, interruption{"rollback", step + 1, then})
			}
		}
	}
	h := newHost(t)
	for _, test := range interruptions {
		visitors := h.begin(t)
		time.Sleep(time.Second)
		if test.command == "rollback" {
			h.migrate(t, "cutover", "--yes") // where that is not so already
		} else {
			h.migrateBack(t)
		}
		if !h.interrupt(t, test.step, syscall.SIGKILL, test.command, "--yes") {
			t.Fatalf("%s has no step %d", test.command, test.step)
		}
		h.answers(t)
		report := h.status(t)
		if len(report.ApacheHolds) == 0 && len(report.FairwayHolds) == 0 || report.Next == "" {
			t.Errorf("%s killed at step %d: %+v", test.command, test.step, report)
		}
		h.migrate(t, test.then, "--yes")
		h.stands(t, test.then)
		if lost := visitors.end(t); lost > 0 {
			t.Errorf("%s killed at step %d, then %s: %d requests were lost", test.command, test.step, test.then, lost)
		}
	}
}

// migrateBack has Apache serve, if Fairway does.
func (h *host) migrateBack(t *testing.T) {
	t.Helper()
	if h.status(t).Stage != cutover.OnApache {
		h.migrate(t, "rollback", "--yes")
	}
}

// stands checks that all is as a command leaves it.
func (h *host) stands(t *testing.T, command string) {
	t.Helper()
	report := h.status(t)
	_, err := os.Stat(cronFile)
	migrates, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_migrate_req")
	if command == "cutover" {
		if report.Stage != cutover.OnFairway || len(report.ApacheHolds) > 0 || len(report.FairwayHolds) == 0 || err == nil {
			t.Errorf("after a cutover: %s, Apache listens on %v, Fairway on %v, certbot's file of cron: %v",
				report.Stage, report.ApacheHolds, report.FairwayHolds, err)
		}
		return
	}
	if report.Stage != cutover.OnApache || len(report.ApacheHolds) == 0 || len(report.FairwayHolds) > 0 || err != nil || string(migrates) != "0\n" {
		t.Errorf("after a rollback: %s, Apache listens on %v, Fairway on %v, certbot's file of cron: %v, tcp_migrate_req %s",
			report.Stage, report.ApacheHolds, report.FairwayHolds, err, migrates)
	}
}

// TestInterruptedFromTheKeyboard: what was done is undone.
func TestInterruptedFromTheKeyboard(t *testing.T) {
	h := newHost(t)
	visitors := h.begin(t)
	if !h.interrupt(t, cutoverLetGo, syscall.SIGINT, "cutover", "--yes") {
		t.Fatal("it did not come so far")
	}
	h.answers(t)
	h.stands(t, "rollback")
	if lost := visitors.end(t); lost > 0 {
		t.Errorf("%d requests were lost", lost)
	}
}
