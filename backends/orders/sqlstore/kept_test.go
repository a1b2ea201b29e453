package sqlstore

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/aditechsphere/fairway/backends/orders"
)

func TestWhatWasReadBesideAChangeIsNotKept(t *testing.T) {
	t.Parallel()
	var kept keptDocuments
	before := orders.Document{Version: 1, JSON: []byte("{}")}
	_, since, _ := kept.get("a")
	kept.change("a")
	kept.keep("a", before, since)
	_, during, ok := kept.get("a")
	kept.changed(1)
	kept.keep("a", before, since)
	kept.keep("a", before, during)
	_, since, later := kept.get("a")
	if ok || later {
		t.Error("a document from before the change was kept")
	}
	kept.keep("a", orders.Document{Version: 2, JSON: []byte("{}")}, since)
	if found, _, ok := kept.get("a"); !ok || found.Version != 2 {
		t.Errorf("kept %+v, %v", found, ok)
	}
}

func TestKeptDocumentsAreBounded(t *testing.T) {
	t.Parallel()
	var kept keptDocuments
	document := orders.Document{JSON: bytes.Repeat([]byte("x"), 1<<20)}
	for i := range 40 {
		kept.keep(fmt.Sprint(i), document, 0)
	}
	if _, _, ok := kept.get("39"); !ok || kept.bytes > keptBytes || len(kept.byID) != 15 {
		t.Errorf("%d documents, %d bytes; the last one: %v", len(kept.byID), kept.bytes, ok)
	}
	for id := range kept.byID {
		kept.change(id)
	}
	if kept.bytes != 0 {
		t.Errorf("%d bytes of nothing", kept.bytes)
	}
}
