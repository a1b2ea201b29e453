// Package instance tells the truth about the running process: its version,
// when it started and where it runs.
package instance

import (
	"runtime/debug"
	"sync"
	"time"
)

// modulePath is the Go module whose version Fairway reports.
const modulePath = "github.com/aditechsphere/fairway"

// started is when this process began; a reload does not move it.
var started = time.Now()

// Facts are what a service says about the process it runs in.
type Facts struct {
	Service     string    // the service's name, e.g. "orders-service"
	Version     string    // version of the Fairway module
	Environment string    // e.g. "production"
	Host        string    // name of the machine
	Started     time.Time // when the process started

	// DashboardURL is the address of the Homepage in the running config,
	// "" when it has none. Never nil.
	DashboardURL func() string
}

// Started is when the process started.
func Started() time.Time { return started }

// Version is the version of the Fairway module in this binary: a release such
// as "v0.1.0", a pseudo-version of the commit it was built from, or "(devel)"
// when the build recorded neither.
var Version = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(devel)"
	}
	return versionFrom(info)
})

// versionFrom finds Fairway as the main module or, in a binary that xcaddy
// built, among the dependencies.
func versionFrom(info *debug.BuildInfo) string {
	if info.Main.Path == modulePath && info.Main.Version != "" {
		return info.Main.Version
	}
	for _, dep := range info.Deps {
		if dep.Path != modulePath {
			continue
		}
		if dep.Replace == nil {
			return dep.Version
		}
		if dep.Replace.Version != "" {
			return dep.Replace.Version
		}
	}
	return "(devel)"
}
