package command

import (
	"errors"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

// migrateCommands are the subcommands of `caddy migrate` in the order of a
// migration. Each file migrate_NAME.go adds its own in an init function:
//
//	func init() { migrateCommands[stepInspect] = inspectCommand }
var migrateCommands [migrateSteps]func() *cobra.Command

// The steps of a migration.
const (
	stepInspect = iota
	stepWrite
	stepCertificates
	stepRehearse
	stepCutover
	stepRollback
	stepStatus
	migrateSteps
)

// Exit codes of `caddy migrate`, beside 0 for success and 1 for failure.
const (
	// exitRefused: something of Apache's configuration cannot be carried over and
	// is not accepted.
	exitRefused = 3
	// exitDiffers: a comparison found a difference.
	exitDiffers = 4
)

// exitError ends the command with a code of its own.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string { return e.err.Error() }
func (e exitError) Unwrap() error { return e.err }

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "migrate",
		Usage: "inspect|write|certificates|rehearse|cutover|rollback|status",
		Short: "Moves the sites of an Apache with certbot here, and back",
		Long: `
Moves the sites that Apache serves on this machine to Fairway, step by step.
Each step can be looked at before the next, and none touches Apache's or
certbot's files:

	inspect       what is on this server, and what becomes of it
	write         the Caddyfile
	certificates  certbot's certificates and accounts, into Caddy's storage
	rehearse      the new configuration beside the running Apache, compared
	cutover       from Apache to Fairway, without a failed request
	rollback      back to Apache, the same way
	status        where the migration stands

Exit codes: 0 done; 1 failed; 3 something of Apache's configuration cannot be
carried over and was not accepted; 4 a comparison found a difference.`,
		CobraFunc: func(cmd *cobra.Command) {
			for _, command := range migrateCommands {
				if command != nil {
					cmd.AddCommand(withExitCode(command()))
				}
			}
		},
	})
}

// withExitCode makes the command end with the code of an exitError.
func withExitCode(cmd *cobra.Command) *cobra.Command {
	run := cmd.RunE
	cmd.SilenceUsage = true
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		exit := exitError{}
		if !errors.As(err, &exit) {
			return err
		}
		cmd.PrintErrln("Error:", err)
		cmd.SilenceErrors = true
		// Only Caddy's own wrapper can set the exit code.
		return caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return exit.code, nil })(cmd, args)
	}
	return cmd
}
