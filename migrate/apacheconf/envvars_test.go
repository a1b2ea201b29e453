package apacheconf

import (
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"
)

// debianEnvvars is what matters of Debian's file.
const debianEnvvars = `# envvars - default environment variables for apache2ctl
unset HOME

# for supporting multiple apache2 instances
if [ "${APACHE_CONFDIR##/etc/apache2-}" != "${APACHE_CONFDIR}" ] ; then
	SUFFIX="-${APACHE_CONFDIR##/etc/apache2-}"
else
	SUFFIX=
fi
export APACHE_RUN_USER=www-data
export APACHE_PID_FILE=/var/run/apache2$SUFFIX/apache2.pid
export APACHE_LOG_DIR=/var/log/apache2$SUFFIX
export LANG=C
#. /etc/default/locale
export LANG
#APACHE_ULIMIT_MAX_FILES='ulimit -n 65536'
`

// shellEnvironment runs the file in a real shell.
func shellEnvironment(t testing.TB, text, confdir string) map[string]string {
	t.Helper()
	root := folderWith(t, map[string]string{"envvars": text})
	command := exec.Command("/bin/sh", "-c", `. "$0"; /usr/bin/env -0`, filepath.Join(root, "envvars"))
	command.Env = []string{"APACHE_CONFDIR=" + confdir}
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	environment := map[string]string{}
	for variable := range strings.SplitSeq(strings.TrimSuffix(string(output), "\x00"), "\x00") {
		name, value, _ := strings.Cut(variable, "=")
		environment[name] = value
	}
	delete(environment, "APACHE_CONFDIR")
	delete(environment, "PWD")
	delete(environment, "OLDPWD")
	return environment
}

func ownEnvironment(t testing.TB, text, confdir string) (map[string]string, []Problem) {
	t.Helper()
	environment, problems, err := readEnvvars(fstest.MapFS{"envvars": {Data: []byte(text)}}, "/envvars", confdir)
	if err != nil {
		t.Fatal(err)
	}
	return environment, problems
}

func TestEnvvarsAsShell(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"debian": debianEnvvars,
		"quotes": `export A='single $X' B="double \"q\" \$ \\ $C" C=plain\ text
export D="a"'b'c E="two
lines" F=${A}x
G=not-exported
export H="$G" # comment
export I=a#b J="it's"
`,
		"parameters": `X=value; Y=
export A=${X:-default} B=${Y:-default} C=${Z:-a b} D=${Y-set} E=${Z-unset}
export F=${X:+alt} G="${Y:+alt}" H=${Y+alt}
export I=${X#v} J=${X##*l} K=${X%ue} L=${X%%l*} M=${Z:=assigned} N=$Z
: ${O:=colon}
export O P="${Q:-"nested ${X}"}" R=${X}$X
`,
		"conditions": `if [ -n "$APACHE_CONFDIR" ]; then
  export A=1
  if [ "$A" = 2 ]; then export B=1; elif [ "$A" = 1 ]; then export B=2; else export B=3; fi
else
  export A=2
fi
[ -z "$NOTHING" ] && export C=1
[ -d /nonexistent ] && export D=1
[ -d /nonexistent ] || export E=1
test "x$A" != x1 || export F=1
if [ ! -f /nonexistent ] ; then export G=1 ; fi
if false; then
  if true; then export H=1; fi
  export I=1
fi
true && false || export J=1
export K=1; unset K
if false; then export L=1; else if true; then export L=2; else export L=3; fi; fi
if true; then if false; then export M=1; fi; export N=1; fi
`,
	} {
		for _, confdir := range []string{"/etc/apache2", "/etc/apache2-second"} {
			want := shellEnvironment(t, text, confdir)
			got, problems := ownEnvironment(t, text, confdir)
			if !maps.Equal(got, want) || len(problems) > 0 {
				t.Errorf("%s with %s: %q, in the shell %q; problems %v", name, confdir, got, want, problems)
			}
		}
	}
}

func TestRandomEnvvarsAsShell(t *testing.T) {
	t.Parallel()
	word := rapid.SampledFrom([]string{
		"plain", `"dou ble"`, "'sin$gle'", "$A", "${B}", `"$A ${B}"`, "${A:-x}", "${C-y}", `\$`, `"\\"`, "${B%e*}", "${B##*e}", "a'b c'd", `"${A:+'z'}"`, "-", "",
	})
	rapid.Check(t, func(r *rapid.T) {
		var text strings.Builder
		for range rapid.IntRange(1, 8).Draw(r, "lines") {
			name := rapid.SampledFrom([]string{"A", "B", "C"}).Draw(r, "name")
			value := strings.Join(rapid.SliceOfN(word, 0, 3).Draw(r, "value"), "")
			form := rapid.SampledFrom([]string{"export N=V", "N=V", "unset N", "export N", "N=V; export N", "[ -n \"$N\" ] && export N=V", "if [ \"$N\" = \"V\" ]; then\nexport N=1\nfi"}).Draw(r, "form")
			if strings.Contains(form, `"V"`) {
				value = "plain"
			}
			text.WriteString(strings.NewReplacer("N", name, "V", value).Replace(form) + "\n")
		}
		text.WriteString("true\n")
		want := shellEnvironment(t, text.String(), "/etc/apache2")
		got, _ := ownEnvironment(t, text.String(), "/etc/apache2")
		if !maps.Equal(got, want) {
			r.Errorf("%q, in the shell %q, after\n%s", got, want, text.String())
		}
	})
}

func TestEnvvarsRunNothing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"export A=$(hostname)\n":                    "comes from a command",
		"export A=`hostname`\n":                     "comes from a command",
		"ulimit -n 65536\n":                         `command "ulimit" is not run`,
		"for x in a b; do\nexport A=$x\ndone\n":     "not understood",
		". relative\n":                              "not read",
		". /nothing/there\n":                        "cannot be read",
		". /envvars\n":                              "source each other",
		"[ a -nt b ] && export A=1\n":               "not understood",
		"export A=${B!x}\nexport C=\"${D/x/y}\"\n ": "comes from a command",
	} {
		environment, problems := ownEnvironment(t, text, "/etc/apache2")
		if len(problems) == 0 || !strings.Contains(problems[0].Error(), want) {
			t.Errorf("%q: problems %v, want %q", text, problems, want)
		}
		if value, ok := environment["A"]; ok {
			t.Errorf("%q: A is %q", text, value)
		}
	}
}

// What a shell refuses ends the reading, as it does there.
func TestEnvvarsWithoutAnIf(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"elif true", "else", "fi", "then", "if true; then\nfi elif x", "if elif x", "if fi x", "if true; then\nfi\nfi"} {
		environment, problems := ownEnvironment(t, "export BEFORE=1\n"+text+"\nexport AFTER=1\n", "/etc/apache2")
		if environment["BEFORE"] != "1" || environment["AFTER"] != "" || len(problems) != 1 || !strings.Contains(problems[0].Error(), "there is no if") {
			t.Errorf("%q: %v, %v", text, environment, problems)
		}
	}
}

func TestLoadTakesEnvvars(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"apache2.conf":     "SetEnv LOG ${APACHE_LOG_DIR}\n<IfDefine FROM_ARGUMENTS>\nSetEnv D 1\n</IfDefine>\n<IfDefine AND>\nSetEnv E 1\n</IfDefine>\n",
		"envvars":          "export APACHE_LOG_DIR=/logs\nAPACHE_ARGUMENTS='-D FROM_ARGUMENTS -DAND'\n",
		"sites-enabled/s":  "SetEnv LOG ${APACHE_LOG_DIR}\n",
		"elsewhere/s.conf": "SetEnv LOG ${APACHE_LOG_DIR}\n",
	}
	root := folderWith(t, files)
	for file, want := range map[string]string{
		"apache2.conf": "LOG /logs,D 1,E 1", "sites-enabled/s": "LOG /logs", "elsewhere/s.conf": "LOG /var/log/apache2",
	} {
		tree, err := Load(t.Context(), Options{File: filepath.Join(root, file)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range tree.Directives {
			got = append(got, d.Raw)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}
