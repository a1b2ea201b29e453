package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/caddymodule/command/sites"
)

// defaultConfig is where the Debian packages of Caddy and Fairway have it.
const defaultConfig = "/etc/caddy/Caddyfile"

func siteCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "site",
		Short: "Lists, enables and disables the sites beside the Caddyfile",
		Long: `Manages sites as Debian's a2ensite does, with a net. A site is a file
sites-available/NAME.caddy beside the Caddyfile; it is enabled by a link in
sites-enabled, which the Caddyfile imports:

	import sites-enabled/*.caddy

Enabling and disabling validate the whole configuration first, then reload the
running server. When either fails, the link is put back as it was.`,
	}
	cmd.AddCommand(siteListCommand(), siteSwitchCommand(true), siteSwitchCommand(false))
	return cmd
}

func siteListCommand() *cobra.Command {
	var (
		config string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Lists the sites and whether they are enabled",
		Example: "  caddy fairway site list --config /etc/caddy/Caddyfile",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := sites.Folder(filepath.Dir(config)).List()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, list)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(table, "SITE\tSTATE\tFILE") // Flush reports the error
			for _, site := range list {
				_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", site.Name, site.State, site.File)
			}
			return table.Flush()
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", defaultConfig, "The Caddyfile")
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	return cmd
}

// siteSwitchCommand is `site enable` or `site disable`.
func siteSwitchCommand(enable bool) *cobra.Command {
	server := endpoint{}
	verb, done := "enable", "Enabled"
	if !enable {
		verb, done = "disable", "Disabled"
	}
	cmd := &cobra.Command{
		Use:     verb + " NAME",
		Short:   done[:len(done)-1] + "s a site: validates, reloads, puts things back when either fails",
		Example: "  caddy fairway site " + verb + " blog",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder := sites.Folder(filepath.Dir(server.config))
			change := folder.Disable
			if enable {
				change = folder.Enable
			}
			undo, err := change(args[0])
			if errors.Is(err, sites.ErrNothingToDo) {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s is %sd already.\n", args[0], verb)
				return err
			}
			if err != nil {
				return err
			}
			if err := server.apply(cmd.Context(), cmd.ErrOrStderr()); err != nil {
				return errors.Join(fmt.Errorf("%s is not %sd, everything is as it was: %w", args[0], verb, err), undo())
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s.\n", done, args[0])
			return err
		},
	}
	server.flags(cmd)
	if err := cmd.Flags().Set("config", defaultConfig); err != nil {
		panic(err) // the flag is not defined
	}
	cmd.Flags().Lookup("config").DefValue = defaultConfig
	return cmd
}

// apply validates the configuration file and has the running server load it.
// With no server running, validating is all there is to do.
func (e *endpoint) apply(ctx context.Context, progress io.Writer) error {
	config, file, adapter, err := caddycmd.LoadConfig(e.config, e.adapter)
	if err != nil {
		return err
	}
	if err := validate(config); err != nil {
		return fmt.Errorf("%s is not valid: %w", e.config, err)
	}
	address, err := caddycmd.DetermineAdminAPIAddress(e.address, config, file, adapter)
	if err != nil {
		return fmt.Errorf("finding the admin endpoint: %w", err)
	}
	if !listening(ctx, address) {
		_, err := fmt.Fprintf(progress, "No server listens at %s: the configuration is valid and will be used at its next start.\n", address)
		return err
	}
	return e.load(address, config, file, adapter)
}

func (e *endpoint) load(address string, config []byte, file, adapter string) error {
	headers := http.Header{
		"Caddy-Config-Source-File":    {file},
		"Caddy-Config-Source-Adapter": {adapter},
	}
	response, err := caddycmd.AdminAPIRequest(address, http.MethodPost, "/load", headers, bytes.NewReader(config))
	if err != nil {
		return fmt.Errorf("reloading the server at %s: %w", address, err)
	}
	return response.Body.Close()
}

// validate provisions the configuration without its logs, which would make
// files that belong to whoever runs the command rather than to the server.
func validate(config []byte) error {
	var parsed caddy.Config
	if err := json.Unmarshal(config, &parsed); err != nil {
		return err
	}
	parsed.Logging = nil
	return caddy.Validate(&parsed)
}

// listening reports whether a server answers at an admin address.
func listening(ctx context.Context, address string) bool {
	parsed, err := caddy.ParseNetworkAddress(address)
	if err != nil {
		return false
	}
	dialer := net.Dialer{Timeout: time.Second}
	connection, err := dialer.DialContext(ctx, parsed.Network, parsed.JoinHostPort(0))
	if err != nil {
		return false
	}
	return connection.Close() == nil
}
