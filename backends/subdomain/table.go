package subdomain

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Table holds one value for each label below a domain. Readers never wait,
// and a look-up is one map access without an allocation. A change copies the
// map: put many rows in one call.
type Table[V any] struct {
	domain string

	changing sync.Mutex
	rows     atomic.Pointer[map[string]V] // never written to; the domain itself is ""
}

// NewTable returns a table of rows by label, which the table owns from here on.
// Labels and domain are as [Label] and [Domain] return them.
func NewTable[V any](domain string, rows map[string]V) *Table[V] {
	t := &Table[V]{domain: domain}
	if value, ok := rows[Apex]; ok {
		delete(rows, Apex)
		rows[""] = value
	}
	if rows == nil {
		rows = map[string]V{}
	}
	t.rows.Store(&rows)
	return t
}

// Domain is the domain that the names are below.
func (t *Table[V]) Domain() string { return t.domain }

// Len is the number of rows.
func (t *Table[V]) Len() int { return len(*t.rows.Load()) }

// Lookup returns the value of the row that host names. Host is a request's, or
// a TLS client's server name: in any case, with or without a port, and with or
// without the dot of the root.
func (t *Table[V]) Lookup(host string) (value V, ok bool) {
	var buffer [maxName]byte
	name := canonical(host, buffer[:0])
	if len(name) < len(t.domain) || string(name[len(name)-len(t.domain):]) != t.domain {
		return value, false
	}
	label := name[:len(name)-len(t.domain)]
	if len(label) > 0 {
		last := len(label) - 1
		if last == 0 || label[last] != '.' {
			return value, false
		}
		label = label[:last]
	}
	value, ok = (*t.rows.Load())[string(label)]
	return value, ok
}

// canonical appends host to buffer: lower case, without port and root dot.
// It returns nil for what is no DNS name.
func canonical(host string, buffer []byte) []byte {
	if colon := strings.IndexByte(host, ':'); colon >= 0 {
		if strings.IndexByte(host[colon+1:], ':') >= 0 {
			return nil
		}
		host = host[:colon]
	}
	if last := len(host) - 1; last >= 0 && host[last] == '.' {
		host = host[:last]
	}
	if len(host) > cap(buffer) {
		return nil
	}
	for i := range len(host) {
		c := host[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buffer = append(buffer, c)
	}
	return buffer
}

// Get returns the value of the row with this label.
func (t *Table[V]) Get(label string) (value V, ok bool) {
	value, ok = (*t.rows.Load())[key(label)]
	return value, ok
}

// Labels returns the labels of all rows, sorted, the domain itself first.
func (t *Table[V]) Labels() []string {
	labels := slices.Sorted(maps.Keys(*t.rows.Load()))
	if len(labels) > 0 && labels[0] == "" {
		labels[0] = Apex
	}
	return labels
}

// Change puts and removes rows in one step: a reader sees all of it or nothing.
// A label that is in both is put.
func (t *Table[V]) Change(put map[string]V, remove []string) {
	t.changing.Lock()
	defer t.changing.Unlock()
	rows := maps.Clone(*t.rows.Load())
	for _, label := range remove {
		delete(rows, key(label))
	}
	for label, value := range put {
		rows[key(label)] = value
	}
	t.rows.Store(&rows)
}

// key is what a label is called in the map: a host "@.domain" must find nothing.
func key(label string) string {
	if label == Apex {
		return ""
	}
	return label
}
