package bylogger

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
)

// provision makes a core of JSON, in which FOLDER is a folder of the test.
func provision(t *testing.T, folder, config string) *Core {
	t.Helper()
	core := new(Core)
	if err := json.Unmarshal([]byte(strings.ReplaceAll(config, "FOLDER", folder)), core); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	if err := core.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	return core
}

func read(t *testing.T, folder, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

const sites = `{"logs": [
	{"loggers": ["http.log.access.shop"], "writer": {"output": "file", "filename": "FOLDER/shop.log"}},
	{"loggers": ["http.log.access.shop", "http.log.access.blog"], "writer": {"output": "file", "filename": "FOLDER/all.log"}, "encoder": {"format": "console"}},
	{"loggers": ["http.log.error.shop", "http.log.error.blog"], "writer": {"output": "file", "filename": "FOLDER/error.log"}, "level": "ERROR"},
	{"loggers": ["http.log.access.quiet"], "writer": {"output": "discard"}}
]}`

func TestEntriesGoToTheLogsOfTheirLogger(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	core := provision(t, folder, sites)
	root := zap.New(core)
	root.Named("http.log.access.shop").WithLazy(zap.String("request", "/cart")).Info("handled", zap.Int("status", 200))
	root.Named("http.log.access.blog").With(zap.String("request", "/post")).Info("handled")
	root.Named("http.log.access.blog").Debug("below the level")
	root.Named("http.log.error.blog").Warn("below the level")
	root.Named("http.log.error.blog").Error("refused")
	root.Named("http.log.access.shop.other").Info("nobody's")
	root.Named("http.log.access.quiet").Info("nobody's")
	for name, want := range map[string][]string{
		"shop.log":  {`"/cart"`},
		"all.log":   {"/cart", "/post"},
		"error.log": {"refused"},
	} {
		lines := strings.Split(strings.TrimSpace(read(t, folder, name)), "\n")
		if len(lines) != len(want) {
			t.Errorf("%s has %d lines, want %d: %q", name, len(lines), len(want), lines)
			continue
		}
		for i := range want {
			if !strings.Contains(lines[i], want[i]) {
				t.Errorf("%s: line %d is %q, want %q in it", name, i+1, lines[i], want[i])
			}
		}
	}
	if got := read(t, folder, "shop.log"); !strings.Contains(got, `"status":200`) {
		t.Errorf("the entry's own field is missing in %q", got)
	}
}

// While a configuration replaces another, both write to one file, which stays
// open for the one that is left.
func TestConfigurationsShareTheirFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	before, after := provision(t, folder, sites), provision(t, folder, sites)
	if err := before.Cleanup(); err != nil {
		t.Fatal(err)
	}
	zap.New(after).Named("http.log.access.shop").Info("after the reload")
	if got := read(t, folder, "shop.log"); !strings.Contains(got, "after the reload") {
		t.Errorf("the file holds %q", got)
	}
	key := "file:" + filepath.Join(folder, "shop.log")
	if uses, _ := writers.References(key); uses != 1 {
		t.Errorf("%d configurations use the file, want 1", uses)
	}
	if err := after.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if uses, open := writers.References(key); open {
		t.Errorf("%d configurations use the file after the last has gone", uses)
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ config, want string }{
		"no log":       {`{}`, "needs a log"},
		"no logger":    {`{"logs": [{}]}`, "no logger is named"},
		"a level":      {`{"logs": [{"loggers": ["a"], "level": "LOUD"}]}`, `log of [a]: level "LOUD"`},
		"a writer":     {`{"logs": [{"loggers": ["a"], "writer": {"output": "nowhere"}}]}`, "loading the writer"},
		"an encoder":   {`{"logs": [{"loggers": ["a"], "encoder": {"format": "none"}}]}`, "loading the encoder"},
		"a wrong file": {`{"logs": [{"loggers": ["a"], "writer": {"output": "file", "filename": "/dev/null/log"}}]}`, "opening the output"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			core := new(Core)
			if err := json.Unmarshal([]byte(test.config), core); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
			defer cancel()
			if err := core.Provision(ctx); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q in it", err, test.want)
			}
		})
	}
}
