package subdomains_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// tableOf is the rows of a table with n apps outside.
func tableOf(n int, upstream func(i int) string) string {
	var rows strings.Builder
	for i := range n {
		fmt.Fprintf(&rows, "\t\tcustomer-%d %s\n", i, upstream(i))
	}
	return rows.String()
}

// distinctUpstream is an address of the loopback where nothing listens.
func distinctUpstream(i int) string {
	return fmt.Sprintf("127.%d.%d.%d:1", i>>16, i>>8&0xff, i&0xff)
}

// A hundred thousand rows cost at most 300 bytes each, all that Caddy keeps of
// the configuration included, and load from a Caddyfile in a moment. Not beside
// other tests, whose memory would be taken for the rows'.
func TestHundredThousandRows(t *testing.T) {
	const (
		rows       = 100_000
		perRow     = 300              // bytes
		loadWithin = 90 * time.Second // 2 s on a quiet machine; under the race detector on a busy one, still not what is quadratic
	)
	first := app(t, "first")
	i := start(t, example("blog "+first))
	caddyfile := example("\t\tblog " + first + "\n" + tableOf(rows, distinctUpstream))
	before := heap()
	began := time.Now()
	if err := i.load(caddyfile); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	bytes := float64(heap()-before) / rows
	runtime.KeepAlive(caddyfile)
	t.Logf("%d rows loaded in %s, %.0f bytes each", rows, took.Round(time.Millisecond), bytes)
	if bytes > perRow {
		t.Errorf("a row takes %.0f bytes, more than %d", bytes, perRow)
	}
	if took > loadWithin {
		t.Errorf("the table took %s to load", took)
	}
	i.expect("http://blog.example.com/", 200, "app first")
	i.expectAdmin("GET", table+"/customer-99999", "", 200, `"127.1.134.159:1"`)
	i.expectAdmin("GET", table+"?limit=1000&after=customer-99998", "", 200, `"total":100001`)
	i.expectAdmin("PUT", table+"/shop", `"`+first+`"`, 201, "")
	i.expect("http://shop.example.com/", 200, "app first")
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers let go of
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// The whole handler, up to the answer of a service in the process.
func BenchmarkServe(b *testing.B) {
	for _, rows := range []int{3, 10, 1_000, 100_000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			i := start(b, example("hello hello\n"+tableOf(rows-1, distinctUpstream)))
			_ = i
			b.ReportAllocs()
			for b.Loop() {
				if status, err := serve("hello.example.com"); err != nil || status != 200 {
					b.Fatal(status, err)
				}
			}
		})
	}
}
