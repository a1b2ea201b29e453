package platform

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
	"go.uber.org/zap"

	"github.com/aditechsphere/fairway/caddymodule/platform/reuseport"
	"github.com/aditechsphere/fairway/migrate/handover"
)

const (
	// drainTime bounds how long connections wait to be accepted by the old
	// configuration, and closeTime how long its sockets take to close.
	drainTime = 5 * time.Second
	closeTime = 10 * time.Second
	// firstRequestTime bounds how long the old configuration waits for the first
	// request on connections that it has: a few round trips of a distant phone.
	firstRequestTime = 2 * time.Second
)

// handingOver goes on while sockets of an old configuration may still be open. It is
// the process's own, as they are.
var handingOver sync.WaitGroup

// running is the platform of the configuration that started last.
var running atomic.Pointer[App]

func init() {
	// Sockets of multipath TCP, Go's default, can neither be steered nor handed to
	// a server of another user. The name of the variable is valid: no error.
	_ = reuseport.AvoidMultipath()
}

// watchReload has connections change over from the old configuration's sockets
// to this one's when all of its apps have started, and not before: what comes
// from a reload that fails never saw a connection.
func (a *App) watchReload(ctx caddy.Context) error {
	value, err := ctx.App("events")
	if err != nil {
		return err
	}
	events := value.(*caddyevents.App)
	return errors.Join(events.On("started", startedHandler{a}), events.On("stopping", stoppingHandler{a}))
}

// awaitHandover waits until the sockets of the configuration before the running
// one are closed, which is soon. When one of three closes the kernel changes the
// order of the others, and which is the newest could not be told.
func awaitHandover() { handingOver.Wait() }

// stoppingHandler handles the event that the configuration is about to stop: a
// server that stops waits for its streams.
type stoppingHandler struct{ *App }

// Handle implements [caddyevents.Handler].
func (h stoppingHandler) Handle(context.Context, caddy.Event) error {
	h.endStreams()
	return nil
}

// startedHandler handles the event that the configuration runs; the old one is
// stopped when it returns.
type startedHandler struct{ *App }

// Handle implements [caddyevents.Handler].
func (h startedHandler) Handle(context.Context, caddy.Event) error {
	h.noteStart(time.Now())
	if before := running.Swap(h.App); before != nil {
		before.superseded.Store(true)
	}
	shared, err := reuseport.SteerToNewest()
	if err != nil {
		// Connections are spread as without us: some may be reset.
		h.logger.Warn("steering connections to the new configuration", zap.Error(err))
		return nil
	}
	if shared > 0 {
		time.Sleep(handover.HandshakeTime)
		if err := reuseport.Drain(drainTime); err != nil {
			h.logger.Warn("waiting for the old configuration's connections", zap.Error(err))
		}
		arriving.await(h.App, firstRequestTime)
	}
	handingOver.Go(h.settle)
	return nil
}

// settle has connections stay with this configuration's sockets, once the old
// ones are closed, whatever the next configuration opens.
func (h startedHandler) settle() {
	deadline := time.Now().Add(closeTime)
	for time.Now().Before(deadline) && h.ctx.Err() == nil {
		shared, err := reuseport.Hold()
		if err != nil {
			h.logger.Warn("holding connections at the running configuration", zap.Error(err))
		}
		if err != nil || shared == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
