package integration_test

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// cpuTime is what a process has used so far.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// BenchmarkMeasuring asks two sites over TLS in turns that differ in `service`
// alone, and tells the CPU time that the server takes for a request of each.
// It wants many turns: -benchtime 100x.
func BenchmarkMeasuring(b *testing.B) {
	const without, each, clients = "without." + domain, 4000, 8
	s := serve(b, shipped(b)+fmt.Sprintf(`
https://%s:{$HTTPS_PORT} {
	tls internal
	respond hello
}
https://%s:{$HTTPS_PORT} {
	tls internal
	service blog
	respond hello
}
`, without, blog))
	s.hosts = []string{without, blog}
	client := s.client(b)
	transport := client.Transport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.ForceAttemptHTTP2 = clients, false
	client.Transport = transport
	turn := func(host string) time.Duration {
		before := cpuTime(b, s.cmd.Process.Pid)
		var group sync.WaitGroup
		for range clients {
			group.Go(func() {
				for range each / clients {
					if a, err := try(b.Context(), client, http.MethodGet, s.url(host, "/"), ""); err != nil || a.body != "hello" {
						b.Errorf("%v %s", err, a.body)
						return
					}
				}
			})
		}
		group.Wait()
		return cpuTime(b, s.cmd.Process.Pid) - before
	}
	turn(without)
	turn(blog)
	spent := make(map[string]time.Duration)
	for b.Loop() {
		for _, host := range []string{without, blog, blog, without} {
			spent[host] += turn(host)
		}
	}
	perRequest := func(host string) float64 { return float64(spent[host].Microseconds()) / float64(2*each*b.N) }
	b.ReportMetric(perRequest(without), "cpu-µs/unmeasured")
	b.ReportMetric(perRequest(blog), "cpu-µs/measured")
	b.ReportMetric(100*(float64(spent[blog])/float64(spent[without])-1), "%more")
}
