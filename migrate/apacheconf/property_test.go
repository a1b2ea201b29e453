package apacheconf

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var alias = regexp.MustCompile(`^ +(?:wild )?alias (.*)$`)

// TestWordsAsApache asks Apache for the words of random lines: it prints the
// aliases of a virtual host one by one.
func TestWordsAsApache(t *testing.T) {
	t.Parallel()
	lines := rapid.SliceOfN(rapid.StringOf(rapid.SampledFrom([]rune("ab\"'\\ \t#$é<>={}"))), 50, 200)
	rapid.Check(t, func(r *rapid.T) {
		var config strings.Builder
		config.WriteString(preamble())
		var want []string
		for _, text := range lines.Draw(r, "lines") {
			text = strings.TrimRight("a "+text, spaces+`\`)
			words := Words(text)
			if slices.Contains(words, "") { // ends the list in Apache
				continue
			}
			fmt.Fprintf(&config, "<VirtualHost *:80>\nServerName n\nServerAlias %s\n</VirtualHost>\n", text)
			want = append(want, words...)
		}
		root := folderWith(t, map[string]string{"apache2.conf": config.String()})
		output, taken := dump(t, root, nil, "-D", "DUMP_VHOSTS")
		if !taken {
			r.Fatalf("Apache: %s", output)
		}
		var got []string
		for line := range strings.SplitSeq(output, "\n") {
			if match := alias.FindStringSubmatch(line); match != nil {
				got = append(got, match[1])
			}
		}
		if !slices.Equal(got, want) {
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					r.Fatalf("word %d is %q, in Apache %q", i, want[i], got[i])
				}
			}
			r.Fatalf("%d words, in Apache %d", len(want), len(got))
		}
	})
}

// quoted writes a word so that it is read as it is.
func quoted(word string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}

func TestQuotedWordsAreReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		words := rapid.SliceOf(rapid.StringMatching(`[^\n\x00]*`)).Draw(r, "words")
		var text []string
		for _, word := range words {
			text = append(text, quoted(word))
		}
		if got := Words(strings.Join(text, " ")); !slices.Equal(got, words) {
			r.Errorf("%q are read as %q", words, got)
		}
	})
}

// TestRandomTreesAsApache holds Load against Apache on random configurations:
// nested sections and conditions, files, definitions and macros, some of them
// wrong.
func TestRandomTreesAsApache(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		files := map[string]string{}
		for _, name := range []string{"apache2.conf", "parts/a.conf", "parts/b.conf", "c.conf"} {
			files[name] = randomLines(r, 0)
		}
		files["apache2.conf"] = preamble() + files["apache2.conf"]
		agree(t, folderWith(t, files), Options{})
	})
}

var (
	plainLines = []string{
		"SetEnv A ${ONE}", `SetEnv "B" 'two words'`, "setenv C \\\n  continued", "# comment", "", "Define ONE 1", "Define TWO",
		"UnDefine ONE", "UnDefine TWO", "SetEnv D ${TWO}x", "  SetEnv  E  \t1  ", "SetEnv F \"open",
	}
	includeLines = []string{"Include parts", "Include c.conf", "IncludeOptional none/*.conf", "Include parts/[b]*", "IncludeOptional none.conf"}
	tags         = []string{
		"IfDefine ONE", "IfDefine !TWO", "IfModule mod_env.c", "IfModule !macro_module", "IfVersion >= 2.4", "IfVersion < 2.2",
		"IfFile c.conf", "IfFile !none", "Directory /x", "Location /y", "IfDirective SetEnv", "IfSection !Files",
	}
	wrongLines = []string{"</Directory>", "<Directory /open>", "Include none", "Use Nothing", "<IfModule mod_env.c>", "</IfModule>"}
)

// randomLines is a piece of a configuration. Only the first level includes, so
// that few configurations are endless, and a file in thirty has a mistake.
func randomLines(r *rapid.T, depth int) string {
	var text strings.Builder
	for range rapid.IntRange(0, 6-depth).Draw(r, "lines") {
		switch kind := rapid.IntRange(0, 99).Draw(r, "kind"); {
		case kind < 55 || depth > 3:
			text.WriteString(rapid.SampledFrom(plainLines).Draw(r, "line") + "\n")
		case kind < 60:
			text.WriteString(rapid.SampledFrom(includeLines).Draw(r, "include") + "\n")
		case kind < 85:
			tag := rapid.SampledFrom(tags).Draw(r, "tag")
			name, _, _ := strings.Cut(tag, " ")
			if depth > 0 && (name == "Directory" || name == "Location") {
				continue // they do not nest in Apache
			}
			fmt.Fprintf(&text, "<%s>\n%s</%s>\n", tag, randomLines(r, depth+1), strings.ToLower(name))
		case kind < 99:
			fmt.Fprintf(&text, "<Macro M $a @b>\nSetEnv $a @b\n%s</Macro>\nUse M x%d 'y \"z\"'\n", randomLines(r, 4), depth)
		default:
			text.WriteString(rapid.SampledFrom(wrongLines).Draw(r, "wrong") + "\n")
		}
	}
	return text.String()
}

// TestDefinesAndModulesAsApache holds the definitions at the end and the loaded
// modules against Apache's.
func TestDefinesAndModulesAsApache(t *testing.T) {
	t.Parallel()
	root := folderWith(t, map[string]string{"apache2.conf": preamble("alias", "rewrite") + `
Define A 1
Define B "two words"
Define C
UnDefine A
<VirtualHost *:80>
Define D "${B}"
LoadModule dir_module ` + fmt.Sprintf(apacheModules, "dir") + `
</VirtualHost>
<IfModule mod_none.c>
LoadModule actions_module nothing.so
</IfModule>
`})
	tree := agree(t, root, Options{Defines: []string{"GIVEN"}}, "-D", "GIVEN")
	output, taken := dump(t, root, nil, "-D", "GIVEN", "-D", "DUMP_RUN_CFG", "-D", "DUMP_MODULES")
	if !taken {
		t.Fatal(output)
	}
	defines, modules := map[string]string{}, []string{}
	for line := range strings.SplitSeq(output, "\n") {
		if definition, ok := strings.CutPrefix(line, "Define: "); ok && !strings.HasPrefix(definition, "DUMP_") {
			name, value, _ := strings.Cut(definition, "=")
			defines[name] = value
		}
		if module, _, ok := strings.Cut(strings.TrimSpace(line), " ("); ok && strings.HasSuffix(module, "_module") {
			modules = append(modules, module)
		}
	}
	if !maps.Equal(tree.Defines, defines) {
		t.Errorf("Defines = %q, Apache's %q", tree.Defines, defines)
	}
	slices.Sort(modules)
	if got := slices.Sorted(maps.Keys(tree.Modules)); !slices.Equal(got, modules) {
		t.Errorf("Modules = %q, Apache's %q", got, modules)
	}
	if at := tree.Modules["dir_module"]; at.File != filepath.Join(root, "apache2.conf") || at.Line != 17 {
		t.Errorf("dir_module was loaded at %s", at)
	}
}
