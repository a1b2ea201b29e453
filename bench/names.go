package main

import (
	"context"
	"fmt"
	"strconv"
)

// namesRow is a server with many names.
type namesRow struct {
	Peer   string    `json:"peer"`
	Title  string    `json:"title"`
	Names  int       `json:"names"`
	Starts []float64 `json:"start_ms"`
	Memory int64     `json:"memory_bytes"`              // of all processes (PSS)
	Heap   int64     `json:"live_heap_bytes,omitempty"` // of Caddy, after a collection
	First  series    `json:"first"`
	Last   series    `json:"last"`
	Random series    `json:"random"`
}

// pick is which of the names are asked for.
type pick struct {
	title  string
	target func(names int) target
	series func(*namesRow) *series
}

var picks = []pick{
	{"first name", func(int) target { return target{page: nthPage(1)} }, func(r *namesRow) *series { return &r.First }},
	{"last name", func(n int) target { return target{page: nthPage(n)} }, func(r *namesRow) *series { return &r.Last }},
	{"random names", func(n int) target { return target{page: nthPage(1), names: n} }, func(r *namesRow) *series { return &r.Random }},
}

func nthPage(i int) page { return page{host: "n" + strconv.Itoa(i) + "." + domain, path: "/"} }

// few is the number of names that the many are compared with.
const few = 3

// names is a server with that many names, measured or about to be.
type names struct {
	peer  *peer
	stack *stack
	row   namesRow
}

func newNames(p peer, count int) *names {
	return &names{peer: &p, row: namesRow{Peer: p.key, Title: p.title, Names: count}}
}

// namesData is what the configurations with many names are made of.
type namesData struct {
	*workspace
	Names  []int
	Target string
}

func (w *workspace) names(count int, target string) namesData {
	data := namesData{workspace: w, Target: target}
	for i := range count {
		data.Names = append(data.Names, i+1)
	}
	return data
}

// fairwayServices is a table whose rows lead to a service in the process.
func fairwayServices(count int) *names {
	return newNames(peer{
		key: "fairway", title: "Fairway, a table of services",
		pages: []page{nthPage(1)},
		prepare: func(w *workspace) ([]command, error) {
			config, err := w.write("fairway-table.caddyfile", w.names(count, "orders"))
			return w.caddy(config), err
		},
	}, count)
}

// fairwayUpstreams is a table whose rows lead to an app outside.
func fairwayUpstreams(count int) *names {
	return newNames(peer{
		key: "fairway-upstreams", title: "Fairway, a table of upstreams",
		pages: []page{nthPage(1)},
		prepare: func(w *workspace) ([]command, error) {
			config, err := w.write("fairway-table.caddyfile", w.names(count, fmt.Sprintf("127.0.0.1:%d", w.Backend)))
			if err != nil {
				return nil, err
			}
			return append(w.caddy(config), w.goService()), nil
		},
	}, count)
}

// caddyBlocks is stock Caddy with a site block for each name.
func caddyBlocks(count int) *names {
	return newNames(peer{
		key: "caddy", title: "stock Caddy, site blocks",
		pages: []page{nthPage(1)},
		prepare: func(w *workspace) ([]command, error) {
			config, err := w.write("caddy-names.caddyfile", w.names(count, ""))
			return w.caddy(config), err
		},
	}, count)
}

// nginxServers is nginx with a server block for each name.
func nginxServers(count int) *names {
	return newNames(peer{
		key: "nginx", title: "nginx, server blocks", needs: nginx.needs,
		pages: []page{nthPage(1)},
		prepare: func(w *workspace) ([]command, error) {
			config, err := w.write("nginx-names.conf", w.names(count, ""))
			return []command{w.nginx(config)}, err
		},
	}, count)
}

// measureNames measures servers with many names: Fairway's tables side by
// side, because a bar compares them, and each peer on its own.
func (b *bench) measureNames(ctx context.Context) error {
	if b.selected("fairway") {
		tables := []*names{fairwayServices(few)}
		for _, count := range b.counts {
			tables = append(tables, fairwayServices(count))
		}
		b.measureTables(ctx, tables)
	}
	for _, count := range b.counts {
		if b.selected("caddy") && count <= largestPeer {
			b.measureAlone(ctx, caddyBlocks(count))
		}
	}
	for _, count := range b.counts {
		if b.selected("nginx") && (count < largestPeer || count == largestPeer && b.peersLarge) {
			b.measureAlone(ctx, nginxServers(count))
		}
	}
	return ctx.Err()
}

// largestPeer is the largest number of names that peers get: with them stock
// Caddy takes 16 s to start and nginx 7 s and a gigabyte.
const largestPeer = 10_000

// measureTables measures Fairway's tables.
func (b *bench) measureTables(ctx context.Context, tables []*names) {
	upstreams := []*names{fairwayUpstreams(few), fairwayUpstreams(tables[len(tables)-1].row.Names)}
	started := append(tables[:len(tables):len(tables)], upstreams...)
	for _, n := range started {
		if err := b.startNames(ctx, n, b.runs); err != nil {
			b.problem(ctx, err)
			return
		}
		n.stack.stop()
	}
	for _, n := range tables {
		var err error
		if n.stack, err = b.start(ctx, n.peer, n.folder()); err != nil {
			b.problem(ctx, err)
			return
		}
		defer n.stack.stop()
	}
	b.loadNames(ctx, tables...)
	for _, n := range started {
		b.report.Names = append(b.report.Names, n.row)
	}
}

// measureAlone measures a peer.
func (b *bench) measureAlone(ctx context.Context, n *names) {
	if ctx.Err() != nil {
		return
	}
	if err := b.startNames(ctx, n, 1); err != nil {
		b.problem(ctx, err)
		return
	}
	defer n.stack.stop()
	b.loadNames(ctx, n)
	b.report.Names = append(b.report.Names, n.row)
}

func (n *names) folder() string { return fmt.Sprintf("names-%s-%d", n.peer.key, n.row.Names) }

// startNames starts the server, several times, and measures what it takes at
// rest. It leaves it running.
func (b *bench) startNames(ctx context.Context, n *names, times int) error {
	for range times {
		if n.stack != nil {
			n.stack.stop()
		}
		if err := b.awaitQuiet(ctx); err != nil {
			return err
		}
		var err error
		if n.stack, err = b.start(ctx, n.peer, n.folder()); err != nil {
			return fmt.Errorf("%d names: %w", n.row.Names, err)
		}
		n.row.Starts = append(n.row.Starts, milliseconds(n.stack.started))
	}
	err := b.measureRest(ctx, n)
	if err != nil {
		n.stack.stop()
	}
	return err
}

// measureRest measures memory. The collection comes last: it changes what is
// at rest.
func (b *bench) measureRest(ctx context.Context, n *names) error {
	if err := sleep(ctx, settling); err != nil {
		return err
	}
	var err error
	if n.row.Memory, err = residentMemory(n.stack.pids()...); err != nil {
		return err
	}
	if len(n.peer.needs) == 0 { // Caddy, which tells
		if n.row.Heap, err = n.stack.liveHeap(ctx); err != nil {
			return err
		}
	}
	b.progress("names  %-30s %7s names: %6.0f ms to start, %s at rest", n.row.Title,
		thousands(float64(n.row.Names)), medianOf(n.row.Starts), megabytes(n.row.Memory))
	return nil
}

// loadNames puts load on the servers in turn.
func (b *bench) loadNames(ctx context.Context, servers ...*names) {
	for i := range b.runs {
		for _, picked := range picks {
			for _, n := range servers {
				t := picked.target(n.row.Names)
				t.port = n.stack.HTTPS
				measured, err := b.run(ctx, n.stack, t, 0)
				if err != nil {
					b.problem(ctx, err)
					return
				}
				runs := picked.series(&n.row)
				*runs = append(*runs, measured)
				b.progress("names  %d/%d %-30s %7s names, %-12s %s", i+1, b.runs, n.row.Title,
					thousands(float64(n.row.Names)), picked.title+":", measured)
			}
		}
	}
}
