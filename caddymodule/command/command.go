// Package command adds `caddy fairway …` to Caddy's command line.
package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "fairway",
		Usage: "status|alert|key|sign-in|site|verify|backup|restore",
		Short: "Administers a running Fairway: how services are, alerts, API keys, sign-in links, sites, books",
		Long: `
Administers a running Fairway through Caddy's admin endpoint.

Every subcommand finds the endpoint as "caddy reload" does: --address, else the
one in the file that --config names, else the environment variable CADDY_ADMIN,
else localhost:2019. Variables are read from the system service's environment
file too, where there is one (--envfile); those that are set already win.`,
		CobraFunc: func(cmd *cobra.Command) {
			var file string
			cmd.PersistentFlags().StringVar(&file, "envfile", serviceEnvironment, "File of the system service's environment")
			cmd.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
				return loadEnvironment(file, cmd.Flags().Changed("envfile"))
			}
			cmd.AddCommand(withExitCode(statusCommand()), alertCommand(), keyCommand(), signInCommand(), siteCommand(), verifyCommand(), backupCommand(), restoreCommand())
		},
	})
}

// endpoint is the admin endpoint of the running server.
type endpoint struct {
	address string
	config  string
	adapter string
}

// flags adds the flags that choose the endpoint.
func (e *endpoint) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&e.address, "address", "", "Address of the admin endpoint")
	cmd.Flags().StringVarP(&e.config, "config", "c", "", "Configuration file that names the admin endpoint")
	cmd.Flags().StringVarP(&e.adapter, "adapter", "a", "", "Adapter of the configuration file")
}

// call sends body, unless nil, and decodes the answer into answer, unless nil.
func (e *endpoint) call(method, path string, body, answer any) (err error) {
	address, err := caddycmd.DetermineAdminAPIAddress(e.address, nil, e.config, e.adapter)
	if err != nil {
		return fmt.Errorf("finding the admin endpoint: %w", err)
	}
	payload := new(bytes.Buffer)
	if body != nil {
		if err := json.NewEncoder(payload).Encode(body); err != nil {
			return err
		}
	}
	response, err := caddycmd.AdminAPIRequest(address, method, path, http.Header{}, payload)
	if err != nil {
		return fmt.Errorf("asking the server at %s: %w; is it running?", address, err)
	}
	defer func() { _ = response.Body.Close() }()
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fmt.Errorf("reading the answer of the server at %s: %w", address, err)
	}
	return nil
}

// printJSON writes value for machines.
func printJSON(cmd *cobra.Command, value any) error {
	encoder := json.NewEncoder(cmd.OutOrStdout())
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
