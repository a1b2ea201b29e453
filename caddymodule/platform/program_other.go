//go:build !linux

package platform

// forgetProgram is for Linux alone.
func forgetProgram() error { return nil }
