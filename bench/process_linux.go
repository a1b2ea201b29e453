package main

import "syscall"

// processAttributes puts a process into a group of its own, out of reach of
// the terminal's Ctrl-C, and ends it should this process be killed.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
