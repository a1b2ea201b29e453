package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits bounds the requests of each API key.
type limits struct {
	perSecond rate.Limit
	now       func() time.Time
	keys      sync.Map // key id → *rate.Limiter; keys are few and made by the operator
}

func newLimits(perSecond float64, now func() time.Time) *limits {
	return &limits{perSecond: rate.Limit(perSecond), now: now}
}

// limitError says how long a client should wait.
type limitError struct{ wait time.Duration }

func (e *limitError) Error() string { return "too many requests" }

// take counts a request of a key, or returns a *limitError.
func (l *limits) take(w http.ResponseWriter, key string) error {
	if l.perSecond <= 0 {
		return nil
	}
	found, ok := l.keys.Load(key)
	if !ok {
		found, _ = l.keys.LoadOrStore(key, rate.NewLimiter(l.perSecond, int(math.Ceil(float64(l.perSecond)*2))))
	}
	limiter := found.(*rate.Limiter)
	now := l.now()
	if limiter.AllowN(now, 1) {
		return nil
	}
	wait := time.Duration(float64(time.Second) * (1 - limiter.TokensAt(now)) / float64(l.perSecond))
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return &limitError{wait}
}
