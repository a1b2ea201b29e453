//go:build !linux

package reuseport

import "time"

// AvoidMultipath does nothing.
func AvoidMultipath() error { return nil }

// SteerToNewest does nothing.
func SteerToNewest() (shared int, err error) { return 0, nil }

// Hold does nothing.
func Hold() (shared int, err error) { return 0, nil }

// Drain does nothing.
func Drain(time.Duration) error { return nil }
