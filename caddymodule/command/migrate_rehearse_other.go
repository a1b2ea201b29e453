//go:build !linux

package command

import "syscall"

// trialAttributes are none: the server runs as whoever rehearses.
func trialAttributes(int, int) (*syscall.SysProcAttr, error) { return nil, nil }
