package written

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyOwnFilesAreReplaced(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := File{Path: filepath.Join(folder, "a", "Caddyfile"), Text: "example.com\n", By: "a test", From: "/etc/x", Mode: 0o640, GID: -1}
	for step, c := range []struct {
		before func(t *testing.T)
		state  State
		taken  bool
	}{
		{func(*testing.T) {}, Missing, true},
		{func(t *testing.T) { write(t, file) }, Own, true},
		{func(t *testing.T) { appendTo(t, file.Path, "# mine\n") }, Changed, false},
		{func(t *testing.T) { write(t, file) }, Own, true},
		{func(t *testing.T) { put(t, file.Path, "mine\n") }, Foreign, false},
		{func(t *testing.T) { put(t, file.Path, "") }, Foreign, false},
		{func(t *testing.T) { put(t, file.Path, file.Content()) }, Own, true},
	} {
		c.before(t)
		state, err := StateOf(file.Path)
		if err != nil || state != c.state {
			t.Errorf("step %d: %s, %v, want %s", step, state, err, c.state)
		}
		if err := Check([]File{file}, false); (err == nil) != c.taken || err != nil && !errors.Is(err, ErrNotOurs) {
			t.Errorf("step %d: Check = %v", step, err)
		}
		if err := Check([]File{file}, true); err != nil {
			t.Errorf("step %d: with force: %v", step, err)
		}
	}
}

func TestWriteKeepsModeAndLink(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := File{Path: filepath.Join(folder, "Caddyfile"), Text: "a\n", By: "a test", From: "x", Mode: 0o640, GID: -1}
	write(t, file)
	if mode(t, file.Path) != 0o640 {
		t.Errorf("a new file has mode %o", mode(t, file.Path))
	}
	if err := os.Chmod(file.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	link := file
	link.Path = filepath.Join(folder, "link")
	if err := os.Symlink("Caddyfile", link.Path); err != nil {
		t.Fatal(err)
	}
	link.Text = "b\n"
	write(t, link)
	if info, err := os.Lstat(link.Path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link was replaced: %v, %v", info, err)
	}
	if mode(t, file.Path) != 0o600 {
		t.Errorf("the replaced file has mode %o", mode(t, file.Path))
	}
	content, err := os.ReadFile(file.Path)
	if err != nil || !strings.HasSuffix(string(content), "\n\nb\n") {
		t.Errorf("content %q, %v", content, err)
	}
	if entries, _ := os.ReadDir(folder); len(entries) != 2 {
		t.Errorf("%d files in the folder, want 2", len(entries))
	}
}

func write(t *testing.T, file File) {
	t.Helper()
	if err := file.Write(); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, path, string(content)+text)
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}
