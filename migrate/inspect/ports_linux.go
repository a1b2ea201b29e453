package inspect

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/handover"
)

// ports tells who listens on the numbered ports, or that nobody does. What only root may see of other
// processes stays empty.
func ports(numbers []int) []Port {
	listeners, err := handover.Listening(os.Getpid())
	if err != nil {
		return nil
	}
	listeners = slices.DeleteFunc(listeners, func(l handover.Listener) bool {
		return !slices.Contains(numbers, int(l.Port()))
	})
	owners := ownersOf(listeners)
	var list []Port
	for _, l := range listeners {
		owner := owners[l.Inode]
		port := Port{Address: l.Addr().String(), Port: int(l.Port()), PID: owner.pid, Program: owner.program}
		if !slices.Contains(list, port) {
			list = append(list, port)
		}
	}
	for _, number := range numbers {
		if !slices.ContainsFunc(list, func(p Port) bool { return p.Port == number }) {
			list = append(list, Port{Port: number, Free: true})
		}
	}
	slices.SortFunc(list, func(a, b Port) int { return cmp.Or(a.Port-b.Port, strings.Compare(a.Address, b.Address)) })
	return list
}

type owner struct {
	pid     int
	program string
}

// ownersOf finds the oldest process that has each socket open: of a server and
// its children the server.
func ownersOf(listeners []handover.Listener) map[uint64]owner {
	owners := map[uint64]owner{}
	entries, err := os.ReadDir("/proc")
	if err != nil || len(listeners) == 0 {
		return owners
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		descriptors, err := handover.Descriptors(pid)
		if err != nil {
			continue // of somebody else, or it has ended
		}
		for _, l := range listeners {
			if _, open := descriptors[l.Inode]; !open {
				continue
			}
			if known, ok := owners[l.Inode]; !ok || pid < known.pid {
				owners[l.Inode] = owner{pid, programOf(pid)}
			}
		}
	}
	return owners
}

func programOf(pid int) string {
	executable, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "exe"))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(executable, " (deleted)")
}
