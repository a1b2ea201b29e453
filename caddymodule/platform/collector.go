package platform

import (
	"os"
	"runtime/debug"
	"sync"
)

// gcPercent is how much the heap may grow between two garbage collections. A
// server's live heap is a few megabytes, so that with Go's own 100 it would be
// collected dozens of times a second under load. Caddy sets a memory limit.
const gcPercent = 400

// tuneCollector sets the collector for this process, unless the environment
// variable GOGC does.
var tuneCollector = sync.OnceFunc(func() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
})

// returnMemory gives what starting up left behind back to the system: garbage,
// and the parts of the program that it read.
var returnMemory = sync.OnceFunc(func() {
	debug.FreeOSMemory()
	_ = forgetProgram() // it only saves memory
})
