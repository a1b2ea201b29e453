package cutovertest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/migrate/cutover"
)

// TestThereAndBack moves the sites to Fairway and back under load: once, or
// twenty times in the long form. Nothing is lost.
func TestThereAndBack(t *testing.T) {
	times := 1
	if soak() {
		times = 20
	}
	h := newHost(t)
	for i := range times {
		visitors := h.begin(t)
		time.Sleep(time.Second) // of every kind some are under way
		began := time.Now()
		h.migrate(t, "cutover", "--yes")
		there := time.Since(began)
		if report := h.status(t); report.Stage != cutover.OnFairway || len(report.ApacheHolds) > 0 || len(report.FairwayHolds) != 2 {
			t.Fatalf("after the cutover: %+v", report)
		}
		if _, err := os.Stat(cronFile); err == nil {
			t.Error("cron still runs certbot")
		}
		time.Sleep(time.Second)
		began = time.Now()
		h.migrate(t, "rollback", "--yes")
		back := time.Since(began)
		if report := h.status(t); report.Stage != cutover.OnApache || len(report.FairwayHolds) > 0 {
			t.Fatalf("after the rollback: %+v", report)
		}
		if _, err := os.Stat(cronFile); err != nil {
			t.Errorf("certbot's file of cron: %v", err)
		}
		time.Sleep(time.Second)
		if lost := visitors.end(t); lost > 0 {
			t.Errorf("round %d: %d requests were lost", i+1, lost)
		}
		t.Logf("round %d: there in %s, back in %s", i+1, there.Round(time.Millisecond), back.Round(time.Millisecond))
	}
}

// TestTheLoadSeesLosses: the same visitors, and Apache is stopped before
// Fairway starts.
func TestTheLoadSeesLosses(t *testing.T) {
	h := newHost(t)
	visitors := h.begin(t)
	time.Sleep(time.Second)
	h.apache(t, "-k", "graceful-stop")
	time.Sleep(500 * time.Millisecond)
	caddy := exec.Command(binary, "run", "--config", filepath.Join(h.folder, "Caddyfile"))
	caddy.Env = h.command("status").Env
	must(t, caddy.Start())
	defer func() {
		_ = caddy.Process.Kill()
		_ = caddy.Wait()
	}()
	time.Sleep(time.Second)
	if lost := visitors.end(t); lost == 0 {
		t.Error("nothing was lost: the load sees nothing")
	}
}

// TestTheKernelsPartIsNeeded: the same cutover, with the kernel kept from moving
// waiting connections: those that are silent when Apache lets go are lost.
func TestTheKernelsPartIsNeeded(t *testing.T) {
	h := newHost(t)
	visitors := h.begin(t)
	time.Sleep(time.Second)
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			_ = os.WriteFile("/proc/sys/net/ipv4/tcp_migrate_req", []byte("0"), 0o600)
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	// Some of these are silent while Apache closes, however slow the machine is.
	silent := new(tally)
	visitors.kinds["silent for long"] = silent
	for i := range 6 {
		group.Go(func() {
			for wait := time.Duration(i) * 600 * time.Millisecond; ; wait = 0 {
				select {
				case <-done:
					return
				case <-time.After(wait):
				}
				silent.count(visitors.once(names[0], 4*time.Second, "/", "Blog"))
			}
		})
	}
	h.migrate(t, "cutover", "--yes")
	close(done)
	group.Wait()
	if lost := visitors.end(t); lost == 0 {
		t.Error("nothing was lost: that the kernel moves connections makes no difference here")
	}
}

// TestDryRun changes nothing and tells every step.
func TestDryRun(t *testing.T) {
	h := newHost(t)
	out := h.migrate(t, "cutover", "--dry-run")
	for _, want := range []string{"tcp_migrate_req=1", "pidfd_getfd", "kill -WINCH", cronFile, "caddy run", names[0]} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if report := h.status(t); report.Stage != cutover.OnApache || report.Apache != nil {
		t.Errorf("something was recorded: %+v", report)
	}
	h.answers(t)
}
