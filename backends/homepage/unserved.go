package homepage

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// UnservedKind is how traffic came to nothing.
type UnservedKind string

// The kinds of unserved traffic.
const (
	UnknownHost UnservedKind = "unknown_host" // requests under a name that no site has
	UnknownName UnservedKind = "unknown_name" // handshakes that failed, for a name that no site has
	NoRoute     UnservedKind = "no_route"     // requests to a site that none of its handlers answered
	OtherName   UnservedKind = "other_name"   // requests under another name than the handshake's (SNI)
)

// UnservedKinds are all of them.
var UnservedKinds = []UnservedKind{UnknownHost, UnknownName, NoRoute, OtherName}

const (
	// MostUnserved names of a kind are counted one by one; the rest together.
	MostUnserved = 50
	// maxName bounds a name, which clients choose.
	maxName = 120
)

// Unserved counts what came under one name.
type Unserved struct {
	Name        string // of the host, with the path where that tells more
	SNI         string // the name in the handshake, when it differs from Name
	Count       uint64 // since First; a name that was given up and came again begins anew
	First, Last time.Time
}

// UnservedOfKind is all unserved traffic of a kind.
type UnservedOfKind struct {
	Kind  UnservedKind
	Total uint64     // since the start of the process
	Names []Unserved // the most frequent first, at most MostUnserved
	Rest  uint64     // of Total, what came under names that are not kept
}

// UnservedLog counts unserved traffic in bounded space, whatever names clients
// make up. The zero value is ready; it is safe for concurrent use.
type UnservedLog struct {
	mu    sync.Mutex
	kinds map[UnservedKind]*unservedCounts
}

type unservedCounts struct {
	total uint64
	names map[[2]string]*Unserved // by name and SNI
}

// Add counts a request or a handshake. The name and the SNI are as the client
// sent them; sni is "" when it is of no interest.
func (l *UnservedLog) Add(kind UnservedKind, name, sni string, now time.Time) {
	key := [2]string{shownName(name), shownName(sni)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kinds == nil {
		l.kinds = make(map[UnservedKind]*unservedCounts)
	}
	counts := l.kinds[kind]
	if counts == nil {
		counts = &unservedCounts{names: make(map[[2]string]*Unserved)}
		l.kinds[kind] = counts
	}
	counts.total++
	entry := counts.names[key]
	if entry == nil {
		counts.makeRoom()
		entry = &Unserved{Name: key[0], SNI: key[1], First: now.UTC()}
		counts.names[key] = entry
	}
	entry.Count++
	entry.Last = now.UTC()
}

// shownName is a name that a client chose, as it may be kept and shown.
func shownName(name string) string {
	name = strings.ToValidUTF8(name[:min(len(name), 4*maxName)], "�")
	return cut(strings.Map(printable, name), maxName)
}

// makeRoom gives up the name that came least often, and longest ago.
func (c *unservedCounts) makeRoom() {
	if len(c.names) < MostUnserved {
		return
	}
	var least [2]string
	var found *Unserved
	for key, entry := range c.names {
		if found == nil || entry.Count < found.Count || entry.Count == found.Count && entry.Last.Before(found.Last) {
			least, found = key, entry
		}
	}
	delete(c.names, least)
}

// All returns what was counted, each kind that has something.
func (l *UnservedLog) All() []UnservedOfKind {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []UnservedOfKind
	for _, kind := range UnservedKinds {
		counts := l.kinds[kind]
		if counts == nil {
			continue
		}
		of := UnservedOfKind{Kind: kind, Total: counts.total, Rest: counts.total}
		for _, entry := range counts.names {
			of.Names = append(of.Names, *entry)
			of.Rest -= entry.Count
		}
		slices.SortFunc(of.Names, func(a, b Unserved) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name), strings.Compare(a.SNI, b.SNI))
		})
		all = append(all, of)
	}
	return all
}
