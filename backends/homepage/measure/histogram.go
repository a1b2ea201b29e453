package measure

import (
	"math/bits"
	"time"
)

const (
	// buckets are two for each doubling, from 8 µs to 8.6 s; the last is open.
	buckets = 40
	// unitBits makes the unit of the buckets 2^13 ns, about 8.2 µs.
	unitBits = 13
)

// Histogram counts requests by time to first byte.
type Histogram [buckets]uint64

// bucketOf is the bucket for d: 0 below one unit, then by the position of the
// highest bit and the bit after it.
func bucketOf(d time.Duration) int {
	units := uint64(max(d, 0)) >> unitBits
	length := bits.Len64(units)
	if length < 2 {
		return length
	}
	half := int(units>>(length-2)) & 1 //nolint:gosec // a single bit is left
	return min(2*(length-1)+half, buckets-1)
}

// lowerBound is the shortest time that falls into the bucket.
func lowerBound(bucket int) time.Duration {
	if bucket == 0 {
		return 0
	}
	units := time.Duration(1) << (bucket / 2)
	if bucket%2 == 1 && bucket > 1 {
		units += units / 2
	}
	return units << unitBits
}

// Count is the number of requests in the histogram.
func (h *Histogram) Count() uint64 {
	var n uint64
	for _, count := range h {
		n += count
	}
	return n
}

// Quantile estimates the time that the share q (0 to 1) of the requests did
// not exceed; 0 without requests. It is exact to the width of a bucket, and a
// time beyond the last bound is given as that bound.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := q * float64(h.Count())
	var below float64
	for bucket, count := range h {
		if count == 0 || below+float64(count) < rank {
			below += float64(count)
			continue
		}
		if bucket == buckets-1 {
			return lowerBound(bucket)
		}
		low, high := lowerBound(bucket), lowerBound(bucket+1)
		return low + time.Duration((rank-below)/float64(count)*float64(high-low))
	}
	return 0
}
