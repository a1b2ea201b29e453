package packaging_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// adapted is the part of a configuration that depends on the environment.
type adapted struct {
	Apps struct {
		HTTP struct {
			HTTPPort  int `json:"http_port"`
			HTTPSPort int `json:"https_port"`
		} `json:"http"`
		Fairway struct {
			Environment string `json:"environment"`
			Store       struct {
				Folder string `json:"folder"`
			} `json:"store"`
		} `json:"fairway"`
	} `json:"apps"`
}

// adapt turns the Caddyfile below root into a configuration, as the service does.
func adapt(t *testing.T, root string) (config adapted, text string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, "adapt", "--config", filepath.Join(root, "etc/caddy/Caddyfile"))
	cmd.Env = list(settings(t, "environment"))
	var printed, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	if err := json.Unmarshal(printed.Bytes(), &config); err != nil {
		t.Fatal(err)
	}
	return config, printed.String()
}

func TestShippedCaddyfileInProduction(t *testing.T) {
	t.Parallel()
	config, text := adapt(t, installed(t))
	environment := settings(t, "environment")
	// Caddy leaves out the ports that are its defaults.
	if http, https := config.Apps.HTTP.HTTPPort, config.Apps.HTTP.HTTPSPort; http != 80 && http != 0 || https != 443 && https != 0 {
		t.Errorf("ports %d and %d, want 80 and 443", http, https)
	}
	if got, want := config.Apps.Fairway.Store.Folder, environment["FAIRWAY_DATA"]; got != want {
		t.Errorf("the data is in %q, want %q", got, want)
	}
	if got := config.Apps.Fairway.Environment; got != "production" {
		t.Errorf("the environment is %q", got)
	}
	for _, want := range []string{
		`"listen":[":443"]`,
		`"host":["` + environment["DOMAIN"] + `"]`,
		`"host":["microservice1.` + environment["DOMAIN"] + `"]`,
		`"host":["microservice2.` + environment["DOMAIN"] + `"]`,
		`"filename":"` + environment["FAIRWAY_LOGS"] + `/`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the configuration does not have %s", want)
		}
	}
	if strings.Contains(text, "localhost\"") {
		t.Error("the configuration serves localhost")
	}
}

func TestExampleSite(t *testing.T) {
	t.Parallel()
	root := installed(t)
	site := filepath.Join(root, "etc/caddy/sites-enabled/blog.caddy")
	if err := os.Symlink("../sites-available/blog.caddy.example", site); err != nil {
		t.Fatal(err)
	}
	_, text := adapt(t, root)
	if want := `"host":["blog.` + settings(t, "environment")["DOMAIN"] + `"]`; !strings.Contains(text, want) {
		t.Errorf("the configuration does not have %s", want)
	}
}
