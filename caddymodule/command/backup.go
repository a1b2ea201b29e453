package command

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/backends/backup"
)

func backupCommand() *cobra.Command {
	var server endpoint
	cmd := &cobra.Command{
		Use:   "backup FOLDER",
		Short: "Copies the databases of the running server to a new folder",
		Long: `Copies the databases of the running server to FOLDER, which it makes. Each copy
has everything that was acknowledged before, and services go on meanwhile. The
server writes the copies: FOLDER must be where it may write.

With "store postgres" the services' data are in PostgreSQL; back that up with its
own tools (pg_dump, or continuous archiving).`,
		Example: "  caddy fairway backup /var/backups/fairway-2026-01-02",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			target, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			var made backup.Manifest
			if err := server.call(http.MethodPost, "/fairway/backup", map[string]string{"folder": target}, &made); err != nil {
				return err
			}
			for _, file := range made.Files {
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\t%d bytes\n", filepath.Join(target, file.Name), file.Size); err != nil {
					return err
				}
			}
			return nil
		},
	}
	server.flags(cmd)
	return cmd
}

func restoreCommand() *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "restore BACKUP",
		Short: "Brings a backup back, while the server is stopped",
		Long: `Brings the databases of a backup back into the data folder, while the server is
stopped. What is there moves to a folder beside it. A backup that is damaged or
not whole is refused with nothing changed.

The data folder is --folder, else the environment variable FAIRWAY_DATA, else
the folder "fairway" of Caddy's data folder.`,
		Example: "  caddy fairway restore /var/backups/fairway-2026-01-02",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if folder == "" {
				folder = os.Getenv("FAIRWAY_DATA")
			}
			if folder == "" {
				folder = filepath.Join(caddy.AppDataDir(), "fairway")
			}
			aside, err := backup.Restore(args[0], folder)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Restored to %s.\nWhat was there is in %s.\n", folder, aside)
			return err
		},
	}
	cmd.Flags().StringVar(&folder, "folder", "", "Data folder to restore to")
	return cmd
}
