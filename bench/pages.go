package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// pageRow is a page of a peer under load.
type pageRow struct {
	Peer  string `json:"peer"`
	Page  string `json:"page"`
	Title string `json:"title"`
	Bytes int    `json:"bytes"` // of the body
	Runs  series `json:"runs"`
}

// startRow is how a peer starts, and what it takes at rest, alone.
type startRow struct {
	Peer   string    `json:"peer"`
	Title  string    `json:"title"`
	Fresh  []float64 `json:"fresh_ms"` // with an empty data folder
	Again  []float64 `json:"again_ms"` // with what the first start left behind
	Memory int64     `json:"memory_bytes"`
}

// measureStarts starts the peers one by one, each alone so that shared pages
// count in full.
func (b *bench) measureStarts(ctx context.Context, peers []*peer) error {
	for _, p := range peers {
		row := startRow{Peer: p.key, Title: p.title}
		for i := range b.runs {
			if err := b.measureStart(ctx, p, i, &row); err != nil {
				b.problem(ctx, err)
				break
			}
		}
		if len(row.Again) == 0 {
			continue
		}
		b.progress("start  %-46s %4.0f ms fresh, %4.0f ms again, %s at rest",
			p.title, medianOf(row.Fresh), medianOf(row.Again), megabytes(row.Memory))
		b.report.Starts = append(b.report.Starts, row)
	}
	return ctx.Err()
}

func (b *bench) measureStart(ctx context.Context, p *peer, i int, row *startRow) error {
	if err := b.awaitQuiet(ctx); err != nil {
		return err
	}
	folder := fmt.Sprintf("start-%s-%d", p.key, i)
	fresh, err := b.start(ctx, p, folder)
	if err != nil {
		return err
	}
	fresh.stop()
	again, err := b.start(ctx, p, folder)
	if err != nil {
		return err
	}
	defer again.stop()
	row.Fresh = append(row.Fresh, milliseconds(fresh.started))
	row.Again = append(row.Again, milliseconds(again.started))
	if row.Memory != 0 {
		return nil
	}
	if err := sleep(ctx, settling); err != nil {
		return err
	}
	row.Memory, err = residentMemory(again.pids()...)
	return err
}

// measurePages puts load on every page of the peers in turn, there and back
// several times, so that a drift of the machine meets all alike.
func (b *bench) measurePages(ctx context.Context, peers []*peer) error {
	var pages []*pageRun
	servers, client := apart()
	for _, p := range peers {
		s, err := b.startOn(ctx, servers, client, p, "page-"+p.key)
		if err != nil {
			b.problem(ctx, err)
			continue
		}
		defer s.stop()
		for _, page := range p.pages {
			body, err := s.fetch(ctx, page)
			if err != nil {
				b.problem(ctx, fmt.Errorf("%s: %w", p.title, err))
				continue
			}
			pages = append(pages, &pageRun{s, target{page: page, port: s.HTTPS}, pageRow{
				Peer: p.key, Page: page.key, Title: p.title + ": " + page.title, Bytes: len(body),
			}})
		}
	}
	order := slices.Clone(pages)
	for i := range b.runs {
		for _, r := range order {
			measured, err := b.run(ctx, r.stack, r.target, r.row.Bytes)
			if err != nil {
				b.problem(ctx, err)
				continue
			}
			r.row.Runs = append(r.row.Runs, measured)
			b.progress("page   %d/%d %-62s %s", i+1, b.runs, r.row.Title, measured)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		slices.Reverse(order)
	}
	for _, r := range pages {
		b.report.Pages = append(b.report.Pages, r.row)
	}
	return nil
}

// pageRun is a page that is being measured.
type pageRun struct {
	stack  *stack
	target target
	row    pageRow
}

// String is for the progress.
func (s sample) String() string {
	text := fmt.Sprintf("%7s requests/s, %7.1f µs CPU", thousands(s.PerSecond), s.CPU)
	if n := s.failures(); n > 0 {
		text += fmt.Sprintf(", %d FAILED", n)
	}
	if s.Others > noise {
		text += fmt.Sprintf(", others used %.0f%% of the machine", 100*s.Others)
	}
	return text
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }

func medianOf(values []float64) float64 {
	return median(values, func(v float64) float64 { return v })
}
