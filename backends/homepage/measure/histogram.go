package measure

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"time"
)

const (
	// subBits makes 16 buckets for each doubling, so that a bucket is at most a
	// sixteenth wider than its lower bound and its middle at most 3.2% off.
	subBits = 4
	linear  = 1 << subBits // buckets of one unit each, before the first doubling
	// unitBits makes the unit of the buckets 2^10 ns, about 1 µs.
	unitBits = 10
	// buckets reach to 8.6 s; the last is open.
	buckets = 20 * linear
)

// Histogram counts requests by time to first byte.
type Histogram [buckets]uint64

// bucketOf is the bucket for d: a unit each at first, then by the position of
// the highest bit and the four bits after it.
func bucketOf(d time.Duration) int {
	units := uint64(max(d, 0)) >> unitBits
	if units < linear {
		return int(units)
	}
	octave := bits.Len64(units) - subBits  // 1 for the first doubling
	sub := int(units>>(octave-1)) - linear //nolint:gosec // five bits are left
	return min(octave*linear+sub, buckets-1)
}

// lowerBound is the shortest time that falls into the bucket.
func lowerBound(bucket int) time.Duration {
	units := time.Duration(bucket)
	if octave := bucket / linear; octave > 0 {
		units = time.Duration(linear+bucket%linear) << (octave - 1)
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
// not exceed; 0 without requests. It is the middle of a bucket and so within
// 3.2% above 16 µs; a time beyond the last bound is given as that bound.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(h.Count())))
	var seen uint64
	for bucket, count := range h {
		seen += count
		if count == 0 || seen < rank {
			continue
		}
		low := lowerBound(bucket)
		if bucket == buckets-1 {
			return low
		}
		return low + (lowerBound(bucket+1)-low)/2
	}
	return 0
}

// AtMost counts the requests of at most d, exact when d is the bound of a
// bucket, as powers of two times 1.024 µs are.
func (h *Histogram) AtMost(d time.Duration) uint64 {
	var n uint64
	for _, count := range h[:bucketOf(d)] {
		n += count
	}
	return n
}

// Since is what came to the histogram after an earlier state of it.
func (h *Histogram) Since(earlier *Histogram) *Histogram {
	d := new(Histogram)
	for i := range h {
		d[i] = h[i] - min(h[i], earlier[i])
	}
	return d
}

// Sparse is a histogram in few bytes: for each bucket that is not empty two
// varints, the distance to it from the one before and its count.
type Sparse []byte

// Sparse packs the histogram.
func (h *Histogram) Sparse() Sparse {
	var s Sparse
	next := 0
	for bucket, count := range h {
		if count == 0 {
			continue
		}
		s = binary.AppendUvarint(s, uint64(bucket-next))
		s = binary.AppendUvarint(s, count)
		next = bucket + 1
	}
	return s
}

// ErrSparse is returned for bytes that are not a packed histogram.
var ErrSparse = errors.New("not a packed histogram")

// Add adds a packed histogram. After an error h is as it was.
func (h *Histogram) Add(s Sparse) error {
	sum := *h
	for bucket := uint64(0); len(s) > 0; bucket++ {
		distance, n := binary.Uvarint(s)
		if n <= 0 || distance >= buckets-bucket {
			return ErrSparse
		}
		count, m := binary.Uvarint(s[n:])
		if m <= 0 {
			return ErrSparse
		}
		bucket += distance
		sum[bucket] += count
		s = s[n+m:]
		if bucket == buckets-1 && len(s) > 0 {
			return ErrSparse
		}
	}
	*h = sum
	return nil
}
