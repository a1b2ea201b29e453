//go:build !unix

package platform

// watchSignals does nothing where no signal has Caddy reload.
func watchSignals() {}
