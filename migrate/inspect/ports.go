package inspect

import (
	"net"
	"slices"
	"strconv"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// Port is a TCP port, and an address at which a process listens on it.
type Port struct {
	Address string `json:"address,omitempty"`
	Port    int    `json:"port"`
	// Free says that nobody listens on the port.
	Free bool `json:"free,omitempty"`
	// PID and Program are empty when only root may know.
	PID     int    `json:"pid,omitempty"`
	Program string `json:"program,omitempty"`
}

// listened are the ports of Listen, with 80 and 443, which Fairway will want.
func listened(tree *apacheconf.Tree) []int {
	numbers := []int{80, 443}
	for _, d := range tree.Directives {
		if !d.Is("Listen") || len(d.Args) == 0 {
			continue
		}
		text := d.Args[0]
		if _, port, err := net.SplitHostPort(text); err == nil {
			text = port
		}
		if number, err := strconv.Atoi(text); err == nil && !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
		}
	}
	return numbers
}
