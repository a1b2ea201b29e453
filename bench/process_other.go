//go:build !linux

package main

import "syscall"

// processAttributes exists so that the module can be vetted elsewhere: the
// benchmark itself reads /proc and needs Linux.
func processAttributes() *syscall.SysProcAttr { return new(syscall.SysProcAttr) }
