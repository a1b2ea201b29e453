package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/caddymodule/command/sites"
	"github.com/aditechsphere/fairway/caddymodule/command/written"
	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/translate"
)

func init() { migrateCommands[stepWrite] = migrateWriteCommand }

type writeFlags struct {
	source
	to     string
	logs   string
	split  bool
	force  bool
	asJSON bool
}

func migrateWriteCommand() *cobra.Command {
	run := new(writeFlags)
	cmd := &cobra.Command{
		Use:   "write",
		Short: "Writes Apache's configuration as a Caddyfile",
		Long: `
Writes the Caddyfile that serves what Apache serves, with a comment above each
part that tells where it comes from, and the authority and e-mail address that
certbot uses. Without --to it is printed.

With --split, or when --to is a folder, the sites go into sites-available beside
the Caddyfile, one file for each that Apache had, and are enabled by links in
sites-enabled, as "caddy fairway site" has them.

Before anything is written, the configuration is adapted and provisioned, as by
"caddy validate". Nothing is written while something is refused that --accept
does not name, and no file is replaced that this command has not written or that
was changed since.

Exit codes: 0 written; 1 failed, and nothing was written; 3 something is refused
and not accepted, and nothing was written.`,
		Example: `  caddy migrate write
  sudo caddy migrate write --to /etc/caddy/Caddyfile --split
  sudo caddy migrate write --to ./Caddyfile --accept sites-enabled/shop.conf:12`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run.run(cmd) },
	}
	run.flags(cmd)
	cmd.Flags().StringVar(&run.to, "to", "", "File to write, or folder for a Caddyfile and the sites beside it")
	cmd.Flags().StringVar(&run.logs, "logs", serviceLogs(), "Folder of the sites' logs; empty: where Apache has them")
	cmd.Flags().BoolVar(&run.split, "split", false, "Write each of Apache's files into one of its own")
	cmd.Flags().BoolVar(&run.force, "force", false, "Replace files that this command has not written")
	cmd.Flags().BoolVar(&run.asJSON, "json", false, "Print JSON: what was written, or the text, and all findings")
	return cmd
}

func (f *writeFlags) run(cmd *cobra.Command) error {
	config, err := f.file()
	if err != nil {
		return err
	}
	if f.to == "" && (f.split || f.force) {
		return errors.New("--split and --force need --to")
	}
	tree, result, err := f.translate(cmd, config)
	if err != nil {
		return err
	}
	if err := result.Err(); err != nil {
		if f.asJSON {
			if err := printJSON(cmd, writeReport{Files: []string{}, Findings: result.Findings}); err != nil {
				return err
			}
		}
		return exitError{exitRefused, fmt.Errorf("%d lines cannot be carried over; change them, or accept their loss with --accept FILE:LINE:\n%w", result.Count(translate.Refused), err)}
	}
	plan, err := f.plan(config, tree, result)
	if err != nil {
		return err
	}
	if err := plan.validate(); err != nil {
		return err
	}
	if f.to == "" && f.asJSON {
		return printJSON(cmd, writeReport{Files: []string{}, Caddyfile: plan.files[0].Content(), Findings: result.Findings})
	}
	if f.to == "" {
		_, err := io.WriteString(cmd.OutOrStdout(), plan.files[0].Content())
		return err
	}
	if err := plan.write(f.force); err != nil {
		return err
	}
	return f.report(cmd, plan, result)
}

func (f *writeFlags) translate(cmd *cobra.Command, config string) (*apacheconf.Tree, *translate.Result, error) {
	accepted, err := f.accepted(config)
	if err != nil {
		return nil, nil, err
	}
	tree, err := apacheconf.Load(cmd.Context(), apacheconf.Options{File: config})
	if err != nil {
		return nil, nil, fmt.Errorf("reading Apache's configuration:\n%w", err)
	}
	result, err := translate.Translate(cmd.Context(), tree, translate.Options{Accept: accepted, Letsencrypt: f.letsencrypt, LogFolder: f.logs, Platform: true})
	return tree, result, err
}

// serviceLogs is the folder that the system service may write logs to, where
// the service is installed: it has no right to Apache's.
func serviceLogs() string {
	if _, err := user.Lookup(serviceUser); err != nil {
		return ""
	}
	return "/var/log/caddy"
}

// writePlan is what is to be written. The first file is the Caddyfile; a site's
// name is that of its file in sites-available.
type writePlan struct {
	folder string
	files  []written.File
	sites  []string
}

const (
	siteFolder    = "sites-available"
	enabledFolder = "sites-enabled"
	siteExtension = ".caddy"
)

func (f *writeFlags) plan(config string, tree *apacheconf.Tree, result *translate.Result) (*writePlan, error) {
	file, split, err := f.target()
	if err != nil {
		return nil, err
	}
	plan := &writePlan{folder: filepath.Dir(file)}
	mode, gid := permissions(tree.Files)
	add := func(path, from string, texts ...string) {
		text := string(caddyfile.Format([]byte(strings.Join(texts, "\n"))))
		plan.files = append(plan.files, written.File{Path: path, Text: text, By: `"caddy migrate write"`, From: from, Mode: mode, GID: gid})
	}
	if !split {
		add(file, config, result.Caddyfile)
		return plan, nil
	}
	main, groups := bySource(result.Sites)
	if len(groups) > 0 {
		main = append([]string{"import " + enabledFolder + "/*" + siteExtension + "\n"}, main...)
	}
	add(file, config, append([]string{result.Global}, main...)...)
	names := map[string]bool{}
	for _, group := range groups {
		name := siteName(group.source, names)
		plan.sites = append(plan.sites, name)
		add(filepath.Join(plan.folder, siteFolder, name+siteExtension), group.source, group.texts...)
	}
	return plan, nil
}

// target is the absolute path of the Caddyfile, and whether to split.
func (f *writeFlags) target() (file string, split bool, err error) {
	if f.to == "" {
		return filepath.Join(os.TempDir(), "Caddyfile"), false, nil
	}
	file, err = filepath.Abs(f.to)
	if err != nil {
		return "", false, err
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() || strings.HasSuffix(f.to, string(filepath.Separator)) {
		return filepath.Join(file, "Caddyfile"), true, nil
	}
	return file, f.split, nil
}

// sourceGroup is the sites that come from one of Apache's files.
type sourceGroup struct {
	source string
	texts  []string
}

// bySource groups sites by the file they come from, in order; those that come
// from none stay in the Caddyfile.
func bySource(list []translate.SiteText) (main []string, groups []*sourceGroup) {
	bySource := map[string]*sourceGroup{}
	for _, site := range list {
		if site.File == "" {
			main = append(main, site.Text)
			continue
		}
		group := bySource[site.File]
		if group == nil {
			group = &sourceGroup{source: site.File}
			bySource[site.File] = group
			groups = append(groups, group)
		}
		group.texts = append(group.texts, site.Text)
	}
	return main, groups
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// siteName is the name of a site's file: that of Apache's, without ".conf".
func siteName(source string, taken map[string]bool) string {
	stem := strings.Trim(notInNames.ReplaceAllString(strings.TrimSuffix(filepath.Base(source), ".conf"), "-"), ".-")
	if stem == "" {
		stem = "site"
	}
	name := stem
	for number := 2; taken[name]; number++ {
		name = stem + "-" + strconv.Itoa(number)
	}
	taken[name] = true
	return name
}

// permissions are for new files: readable by all when all of Apache's files are,
// else by the service alone.
func permissions(sources []string) (fs.FileMode, int) {
	for _, source := range sources {
		info, err := os.Stat(source)
		if err == nil && info.Mode().Perm()&0o004 != 0 {
			continue
		}
		return 0o640, serviceGroup()
	}
	return 0o644, -1
}

// serviceGroup is the group of the system service, for root to give files to.
func serviceGroup() int {
	group, err := user.LookupGroup(serviceUser)
	if err != nil || os.Geteuid() != 0 {
		return -1
	}
	gid, err := strconv.Atoi(group.Gid)
	if err != nil {
		return -1
	}
	return gid
}

// validate adapts and provisions the files in a folder of their own, where
// imports find each other.
func (p *writePlan) validate() (err error) {
	folder, err := os.MkdirTemp("", "caddy-migrate-write-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	staged := &writePlan{folder: folder, sites: p.sites}
	for _, file := range p.files {
		relative, err := filepath.Rel(p.folder, file.Path)
		if err != nil {
			return err
		}
		file.Path, file.Mode, file.GID = filepath.Join(folder, relative), 0o600, -1
		staged.files = append(staged.files, file)
	}
	if err := staged.write(true); err != nil {
		return err
	}
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(staged.files[0].Content()), map[string]any{"filename": staged.files[0].Path})
	if err == nil {
		err = validateSilently(config)
	}
	if err != nil {
		return fmt.Errorf("the Caddyfile is not valid, so nothing was written: %s", strings.ReplaceAll(err.Error(), folder+"/", ""))
	}
	return nil
}

// validateSilently provisions the configuration with no log but errors: its own
// would make files that belong to whoever runs the command.
func validateSilently(config []byte) error {
	var parsed caddy.Config
	if err := json.Unmarshal(config, &parsed); err != nil {
		return err
	}
	parsed.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		"default": {BaseLog: caddy.BaseLog{Level: "ERROR"}},
	}}
	return caddy.Validate(&parsed)
}

// write writes all files, or none when one of them may not be replaced, and
// enables the sites.
func (p *writePlan) write(force bool) error {
	if err := written.Check(p.files, force); err != nil {
		return err
	}
	for _, file := range p.files {
		if err := file.Write(); err != nil {
			return err
		}
	}
	for _, name := range p.sites {
		if _, err := sites.Folder(p.folder).Enable(name); err != nil && !errors.Is(err, sites.ErrNothingToDo) {
			return err
		}
	}
	return nil
}

// writeReport is what `caddy migrate write --json` prints.
type writeReport struct {
	// Files are those that were written, Caddyfile the text when it is printed.
	Files     []string            `json:"files"`
	Caddyfile string              `json:"caddyfile,omitempty"`
	Findings  []translate.Finding `json:"findings"`
}

func (f *writeFlags) report(cmd *cobra.Command, plan *writePlan, result *translate.Result) error {
	report := writeReport{Findings: result.Findings}
	for _, file := range plan.files {
		report.Files = append(report.Files, file.Path)
	}
	if f.asJSON {
		return printJSON(cmd, report)
	}
	var text strings.Builder
	for _, file := range report.Files {
		fmt.Fprintln(&text, "Written:", file)
	}
	if f.logs != "" {
		fmt.Fprintf(&text, "Logs go to %s, under the names they have.\n", f.logs)
	}
	if differ := result.Count(translate.Approximate); differ > 0 {
		fmt.Fprintf(&text, "%d lines are carried over with a difference; caddy migrate inspect shows them.\n", differ)
	}
	if lost := result.Count(translate.Ignored); lost > 0 {
		fmt.Fprintf(&text, "%d lines are lost, as accepted.\n", lost)
	}
	_, err := io.WriteString(cmd.OutOrStdout(), text.String())
	return err
}
