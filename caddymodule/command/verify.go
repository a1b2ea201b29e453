package command

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/spf13/cobra"
)

// verdict is what a service found when it recomputed its books.
type verdict struct {
	Transfers int    `json:"transfers"`
	Objects   int    `json:"objects"`
	Problem   string `json:"problem,omitempty"`
}

func verifyCommand() *cobra.Command {
	var (
		server endpoint
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Recomputes the books, and names the first row that does not add up",
		Long: `Recomputes the books of the running server: every row of the ledger by itself
and with the one it resolves, then payments, charges, refunds, balance
transactions and events against the rows.

It exits with status 1 when something does not add up, and names it.`,
		Example: "  caddy fairway verify",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			verdicts := make(map[string]verdict)
			if err := server.call(http.MethodPost, "/fairway/verify", nil, &verdicts); err != nil {
				return err
			}
			if asJSON {
				if err := printJSON(cmd, verdicts); err != nil {
					return err
				}
			}
			return judge(cmd, verdicts, asJSON)
		},
	}
	server.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	return cmd
}

// judge prints the verdicts, unless quiet, and returns the first problem.
func judge(cmd *cobra.Command, verdicts map[string]verdict, quiet bool) (problem error) {
	for _, service := range slices.Sorted(maps.Keys(verdicts)) {
		found := verdicts[service]
		if found.Problem != "" && problem == nil {
			problem = fmt.Errorf("%s: the books do not add up: %s", service, found.Problem)
		}
		if quiet || found.Problem != "" {
			continue
		}
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s: the books add up: %d rows of the ledger, %d objects\n",
			service, found.Transfers, found.Objects)
		if err != nil {
			return err
		}
	}
	return problem
}
