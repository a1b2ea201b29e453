package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
)

// machine is what the figures were measured on and with.
type machine struct {
	System    string   `json:"system"`
	Kernel    string   `json:"kernel"`
	Processor string   `json:"processor"`
	Cores     int      `json:"cores"`
	Memory    int64    `json:"memory_bytes"`
	Programs  []string `json:"programs"`
}

// describeMachine leaves out what it cannot find out.
func (b *bench) describeMachine(ctx context.Context) machine {
	memory, _ := os.ReadFile("/proc/meminfo")
	bytes, _ := namedNumber(memory, "MemTotal:", 1024)
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	m := machine{
		System:    field("/etc/os-release", `PRETTY_NAME="(.*)"`),
		Kernel:    strings.TrimSpace(string(kernel)),
		Processor: field("/proc/cpuinfo", `model name\s*: (.*)`),
		Cores:     runtime.NumCPU(),
		Memory:    bytes,
	}
	for _, asked := range [][]string{
		{b.caddy, "version"}, {"apache2", "-v"}, {"nginx", "-v"}, {"haproxy", "-v"}, {"gunicorn", "--version"}, {"wrk", "-v"},
	} {
		if version := versionOf(ctx, asked); version != "" {
			m.Programs = append(m.Programs, version)
		}
	}
	m.Programs = append(m.Programs, runtime.Version())
	return m
}

// field is the first group of the pattern in a file.
func field(path, pattern string) string {
	text, _ := os.ReadFile(path) // #nosec G304 -- the paths above
	if match := regexp.MustCompile(pattern).FindSubmatch(text); match != nil {
		return string(match[1])
	}
	return ""
}

var number = regexp.MustCompile(`\d+\.\d+[.\d]*`)

// versionOf is the program's name and the first version number that it prints.
func versionOf(ctx context.Context, command []string) string {
	// wrk says its version and fails.
	output, _ := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput() // #nosec G204 -- the commands above
	name := command[0][strings.LastIndexByte(command[0], '/')+1:]
	if version := number.Find(output); version != nil {
		return name + " " + string(version)
	}
	return ""
}

func (m machine) write(put putter) {
	put("%s, %s, %d cores, %s; Linux %s", m.System, m.Processor, m.Cores, megabytes(m.Memory), m.Kernel)
	put("%s", strings.Join(m.Programs, ", "))
}
