package main

import (
	"context"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// cores are those that a program may use; none are all of them.
type cores []int

// apart gives the client the last core and the servers the others, as if it
// were on a machine of its own: what it costs takes nothing from them. One core
// cannot be divided.
func apart() (servers, client cores) {
	last := runtime.NumCPU() - 1
	if last == 0 {
		return nil, nil
	}
	for core := range last {
		servers = append(servers, core)
	}
	return servers, cores{last}
}

func (c cores) count() int {
	if len(c) == 0 {
		return runtime.NumCPU()
	}
	return len(c)
}

// command is a program's command on those cores.
func (c cores) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if len(c) > 0 {
		var list []string
		for _, core := range c {
			list = append(list, strconv.Itoa(core))
		}
		name, args = "taskset", append([]string{"--cpu-list", strings.Join(list, ","), name}, args...)
	}
	return exec.CommandContext(ctx, name, args...) // #nosec G204 -- the peers' own commands, and wrk
}
