package apacheconf

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// loadLines are the LoadModule lines of all of Debian's modules, in an order in
// which they load, with one MPM.
func loadLines(t *testing.T, mpm string) string {
	t.Helper()
	const folder = "/etc/apache2/mods-available/"
	order := []string{folder + "proxy.load", folder + "dav.load", folder + "cache.load"}
	files, err := filepath.Glob(folder + "*.load")
	if err != nil || len(files) == 0 {
		t.Fatalf("no modules in %s: %v; install the Debian package apache2", folder, err)
	}
	var lines []string
	for _, file := range append(order, files...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(line)
			ours := strings.Contains(line, "/usr/lib/apache2/modules/mod_") && slices.Contains(strings.Fields(ownModules), moduleStem(line))
			if strings.HasPrefix(line, "LoadModule ") && ours && !slices.Contains(lines, line) &&
				(!strings.Contains(line, "mod_mpm_") || strings.Contains(line, mpm)) {
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, "\n") + "\nServerName main.example\n"
}

func moduleStem(loadLine string) string {
	fields := append(strings.Fields(loadLine), "", "")
	return strings.TrimSuffix(fields[1], "_module")
}

var (
	listed  = regexp.MustCompile(`^(<?[A-Za-z][^ (]*) \(([a-z0-9_]+\.c)\)$`)
	allowed = regexp.MustCompile(`^\tAllowed in \*\.conf (anywhere|only inside|only outside)`)
)

// TestDirectivesAsApache holds the table against what apache2 -L lists.
func TestDirectivesAsApache(t *testing.T) {
	t.Parallel()
	for _, mpm := range []string{"event", "prefork", "worker"} {
		root := folderWith(t, map[string]string{"apache2.conf": loadLines(t, mpm)})
		command := exec.Command(apacheProgram, "-d", root, "-f", filepath.Join(root, "apache2.conf"), "-C", "DefaultRuntimeDir "+root, "-L")
		output, err := command.Output()
		if err != nil {
			t.Fatalf("listing Apache's directives: %v", err)
		}
		names := 0
		var known Known
		for line := range strings.SplitSeq(string(output), "\n") {
			if match := listed.FindStringSubmatch(line); match != nil {
				var ok bool
				if known, ok = LookUp(match[1]); !ok || known.Foreign {
					t.Errorf("%s is not in the table", match[1])
					continue
				}
				if names++; known.Name != match[1] {
					t.Errorf("%s is called %s in the table", match[1], known.Name)
				}
				if !slices.ContainsFunc(known.Modules, func(module string) bool { return sourceOf(module) == match[2] }) {
					t.Errorf("%s is of %s, in the table of %q", match[1], match[2], known.Modules)
				}
			}
			if match := allowed.FindStringSubmatch(line); match != nil {
				anywhere := match[1] == "anywhere"
				if want := anywhere || match[1] == "only outside"; known.Server != want {
					t.Errorf("%s: Server is %t", known.Name, known.Server)
				}
				if want := anywhere || match[1] == "only inside"; known.Directory != want {
					t.Errorf("%s: Directory is %t", known.Name, known.Directory)
				}
				if want := strings.Contains(line, ".htaccess"); known.Htaccess != want {
					t.Errorf("%s: Htaccess is %t", known.Name, known.Htaccess)
				}
			}
		}
		if names < 700 {
			t.Errorf("with MPM %s Apache lists %d directives, far fewer than expected", mpm, names)
		}
	}
}

// TestModuleNamesAsApache asks Apache for every module by both of its names.
func TestModuleNamesAsApache(t *testing.T) {
	t.Parallel()
	var config strings.Builder
	config.WriteString(loadLines(t, "event"))
	for _, module := range append(strings.Fields(ownModules), "core", "http", "so", "watchdog", "log_config", "logio", "version", "unixd", "php", "nothing") {
		for i, name := range []string{module + "_module", "mod_" + module + ".c", sourceOf(module + "_module"), module + ".c", strings.ToUpper(module) + "_module"} {
			fmt.Fprintf(&config, "<IfModule %s>\nSetEnv M_%s %d\n</IfModule>\n", name, module, i)
		}
	}
	agree(t, folderWith(t, map[string]string{"apache2.conf": config.String()}), Options{})
}

func TestLookUp(t *testing.T) {
	t.Parallel()
	for name, module := range map[string]string{
		"proxypass": "proxy_module", "<proxy": "proxy_module", "SSLEngine": "ssl_module", "php_value": "php_module",
		"WSGIScriptAlias": "wsgi_module", "SecRuleEngine": "security2_module", "<Perl": "perl_module", "Require": "authz_core_module",
	} {
		known, ok := LookUp(name)
		if !ok || !slices.Contains(known.Modules, module) {
			t.Errorf("LookUp(%q) = %+v, %t, want module %s", name, known, ok, module)
		}
	}
	for _, name := range []string{"ProxyPas", "", "<", "Proxy", "<ProxyPass", "Rmodes"} {
		if known, ok := LookUp(name); ok {
			t.Errorf("LookUp(%q) = %+v, want nothing", name, known)
		}
	}
	if known, _ := LookUp("AuthType"); !slices.Equal(known.Override, []string{"AuthConfig"}) || known.Server || !known.Htaccess {
		t.Errorf("AuthType: %+v", known)
	}
}
