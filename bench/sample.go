package main

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"
)

const (
	// noise is the share of the machine that others may use before a run waits
	// for them, or is marked when it was in vain.
	noise = 0.10
	// waiting bounds how long a run waits for a quiet machine.
	waiting = 20 * time.Second
)

// sample is what one run of load showed.
type sample struct {
	load
	PerSecond float64 `json:"requests_per_second"`
	CPU       float64 `json:"cpu_us_per_request"` // of all processes of the stack
	Others    float64 `json:"others"`             // share of the machine that neither stack nor wrk used
}

// series are the runs of one row of a table.
type series []sample

func (s series) perSecond() float64 {
	return median(s, func(one sample) float64 { return one.PerSecond })
}
func (s series) cpu() float64 { return median(s, func(one sample) float64 { return one.CPU }) }
func (s series) p99() time.Duration {
	return time.Duration(median(s, func(one sample) float64 { return float64(one.P99US) })) * time.Microsecond
}

func (s series) failures() (sum int64) {
	for _, one := range s {
		sum += one.failures()
	}
	return sum
}

// ratio is the median of what of says in this series over that in other, run
// by run: what ran one after the other met the same machine. A pair of which
// others disturbed one run says nothing; when all were disturbed, all count.
func (s series) ratio(other series, of func(sample) float64) float64 {
	var quiet, all []float64
	for i := range min(len(s), len(other)) {
		ratio := of(s[i]) / of(other[i])
		all = append(all, ratio)
		if s[i].Others <= noise && other[i].Others <= noise {
			quiet = append(quiet, ratio)
		}
	}
	if len(quiet) == 0 {
		quiet = all
	}
	return medianOf(quiet)
}

func perSecondOf(s sample) float64 { return s.PerSecond }
func cpuOf(s sample) float64       { return s.CPU }

// median of an empty list is 0.
func median[T any](list []T, of func(T) float64) float64 {
	if len(list) == 0 {
		return 0
	}
	values := make([]float64, len(list))
	for i, item := range list {
		values[i] = of(item)
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

// run puts load on a page of the stack and measures what that cost. The page
// has about size bytes.
func (b *bench) run(ctx context.Context, s *stack, t target, size int) (sample, error) {
	if err := b.awaitQuiet(ctx); err != nil {
		return sample{}, err
	}
	var before, after reading
	err := before.read(s)
	if err != nil {
		return sample{}, err
	}
	measured, client, err := b.wrk(ctx, s.client, t)
	if err != nil {
		return sample{}, err
	}
	if err := after.read(s); err != nil {
		return sample{}, err
	}
	if mean := measured.Bytes / measured.Requests; mean < int64(size)*4/5 {
		return sample{}, fmt.Errorf("the answers of %s have %d bytes on average, far fewer than the page's %d", t.host, mean, size)
	}
	cpu := after.stack - before.stack
	capacity := after.at.Sub(before.at) * time.Duration(runtime.NumCPU())
	others := after.machine - before.machine - cpu - client
	return sample{
		load:      measured,
		PerSecond: measured.perSecond(),
		CPU:       float64(cpu.Nanoseconds()) / 1e3 / float64(measured.Requests),
		Others:    max(0, float64(others)/float64(capacity)),
	}, nil
}

// reading is how much CPU time was used up to a moment.
type reading struct {
	at             time.Time
	stack, machine time.Duration
}

func (r *reading) read(s *stack) (err error) {
	r.at = time.Now()
	if r.machine, err = busyTime(); err != nil {
		return err
	}
	r.stack, err = cpuTime(s.pids()...)
	return err
}

// awaitQuiet waits, not for ever, until nothing else keeps the machine busy.
func (b *bench) awaitQuiet(ctx context.Context) error {
	const glance = 300 * time.Millisecond
	for deadline := time.Now().Add(waiting); time.Now().Before(deadline); {
		before, err := busyTime()
		if err != nil {
			return err
		}
		if err := sleep(ctx, glance); err != nil {
			return err
		}
		after, err := busyTime()
		if err != nil {
			return err
		}
		if float64(after-before) < noise*float64(glance)*float64(runtime.NumCPU()) {
			return nil
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
