package platform

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mapping is a part of the address space.
type mapping struct {
	start, end uintptr
	writable   bool
	anonymous  bool // it has pages that differ from the file
	path       string
}

// forgetProgram gives up the pages of the program's file that starting up read.
// What is needed of them comes back from the system's cache, or from the file.
func forgetProgram() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // it was only read
	mappings, err := parseMappings(file)
	if err != nil {
		return err
	}
	for _, m := range mappings {
		// Pages that differ would be lost: a linker's relocations.
		if m.path != program || m.writable || m.anonymous {
			continue
		}
		if _, _, failed := unix.Syscall(unix.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_DONTNEED); failed != 0 {
			return fmt.Errorf("giving up pages of %s: %w", program, failed)
		}
	}
	return nil
}

// parseMappings reads what /proc/PID/smaps says.
func parseMappings(smaps io.Reader) ([]mapping, error) {
	var all []mapping
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 5 && strings.Contains(fields[0], "-") {
			m := mapping{writable: strings.Contains(fields[1], "w"), path: strings.Join(fields[5:], " ")}
			if _, err := fmt.Sscanf(fields[0], "%x-%x", &m.start, &m.end); err != nil {
				return nil, fmt.Errorf("the mapping %q: %w", fields[0], err)
			}
			all = append(all, m)
		}
		if len(fields) > 1 && fields[0] == "Anonymous:" && len(all) > 0 {
			all[len(all)-1].anonymous = fields[1] != "0"
		}
	}
	return all, lines.Err()
}
