package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/migrate/letsencrypt"
)

func init() { migrateCommands[stepCertificates] = migrateCertificatesCommand }

const (
	// serviceUser runs the system service, with serviceHome as its home.
	serviceUser = "caddy"
	serviceHome = "/var/lib/caddy"
)

// certificateImport are the flags of `caddy migrate certificates`.
type certificateImport struct {
	letsencrypt string
	storage     string
	config      string
	adapter     string
	user        string
	email       string
	accept      []string
	offline     bool
	dryRun      bool
	asJSON      bool

	authorities []string // that the configuration orders from
}

func migrateCertificatesCommand() *cobra.Command {
	run := new(certificateImport)
	cmd := &cobra.Command{
		Use:   "certificates",
		Short: "Imports certbot's certificates and accounts into Caddy's storage",
		Long: `
Imports the certificates that certbot renews, and the accounts by which it does,
into Caddy's storage: nothing is issued when Caddy starts, and the same account
renews. Certbot's folder is only read; running it again changes nothing that is
right already, and brings what certbot has renewed since.

A certificate of several names stays in service until it is due for renewal; then
each of its names gets one of its own. The directive imported_certificate has it
served, which "caddy migrate write" puts into its sites.

Exit codes: 0 imported; 1 failed; 3 imported but for what the findings say.`,
		Example: `  sudo caddy migrate certificates --dry-run
  sudo caddy migrate certificates
  caddy migrate certificates --letsencrypt ./letsencrypt --storage ./caddy --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run.run(cmd) },
	}
	flags := cmd.Flags()
	certbotFolder(cmd, &run.letsencrypt)
	flags.StringVar(&run.storage, "storage", "", "Caddy's storage folder (default: the system service's, else yours)")
	flags.StringVarP(&run.config, "config", "c", "", "The new configuration, to take its storage and e-mail address from")
	flags.StringVarP(&run.adapter, "adapter", "a", "", "Its adapter, as for caddy run")
	flags.StringVar(&run.user, "user", serviceUser, "Who is to own the files, when root imports")
	flags.StringVar(&run.email, "email", "", "E-mail address that the Caddyfile gives (default: that of --config, else certbot's, else none)")
	flags.StringSliceVar(&run.accept, "accept", nil, "Certificates to import though their renewal needs a DNS provider")
	flags.BoolVar(&run.offline, "offline", false, "Do not ask the certificate authorities when to renew")
	flags.BoolVar(&run.dryRun, "dry-run", false, "Show what would be imported, write nothing")
	flags.BoolVar(&run.asJSON, "json", false, "Print JSON")
	return cmd
}

// importReport is what `caddy migrate certificates --json` prints.
type importReport struct {
	LetsEncrypt string `json:"letsencrypt"`
	Storage     string `json:"storage"`
	DryRun      bool   `json:"dry_run"`
	*letsencrypt.Plan
}

func (c *certificateImport) run(cmd *cobra.Command) error {
	owner, err := c.owner(cmd.Flags().Changed("user"))
	if err != nil {
		return err
	}
	if err := c.useConfig(); err != nil {
		return err
	}
	if c.storage == "" {
		c.storage = c.defaultStorage(owner)
	}
	inventory, err := letsencrypt.Read(c.letsencrypt)
	if err != nil {
		return err
	}
	for _, name := range c.accept {
		if inventory.Lineage(name) == nil {
			return fmt.Errorf("--accept %s: certbot has no such certificate; `certbot certificates` lists them", name)
		}
	}
	store := letsencrypt.NewStore(c.storage, owner)
	plan, err := inventory.Plan(cmd.Context(), store, c.options())
	if err != nil {
		return err
	}
	c.checkAuthorities(plan)
	if !c.dryRun {
		if err := plan.Apply(cmd.Context(), store); err != nil {
			return err
		}
	}
	if err := c.print(cmd, plan); err != nil {
		return err
	}
	if plan.Refused() {
		return exitError{exitRefused, errors.New("not all was imported; the findings say what to do")}
	}
	return nil
}

func (c *certificateImport) options() letsencrypt.Options {
	options := letsencrypt.Options{Email: c.email, Accept: c.accept, Now: time.Now()}
	if !c.offline {
		options.Ask = new(letsencrypt.Authority).RenewalInfo
	}
	return options
}

// owner is who is to own the files. Only root can give them to somebody else.
func (c *certificateImport) owner(asked bool) (letsencrypt.Owner, error) {
	account, err := user.Lookup(c.user)
	if os.Geteuid() != 0 {
		if asked && (err != nil || account.Uid != strconv.Itoa(os.Geteuid())) {
			return letsencrypt.Owner{}, fmt.Errorf("--user %s: only root can give files to another user; run it with sudo", c.user)
		}
		return letsencrypt.Owner{}, nil
	}
	if err != nil && !asked {
		return letsencrypt.Owner{}, nil // no system service on this machine
	}
	if err != nil {
		return letsencrypt.Owner{}, fmt.Errorf("--user: %w", err)
	}
	uid, err := strconv.Atoi(account.Uid)
	if err != nil {
		return letsencrypt.Owner{}, fmt.Errorf("--user %s: %w", c.user, err)
	}
	gid, err := strconv.Atoi(account.Gid)
	if err != nil {
		return letsencrypt.Owner{}, fmt.Errorf("--user %s: %w", c.user, err)
	}
	return letsencrypt.Owner{UID: uid, GID: gid}, nil
}

// defaultStorage is where the system service keeps certificates, for root on a
// machine that has its user, else where caddy does for whoever runs it.
func (c *certificateImport) defaultStorage(owner letsencrypt.Owner) string {
	if os.Getenv("XDG_DATA_HOME") != "" || owner == (letsencrypt.Owner{}) {
		return caddy.AppDataDir()
	}
	home := serviceHome
	if account, err := user.Lookup(c.user); c.user != serviceUser && err == nil {
		home = account.HomeDir
	}
	return filepath.Join(home, ".local", "share", "caddy")
}

func (c *certificateImport) print(cmd *cobra.Command, plan *letsencrypt.Plan) error {
	if c.asJSON {
		return printJSON(cmd, importReport{c.letsencrypt, c.storage, c.dryRun, plan})
	}
	var text strings.Builder
	fmt.Fprintf(&text, "From %s to %s\n\n", c.letsencrypt, c.storage)
	writeImports(&text, plan.Items)
	writeFindings(&text, plan.Findings)
	writeOrders(&text, plan)
	if needs := plan.Caddyfile.Text(); needs != "" {
		fmt.Fprintf(&text, "\nThe Caddyfile needs this; `caddy migrate write` puts it there:\n\n%s", indent(needs, "    "))
	}
	fmt.Fprintf(&text, "\n%s\n", c.summary(plan))
	_, err := io.WriteString(cmd.OutOrStdout(), text.String())
	return err
}

// importActions are words for people.
var importActions = map[letsencrypt.Action]string{
	letsencrypt.Add:     "import",
	letsencrypt.Replace: "import, Caddy's is older",
	letsencrypt.Keep:    "nothing to do",
	letsencrypt.Newer:   "stays, Caddy's is newer",
}

func writeImports(out io.Writer, items []letsencrypt.Item) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "\tNAMES\tEXPIRES\tRENEWS\tIMPORT") // the builder below never fails
	for _, item := range items {
		if item.Kind == "account" {
			_, _ = fmt.Fprintf(table, "account\t%s\t\t\t%s\n", item.Account, importActions[item.Action])
			continue
		}
		_, _ = fmt.Fprintf(table, "certificate\t%s\t%s\t%s\t%s\n", strings.Join(item.Names, " "),
			item.Expires.Local().Format(time.DateOnly), item.Renews.Local().Format(time.DateOnly), importActions[item.Action])
	}
	_ = table.Flush()
}

func writeFindings(out io.Writer, findings []letsencrypt.Finding) {
	for _, finding := range findings {
		subject := finding.Lineage
		if subject == "" {
			subject = finding.File
		} else if finding.File != "" {
			subject += " (" + finding.File + ")"
		}
		_, _ = fmt.Fprintf(out, "\n%-8s %s: %s\n", finding.Severity, subject, finding.Text)
		if finding.Do != "" {
			_, _ = fmt.Fprintf(out, "         do: %s\n", finding.Do)
		}
	}
}

func writeOrders(out io.Writer, plan *letsencrypt.Plan) {
	if len(plan.Orders) == 0 {
		return
	}
	_, _ = fmt.Fprintf(out, `
Certificates of several names serve on until they are due. Then these %d names,
as far as a site has them, get one each: one order for each name. Let's Encrypt
allows 50 new certificates a week for each registered domain.

    %s
`, len(plan.Orders), strings.Join(plan.Orders, "\n    "))
}

func (c *certificateImport) summary(plan *letsencrypt.Plan) string {
	changes := 0
	for _, item := range plan.Items {
		if item.Action == letsencrypt.Add || item.Action == letsencrypt.Replace {
			changes++
		}
	}
	switch {
	case c.dryRun:
		return fmt.Sprintf("Dry run: nothing was written. %d to import.", changes)
	case changes == 0:
		return "Nothing to import: all is as it should be."
	case os.Geteuid() == 0 && !c.userExists():
		return fmt.Sprintf("Imported %d. They belong to root: there is no user %s on this machine.", changes, c.user)
	}
	return fmt.Sprintf("Imported %d.", changes)
}

func (c *certificateImport) userExists() bool {
	_, err := user.Lookup(c.user)
	return err == nil
}

// indent puts prefix before each line that is not empty.
func indent(text, prefix string) string {
	var indented strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			line = prefix + line
		}
		indented.WriteString(line)
	}
	return indented.String()
}
