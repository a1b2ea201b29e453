//go:build unix

package platform

import (
	"cmp"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/caddymodule/platform/configdiff"
)

// watchSignals notes when a signal has Caddy reload, which is all that tells
// such a reload from others.
var watchSignals = sync.OnceFunc(func() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		for range signals {
			reloads.mu.Lock()
			reloads.signaled = time.Now()
			reloads.mu.Unlock()
			noteUnreadable()
		}
	}()
})

// noteUnreadable has it noted when the file to reload cannot be read: Caddy,
// which reads it too, tells only its log.
func noteUnreadable() {
	file := flagOf("--config", "-c")
	_, _, _, err := caddycmd.LoadConfig(file, flagOf("--adapter", "-a"))
	if err == nil {
		return
	}
	config, _ := os.ReadFile(cmp.Or(file, "Caddyfile")) // only for what not to repeat of it
	reloads.note(homepage.Event{Outcome: homepage.Failed, By: "signal USR1", Detail: configdiff.Redact(err.Error(), config)})
}

// flagOf is the value of a flag that this process was started with.
func flagOf(long, short string) string {
	for i, arg := range os.Args {
		if value, ok := strings.CutPrefix(arg, long+"="); ok {
			return value
		}
		if (arg == long || arg == short) && i+1 < len(os.Args) {
			return os.Args[i+1]
		}
	}
	return ""
}
