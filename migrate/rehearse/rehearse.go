// Package rehearse replays requests that Apache has answered before to Apache
// and to another server beside it, and compares the answers.
package rehearse

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Port is where the new server listens, while it is tried, in place of an
// address of its configuration.
type Port struct {
	Host string // of the configuration; empty: every address
	Old  int    // of the configuration
	New  int    // on 127.0.0.1

	// Optional says that the configuration has no such address: Caddy opens it
	// for its own redirects, if it makes any.
	Optional bool
}

// suffix is what an address with the port in the configuration ends in.
func (p Port) suffix() string {
	if p.Old == 80 || p.Old == 443 {
		return ""
	}
	return ":" + strconv.Itoa(p.Old)
}

// Options say how to compare.
type Options struct {
	Apache        string         // where Apache listens; empty: 127.0.0.1
	ApachePorts   map[int]int    // ports of Apache where they are not those of the requests
	Ports         []Port         // where the new server listens
	Rate          float64        // requests a second, of which each is sent three times; 0: as fast as they are answered
	IgnoreHeaders []string       // headers that are not compared
	ShowQueries   bool           // queries may be in the report
	Progress      func(done int) // called after each request, from one goroutine at a time; nil: not
}

// Outcome is how a request was answered.
type Outcome struct {
	Request
	URL         string       `json:"url"` // with its query only if that may be shown
	Differences []Difference `json:"differences"`
	Volatile    []string     `json:"volatile,omitempty"` // what differs between two answers of Apache itself
}

// Differs reports whether the answers differ in more than is expected.
func (o *Outcome) Differs() bool {
	return slices.ContainsFunc(o.Differences, func(d Difference) bool { return !d.Expected })
}

// Report is what a rehearsal found.
type Report struct {
	Selection Selection `json:"sample"`
	Compared  int       `json:"compared"`
	Same      int       `json:"same"`     // answered the same but for what is expected
	Differ    int       `json:"differ"`   // answered differently
	Expected  int       `json:"expected"` // of those the same: with differences that come of the change of server
	Outcomes  []Outcome `json:"outcomes"` // those with something to say, in the order of the sample
}

// workers is how many requests are under way at once.
const workers = 4

// ErrNoApache says that Apache did not answer at all.
var ErrNoApache = errors.New("Apache does not answer") //nolint:staticcheck // a name

// Run sends the requests of a selection: each to Apache, to the new server and
// to Apache again, since what Apache itself answers differently from one time
// to the next is no difference.
func Run(ctx context.Context, selection Selection, options Options) (*Report, error) {
	report := &Report{Selection: selection}
	if len(selection.Requests) == 0 {
		return report, nil
	}
	if _, err := send(ctx, options.apache(selection.Requests[0]), selection.Requests[0]); err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrNoApache, options.apache(selection.Requests[0]), err)
	}
	outcomes := make([]*Outcome, len(selection.Requests))
	work := make(chan int)
	var (
		group    sync.WaitGroup
		mu       sync.Mutex
		finished int
	)
	for range workers {
		group.Go(func() {
			for i := range work {
				outcome := options.try(ctx, selection.Requests[i])
				mu.Lock()
				outcomes[i] = outcome
				finished++
				if options.Progress != nil {
					options.Progress(finished)
				}
				mu.Unlock()
			}
		})
	}
	options.feed(ctx, work, len(outcomes))
	group.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for _, outcome := range outcomes {
		report.add(outcome)
	}
	return report, nil
}

// feed hands out the numbers of requests at the rate, until ctx ends.
func (o *Options) feed(ctx context.Context, work chan<- int, count int) {
	defer close(work)
	var tick <-chan time.Time
	if o.Rate > 0 {
		ticker := time.NewTicker(max(time.Duration(float64(time.Second)/o.Rate), time.Microsecond))
		defer ticker.Stop()
		tick = ticker.C
	}
	for i := range count {
		if tick != nil && i > 0 {
			select {
			case <-ctx.Done():
				return
			case <-tick:
			}
		}
		select {
		case <-ctx.Done():
			return
		case work <- i:
		}
	}
}

func (r *Report) add(o *Outcome) {
	r.Compared++
	switch {
	case o.Differs():
		r.Differ++
	case len(o.Differences) > 0:
		r.Expected++
		r.Same++
	default:
		r.Same++
	}
	if len(o.Differences) > 0 || len(o.Volatile) > 0 {
		r.Outcomes = append(r.Outcomes, *o)
	}
}

// try sends one request three times and compares.
func (o *Options) try(ctx context.Context, request Request) *Outcome {
	outcome := &Outcome{Request: request, URL: request.URL(o.ShowQueries)}
	if !o.ShowQueries {
		outcome.Target = request.Path()
	}
	first, err := send(ctx, o.apache(request), request)
	fresh, newErr := o.sendNew(ctx, request)
	next, nextErr := send(ctx, o.apache(request), request)
	err = errors.Join(err, nextErr)
	if err != nil || newErr != nil {
		if (err == nil) != (newErr == nil) {
			outcome.Differences = []Difference{{Aspect: Connection, Apache: o.reached(err), New: o.reached(newErr)}}
		} else {
			outcome.Differences = []Difference{{Aspect: Connection, Apache: o.reached(err), New: o.reached(newErr), Expected: true, Why: "neither answers"}}
		}
		return outcome
	}
	c := comparison{Options: o, request: request, first: first, next: next, new: fresh}
	c.run()
	outcome.Differences, outcome.Volatile = c.differences, c.volatile
	return outcome
}

func (o *Options) reached(err error) string {
	if err == nil {
		return "answers"
	}
	return "no answer: " + strings.ReplaceAll(err.Error(), "\n", "; ")
}

// apache is the address of Apache for a request.
func (o *Options) apache(request Request) string {
	host, port := o.Apache, request.Port
	if host == "" {
		host = "127.0.0.1"
	}
	if other, ok := o.ApachePorts[port]; ok {
		port = other
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

func (o *Options) sendNew(ctx context.Context, request Request) (*answer, error) {
	for _, port := range o.Ports {
		if port.Old == request.Port {
			return send(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(port.New)), request)
		}
	}
	return nil, fmt.Errorf("the new configuration does not listen on port %d", request.Port)
}
