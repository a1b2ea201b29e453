// Package served reads from a configuration what it will serve: names,
// addresses and certificates.
package served

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// Configuration is what of Caddy's JSON says what is served.
type Configuration struct {
	Storage struct {
		Module string `json:"module"`
		Root   string `json:"root"`
	} `json:"storage"`
	Apps struct {
		HTTP struct {
			HTTPPort int               `json:"http_port"`
			Servers  map[string]server `json:"servers"`
		} `json:"http"`
		TLS struct {
			Certificates struct {
				Files []struct {
					Certificate string `json:"certificate"`
					Key         string `json:"key"`
				} `json:"load_files"`
				Imported []struct {
					Name string `json:"name"`
				} `json:"imported"`
				Automate []string `json:"automate"`
			} `json:"certificates"`
			Automation struct {
				Policies []policy `json:"policies"`
			} `json:"automation"`
		} `json:"tls"`
	} `json:"apps"`

	// written are the sites in the text that the JSON was made of.
	written []writtenSite
}

type server struct {
	Listen         []string   `json:"listen"`
	Routes         []route    `json:"routes"`
	TLS            []struct{} `json:"tls_connection_policies"`
	AutomaticHTTPS struct {
		Disabled          bool     `json:"disable"`
		DisabledRedirects bool     `json:"disable_redirects"`
		Skip              []string `json:"skip"`
	} `json:"automatic_https"`
}

type route struct {
	Match []struct {
		Host []string `json:"host"`
	} `json:"match"`
	Handle []json.RawMessage `json:"handle"`
}

type policy struct {
	Subjects []string `json:"subjects"`
	Issuers  []struct {
		Module string `json:"module"`
	} `json:"issuers"`
	OnDemand bool `json:"on_demand"`
}

// Load reads a configuration file with an adapter, as `caddy run` does; without
// one, a file that is not JSON is a Caddyfile.
func Load(ctx context.Context, file, adapter string) (*Configuration, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	if adapter == "" && filepath.Ext(file) != ".json" {
		adapter = "caddyfile"
	}
	configuration := new(Configuration)
	if adapter != "" {
		translator := caddyconfig.GetAdapter(adapter)
		if translator == nil {
			return nil, fmt.Errorf("there is no adapter %q", adapter)
		}
		source := text
		if text, _, err = translator.Adapt(source, map[string]any{"filename": file}); err != nil {
			return nil, fmt.Errorf("reading the configuration %s: %w", file, err)
		}
		if configuration.written, err = sitesWritten(ctx, file, adapter, source); err != nil {
			return nil, fmt.Errorf("reading the sites in %s: %w", file, err)
		}
	}
	if err := json.Unmarshal(text, configuration); err != nil {
		return nil, fmt.Errorf("reading the configuration %s: %w", file, err)
	}
	return configuration, nil
}

// managedNames are those that Caddy gets certificates for.
func (c *Configuration) managedNames() []string {
	names := slices.Clone(c.Apps.TLS.Certificates.Automate)
	for _, p := range c.Apps.TLS.Automation.Policies {
		if !p.OnDemand {
			names = append(names, p.Subjects...)
		}
	}
	return names
}

// Listens are the TCP addresses that will be listened on, those of automatic
// redirects included.
func (c *Configuration) Listens() ([]caddy.NetworkAddress, error) {
	redirects := strconv.Itoa(c.httpPort())
	var all []caddy.NetworkAddress
	for name, server := range c.Apps.HTTP.Servers {
		for _, text := range server.Listen {
			address, err := caddy.ParseNetworkAddress(text)
			if err != nil {
				return nil, fmt.Errorf("server %s: %w", name, err)
			}
			if !strings.HasPrefix(address.Network, "tcp") {
				continue
			}
			all = append(all, address.Expand()...)
			if server.AutomaticHTTPS.Disabled || server.AutomaticHTTPS.DisabledRedirects {
				continue
			}
			redirect, err := caddy.ParseNetworkAddress(caddy.JoinNetworkAddress(address.Network, address.Host, redirects))
			if err != nil {
				return nil, err
			}
			all = append(all, redirect)
		}
	}
	return all, nil
}

const caddyDefaultHTTPPort = 80

func (c *Configuration) httpPort() int {
	if c.Apps.HTTP.HTTPPort == 0 {
		return caddyDefaultHTTPPort
	}
	return c.Apps.HTTP.HTTPPort
}
