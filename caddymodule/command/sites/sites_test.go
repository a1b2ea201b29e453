package sites_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/aditechsphere/fairway/caddymodule/command/sites"
)

// folder returns a folder with two sites available, none enabled.
func folder(t *testing.T) (sites.Folder, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sites-available"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"blog.caddy", "shop.caddy", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, "sites-available", name), []byte("# "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return sites.Folder(dir), dir
}

// states lists the sites' states by name.
func states(t *testing.T, f sites.Folder) map[string]sites.State {
	t.Helper()
	list, err := f.List()
	if err != nil {
		t.Fatal(err)
	}
	byName := make(map[string]sites.State)
	for _, site := range list {
		byName[site.Name] = site.State
	}
	return byName
}

func TestEnableLinksAndUndoUnlinks(t *testing.T) {
	t.Parallel()
	f, dir := folder(t)
	undo, err := f.Enable("blog")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "sites-enabled", "blog.caddy"))
	if err != nil || string(content) != "# blog.caddy" {
		t.Errorf("the enabled file holds %q, %v", content, err)
	}
	if got := states(t, f); len(got) != 2 || got["blog"] != sites.Enabled || got["shop"] != sites.Disabled {
		t.Errorf("states = %v", got)
	}
	if _, err := f.Enable("blog"); !errors.Is(err, sites.ErrNothingToDo) {
		t.Errorf("enabling again: %v, want ErrNothingToDo", err)
	}
	if err := undo(); err != nil {
		t.Error(err)
	}
	if got := states(t, f); got["blog"] != sites.Disabled {
		t.Errorf("after undo: %v", got)
	}
}

func TestDisableUnlinksAndUndoLinks(t *testing.T) {
	t.Parallel()
	f, _ := folder(t)
	if _, err := f.Enable("shop"); err != nil {
		t.Fatal(err)
	}
	undo, err := f.Disable("shop")
	if err != nil {
		t.Fatal(err)
	}
	if got := states(t, f); got["shop"] != sites.Disabled {
		t.Errorf("states = %v", got)
	}
	if _, err := f.Disable("shop"); !errors.Is(err, sites.ErrNothingToDo) {
		t.Errorf("disabling again: %v, want ErrNothingToDo", err)
	}
	if err := undo(); err != nil {
		t.Error(err)
	}
	if got := states(t, f); got["shop"] != sites.Enabled {
		t.Errorf("after undo: %v", got)
	}
}

func TestDisableLeavesARealFileAlone(t *testing.T) {
	t.Parallel()
	f, dir := folder(t)
	only := filepath.Join(dir, "sites-enabled", "only.caddy")
	if err := os.MkdirAll(filepath.Dir(only), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(only, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Disable("only"); err == nil {
		t.Error("the only copy of a site was disabled")
	}
	if _, err := os.Stat(only); err != nil {
		t.Error(err)
	}
}

func TestBrokenLinkIsShown(t *testing.T) {
	t.Parallel()
	f, dir := folder(t)
	if _, err := f.Enable("blog"); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "sites-available", "blog.caddy")); err != nil {
		t.Fatal(err)
	}
	if got := states(t, f); got["blog"] != sites.Broken {
		t.Errorf("states = %v", got)
	}
	if _, err := f.Disable("blog"); err != nil {
		t.Errorf("disabling it: %v", err)
	}
}

func TestNamesStayInsideTheFolder(t *testing.T) {
	t.Parallel()
	f, dir := folder(t)
	if err := os.WriteFile(filepath.Join(dir, "outside.caddy"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../outside", "", ".", "..", "a/b", "/etc/passwd", ".hidden", "nosuch"} {
		if _, err := f.Enable(name); err == nil || errors.Is(err, sites.ErrNothingToDo) {
			t.Errorf("Enable(%q) = %v", name, err)
		}
		if _, err := f.Disable(name); err == nil || errors.Is(err, sites.ErrNothingToDo) {
			t.Errorf("Disable(%q) = %v", name, err)
		}
	}
}

func TestNoFoldersNoSites(t *testing.T) {
	t.Parallel()
	if got := states(t, sites.Folder(t.TempDir())); len(got) != 0 {
		t.Errorf("states = %v", got)
	}
}
