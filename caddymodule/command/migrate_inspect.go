package command

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/inspect"
	"github.com/aditechsphere/fairway/migrate/letsencrypt"
)

func init() { migrateCommands[stepInspect] = migrateInspectCommand }

// apacheConfigs are where distributions have Apache's main file.
var apacheConfigs = []string{"/etc/apache2/apache2.conf", "/etc/httpd/conf/httpd.conf", "/etc/apache2/httpd.conf"}

// source are the flags that say what is to be moved.
type source struct {
	config      string
	letsencrypt string
	accept      []string
}

func (s *source) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&s.config, "config", "c", "", "Apache's configuration (default: where this system has it)")
	certbotFolder(cmd, &s.letsencrypt)
	flags.StringArrayVar(&s.accept, "accept", nil, "FILE:LINE whose loss is accepted; may be repeated")
}

// folderFlag is a flag whose value becomes an absolute path.
type folderFlag string

func (f *folderFlag) String() string { return string(*f) }
func (f *folderFlag) Type() string   { return "string" }

func (f *folderFlag) Set(folder string) error {
	if folder == "" { // none
		*f = ""
		return nil
	}
	absolute, err := filepath.Abs(folder)
	*f = folderFlag(absolute)
	return err
}

// certbotFolder adds --letsencrypt, which Apache's and certbot's absolute paths
// are held against.
func certbotFolder(cmd *cobra.Command, folder *string) {
	*folder = letsencrypt.Folder
	cmd.Flags().Var((*folderFlag)(folder), "letsencrypt", "Certbot's folder, or a copy of it")
}

// file is the absolute path of Apache's configuration.
func (s *source) file() (string, error) {
	if s.config != "" {
		return filepath.Abs(s.config)
	}
	for _, file := range apacheConfigs {
		if _, err := os.Stat(file); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("there is no Apache configuration at %s; name it with --config", strings.Join(apacheConfigs, " or "))
}

// accepted reads --accept. A path that is not absolute begins at the folder of
// Apache's configuration, as inspect prints it; a file of sites-available may be
// named as well as the link through which Apache reads it.
func (s *source) accepted(config string) ([]apacheconf.Position, error) {
	var lines []apacheconf.Position
	for _, entry := range s.accept {
		file, line, _ := cutLast(entry, ':')
		number, err := strconv.Atoi(line)
		if file == "" || err != nil || number < 1 {
			return nil, fmt.Errorf("--accept %s: it has to be FILE:LINE, as inspect prints it", entry)
		}
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(config), file)
		}
		for _, name := range append(enabledAs(file), filepath.Clean(file)) {
			lines = append(lines, apacheconf.Position{File: name, Line: number})
		}
	}
	return lines, nil
}

// enabledAs are the links in NAME-enabled to a file in NAME-available.
func enabledAs(file string) (links []string) {
	kind, ok := strings.CutSuffix(filepath.Dir(file), "-available")
	if !ok {
		return nil
	}
	target, err := os.Stat(file)
	if err != nil {
		return nil
	}
	entries, err := os.ReadDir(kind + "-enabled")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		link := filepath.Join(kind+"-enabled", entry.Name())
		if info, err := os.Stat(link); err == nil && os.SameFile(info, target) {
			links = append(links, link)
		}
	}
	return links
}

func cutLast(text string, separator byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(text, separator); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

type inspectFlags struct {
	source
	html      string
	asJSON    bool
	all       bool
	askApache bool
}

func migrateInspectCommand() *cobra.Command {
	run := new(inspectFlags)
	cmd := &cobra.Command{
		Use:   "inspect",
		Short: "Shows what Apache serves here, and what becomes of it",
		Long: `
Reads Apache's configuration as Apache does and gives a verdict on every
directive: carried over, not needed, carried over with a difference, or refused.
Shows certificates and who renews them, and which process holds which port.
Nothing is changed.

Where Apache is installed it is asked for its virtual hosts, as by
"apache2ctl -S", and what it says is held against what was read; that loads the
modules the configuration names.

Exit codes: 0 everything can be carried over; 1 the configuration cannot be
read; 3 something is refused and not accepted.`,
		Example: `  sudo caddy migrate inspect
  sudo caddy migrate inspect --html report.html
  sudo caddy migrate inspect --accept sites-enabled/shop.conf:12 --json
  caddy migrate inspect --config ./apache2/apache2.conf --ask-apache=false --all`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return run.run(cmd) },
	}
	run.flags(cmd)
	cmd.Flags().StringVar(&run.html, "html", "", "File to write the report to as a page for a browser")
	cmd.Flags().BoolVar(&run.asJSON, "json", false, "Print JSON")
	cmd.Flags().BoolVar(&run.all, "all", false, "List every directive, not only those that differ or are lost")
	cmd.Flags().BoolVar(&run.askApache, "ask-apache", true, "Hold the reading against Apache's own")
	return cmd
}

func (f *inspectFlags) run(cmd *cobra.Command) error {
	config, err := f.file()
	if err != nil {
		return err
	}
	accepted, err := f.accepted(config)
	if err != nil {
		return err
	}
	options := inspect.Options{Config: config, LetsEncrypt: f.letsencrypt, Accept: accepted, Now: time.Now()}
	if f.askApache {
		options.Apache = inspect.FindApache()
	}
	report, err := inspect.Gather(cmd.Context(), options)
	if err != nil {
		return fmt.Errorf("reading Apache's configuration:\n%w", err)
	}
	if err := f.print(cmd, report); err != nil {
		return err
	}
	if report.Counts.Refused > 0 {
		return exitError{exitRefused, fmt.Errorf("%d lines cannot be carried over", report.Counts.Refused)}
	}
	return nil
}

func (f *inspectFlags) print(cmd *cobra.Command, report *inspect.Report) error {
	if f.html != "" {
		if err := writePage(f.html, report); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
	}
	switch {
	case f.asJSON:
		return printJSON(cmd, report)
	case f.html != "":
		_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\nThe report is in %s.\n", report.Summary(), f.html)
		return err
	default:
		return report.WriteText(cmd.OutOrStdout(), inspect.TextOptions{Colour: isTerminal(cmd), All: f.all})
	}
}

func writePage(name string, report *inspect.Report) (err error) {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return report.WriteHTML(file)
}

// isTerminal tells whether what the command prints goes to a terminal that shows
// colours. (Nobody sees them in /dev/null, which looks like one.)
func isTerminal(cmd *cobra.Command) bool {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	file, ok := cmd.OutOrStdout().(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0
}
