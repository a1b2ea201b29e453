package apacheconf

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The witness is the real Apache: it prints what it made of a configuration.

const (
	apacheProgram = "/usr/sbin/apache2"
	apacheModules = "/usr/lib/apache2/modules/mod_%s.so"
)

// preamble loads what a configuration of the tests needs, and mod_info, which
// prints it.
func preamble(modules ...string) string {
	var text strings.Builder
	for _, module := range append([]string{"mpm_event", "authz_core", "info", "env", "macro"}, modules...) {
		fmt.Fprintf(&text, "LoadModule %s_module "+apacheModules+"\n", module, module)
	}
	text.WriteString("ServerName main.example\nListen 127.0.0.1:8999\n")
	return text.String()
}

// folderWith writes files into a new ServerRoot. A text that begins with "->"
// is a symbolic link, a name that ends in a slash a folder.
func folderWith(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range append(slices.Sorted(maps.Keys(files)), "logs/") {
		path := filepath.Join(root, name)
		folder := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			folder = path
		}
		if err := os.MkdirAll(folder, 0o750); err != nil {
			t.Fatal(err)
		}
		if folder == path {
			continue
		}
		var err error
		if target, ok := strings.CutPrefix(files[name], "->"); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(files[name]), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// dump runs apache2 -t with the named dumps and gives what it prints, and
// whether it takes the configuration.
func dump(t testing.TB, root string, environment map[string]string, arguments ...string) (string, bool) {
	t.Helper()
	arguments = append([]string{"-t", "-d", root, "-f", filepath.Join(root, "apache2.conf"), "-C", "DefaultRuntimeDir " + root}, arguments...)
	command := exec.Command(apacheProgram, arguments...)
	command.Env = []string{"PATH=/usr/bin:/bin"}
	for name, value := range environment {
		command.Env = append(command.Env, name+"="+value)
	}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !asExit(err, &exit) {
		t.Fatalf("starting Apache (Debian package apache2): %v", err)
	}
	if err != nil {
		return string(output) + stderr.String(), false
	}
	return string(output), true
}

func asExit(err error, exit **exec.ExitError) bool {
	e, ok := err.(*exec.ExitError) //nolint:errorlint // exec returns it as it is
	*exit = e
	return ok
}

var (
	inFile   = regexp.MustCompile(`^# In file: (.*)$`)
	inMacro  = regexp.MustCompile(`^macro '.*\) used on line \d+ of "`)
	atLine   = regexp.MustCompile(`^ *# *(\d+):$`)
	included = regexp.MustCompile(`^ *\((?:\*|\d+)\) (.*)$`)
)

// dumpedTree is what mod_info prints, one directive a line: "FILE:LINE TEXT",
// and "macro TEXT" for one that a macro brought, indented by depth.
func dumpedTree(output string) []string {
	var list []string
	file, line := "", 0
	for text := range strings.SplitSeq(output, "\n") {
		if match := inFile.FindStringSubmatch(text); match != nil {
			file = match[1]
			continue
		}
		if match := atLine.FindStringSubmatch(text); match != nil {
			line, _ = strconv.Atoi(match[1])
			continue
		}
		trimmed := strings.TrimLeft(text, " ")
		if trimmed == "" || strings.HasPrefix(trimmed, "</") {
			continue
		}
		indent, where := text[:len(text)-len(trimmed)], fmt.Sprintf("%s:%d", file, line)
		if inMacro.MatchString(file) {
			where = "macro"
		}
		if end := strings.LastIndexByte(trimmed, '>'); trimmed[0] == '<' && end > 0 {
			trimmed = strings.TrimRight(trimmed[:end], " \t") + ">"
		}
		list = append(list, indent+where+" "+trimmed)
	}
	return list
}

// ownTree is the tree in the form of dumpedTree. Apache prints a line that is
// continued at its last line, and the names of directives as the manual does.
// Where want has "macro" for the place, any place that a macro brought is right.
func ownTree(list []*Directive, want []string) []string {
	var texts []string
	var add func(list []*Directive, depth int)
	add = func(list []*Directive, depth int) {
		for _, d := range list {
			indent, where := strings.Repeat("  ", depth), fmt.Sprintf("%s:%d", d.File, d.LastLine)
			if i := len(texts); len(d.Uses) > 0 && i < len(want) && strings.HasPrefix(want[i], indent+"macro ") {
				where = "macro"
			}
			printed := *d
			if known, ok := d.Known(); ok {
				printed.Name = strings.TrimPrefix(known.Name, "<")
			}
			texts = append(texts, indent+where+" "+printed.Text())
			add(d.Children, depth+1)
		}
	}
	add(list, 0)
	return texts
}

// agree holds Load against Apache: whether the configuration is taken, its
// tree, its files, and that every line has a fate.
func agree(t testing.TB, root string, options Options, arguments ...string) *Tree {
	t.Helper()
	options.File = filepath.Join(root, "apache2.conf")
	tree, err := Load(t.Context(), options)
	output, taken := dump(t, root, options.Environment, append(arguments, "-D", "DUMP_CONFIG")...)
	if taken != (err == nil) {
		t.Fatalf("Load: %v\nApache: %s", err, output)
	}
	if err != nil {
		return tree
	}
	want := dumpedTree(output)
	got := ownTree(tree.Directives, want)
	if !slices.Equal(got, want) {
		t.Fatalf("Load has\n%s\nApache has\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	output, _ = dump(t, root, options.Environment, append(arguments, "-D", "DUMP_INCLUDES")...)
	var files []string
	for line := range strings.SplitSeq(output, "\n") {
		if match := included.FindStringSubmatch(line); match != nil && !slices.Contains(files, match[1]) {
			files = append(files, match[1])
		}
	}
	if !slices.Equal(tree.Files, files) {
		t.Fatalf("Load read\n%s\nApache read\n%s", strings.Join(tree.Files, "\n"), strings.Join(files, "\n"))
	}
	everyLineHasFate(t, tree)
	return tree
}

func everyLineHasFate(t testing.TB, tree *Tree) {
	t.Helper()
	for _, file := range tree.Files {
		for line := 1; line <= tree.Lines(file); line++ {
			if tree.Fate(file, line) == Unread {
				t.Errorf("%s:%d has no fate", file, line)
			}
		}
	}
}

func rewrite(t testing.TB, root, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
