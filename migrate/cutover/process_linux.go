package cutover

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/handover"
)

// running is a process as /proc shows it.
type running struct {
	pid, parent int
	executable  string
	args        []string
}

// processes lists the processes whose executable satisfies wanted.
func processes(wanted func(executable string) bool) ([]running, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var found []running
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		executable, err := os.Readlink(filepath.Join("/proc", entry.Name(), "exe"))
		if err != nil || !wanted(strings.TrimSuffix(executable, " (deleted)")) {
			continue // a thread of the kernel, or it has ended
		}
		process, err := readProcess(pid)
		if err != nil {
			continue // it has ended since
		}
		found = append(found, process)
	}
	return found, nil
}

func readProcess(pid int) (running, error) {
	folder := fmt.Sprintf("/proc/%d", pid)
	executable, err := os.Readlink(filepath.Join(folder, "exe"))
	if err != nil {
		return running{}, err
	}
	args, err := zeroSeparated(filepath.Join(folder, "cmdline"))
	if err != nil {
		return running{}, err
	}
	stat, err := os.ReadFile(filepath.Join(folder, "stat")) //nolint:gosec // in /proc
	if err != nil {
		return running{}, err
	}
	// The name, in parentheses, may hold anything; state and parent follow it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 2 {
		return running{}, fmt.Errorf("%s/stat: %q", folder, stat)
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return running{}, err
	}
	if fields[0] == "Z" {
		return running{}, errors.New("it has ended")
	}
	return running{pid, parent, strings.TrimSuffix(executable, " (deleted)"), args}, nil
}

func zeroSeparated(file string) ([]string, error) {
	text, err := os.ReadFile(file) //nolint:gosec // in /proc
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00"), nil
}

// parents are those of the processes whose parent is not among them.
func parents(all []running) []running {
	among := make(map[int]bool)
	for _, process := range all {
		among[process.pid] = true
	}
	var top []running
	for _, process := range all {
		if !among[process.parent] {
			top = append(top, process)
		}
	}
	return top
}

// listens reports whether a process has a listening TCP socket.
func listens(pid int) bool {
	listeners, err := handover.ListenersOf(pid)
	return err == nil && len(listeners) > 0
}

// holderOf finds the process that has a socket open.
func holderOf(inode uint64) (running, bool) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return running{}, false
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		descriptors, err := handover.Descriptors(pid)
		if err != nil {
			continue
		}
		if _, ok := descriptors[inode]; ok {
			process, err := readProcess(pid)
			return process, err == nil
		}
	}
	return running{}, false
}
