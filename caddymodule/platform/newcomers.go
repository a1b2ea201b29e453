package platform

import (
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// newcomers are the connections of all configurations on which no request has
// come yet: a server that shuts down closes them without an answer, even to a
// request that has just come.
type newcomers struct {
	count       atomic.Int64 // of connections, so that requests on others need not look
	mu          sync.Mutex
	connections map[net.Conn]*App
}

// arriving is the process's own, as a reload waits for connections of the
// configuration before.
var arriving = newcomers{connections: make(map[net.Conn]*App)}

// watchNewcomers notes the connections that came, until their first request.
func (a *App) watchNewcomers(connection net.Conn, state http.ConnState) {
	if state == http.StateNew {
		arriving.add(connection, a)
	} else {
		arriving.remove(connection)
	}
}

func (n *newcomers) add(connection net.Conn, of *App) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.connections[connection] = of
	n.count.Store(int64(len(n.connections)))
}

func (n *newcomers) remove(connection net.Conn) {
	if n.count.Load() == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.connections, connection)
	n.count.Store(int64(len(n.connections)))
}

// others reports whether there are newcomers of another configuration than running.
func (n *newcomers) others(running *App) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, of := range n.connections {
		if of != running {
			return true
		}
	}
	return false
}

// await waits until no newcomers of another configuration are left, at most for patience.
func (n *newcomers) await(running *App, patience time.Duration) {
	for deadline := time.Now().Add(patience); ; {
		time.Sleep(5 * time.Millisecond) // first of all, for one that was just accepted
		if !n.others(running) || time.Now().After(deadline) {
			return
		}
	}
}
