package crashtest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// spoilt is the binary with one of its defences taken out.
type spoilt struct {
	name, file, old, new string
}

// build builds it from the sources as they are, but for one passage.
func (s spoilt) build(t *testing.T) (binary string) {
	t.Helper()
	source := filepath.Join(root, s.file)
	text, err := os.ReadFile(source)
	must(t, err)
	if strings.Count(string(text), s.old) != 1 {
		t.Fatalf("%s no longer has, once,\n%s", s.file, s.old)
	}
	folder := t.TempDir()
	changed, overlay := filepath.Join(folder, "changed.go"), filepath.Join(folder, "overlay.json")
	must(t, os.WriteFile(changed, []byte(strings.Replace(string(text), s.old, s.new, 1)), 0o600))
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {source: changed}})
	must(t, err)
	must(t, os.WriteFile(overlay, replace, 0o600))
	binary = filepath.Join(folder, "caddy")
	must(t, build(t.Context(), binary, "-overlay", overlay))
	return binary
}

// The tests of this package can fail: each finds a binary that lacks what it
// is about. Building them takes long, so this is for the long form.
func TestSpoiltBinariesAreFound(t *testing.T) {
	t.Parallel()
	if !soak() {
		t.Log("only in the long form")
		return
	}
	for _, one := range []spoilt{
		{
			"the reply is saved after the order", "backends/orders/service.go",
			"		return keepReply(ctx, tx, request, reply, now)\n	})\n",
			`		return nil
	})
	if err == nil && request.Key != "" && !replayed {
		err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error { return keepReply(ctx, tx, request, reply, now) })
	}
`,
		},
		{
			"the answer comes before the commit", "backends/internal/database/write.go",
			"		return errOneFailed\n	}\n", "		return errOneFailed\n	}\n	w.done <- nil\n",
		},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			c := begin(t, newServer(t, one.build(t), "sqlite"), false)
			back := c.kills(100)
			problems := c.end()
			c.report("spoilt", back)
			if len(problems) == 0 {
				t.Error("100 kills found nothing")
			}
		})
	}
	t.Run("commits are not synced", func(t *testing.T) {
		t.Parallel()
		one := spoilt{"", "backends/internal/database/sqlite.go", "synchronous(FULL)", "synchronous(OFF)"}
		if acknowledged := writeWithoutSync(t, newServer(t, one.build(t), "sqlite")); acknowledged == 0 {
			t.Error("failed syncs were not noticed to be missing")
		}
	})
}
