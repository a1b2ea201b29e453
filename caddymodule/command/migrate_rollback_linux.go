package command

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/migrate/cutover"
)

func init() { migrateCommands[stepRollback] = migrateRollbackCommand }

func migrateRollbackCommand() *cobra.Command {
	flags := new(handoverFlags)
	cmd := &cobra.Command{
		Use:   "rollback --yes",
		Short: "Moves the sites back to Apache, without a failed request",
		Long: `
Starts Apache as it ran before the cutover, beside Fairway, compares every site at
both, has new connections go to Apache, and lets Fairway finish what it answers
and end. Certbot's renewals are switched on again. Whatever fails undoes all of it.
A cutover that was interrupted is undone.

Exit codes: 0 Apache serves; 1 failed, and Fairway serves unless the error says
otherwise; 4 a site does not answer as at Fairway, which serves on.`,
		Example: `  sudo caddy migrate rollback --dry-run
  sudo caddy migrate rollback --yes`,
		Args: cobra.NoArgs,
	}
	flags.add(cmd)
	accept := cmd.Flags().Bool("accept-differences", false, "Go on where a site answers / worse than at Fairway, or with another certificate")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		plan := cutover.Return{Folder: flags.state, Systemd: cutover.RunningSystemd(), Options: flags.options(cmd)}
		plan.Options.AcceptDifferences = *accept
		return flags.rollback(cmd, plan)
	}
	return cmd
}

func (f *handoverFlags) rollback(cmd *cobra.Command, plan cutover.Return) error {
	ctx, stop := uninterrupted(cmd.Context())
	defer stop()
	if f.dryRun || !f.yes {
		steps, err := cutover.DryRollback(ctx, plan)
		return errors.Join(f.printSteps(cmd, steps, nil, err), err)
	}
	state, err := cutover.Rollback(ctx, plan)
	if errors.Is(err, cutover.ErrDiffers) {
		err = exitError{exitDiffers, err}
	}
	return f.finish(cmd, state, err, "Apache serves, and certbot renews its certificates again.")
}
