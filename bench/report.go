package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// report is all that was measured.
type report struct {
	Machine     machine     `json:"machine"`
	Seconds     float64     `json:"seconds_per_run"`
	Runs        int         `json:"runs"`
	Connections int         `json:"connections"`
	Starts      []startRow  `json:"starts,omitempty"`
	Pages       []pageRow   `json:"pages,omitempty"`
	Names       []namesRow  `json:"names,omitempty"`
	Hosts       []hostsRow  `json:"virtual_hosts,omitempty"`
	Orders      []ordersRow `json:"orders,omitempty"`
	Bars        []bar       `json:"bars,omitempty"`
	Problems    []string    `json:"problems,omitempty"`
}

// missed reports whether a bar was.
func (r *report) missed() bool {
	for _, b := range r.Bars {
		if !b.Met {
			return true
		}
	}
	return false
}

func (r *report) writeJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// writeText writes the tables that people read.
func (r *report) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	put := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) } // Flush reports
	r.Machine.write(put)
	put("%d connections kept alive, %g s a run, median of %d runs, peers in turn", r.Connections, r.Seconds, r.Runs)
	r.writePages(put)
	r.writeStarts(put)
	r.writeNames(put)
	r.writeHosts(put)
	r.writeOrders(put)
	if len(r.Bars) > 0 {
		put("\nBars")
	}
	for _, b := range r.Bars {
		put("%s", b)
	}
	if noisy, all := r.noisy(); noisy > 0 {
		put("\nIn %d of %d runs other programs used more than %.0f%% of the machine.", noisy, all, 100*noise)
	}
	if len(r.Problems) > 0 {
		put("\nNot measured")
	}
	for _, problem := range r.Problems {
		put("%s", problem)
	}
	return t.Flush()
}

type putter func(format string, args ...any)

func (r *report) writePages(put putter) {
	if len(r.Pages) == 0 {
		return
	}
	put("\nOne page over TLS\tbody bytes\trequests/s\tCPU µs/request\tp99\tfailed")
	for _, row := range r.Pages {
		if len(row.Runs) == 0 {
			continue
		}
		failed := "0"
		if n := row.Runs.failures(); n > 0 {
			failed = fmt.Sprintf("%d !", n)
		}
		put("%s\t%d\t%s\t%.1f\t%.1f ms\t%s", row.Title, row.Bytes, thousands(row.Runs.perSecond()), row.Runs.cpu(),
			milliseconds(row.Runs.p99()), failed)
	}
}

func (r *report) writeStarts(put putter) {
	if len(r.Starts) == 0 {
		return
	}
	put("\nStart and rest\tfirst answer, fresh\tsecond start\tmemory at rest")
	for _, row := range r.Starts {
		put("%s\t%.0f ms\t%.0f ms\t%s", row.Title, medianOf(row.Fresh), medianOf(row.Again), megabytes(row.Memory))
	}
}

func (r *report) writeNames(put putter) {
	if len(r.Names) == 0 {
		return
	}
	put("\nMany names\tnames\tfirst answer\tmemory at rest\tlive heap\trequests/s, first\tlast\trandom\tfailed")
	for _, row := range r.Names {
		heap := ""
		if row.Heap > 0 {
			heap = megabytes(row.Heap)
		}
		failed := row.First.failures() + row.Last.failures() + row.Random.failures()
		put("%s\t%s\t%.0f ms\t%s\t%s\t%s\t%s\t%s\t%d", row.Title, thousands(float64(row.Names)),
			medianOf(row.Starts), megabytes(row.Memory), heap,
			rate(row.First), rate(row.Last), rate(row.Random), failed)
	}
}

// rate is empty for what was not put under load.
func rate(s series) string {
	if len(s) == 0 {
		return ""
	}
	return thousands(s.perSecond())
}

// noisy counts the runs that others disturbed.
func (r *report) noisy() (noisy, all int) {
	count := func(runs series) {
		for _, one := range runs {
			all++
			if one.Others > noise {
				noisy++
			}
		}
	}
	for _, row := range r.Pages {
		count(row.Runs)
	}
	for _, row := range r.Orders {
		count(row.Runs)
	}
	many := r.Names
	for _, row := range r.Hosts {
		many = append(many[:len(many):len(many)], row.namesRow)
	}
	for _, row := range many {
		count(row.First)
		count(row.Last)
		count(row.Random)
	}
	return noisy, all
}

// megabytes are millions of bytes.
func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

// thousands is a positive number without fraction, its thousands separated.
func thousands(v float64) string {
	digits := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
