package command

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/migrate/cutover"
)

func init() { migrateCommands[stepStatus] = migrateStatusCommand }

func migrateStatusCommand() *cobra.Command {
	var (
		folder string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Shows where the migration stands, and what can be done next",
		Long: `
Shows what a cutover or rollback recorded, who listens on which address now, and
what can be done next.`,
		Example: `  sudo caddy migrate status
  sudo caddy migrate status --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := cutover.Status(cmd.Context(), folder, cutover.RunningSystemd())
			if errors.Is(err, cutover.ErrNothingRecorded) {
				report, err = &cutover.Report{State: &cutover.State{Stage: cutover.OnApache}, Next: "caddy migrate cutover moves the sites to Fairway"}, nil
			}
			if err != nil {
				return err
			}
			if asJSON {
				state := *report.State
				state.Apache, state.Service = withoutEnvironment(report.State)
				report.State = &state
				return printJSON(cmd, report)
			}
			return printReport(cmd.OutOrStdout(), report)
		},
	}
	cmd.Flags().StringVar(&folder, "state", cutover.DefaultFolder, "Folder of what is recorded")
	cmd.Flags().BoolVar(&asJSON, "json", false, "Print JSON")
	return cmd
}

func printReport(out io.Writer, report *cutover.Report) error {
	var text strings.Builder
	fmt.Fprintf(&text, "Stage    %s", report.Stage)
	if !report.Changed.IsZero() {
		fmt.Fprintf(&text, ", since %s", report.Changed.Local().Format(time.DateTime))
	}
	text.WriteString("\n")
	if n := len(report.Steps); n > 0 {
		last := report.Steps[n-1]
		fmt.Fprintf(&text, "Step     %s, %s %s\n", last.Step, last.Status, last.Detail)
	}
	for name, held := range map[string][]string{"Apache": report.ApacheHolds, "Fairway": report.FairwayHolds} {
		if len(held) > 0 {
			fmt.Fprintf(&text, "%-8s listens on %s\n", name, strings.Join(held, ", "))
		}
	}
	for _, renewal := range report.Renewals {
		if report.Stage != cutover.OnApache {
			fmt.Fprintf(&text, "Off      %s%s%s, until a rollback\n", renewal.Timer, renewal.Snap, renewal.Cron)
		}
	}
	fmt.Fprintf(&text, "Next     %s\n", report.Next)
	_, err := io.WriteString(out, text.String())
	return err
}
