package platform

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/aditechsphere/fairway/backends/homepage/logtail"
)

// Logs are the logs of the running configuration that go to files. They are
// looked for where Caddy saves the configuration: with persist_config off there
// are none.
func (a *App) Logs() *logtail.Tail {
	var mu sync.Mutex
	var files []logtail.File
	found := false
	return &logtail.Tail{Files: func() []logtail.File {
		mu.Lock()
		defer mu.Unlock()
		if found {
			return files
		}
		if config := saved(reloads.since()); config != nil { // it is saved a moment after it starts
			files, found = logFiles(config), true
		}
		return files
	}}
}

// logFiles are the files that the logs of a configuration go to, named without
// folder and ".log" where that tells them apart.
func logFiles(config []byte) []logtail.File {
	var parsed struct {
		Logging any `json:"logging"`
	}
	if json.Unmarshal(config, &parsed) != nil {
		return nil // Caddy wrote it
	}
	var paths []string
	collectFiles(parsed.Logging, &paths)
	slices.Sort(paths)
	paths = slices.Compact(paths)
	named := make(map[string]int)
	short := func(path string) string { return strings.TrimSuffix(filepath.Base(path), ".log") }
	for _, path := range paths {
		named[short(path)]++
	}
	files := make([]logtail.File, len(paths))
	for i, path := range paths {
		files[i] = logtail.File{Name: short(path), Path: path}
		if named[short(path)] > 1 {
			files[i].Name = path
		}
	}
	return files
}

// collectFiles adds the file names of all writers below value, wherever a
// module of logging has them.
func collectFiles(value any, paths *[]string) {
	switch value := value.(type) {
	case []any:
		for _, inner := range value {
			collectFiles(inner, paths)
		}
	case map[string]any:
		if name, ok := value["filename"].(string); ok && value["output"] == "file" && name != "" {
			*paths = append(*paths, caddy.NewReplacer().ReplaceKnown(name, ""))
		}
		for _, inner := range value {
			collectFiles(inner, paths)
		}
	}
}
