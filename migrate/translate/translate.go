package translate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/letsencrypt"
)

// Options steer a translation. The zero value is usable.
type Options struct {
	// Accept are lines whose loss the operator accepts: what is refused there
	// becomes Ignored. Access that can't be carried over stays closed.
	Accept []apacheconf.Position
	// HTTPPort and HTTPSPort stand for Apache's ports 80 and 443; the defaults
	// are these. They allow a rehearsal beside the running Apache.
	HTTPPort, HTTPSPort int
	// LogFolder is where logs go under the names of their files; the default is
	// where Apache has them.
	LogFolder string
	// Letsencrypt is certbot's folder; the default is /etc/letsencrypt.
	Letsencrypt string
	// Platform adds Fairway's app with its defaults, whose reloads lose no
	// request.
	Platform bool
	// FS holds .htaccess files, document roots and certbot's settings; its root
	// is "/". The default is the file system.
	FS fs.FS
}

// Result is a translated configuration.
type Result struct {
	// Caddyfile is the whole text, as "caddy fmt" would have it.
	Caddyfile string
	// Global is the block of global options with its snippets, Sites what
	// follows it.
	Global   string
	Sites    []SiteText
	Findings []Finding
}

// SiteText is a part of the Caddyfile that stems from one virtual host.
type SiteText struct {
	// Name is the first host name, or the address of a site without names.
	Name  string
	Names []string
	// Position is that of the VirtualHost line, or empty for the main server.
	apacheconf.Position
	Text string
}

// translation is the state of one translation.
type translation struct {
	ledger
	ctx     context.Context
	tree    *apacheconf.Tree
	main    map[string]*apacheconf.Directive // outside of sections, see lastMain
	options Options
	server  *server
	global  *Block
	servers *Block // the options of all ports, see serverOptions
	sites   []*Site
	// logNames counts the names of loggers given out; errorLoggers are those
	// of errors, which Caddy's own log leaves out.
	logNames     map[string]int
	errorLoggers []string
	errorLogs    sharedLogs // of sites in blocks, where no site is in a table
	hasTables    bool       // some sites are in tables, and siteLogs has the logs of all
	siteLogs     sharedLogs

	found         map[string][]string                // .htaccess files by the folder searched
	htaccessFiles map[string][]*apacheconf.Directive // by file
	htaccessOrder []*apacheconf.Directive            // of all files, as they were read

	certbotRead     bool
	certbotSettings *letsencrypt.Caddyfile
}

// Translate turns a configuration into a Caddyfile. The error tells only of
// what can't be read; what can't be carried over is in Result.Findings, and
// Result.Err joins it.
func Translate(ctx context.Context, tree *apacheconf.Tree, options Options) (*Result, error) {
	if tree == nil {
		return nil, errors.New("translate: no configuration tree")
	}
	t := &translation{
		ledger:  ledger{findings: map[*apacheconf.Directive]Finding{}},
		ctx:     ctx,
		tree:    tree,
		main:    lastByName(tree.Directives),
		options: withDefaults(options),
		global:  NewBlock(),

		logNames:      map[string]int{},
		found:         map[string][]string{},
		htaccessFiles: map[string][]*apacheconf.Directive{},
	}
	t.refuseForeignBytes()
	t.server = t.serverOf(tree)
	result, err := t.writeAll()
	if err != nil {
		return nil, err
	}
	t.settle()
	result.Findings = t.sorted(slices.Concat(tree.Directives, t.htaccessOrder), options.Accept)
	return result, ctx.Err()
}

func withDefaults(options Options) Options {
	if options.HTTPPort == 0 {
		options.HTTPPort = 80
	}
	if options.HTTPSPort == 0 {
		options.HTTPSPort = 443
	}
	if options.Letsencrypt == "" {
		options.Letsencrypt = letsencrypt.Folder
	}
	if options.FS == nil {
		options.FS = os.DirFS("/")
	}
	return options
}

// port is the port that stands for Apache's.
func (t *translation) port(apache int) int {
	switch apache {
	case 80:
		return t.options.HTTPPort
	case 443:
		return t.options.HTTPSPort
	default:
		return apache
	}
}

// refuseForeignBytes refuses lines that a Caddyfile, which is UTF-8, can't hold.
func (t *translation) refuseForeignBytes() {
	apacheconf.Walk(t.tree.Directives, func(d *apacheconf.Directive) {
		if !utf8.ValidString(d.Raw) || strings.ContainsRune(d.Raw, 0) {
			t.refuse(d, "the line is not UTF-8, as a Caddyfile has to be", "convert the file, for example with iconv -f latin1 -t utf8")
		}
	})
}

// settle gives a verdict to what no part has spoken of.
func (t *translation) settle() {
	idle := map[*apacheconf.Directive]bool{} // in sections that apply nowhere
	for _, site := range t.sites {
		for _, section := range site.sections {
			active := section.applied || section.Kind == KindServer
			apacheconf.Walk(section.Directives, func(d *apacheconf.Directive) {
				known, ok := idle[d]
				idle[d] = !active && (known || !ok)
			})
		}
	}
	apacheconf.Walk(slices.Concat(t.tree.Directives, t.htaccessOrder), func(d *apacheconf.Directive) {
		if !t.knows(d) {
			t.settleOne(d, idle[d])
		}
	})
}

// fileNames are directives that mean something for contents only, and nothing
// where every request is redirected.
var fileNames = slices.Concat(indexNames, ignoreNames, typeNames, handlerNames, encodeNames, expiresNames, []string{"DocumentRoot", "AllowOverride", "AllowOverrideList", "LimitRequestBody"})

func (t *translation) settleOne(d *apacheconf.Directive, idle bool) {
	_, isSection := conditionOf(d)
	isSection = isSection || d.Section && d.Is("ElseIf", "Else")
	switch {
	case idle:
		t.record(d, Harmless, "stands in a section that applies to nothing a site serves", "")
	case isSection:
		t.record(d, Translated, "", "")
	case isHarmless(d):
		t.record(d, Harmless, "", "")
	case d.Is(fileNames...):
		t.record(d, Harmless, "no site answers with files where it stands", "")
	case Answerable(d):
		t.refuse(d, "not carried over in this place", "")
	default:
		t.refuseUnknown(d)
	}
}

// refuseUnknown refuses what no part answers for, and tells a directive that
// has no equivalent from one that does not exist.
func (t *translation) refuseUnknown(d *apacheconf.Directive) {
	known, ok := d.Known()
	if !ok {
		t.refuse(d, "no directive of Apache or of a module known here has this name", "correct its spelling, or delete the line")
		return
	}
	t.refuse(d, "no equivalent is known for this directive of "+strings.Join(known.Modules, ", "), "delete the line, or accept its loss")
}

func (t *translation) translated(d *apacheconf.Directive) { t.record(d, Translated, "", "") }
func (t *translation) harmless(d *apacheconf.Directive, why string) {
	t.record(d, Harmless, why, "")
}
func (t *translation) approximate(d *apacheconf.Directive, why, do string) {
	t.record(d, Approximate, why, do)
}
func (t *translation) refuse(d *apacheconf.Directive, why, do string) {
	t.record(d, Refused, why, do)
}

// Translated records that d means the same in the Caddyfile.
func (s *Site) Translated(d *apacheconf.Directive) { s.t.translated(d) }

// Harmless records that d changes nothing that can be seen.
func (s *Site) Harmless(d *apacheconf.Directive, why string) { s.t.harmless(d, why) }

// Approximate records that d is translated and differs in the way that why
// tells. What to do about it may be empty.
func (s *Site) Approximate(d *apacheconf.Directive, why, do string) { s.t.approximate(d, why, do) }

// Refuse records that d can't be carried over. A part that refuses a rule of
// access also writes what keeps it closed.
func (s *Site) Refuse(d *apacheconf.Directive, why, do string) { s.t.refuse(d, why, do) }

// Refusef is Refuse with a formatted reason.
func (s *Site) Refusef(d *apacheconf.Directive, do, why string, args ...any) {
	s.t.refuse(d, fmt.Sprintf(why, args...), do)
}
