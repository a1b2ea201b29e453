// Command bench measures Fairway beside the servers it competes with, in one
// run on one machine. It starts all of them itself, on free loopback ports,
// and ends them. README.md says how to read what it prints.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What the program exits with.
const (
	exitFailed      = 1 // something could not be measured
	exitUsage       = 2
	exitMissed      = 3 // a bar, with --check
	exitInterrupted = 130
)

// The peers end when the thread that started them does (see
// processAttributes): the main thread ends last.
func init() { runtime.LockOSThread() }

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if len(os.Args) == 4 && os.Args[1] == goServiceCommand {
		return exit(serveGo(ctx, os.Args[2], os.Args[3]))
	}
	b, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return exitUsage
	}
	err = b.measure(ctx)
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "bench: interrupted; everything it started has ended")
		return exitInterrupted
	}
	if err != nil {
		return exit(err)
	}
	return b.finish()
}

func exit(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	return exitFailed
}

// bench is one run of this program.
type bench struct {
	caddy, caddyfile string
	duration         time.Duration
	runs             int
	counts           []int // of names
	only, parts      []string
	peersLarge       bool
	json, check      bool

	self   string // this program's path
	folder string // temporary
	body   string // a page as large as Fairway's
	given  map[int]bool
	report report
}

// peers are those that serve one page.
var peers = []*peer{&fairway, &caddyRespond, &caddyTuned, &fairwayShipped, &caddySite, &caddyProxy, &nginx, &haproxy, &apache}

// The parts that --part chooses from.
const (
	partPage   = "page"
	partStart  = "start"
	partNames  = "names"
	partHosts  = "hosts"
	partOrders = "orders"
)

const usage = `Measures Fairway beside Apache, nginx, HAProxy and stock Caddy, in one run.

Usage: go run ./bench [flags]

  go run ./bench                                   everything; takes about 15 minutes
  go run ./bench --part page --only fairway,caddy  one comparison
  go run ./bench --duration 1s --runs 1            a quick look; the figures are rough
  go run ./bench --part names --names 10,100000    the subdomain table
  go run ./bench --part hosts                      1,000 virtual hosts of Apache
  go run ./bench --part orders                     orders created and read, beside PocketBase
  go run ./bench --json >figures.json              for programs
  go run ./bench --check                           exits with 3 when a bar is missed

Peers: %s.
Progress goes to stderr, the report to stdout. Exit status: 0, 1 when something
could not be measured, 2 for wrong usage, 3 for a missed bar with --check, 130
after Ctrl-C.

`

func parse(args []string) (*bench, error) {
	b := &bench{given: make(map[int]bool)}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&b.caddy, "caddy", "bin/caddy", "the `binary` to measure")
	flags.StringVar(&b.caddyfile, "caddyfile", "Caddyfile", "the shipped Caddyfile")
	flags.DurationVar(&b.duration, "duration", 2*time.Second, "of a run, in whole seconds")
	flags.IntVar(&b.runs, "runs", 5, "how often each is measured; the median counts")
	only := flags.String("only", "", "`peers` to measure, separated by commas (default all)")
	parts := flags.String("part", "page,start,names,hosts,orders", "`parts` to measure: page, start, names, hosts, orders")
	counts := flags.String("names", "10,1000,10000,100000", "`numbers` of subdomains")
	flags.BoolVar(&b.peersLarge, "peers-large", false, "give nginx 10,000 names too: 7 s and a gigabyte")
	flags.BoolVar(&b.json, "json", false, "report as JSON")
	flags.BoolVar(&b.check, "check", false, "exit with 3 when a bar is missed")
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, usage, strings.Join(keys(), ", "))
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if b.duration < time.Second || b.duration%time.Second != 0 || b.runs < 1 {
		return nil, errors.New("--duration is whole seconds and --runs a number, both at least 1")
	}
	var err error
	if b.only, err = choose("--only", *only, keys()); err != nil {
		return nil, err
	}
	if b.parts, err = choose("--part", *parts, []string{partPage, partStart, partNames, partHosts, partOrders}); err != nil {
		return nil, err
	}
	b.counts, err = parseCounts(*counts)
	return b, err
}

func keys() []string {
	var keys []string
	for _, p := range peers {
		keys = append(keys, p.key)
	}
	return keys
}

// choose splits a list of known words; an empty one is all of them.
func choose(name, list string, known []string) ([]string, error) {
	if list == "" {
		return known, nil
	}
	chosen := strings.Split(list, ",")
	for _, word := range chosen {
		if !slices.Contains(known, word) {
			return nil, fmt.Errorf("%s: there is no %q, only %s", name, word, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}

func parseCounts(list string) ([]int, error) {
	var counts []int
	for word := range strings.SplitSeq(list, ",") {
		count, err := strconv.Atoi(word)
		if err != nil || count <= few || count > 1_000_000 {
			return nil, fmt.Errorf("--names: %q is not a number from %d to 1000000", word, few+1)
		}
		counts = append(counts, count)
	}
	slices.Sort(counts)
	return slices.Compact(counts), nil
}

func (b *bench) selected(key string) bool { return slices.Contains(b.only, key) }

// measure does everything but print the report. What it starts and writes is
// gone when it returns.
func (b *bench) measure(ctx context.Context) error {
	for _, path := range []*string{&b.caddy, &b.caddyfile} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		if _, err := os.Stat(absolute); err != nil {
			return fmt.Errorf("%w: run make build first, in the project's folder", err)
		}
		*path = absolute
	}
	tools := peer{needs: []program{{"wrk", "wrk"}}}
	if err := tools.missing(); err != nil {
		return err
	}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.folder, err = os.MkdirTemp("", "fairway-bench-"); err != nil {
		return err
	}
	defer func() {
		if err := os.RemoveAll(b.folder); err != nil {
			fmt.Fprintln(os.Stderr, "bench: removing its temporary folder:", err)
		}
	}()
	return b.measureParts(ctx)
}

func (b *bench) measureParts(ctx context.Context) error {
	if err := writeCertificate(b.folder); err != nil {
		return err
	}
	if err := b.makePage(ctx); err != nil {
		return err
	}
	b.report = report{
		Machine: b.describeMachine(ctx),
		Seconds: b.duration.Seconds(), Runs: b.runs, Connections: connections,
	}
	var chosen []*peer
	for _, p := range peers {
		if b.selected(p.key) {
			chosen = append(chosen, p)
		}
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{partStart, func(ctx context.Context) error { return b.measureStarts(ctx, chosen) }},
		{partPage, func(ctx context.Context) error { return b.measurePages(ctx, chosen) }},
		{partNames, b.measureNames},
		{partHosts, b.measureHosts},
		{partOrders, b.measureOrders},
	} {
		if !slices.Contains(b.parts, part.name) {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return err
		}
	}
	b.report.judgeAll()
	return nil
}

// makePage makes the page that the peers serve: as large as the Orders page.
func (b *bench) makePage(ctx context.Context) error {
	s, err := b.start(ctx, &fairway, "sizing")
	if err != nil {
		return err
	}
	defer s.stop()
	page, err := s.fetch(ctx, fairway.pages[0])
	if err != nil {
		return err
	}
	const head = "<!DOCTYPE html>\n<title>Page</title>\n"
	b.body = head + filler(len(page)-len(head))
	return os.WriteFile(filepath.Join(b.folder, "page.html"), []byte(b.body), 0o600)
}

// filler is text of that size.
func filler(size int) string {
	const line = "<p>A line of some page that somebody reads.</p>\n"
	return strings.Repeat(line, size/len(line)+1)[:max(size-1, 0)] + "\n"
}

// progress is for the one who waits.
func (b *bench) progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// problem notes what could not be measured; the rest goes on.
func (b *bench) problem(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // interrupted: everything fails now
	}
	b.progress("failed %v", err)
	b.report.Problems = append(b.report.Problems, err.Error())
}

// finish prints the report and returns the exit status.
func (b *bench) finish() int {
	write := b.report.writeText
	if b.json {
		write = b.report.writeJSON
	}
	if err := write(os.Stdout); err != nil {
		return exit(err)
	}
	switch {
	case len(b.report.Problems) > 0:
		return exitFailed
	case b.check && b.report.missed():
		return exitMissed
	}
	return 0
}
