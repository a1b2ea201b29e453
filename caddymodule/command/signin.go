package command

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

func signInCommand() *cobra.Command {
	var (
		server endpoint
		asJSON bool
		wait   time.Duration
	)
	cmd := &cobra.Command{
		Use:   "sign-in",
		Short: "Prints a link that signs the operator in, once",
		Long: `Prints a link that signs whoever opens it in as the operator of the pages.
It works once, for 15 minutes.`,
		Example: "  xdg-open \"$(caddy fairway sign-in)\"",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var link struct {
				URL     string `json:"url"`
				Expires string `json:"expires"`
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), wait)
			defer cancel()
			err := retry(ctx, func() error { return server.call(http.MethodPost, "/fairway/sign-in", nil, &link) })
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, link)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), link.URL)
			return err
		},
	}
	server.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	cmd.Flags().DurationVar(&wait, "wait", 0, "How long to wait for a server that is still starting")
	return cmd
}

// retry tries do until it succeeds or ctx ends, at least once.
func retry(ctx context.Context, do func() error) error {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := do()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-ticker.C:
		}
	}
}
