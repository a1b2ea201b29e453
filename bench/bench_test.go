package main

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

func testdata(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestParseLoad(t *testing.T) {
	t.Parallel()
	got, err := parseLoad(testdata(t, "wrk.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (load{Requests: 16911, DurationUS: 1006582, Bytes: 69833998, P50US: 2979, P99US: 17800}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got.failures() != 0 || int(got.perSecond()) != 16800 {
		t.Errorf("%d failures, %f requests/s", got.failures(), got.perSecond())
	}
	failed, err := parseLoad([]byte("Requests/sec: 2\n" +
		`{"requests":2,"duration_us":1000000,"bytes":9,"p50_us":1,"p99_us":1,"status":1,"connect":2,"read":3,"write":4,"timeout":5}`))
	if err != nil || failed.failures() != 15 {
		t.Errorf("%d failures, %v; every kind counts", failed.failures(), err)
	}
}

func TestParseLoadOfNothing(t *testing.T) {
	t.Parallel()
	if _, err := parseLoad([]byte("unable to connect to bench.test:1 Connection refused\n")); !errors.Is(err, errNoSummary) {
		t.Errorf("%v, want %v", err, errNoSummary)
	}
	none := `{"requests":0,"duration_us":1000000}`
	if _, err := parseLoad([]byte("\n" + none)); err == nil {
		t.Error("a run without an answer was taken")
	}
}

func TestCores(t *testing.T) {
	t.Parallel()
	said, err := cores{0}.command(t.Context(), "grep", "Cpus_allowed_list", "/proc/self/status").Output()
	if err != nil || strings.Fields(string(said))[1] != "0" {
		t.Errorf("a program that is to be on core 0 says %q, %v", said, err)
	}
}

func TestProcessStat(t *testing.T) {
	t.Parallel()
	const rest = " 0 -1 4194560 11383 0 18 0 181 69 5 7 20 0 9 0 587520 1357979648 15933"
	for _, name := range []string{"caddy", "gunicorn: master [app:app]", "odd) S 1 (name"} {
		got, err := parseProcessStat("17025 (" + name + ") S 16914 16914 4135" + rest)
		if want := (processStat{17025, 16914, 2620 * time.Millisecond}); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	for _, bad := range []string{"", "1", "1 (sh", "1 (sh) S 2", "x (sh) S 16914 16914 4135" + rest} {
		if got, err := parseProcessStat(bad); err == nil {
			t.Errorf("%q is taken as %+v", bad, got)
		}
	}
}

func TestFamily(t *testing.T) {
	t.Parallel()
	all := []processStat{{1, 0, 1}, {10, 1, 2}, {20, 1, 4}, {11, 10, 8}, {12, 11, 16}, {21, 20, 32}, {30, 1, 64}}
	var sum time.Duration
	for _, p := range family(all, 10, 20, 99) { // the last one has ended
		sum += p.cpu
	}
	if sum != 2+4+8+16+32 {
		t.Errorf("the family used %d", sum)
	}
}

func TestOwnUsage(t *testing.T) {
	t.Parallel()
	before, err := cpuTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	machine, err := busyTime()
	if err != nil {
		t.Fatal(err)
	}
	// The kernel counts the process exactly and the machine by samples: work until both have moved.
	after, busy := before, machine
	for begun := time.Now(); (after == before || busy == machine) && time.Since(begun) < 30*time.Second; {
		_ = strings.Repeat("busy", 1000)
		if after, err = cpuTime(os.Getpid()); err != nil {
			t.Fatal(err)
		}
		if busy, err = busyTime(); err != nil {
			t.Fatal(err)
		}
	}
	if after <= before || busy <= machine {
		t.Errorf("a busy process used %v of the machine's %v", after-before, busy-machine)
	}
	if pss, err := residentMemory(os.Getpid()); err != nil || pss < 1e6 {
		t.Errorf("this process takes %d bytes, %v", pss, err)
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	if pss, err := parsePSS(testdata(t, "smaps_rollup.txt")); err != nil || pss != 63956*1024 {
		t.Errorf("%d, %v", pss, err)
	}
	if heap, err := parseLiveHeap(testdata(t, "heap.txt")); err != nil || heap != 4214808 {
		t.Errorf("%d, %v", heap, err)
	}
	if pss, err := parsePSS([]byte("Rss: 1 kB\n")); err == nil {
		t.Errorf("%d bytes of a text without any", pss)
	}
}

func TestBusy(t *testing.T) {
	t.Parallel()
	got, err := parseBusy("cpu  191787 313139 128277 519109 6510 0 9382 1530 0 0\ncpu0 1 2 3\n")
	if want := (191787 + 313139 + 128277 + 9382 + 1530) * tick; err != nil || got != want {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if got, err := parseBusy("intr 1 2 3"); err == nil {
		t.Errorf("%v of a text without a sum", got)
	}
}

func TestRatioPairsRuns(t *testing.T) {
	t.Parallel()
	// The machine slows down to a quarter; the ratio stays.
	one := series{{PerSecond: 800}, {PerSecond: 400}, {PerSecond: 210}}
	other := series{{PerSecond: 400}, {PerSecond: 200}, {PerSecond: 100}, {PerSecond: 1}}
	if got := one.ratio(other, perSecondOf); got != 2 {
		t.Errorf("ratio %v, want 2", got)
	}
	other[0].Others, one[1].Others = 2*noise, 2*noise
	one[1].PerSecond = 1
	if got := one.ratio(other, perSecondOf); got != 2.1 {
		t.Errorf("ratio %v of the one pair that nothing disturbed, want 2.1", got)
	}
	if got := median([]int{4, 1, 3, 2}, func(i int) float64 { return float64(i) }); got != 2.5 {
		t.Errorf("median %v, want 2.5", got)
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	r := new(report)
	r.judge(atMost(1.3, "×", "cost"), candidate{"a", 1.1}, candidate{"b", 1.31})
	r.judge(atLeast(0.95, "×", "speed"), candidate{"a", 0.95}, candidate{"b", 2})
	r.judge(atMost(1, "", "not measured"))
	if len(r.Bars) != 2 {
		t.Fatalf("%d bars: %v", len(r.Bars), r.Bars)
	}
	if cost := r.Bars[0]; cost.Met || cost.Of != "b" || cost.Measured != 1.31 {
		t.Errorf("%+v", cost)
	}
	if speed := r.Bars[1]; !speed.Met || speed.Of != "a" || speed.Measured != 0.95 {
		t.Errorf("%+v", speed)
	}
	if !r.missed() {
		t.Error("a missed bar goes unnoticed")
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, wrong := range [][]string{
		{"--only", "iis"}, {"--part", "lunch"}, {"--names", "3"}, {"--names", "10,x"},
		{"--duration", "1500ms"}, {"--runs", "0"}, {"more"},
	} {
		if _, err := parse(wrong); err == nil {
			t.Errorf("%v is accepted", wrong)
		}
	}
	b, err := parse([]string{"--only", "nginx,fairway", "--names", "100,10,100"})
	if err != nil || !b.selected("nginx") || b.selected("apache") || len(b.counts) != 2 || b.counts[0] != 10 {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestThousands(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{0: "0", 999.4: "999", 1000: "1,000", 1234567.8: "1,234,568"} {
		if got := thousands(value); got != want {
			t.Errorf("%v: %q, want %q", value, got, want)
		}
	}
}
