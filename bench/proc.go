package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc: USER_HZ is 100 on every Linux.
const tick = 10 * time.Millisecond

// processStat is what /proc/PID/stat says of a process.
type processStat struct {
	pid, parent int
	cpu         time.Duration // its own and that of children it has waited for
}

func parseProcessStat(stat string) (processStat, error) {
	// The name is in parentheses and may contain anything, parentheses too.
	open, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return processStat{}, fmt.Errorf("no process name in %q", stat)
	}
	fields := strings.Fields(stat[end+1:]) // from field 3, the state, on
	if len(fields) < 15 {
		return processStat{}, fmt.Errorf("%d fields in %q", len(fields)+2, stat)
	}
	var p processStat
	var err error
	if p.pid, err = strconv.Atoi(strings.TrimSpace(stat[:open])); err != nil {
		return p, err
	}
	if p.parent, err = strconv.Atoi(fields[1]); err != nil {
		return p, err
	}
	for _, field := range fields[11:15] { // utime, stime, cutime, cstime
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return p, err
		}
		p.cpu += time.Duration(ticks) * tick
	}
	return p, nil
}

// processes reads all processes of the machine.
func processes() ([]processStat, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var all []processStat
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // it has ended meanwhile
		}
		p, err := parseProcessStat(string(stat))
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// family returns those of all that are a root or descend from one.
func family(all []processStat, roots ...int) []processStat {
	children := make(map[int][]processStat)
	known := make(map[int]processStat)
	for _, p := range all {
		children[p.parent] = append(children[p.parent], p)
		known[p.pid] = p
	}
	var members []processStat
	for _, root := range roots {
		if p, ok := known[root]; ok {
			members = append(members, p)
		}
	}
	for i := 0; i < len(members); i++ {
		members = append(members, children[members[i].pid]...)
	}
	return members
}

// cpuTime is the CPU time that the roots and their descendants have used.
func cpuTime(roots ...int) (time.Duration, error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, p := range family(all, roots...) {
		sum += p.cpu
	}
	return sum, nil
}

// residentMemory is the memory, in bytes, of the roots and their descendants:
// each shared page is counted once, divided among those who share it (PSS).
func residentMemory(roots ...int) (int64, error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, p := range family(all, roots...) {
		rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.pid))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has ended meanwhile
		}
		if err != nil {
			return 0, err
		}
		pss, err := parsePSS(rollup)
		if err != nil {
			return 0, fmt.Errorf("process %d: %w", p.pid, err)
		}
		sum += pss
	}
	return sum, nil
}

// parsePSS returns the line Pss of smaps_rollup in bytes.
func parsePSS(rollup []byte) (int64, error) {
	return namedNumber(rollup, "Pss:", 1024)
}

// parseLiveHeap returns the bytes of live objects that a Go heap profile in
// text form states at its end.
func parseLiveHeap(profile []byte) (int64, error) {
	return namedNumber(profile, "# HeapAlloc =", 1)
}

// namedNumber finds the line with the prefix and returns its number × unit.
func namedNumber(text []byte, prefix string, unit int64) (int64, error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), prefix)
		if !ok {
			continue
		}
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			break
		}
		n, err := strconv.ParseInt(fields[0], 10, 64)
		return n * unit, err
	}
	return 0, errors.Join(fmt.Errorf("there is no %s", prefix), lines.Err())
}

// busyTime is the CPU time that everything on the machine has used.
func busyTime() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseBusy(string(stat))
}

func parseBusy(stat string) (time.Duration, error) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("no sum of CPU times in %q", line)
	}
	var busy time.Duration
	for i, field := range fields[1:9] { // user nice system idle iowait irq softirq steal
		if i == 3 || i == 4 {
			continue
		}
		ticks, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		busy += time.Duration(ticks) * tick
	}
	return busy, nil
}
