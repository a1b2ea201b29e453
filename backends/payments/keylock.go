package payments

import (
	"context"
	"sync"
)

// KeyLock lets one holder at a time have a key. The zero value is ready.
type KeyLock struct {
	mu   sync.Mutex
	held map[string]chan struct{} // closed when the key is free again
}

// Lock waits for key until ctx ends and returns what frees it again.
func (l *KeyLock) Lock(ctx context.Context, key string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		busy, ok := l.held[key]
		if !ok {
			free := make(chan struct{})
			if l.held == nil {
				l.held = make(map[string]chan struct{})
			}
			l.held[key] = free
			l.mu.Unlock()
			return func() { l.unlock(key, free) }, nil
		}
		l.mu.Unlock()
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *KeyLock) unlock(key string, free chan struct{}) {
	l.mu.Lock()
	delete(l.held, key)
	l.mu.Unlock()
	close(free)
}
