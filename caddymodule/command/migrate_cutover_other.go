//go:build !linux

package command

import (
	"errors"

	"github.com/spf13/cobra"
)

func init() {
	for step, name := range map[int]string{stepCutover: "cutover", stepRollback: "rollback", stepStatus: "status"} {
		migrateCommands[step] = func() *cobra.Command {
			return &cobra.Command{
				Use:   name,
				Short: "Is there on Linux only",
				RunE:  func(*cobra.Command, []string) error { return errors.New("sockets can be taken over on Linux only") },
			}
		}
	}
}
