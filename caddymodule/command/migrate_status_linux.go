package command

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/migrate/cutover"
	"github.com/aditechsphere/fairway/migrate/letsencrypt"
)

func init() { migrateCommands[stepStatus] = migrateStatusCommand }

// statusFlags are the flags of `caddy migrate status`.
type statusFlags struct {
	state       string
	letsencrypt string
	storage     string
	asJSON      bool
}

// statusReport is what `caddy migrate status --json` prints.
type statusReport struct {
	*cutover.Report
	// Certificates say for each name of certbot's what Fairway's storage has.
	Certificates []letsencrypt.NameRenewal `json:"certificates,omitempty"`
	// CertificatesError says why nothing is known of them.
	CertificatesError string `json:"certificates_error,omitempty"`
}

func migrateStatusCommand() *cobra.Command {
	run := new(statusFlags)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Shows where the migration stands, and what can be done next",
		Long: `
Shows what a cutover or rollback recorded, who listens on which address now, what
can be done next, and for each name that certbot has a certificate for, whether
it is imported, when it is due, and whether Fairway has renewed it since.

Exit codes: 0 shown; 1 failed.`,
		Example: `  sudo caddy migrate status
  sudo caddy migrate status --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&run.state, "state", cutover.DefaultFolder, "Folder of what is recorded")
	certbotFolder(cmd, &run.letsencrypt)
	flags.StringVar(&run.storage, "storage", "", "Caddy's storage folder (default: that of the cutover, else the system service's, else yours)")
	flags.BoolVar(&run.asJSON, "json", false, "Print JSON")
	return cmd
}

func (f *statusFlags) run(cmd *cobra.Command) error {
	recorded, err := cutover.Status(cmd.Context(), f.state, cutover.RunningSystemd())
	if errors.Is(err, cutover.ErrNothingRecorded) {
		recorded, err = &cutover.Report{State: &cutover.State{Stage: cutover.OnApache}, Next: "caddy migrate cutover moves the sites to Fairway"}, nil
	}
	if err != nil {
		return err
	}
	report := &statusReport{Report: recorded}
	if f.storage == "" {
		f.storage = recorded.Storage
	}
	if report.Certificates, err = f.certificates(); err != nil {
		report.CertificatesError = err.Error()
	}
	if f.asJSON {
		state := *recorded.State
		state.Apache, state.Service = withoutEnvironment(recorded.State)
		recorded.State = &state
		return printJSON(cmd, report)
	}
	return printReport(cmd.OutOrStdout(), report)
}

// certificates looks at what Caddy has of certbot's; none where there is no
// certbot.
func (f *statusFlags) certificates() ([]letsencrypt.NameRenewal, error) {
	inventory, err := letsencrypt.Read(f.letsencrypt)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if f.storage == "" {
		imported := &certificateImport{user: serviceUser}
		owner, err := imported.owner(false)
		if err != nil {
			return nil, err
		}
		f.storage = imported.defaultStorage(owner)
	}
	return inventory.Renewals(letsencrypt.NewStore(f.storage, letsencrypt.Owner{}), time.Now())
}

func printReport(out io.Writer, report *statusReport) error {
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
	writeHeld(&text, "Apache", report.ApacheHolds)
	writeHeld(&text, "Fairway", report.FairwayHolds)
	for _, renewal := range report.Renewals {
		if report.Stage != cutover.OnApache {
			fmt.Fprintf(&text, "Off      %s%s%s, until a rollback\n", renewal.Timer, renewal.Snap, renewal.Cron)
		}
	}
	fmt.Fprintf(&text, "Next     %s\n", report.Next)
	writeRenewals(&text, report)
	_, err := io.WriteString(out, text.String())
	return err
}

func writeHeld(out io.Writer, name string, held []string) {
	if len(held) > 0 {
		_, _ = fmt.Fprintf(out, "%-8s listens on %s\n", name, strings.Join(held, ", ")) // a builder never fails
	}
}

// renewalWords say what Caddy has, for people.
var renewalWords = map[letsencrypt.RenewalState]string{
	letsencrypt.Missing:  "not imported",
	letsencrypt.Outdated: "imported, and renewed by certbot since",
	letsencrypt.Imported: "imported",
	letsencrypt.Renewed:  "renewed by Fairway since",
}

func writeRenewals(out io.Writer, report *statusReport) {
	if report.CertificatesError != "" {
		_, _ = fmt.Fprintf(out, "\nCertificates are not known: %s\n", report.CertificatesError)
	}
	if len(report.Certificates) == 0 {
		return
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "\nCERTIFICATE\tSTATE\tEXPIRES\tRENEWS") // the builder below never fails
	behind := false
	for _, renewal := range report.Certificates {
		renews := ""
		switch {
		case renewal.Due:
			renews = "due"
		case !renewal.Renews.IsZero():
			renews = renewal.Renews.Local().Format(time.DateOnly)
		}
		behind = behind || renewal.State == letsencrypt.Missing || renewal.State == letsencrypt.Outdated
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", renewal.Name, renewalWords[renewal.State], renewal.Expires.Local().Format(time.DateOnly), renews)
	}
	_ = table.Flush()
	if behind {
		_, _ = fmt.Fprintln(out, "caddy migrate certificates imports what certbot has.")
	}
}
