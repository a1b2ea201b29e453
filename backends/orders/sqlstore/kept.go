package sqlstore

import (
	"slices"
	"sync"

	"github.com/aditechsphere/fairway/backends/orders"
)

const (
	// keptBytes bounds the documents that are kept in memory.
	keptBytes = 16 << 20
	// keptOverhead is about what keeping one takes beside its text.
	keptOverhead = 150
)

// keptDocuments keeps documents that were read, so that reading one again costs
// no statement. It is for SQLite, where this process is the only writer and
// transactions run one after the other.
type keptDocuments struct {
	mu       sync.Mutex
	byID     map[string]orders.Document
	bytes    int
	changing int    // transactions that change orders and are not known to be over
	changes  uint64 // how often one began or was over
}

// get returns a document, which must not be changed, or else what to give keep
// when it was read from the database.
func (k *keptDocuments) get(id string) (document orders.Document, since uint64, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	document, ok = k.byID[id]
	return document, k.changes, ok
}

// keep keeps a document that was read, unless an order was being changed meanwhile:
// it may be from before the change. Others make room, whichever.
func (k *keptDocuments) keep(id string, document orders.Document, since uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.changing > 0 || k.changes != since {
		return
	}
	if k.byID == nil {
		k.byID = make(map[string]orders.Document)
	}
	for other := range k.byID {
		if k.bytes+sizeOf(id, document) <= keptBytes {
			break
		}
		k.drop(other)
	}
	k.drop(id)
	document.JSON = slices.Clip(document.JSON) // who appends to it gets a copy
	k.byID[id] = document
	k.bytes += sizeOf(id, document)
}

// change forgets orders that a transaction is about to change, and keeps nothing
// until it is over: what others read before that may still be undone.
func (k *keptDocuments) change(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop(id)
	k.changing++
	k.changes++
}

// changed is called after a transaction, with how often it called change.
func (k *keptDocuments) changed(count int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changing -= count
	k.changes += uint64(count) //nolint:gosec // never negative
}

func (k *keptDocuments) drop(id string) {
	if document, ok := k.byID[id]; ok {
		k.bytes -= sizeOf(id, document)
		delete(k.byID, id)
	}
}

func sizeOf(id string, document orders.Document) int {
	return len(id) + len(document.JSON) + keptOverhead
}
