package platform

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// metrics gives what is measured to Caddy's /metrics. The figures outlive
// reloads, as the recorders do; the only labels are names of the
// configuration, which clients cannot add to.
type metrics App

var (
	requestsDesc  = describe("requests_total", "Requests that have ended, by first digit of the status.", "service", "class")
	unreachedDesc = describe("requests_unreached_total", "Requests, among the failed ones, for which the service could not be reached.", "service")
	abandonedDesc = describe("requests_abandoned_total", "Requests whose client left before the answer.", "service")
	inFlightDesc  = describe("requests_in_flight", "Requests being answered.", "service")
	bytesDesc     = describe("response_bytes_total", "Bytes of all bodies sent.", "service")
	firstByteDesc = describe("first_byte_seconds", "Time to the first byte of the answer.", "service")
	stateDesc     = describe("service_state", "1 for the state the service is in.", "service", "state")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("fairway_"+name, help, labels, nil)
}

// metricBounds are powers of two of nanoseconds, from 131 µs to 8.6 s: each is
// the bound of a bucket of [measure.Histogram], so that counts are exact.
var metricBounds = []time.Duration{
	1 << 17, 1 << 19, 1 << 20, 1 << 21, 1 << 22, 1 << 23, 1 << 24, 1 << 25, 1 << 26, 1 << 27, 1 << 28, 1 << 29, 1 << 30, 1 << 31, 1 << 33,
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{requestsDesc, unreachedDesc, abandonedDesc, inFlightDesc, bytesDesc, firstByteDesc, stateDesc} {
		out <- desc
	}
}

// Collect implements [prometheus.Collector]. Before the stores are open there
// is nothing.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	app := (*App)(m)
	select {
	case <-app.ready:
	default:
		return
	}
	entries := app.Catalogue().Entries()
	now := time.Now()
	for _, entry := range entries {
		collectState(out, entry, now)
		if !entry.Evidence.Since.IsZero() {
			collectRequests(out, entry.ID, &entry.Evidence)
		}
	}
}

func collectState(out chan<- prometheus.Metric, entry homepage.Entry, now time.Time) {
	is := homepage.Judge(entry, now).State
	for _, state := range homepage.States {
		value := 0.0
		if state == is {
			value = 1
		}
		out <- prometheus.MustNewConstMetric(stateDesc, prometheus.GaugeValue, value, entry.ID, string(state))
	}
}

func collectRequests(out chan<- prometheus.Metric, id string, seen *measure.Snapshot) {
	count := func(desc *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), append([]string{id}, labels...)...)
	}
	for class := 1; class < len(seen.Classes); class++ {
		count(requestsDesc, seen.Classes[class], strconv.Itoa(class)+"xx")
	}
	count(requestsDesc, seen.Classes[0], "other")
	count(unreachedDesc, seen.Unreached)
	count(abandonedDesc, seen.Abandoned)
	count(bytesDesc, seen.Bytes)
	out <- prometheus.MustNewConstMetric(inFlightDesc, prometheus.GaugeValue, float64(seen.InFlight), id)
	buckets := make(map[float64]uint64, len(metricBounds))
	for _, bound := range metricBounds {
		buckets[bound.Seconds()] = seen.FirstByte.AtMost(bound)
	}
	out <- prometheus.MustNewConstHistogram(firstByteDesc, seen.FirstByte.Count(), seen.FirstByteSum.Seconds(), buckets, id)
}
