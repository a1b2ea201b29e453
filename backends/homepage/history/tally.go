package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/measure"
)

// Tally is what happened to one service within a span of time. Tallies of
// neighbouring spans can be added, percentiles included.
type Tally struct {
	Classes   [6]uint64         // ended requests by first digit of the status; [0]: no valid status
	Unreached uint64            // of these, the ones for which the service could not be reached
	Abandoned uint64            // requests whose client left before the answer, not among Classes
	Bytes     uint64            // of all bodies sent
	FirstByte measure.Histogram // time to first byte of the requests in Classes

	// How long the service was in each state. What is missing from the span
	// was not observed: the server was down, or the service not configured.
	Spent map[homepage.State]time.Duration
}

// between is what happened from one snapshot of a recorder to a later one. A
// recorder that was reset counts from zero.
func between(earlier, later *measure.Snapshot) *Tally {
	if !earlier.Since.Equal(later.Since) {
		earlier = new(measure.Snapshot)
	}
	t := &Tally{
		Unreached: grown(earlier.Unreached, later.Unreached),
		Abandoned: grown(earlier.Abandoned, later.Abandoned),
		Bytes:     grown(earlier.Bytes, later.Bytes),
		FirstByte: *later.FirstByte.Since(&earlier.FirstByte),
	}
	for i := range t.Classes {
		t.Classes[i] = grown(earlier.Classes[i], later.Classes[i])
	}
	return t
}

func grown(earlier, later uint64) uint64 { return later - min(earlier, later) }

// Add adds another tally.
func (t *Tally) Add(other *Tally) {
	for i := range t.Classes {
		t.Classes[i] += other.Classes[i]
	}
	t.Unreached += other.Unreached
	t.Abandoned += other.Abandoned
	t.Bytes += other.Bytes
	for i := range t.FirstByte {
		t.FirstByte[i] += other.FirstByte[i]
	}
	for state, spent := range other.Spent {
		t.spend(state, spent)
	}
}

func (t *Tally) spend(state homepage.State, d time.Duration) {
	if t.Spent == nil {
		t.Spent = make(map[homepage.State]time.Duration)
	}
	t.Spent[state] += d
}

// Requests is the number of ended requests, without abandoned ones.
func (t *Tally) Requests() uint64 {
	var n uint64
	for _, count := range t.Classes {
		n += count
	}
	return n
}

// Failures is the number of requests that failed: answered with a 5xx, or not.
func (t *Tally) Failures() uint64 { return t.Classes[5] }

// Observed is how long the service was watched.
func (t *Tally) Observed() time.Duration {
	var sum time.Duration
	for _, spent := range t.Spent {
		sum += spent
	}
	return sum
}

// encoding is the first byte of an encoded tally.
const encoding = 2

// codes stand for the states in encoded tallies, by encoding; they never change.
var codes = map[byte][]homepage.State{
	1:        {homepage.Unknown, homepage.Answering, homepage.Failing},
	encoding: {homepage.Unknown, homepage.Answering, homepage.Failing, homepage.Slow, homepage.Maintenance},
}

// ErrEncoding is returned for bytes that are not an encoded tally.
var ErrEncoding = errors.New("not a tally of this version")

// MarshalBinary packs the tally into few bytes.
func (t *Tally) MarshalBinary() ([]byte, error) {
	b := []byte{encoding}
	for _, count := range t.counters() {
		b = binary.AppendUvarint(b, *count)
	}
	for _, state := range codes[encoding] {
		b = binary.AppendUvarint(b, uint64(max(t.Spent[state].Milliseconds(), 0)))
	}
	return append(b, t.FirstByte.Sparse()...), nil
}

// UnmarshalBinary reads what MarshalBinary has packed.
func (t *Tally) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || codes[b[0]] == nil {
		return ErrEncoding
	}
	states := codes[b[0]]
	b = b[1:]
	var read Tally
	for _, count := range read.counters() {
		if !uvarint(&b, count) {
			return ErrEncoding
		}
	}
	for _, state := range states {
		var millis uint64
		if !uvarint(&b, &millis) {
			return ErrEncoding
		}
		if millis > 0 {
			read.spend(state, time.Duration(millis)*time.Millisecond)
		}
	}
	if err := read.FirstByte.Add(b); err != nil {
		return fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	*t = read
	return nil
}

// counters are the plain counters in the order in which they are packed.
func (t *Tally) counters() []*uint64 {
	all := make([]*uint64, 0, len(t.Classes)+3)
	for i := range t.Classes {
		all = append(all, &t.Classes[i])
	}
	return append(all, &t.Unreached, &t.Abandoned, &t.Bytes)
}

func uvarint(b *[]byte, value *uint64) bool {
	v, n := binary.Uvarint(*b)
	if n <= 0 {
		return false
	}
	*value, *b = v, (*b)[n:]
	return true
}
