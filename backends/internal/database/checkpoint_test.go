package database

import (
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatIsCommittedIsCopiedBesideTheWriter(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "a.db"))
	f := sqliteFile(db)
	const page = 4096
	for i := range checkpointPages/100 + 1 {
		if err := db.Write(t.Context(), add(strings.Repeat(string(rune('a'+i)), 100*page))); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(time.Minute)
	for f.uncopied() >= checkpointPages {
		if time.Now().After(deadline) {
			t.Fatalf("%d pages are in the WAL alone", f.uncopied())
		}
		time.Sleep(time.Millisecond)
	}
	if p := f.checkpoint("NOOP"); p.copied < checkpointPages {
		t.Errorf("%d of %d pages were copied", p.copied, p.pages)
	}
}
