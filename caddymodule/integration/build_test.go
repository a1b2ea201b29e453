package integration_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// modules are what the plugin must bring.
var modules = []string{
	"admin.api.fairway",
	"admin.api.fairway_subdomains",
	"caddy.logging.encoders.apache",
	"fairway",
	"fairway.services.homepage",
	"fairway.services.orders",
	"fairway.services.payments",
	"fairway.subdomains",
	"http.handlers.error_page",
	"http.handlers.homepage",
	"http.handlers.orders",
	"http.handlers.payments",
	"http.handlers.service",
	"http.handlers.subdomains",
	"tls.certificates.imported",
	"tls.permission.subdomains",
}

// recipe is the part of xcaddy's Builder that xcaddy.json uses.
type recipe struct {
	CaddyVersion string `json:"caddy_version"`
	Plugins      []struct {
		ModulePath string `json:"module_path"`
	} `json:"plugins"`
	Replacements []struct {
		Old string `json:"old"`
		New string `json:"new"`
	} `json:"replacements"`
	BuildFlags string `json:"build_flags"`
}

func readRecipe(t *testing.T) recipe {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "xcaddy.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r recipe
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		t.Fatalf("xcaddy.json: %v", err)
	}
	return r
}

func TestRecipeAgreesWithGoMod(t *testing.T) {
	t.Parallel()
	r := readRecipe(t)
	list := goCommand(t, root, "list", "-m", "-f", "{{.Path}} {{.Version}}", "github.com/caddyserver/caddy/v2")
	if want := "github.com/caddyserver/caddy/v2 " + r.CaddyVersion; strings.TrimSpace(list) != want {
		t.Errorf("go.mod has %q, xcaddy.json %q", strings.TrimSpace(list), want)
	}
	module := strings.TrimSpace(goCommand(t, root, "list", "-m"))
	if len(r.Plugins) != 1 || r.Plugins[0].ModulePath != module {
		t.Errorf("xcaddy.json plugs in %v, go.mod is %s", r.Plugins, module)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(makefile), r.BuildFlags) {
		t.Errorf("the Makefile does not build with %q as xcaddy.json does", r.BuildFlags)
	}
}

// TestBuildAsXcaddy builds the temporary main module that xcaddy would.
func TestBuildAsXcaddy(t *testing.T) {
	t.Parallel()
	r := readRecipe(t)
	folder := t.TempDir()
	program := "package main\n\nimport (\n" +
		"\tcaddycmd \"github.com/caddyserver/caddy/v2/cmd\"\n" +
		"\t_ \"github.com/caddyserver/caddy/v2/modules/standard\"\n"
	for _, plugin := range r.Plugins {
		program += "\t_ \"" + plugin.ModulePath + "\"\n"
	}
	program += ")\n\nfunc main() { caddycmd.Main() }\n"
	if err := os.WriteFile(filepath.Join(folder, "main.go"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	goCommand(t, folder, "mod", "init", "caddy")
	for _, replacement := range r.Replacements {
		goCommand(t, folder, "mod", "edit", "-replace", replacement.Old+"="+filepath.Join(root, replacement.New))
	}
	caddyModule := "github.com/caddyserver/caddy/v2@" + r.CaddyVersion
	goCommand(t, folder, "get", caddyModule)
	for _, plugin := range r.Plugins {
		// The version that go get gives to a module replaced by a folder; asking
		// for it would need a published one.
		goCommand(t, folder, "mod", "edit", "-require", plugin.ModulePath+"@v0.0.0-00010101000000-000000000000")
	}
	goCommand(t, folder, "get", caddyModule)
	goCommand(t, folder, "mod", "tidy", "-e")
	goCommand(t, folder, "build", "-trimpath", "-tags", "nobadger,nomysql,nopgx", "-ldflags", "-s -w", "-o", "caddy", ".")
	listsModules(t, filepath.Join(folder, "caddy"))
}

func TestOwnBinaryListsItsModules(t *testing.T) {
	t.Parallel()
	listsModules(t, binary)
}

func listsModules(t *testing.T, program string) {
	t.Helper()
	out, err := exec.Command(program, "list-modules").Output()
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool)
	for line := range strings.Lines(string(out)) {
		listed[strings.TrimSpace(line)] = true
	}
	for _, module := range modules {
		if !listed[module] {
			t.Errorf("list-modules does not have %s", module)
		}
	}
}

// goCommand runs the go command without cgo, as users build, and returns its
// standard output.
func goCommand(t *testing.T, folder string, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out)
}
