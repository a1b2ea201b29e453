package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// grace is how long a process has for ending when it is asked to.
const grace = 10 * time.Second

// command is a program of a stack.
type command struct {
	name string
	args []string
	env  []string // beside that of this process
}

// process is a running command.
type process struct {
	name   string
	pid    int
	log    string
	cancel context.CancelFunc
	ended  chan struct{}
}

// startProcess runs the command in folder, on some cores. What it says goes to a file there.
func startProcess(ctx context.Context, on cores, c command, folder string) (*process, error) {
	path := filepath.Join(folder, filepath.Base(c.name)+".log")
	log, err := os.Create(path) // #nosec G304 -- in the benchmark's own folder
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own handle
	ctx, cancel := context.WithCancel(ctx)
	cmd := on.command(ctx, c.name, c.args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = processAttributes()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("starting %s: %w", c.name, err)
	}
	p := &process{name: c.name, pid: cmd.Process.Pid, log: path, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // ended is what counts: a signal ended it
		// Children that outlived it are in its group still.
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	}()
	return p, nil
}

// stop ends the process and its children.
func (p *process) stop() {
	p.cancel()
	<-p.ended
}

// failure says why the process ended by itself; nil while it runs.
func (p *process) failure() error {
	select {
	case <-p.ended:
	default:
		return nil
	}
	said, err := os.ReadFile(p.log)
	return errors.Join(fmt.Errorf("%s ended: %s", p.name, tail(said, 4)), err)
}
