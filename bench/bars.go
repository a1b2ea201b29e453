package main

import (
	"fmt"
	"slices"
)

// bar is a limit that Fairway must keep.
type bar struct {
	Text     string  `json:"text"`
	Limit    float64 `json:"limit"`
	AtLeast  bool    `json:"at_least"` // else: at most
	Unit     string  `json:"unit"`
	Measured float64 `json:"measured"`
	Of       string  `json:"of"` // what the measured value is of, the worst of several
	Met      bool    `json:"met"`
}

// candidate is a value that a bar may be judged by.
type candidate struct {
	of    string
	value float64
}

// judge adds a bar, judged by the worst of the values; without any it is not
// judged, as what it takes was not measured.
func (r *report) judge(b bar, values ...candidate) {
	if len(values) == 0 {
		return
	}
	worst := slices.MaxFunc(values, func(x, y candidate) int {
		if b.AtLeast == (x.value < y.value) {
			return 1
		}
		return -1
	})
	b.Measured, b.Of = worst.value, worst.of
	b.Met = worst.value <= b.Limit
	if b.AtLeast {
		b.Met = worst.value >= b.Limit
	}
	r.Bars = append(r.Bars, b)
}

func atMost(limit float64, unit, text string) bar { return bar{Text: text, Limit: limit, Unit: unit} }

func atLeast(limit float64, unit, text string) bar {
	return bar{Text: text, Limit: limit, Unit: unit, AtLeast: true}
}

func (r *report) judgeAll() {
	r.judgePages()
	r.judgeStart()
	r.judgeNames()
	r.judgeHosts()
	r.judgeOrders()
}

// judgePages judges each page of the directive alone, as respond is alone, as
// it is without compression, as the peers' page is.
func (r *report) judgePages() {
	for _, row := range r.Pages {
		if row.Peer != fairway.key || row.Page == "orders-gzip" {
			continue
		}
		against := func(peer *peer, page string, of func(sample) float64) []candidate {
			other := r.page(peer.key, page)
			if other == nil || len(row.Runs) == 0 || len(other.Runs) == 0 {
				return nil
			}
			return []candidate{{fmt.Sprintf("%d bytes", row.Bytes), row.Runs.ratio(other.Runs, of)}}
		}
		r.judge(atMost(1.3, "×", row.Page+" page: CPU per request, to that of stock Caddy's respond with 13 bytes"),
			against(&caddyRespond, "short", cpuOf)...)
		for _, proxy := range []*peer{&nginx, &haproxy} {
			for _, page := range proxied {
				r.judge(atLeast(1.7, "×", row.Page+" page: requests/s, to those of "+proxy.title+", "+page.title),
					against(proxy, page.key, perSecondOf)...)
			}
		}
		for _, page := range apache.pages {
			r.judge(atLeast(20, "×", row.Page+" page: requests/s, to those of "+apache.title+", "+page.title),
				against(&apache, page.key, perSecondOf)...)
		}
	}
}

func (r *report) page(peer, page string) *pageRow {
	for i := range r.Pages {
		if r.Pages[i].Peer == peer && r.Pages[i].Page == page {
			return &r.Pages[i]
		}
	}
	return nil
}

func (r *report) judgeStart() {
	for _, row := range r.Starts {
		if row.Peer != fairwayShipped.key {
			continue
		}
		r.judge(atMost(500, " ms", "start to first answer, the shipped Caddyfile"),
			candidate{"a fresh data folder", medianOf(row.Fresh)}, candidate{"a second start", medianOf(row.Again)})
		r.judge(atMost(70, " MB", "memory at rest (PSS), the shipped Caddyfile"),
			candidate{"all processes", float64(row.Memory) / 1e6})
	}
}

// judgeNames compares the largest table with that of three names.
func (r *report) judgeNames() {
	var speed, start, size []candidate
	for _, base := range r.Names {
		many := r.largest(base.Peer)
		if base.Names != few || many.Names == few {
			continue
		}
		for _, p := range picks {
			if reference := *p.series(&base); len(reference) > 0 {
				speed = append(speed, candidate{p.title, p.series(&many).ratio(reference, perSecondOf)})
			}
		}
		start = append(start, candidate{many.Title, medianOf(many.Starts) / 1e3})
		size = append(size, candidate{many.Title, float64(many.Heap-base.Heap) / float64(many.Names-few)})
	}
	if len(size) == 0 {
		return
	}
	names := thousands(float64(r.largest(fairway.key).Names)) + " names in a table"
	r.judge(atLeast(0.95, "×", names+": requests/s, to those of three"), speed...)
	r.judge(atMost(2, " s", names+": start to first answer"), start...)
	r.judge(atMost(300, " bytes", names+": live heap a row"), size...)
}

// largest returns the row of the peer with the most names.
func (r *report) largest(peer string) (found namesRow) {
	for _, row := range r.Names {
		if row.Peer == peer && row.Names > found.Names {
			found = row
		}
	}
	return found
}

// String is a line of the report.
func (b bar) String() string {
	verdict, sign := "met   ", "≤"
	if !b.Met {
		verdict = "MISSED"
	}
	if b.AtLeast {
		sign = "≥"
	}
	return fmt.Sprintf("%s  %s: %.4g%s (%s), bar %s %g%s", verdict, b.Text, b.Measured, b.Unit, b.Of, sign, b.Limit, b.Unit)
}
