package command

import (
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/backends/homepage/alert/deliver"
)

func alertCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "alert test",
		Short: "Tries whether alerts arrive",
	}
	cmd.AddCommand(alertTestCommand())
	return cmd
}

func alertTestCommand() *cobra.Command {
	var (
		server endpoint
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Sends a test message through each channel",
		Long: `Has the running server send a test message through each webhook, topic of ntfy
and mailbox of its configuration, once.

It exits with status 1 when one of them could not be reached, and says why.`,
		Example: "  caddy fairway alert test",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var tried []deliver.Tried
			if err := server.call(http.MethodPost, "/fairway/alerts/test", nil, &tried); err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd, tried); err != nil {
					return err
				}
			}
			return printTried(cmd, tried, asJSON)
		},
	}
	server.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	return cmd
}

// printTried prints a line for each channel, unless quiet, and returns an error
// when one failed.
func printTried(cmd *cobra.Command, tried []deliver.Tried, quiet bool) error {
	failed := 0
	for _, t := range tried {
		outcome := "sent"
		if t.Error != "" {
			failed++
			outcome = "not sent: " + t.Error
		}
		if quiet {
			continue
		}
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: %s\n", t.Channel, outcome); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d test messages could not be sent", failed, len(tried))
	}
	return nil
}
