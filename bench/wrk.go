package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// connections is how many clients ask at once, each on a connection it keeps.
const connections = 64

//go:embed wrk.lua
var wrkScript []byte

// load is what wrk measured in one run.
type load struct {
	Requests   int64 `json:"requests"`
	DurationUS int64 `json:"duration_us"`
	Bytes      int64 `json:"bytes"` // received, headers included
	P50US      int64 `json:"p50_us"`
	P99US      int64 `json:"p99_us"`
	Status     int64 `json:"status"` // answers of 400 and above
	Connect    int64 `json:"connect"`
	Read       int64 `json:"read"`
	Write      int64 `json:"write"`
	Timeout    int64 `json:"timeout"`
}

func (l load) failures() int64 { return l.Status + l.Connect + l.Read + l.Write + l.Timeout }

func (l load) perSecond() float64 { return float64(l.Requests) / (float64(l.DurationUS) / 1e6) }

// target is what a run asks for.
type target struct {
	page
	port  int
	names int      // > 0: random ones of n1 … n<names> below domain instead of the host
	args  []string // what wrk.lua is to do instead
}

// wrk puts load on a target for a while, from some cores. It also returns the CPU time that wrk
// itself used.
func (b *bench) wrk(ctx context.Context, on cores, t target) (load, time.Duration, error) {
	script := filepath.Join(b.folder, "wrk.lua")
	if err := os.WriteFile(script, wrkScript, 0o600); err != nil {
		return load{}, 0, err
	}
	args := []string{
		"-t1", "-c" + strconv.Itoa(connections), "-d" + strconv.Itoa(int(b.duration.Seconds())) + "s",
		"--timeout", "10s", "-s", script, fmt.Sprintf("https://%s:%d%s", t.host, t.port, t.path),
	}
	if t.gzip {
		args = append([]string{"-H", "Accept-Encoding: gzip"}, args...)
	}
	if t.names > 0 {
		args = append(args, "--", "names", strconv.Itoa(t.names), domain)
	}
	if t.args != nil {
		args = append(append(args, "--"), t.args...)
	}
	ctx, cancel := context.WithTimeout(ctx, b.duration+30*time.Second)
	defer cancel()
	cmd := on.command(ctx, "wrk", args...)
	cmd.SysProcAttr = processAttributes()
	output, err := cmd.CombinedOutput()
	if err != nil {
		return load{}, 0, fmt.Errorf("wrk on %s%s: %w: %s", t.host, t.path, err, tail(output, 3))
	}
	measured, err := parseLoad(output)
	if err != nil {
		return load{}, 0, fmt.Errorf("wrk on %s%s: %w", t.host, t.path, err)
	}
	return measured, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

var errNoSummary = errors.New("its output ends without a summary")

// parseLoad reads the line that wrk.lua adds to wrk's output.
func parseLoad(output []byte) (load, error) {
	start := bytes.LastIndex(output, []byte("\n{"))
	if start < 0 {
		return load{}, fmt.Errorf("%w: %s", errNoSummary, tail(output, 3))
	}
	var measured load
	if err := json.Unmarshal(output[start:], &measured); err != nil {
		return load{}, fmt.Errorf("its summary: %w", err)
	}
	if measured.Requests == 0 || measured.DurationUS == 0 {
		return load{}, errors.New("it got no answer at all")
	}
	return measured, nil
}

// tail is the last lines of a text.
func tail(text []byte, lines int) []byte {
	text = bytes.TrimSpace(text)
	all := bytes.Split(text, []byte("\n"))
	return bytes.Join(all[max(0, len(all)-lines):], []byte("\n"))
}
