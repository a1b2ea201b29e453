package command

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/backends/access"
	"github.com/aditechsphere/fairway/caddymodule/platform"
)

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Creates, lists and revokes the API keys of Orders and Payments",
	}
	cmd.AddCommand(keyCreateCommand(), keyListCommand(), keyRevokeCommand())
	return cmd
}

func keyCreateCommand() *cobra.Command {
	var (
		server  endpoint
		request access.KeyRequest
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "create --name NAME --scope SCOPE[,SCOPE…] [--expires DURATION]",
		Short: "Creates an API key and prints it, this once",
		Long: `Creates an API key. The key alone is the last line on standard output; it is
stored only as a hash and cannot be shown again.`,
		Example: `  caddy fairway key create --name shop --scope orders,payments
  KEY=$(caddy fairway key create --name nightly --scope orders --expires 720h | tail -n 1)`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var key platform.KeyView
			if err := server.call(http.MethodPost, "/fairway/keys", request, &key); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, key)
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Key %s %q for %s. It is shown this once:\n%s\n",
				key.ID, key.Name, strings.Join(key.Scopes, ", "), key.Secret)
			return err
		},
	}
	server.flags(cmd)
	cmd.Flags().StringVar(&request.Name, "name", "", "What the key is for")
	cmd.Flags().StringSliceVar(&request.Scopes, "scope", nil, "Services that the key opens, e.g. orders,payments")
	cmd.Flags().DurationVar(&request.Life, "expires", 0, "How long the key works, e.g. 720h (default: until revoked)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	require(cmd, "name", "scope")
	return cmd
}

// require marks flags that must be given.
func require(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		if err := cmd.MarkFlagRequired(flag); err != nil {
			panic(err) // the flag is not defined
		}
	}
}

func keyListCommand() *cobra.Command {
	var (
		server endpoint
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Lists the API keys, newest first",
		Example: "  caddy fairway key list --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var keys []platform.KeyView
			if err := server.call(http.MethodGet, "/fairway/keys", nil, &keys); err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, keys)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			_, _ = fmt.Fprintln(table, "ID\tNAME\tKEY\tSCOPES\tCREATED\tLAST USED\tSTATE") // Flush reports the error
			for _, key := range keys {
				used := "never"
				if key.Used != nil {
					used = key.Used.Local().Format(time.DateTime)
				}
				_, _ = fmt.Fprintf(table, "%s\t%s\t…%s\t%s\t%s\t%s\t%s\n", key.ID, key.Name, key.Hint,
					strings.Join(key.Scopes, ","), key.Created.Local().Format(time.DateTime), used, stateOf(key, time.Now()))
			}
			return table.Flush()
		},
	}
	server.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	return cmd
}

// stateOf says in a word or two whether a key works.
func stateOf(key platform.KeyView, now time.Time) string {
	switch {
	case key.Revoked != nil:
		return "revoked " + key.Revoked.Local().Format(time.DateTime)
	case key.Expires == nil:
		return "valid"
	case now.Before(*key.Expires):
		return "valid until " + key.Expires.Local().Format(time.DateTime)
	}
	return "expired " + key.Expires.Local().Format(time.DateTime)
}

func keyRevokeCommand() *cobra.Command {
	var server endpoint
	cmd := &cobra.Command{
		Use:     "revoke ID",
		Short:   "Revokes an API key at once",
		Example: "  caddy fairway key revoke key_3v7…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var key platform.KeyView
			if err := server.call(http.MethodDelete, "/fairway/keys/"+url.PathEscape(args[0]), nil, &key); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "Revoked %s %q.\n", key.ID, key.Name)
			return err
		},
	}
	server.flags(cmd)
	return cmd
}
