package apacheconf

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf8"
)

// recordingFS fails the test for a name that leads out of the root.
type recordingFS struct {
	fstest.MapFS
	opened []string
	t      testing.TB
}

func (r *recordingFS) Open(name string) (fs.File, error) {
	r.note(name)
	return r.MapFS.Open(name)
}

func (r *recordingFS) Stat(name string) (fs.FileInfo, error) {
	r.note(name)
	return r.MapFS.Stat(name)
}

func (r *recordingFS) ReadFile(name string) ([]byte, error) {
	r.note(name)
	return r.MapFS.ReadFile(name)
}

func (r *recordingFS) ReadDir(name string) ([]fs.DirEntry, error) {
	r.note(name)
	return r.MapFS.ReadDir(name)
}

func (r *recordingFS) note(name string) {
	// File systems refuse names that are not UTF-8.
	if utf8.ValidString(name) && !fs.ValidPath(name) {
		r.t.Errorf("%q was opened, which leads out of the root", name)
	}
	r.opened = append(r.opened, name)
}

// FuzzLoad looks for configurations that panic, hang, read outside the root, or
// leave a line without a fate.
func FuzzLoad(f *testing.F) {
	for _, files := range trees {
		parts := []string{"", ""}
		for name, text := range files {
			if name != "apache2.conf" && !strings.HasPrefix(text, "->") {
				parts[len(name)%2] += text + "\n"
			}
		}
		f.Add(files["apache2.conf"], parts[0], parts[1], debianEnvvars)
	}
	f.Add("LoadModule macro_module x\nInclude ../../../etc/passwd\nInclude /../x\nInclude a/b\nInclude *\nInclude ./*/../*", "Include /etc/apache2", "IncludeOptional [", "export A=${A:-${B##*}}")
	f.Add("Define A aaaaaaaaaaaaaaaa\nDefine A ${A}${A}${A}${A}\nDefine A ${A}${A}${A}${A}\n", "", "", ". /etc/apache2/envvars")
	f.Add("", "", "", "elif 0")
	f.Add("<Macro Site 0 0 \">\n1\n</Macro>\nUse Site 0 0 0", "", "", "")
	f.Fuzz(func(t *testing.T, main, part, other, envvars string) {
		files := &recordingFS{t: t, MapFS: fstest.MapFS{
			"etc/apache2/apache2.conf": {Data: []byte(main)},
			"etc/apache2/a/b/x.conf":   {Data: []byte(part)},
			"etc/apache2/c.conf":       {Data: []byte(other)},
			"etc/apache2/envvars":      {Data: []byte(envvars)},
			"var/www/.htaccess":        {Data: []byte(other)},
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		tree, err := Load(ctx, Options{FS: files, File: "/etc/apache2/apache2.conf", AssumeModules: len(main)%2 == 0})
		if errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("loading takes longer than a minute")
		}
		if tree == nil {
			return
		}
		checkTree(t, tree, err)
		access, err := tree.Htaccess(ctx, "/var/www/.htaccess")
		checkTree(t, access, err)
	})
}

// checkTree checks what holds for every tree.
func checkTree(t *testing.T, tree *Tree, err error) {
	t.Helper()
	Walk(tree.Directives, func(d *Directive) {
		if d.Name == "" || d.Line < 1 || d.LastLine < d.Line || d.LastLine > tree.Lines(d.File) {
			t.Errorf("%q at %s to %d", d.Name, d.Position, d.LastLine)
		}
		if tree.Fate(d.File, d.Line) != Kept {
			t.Errorf("%s: the line of a directive is %s", d.Position, tree.Fate(d.File, d.Line))
		}
		if len(d.Children) > 0 && !d.Section {
			t.Errorf("%s: %s is not a section and has children", d.Position, d.Name)
		}
	})
	if err == nil {
		everyLineHasFate(t, tree)
	}
}

// FuzzWords looks for texts whose words do not survive quoting.
func FuzzWords(f *testing.F) {
	f.Add(`a "b c" 'd\'e' f\\g "h`)
	f.Fuzz(func(t *testing.T, text string) {
		words := Words(text)
		var again []string
		for _, word := range words {
			again = append(again, quoted(word))
		}
		if got := Words(strings.Join(again, " ")); len(got) != len(words) || strings.Join(got, "\x00") != strings.Join(words, "\x00") {
			t.Errorf("%q has the words %q, and quoted %q", text, words, got)
		}
	})
}
