// Package inspect looks at a server that runs Apache and certbot and reports
// what is there and what would become of it: virtual hosts, a verdict on every
// directive, certificates, and who holds which port. It changes nothing.
package inspect

import (
	"context"
	"os"
	"time"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/letsencrypt"
	"github.com/aditechsphere/fairway/migrate/translate"
)

// Options say what to look at.
type Options struct {
	// Config is the absolute path of Apache's main configuration file.
	Config string
	// LetsEncrypt is certbot's folder; "" looks at none.
	LetsEncrypt string
	// Accept are lines whose loss the operator accepts.
	Accept []apacheconf.Position
	// Apache is the program that is asked what it makes of the configuration, to
	// hold this package's reading against; "" asks nobody.
	Apache string
	// Now is the time certificates are judged by.
	Now time.Time
}

// Report is what was found.
type Report struct {
	// Host is the name of the machine.
	Host string    `json:"host"`
	At   time.Time `json:"at"`
	// Config is the main file, Files all that were read, in order.
	Config     string   `json:"config"`
	ServerRoot string   `json:"server_root"`
	Files      []string `json:"files"`
	// Modules is the number of loaded modules. Assumed says that no line loads
	// any, so that all of Apache's own count as loaded.
	Modules int  `json:"modules"`
	Assumed bool `json:"modules_assumed"`
	// Counts are the numbers of directives by verdict.
	Counts Counts `json:"counts"`
	// Sites are the virtual hosts in file order, Server what stands outside of them.
	Sites  []*Site `json:"sites"`
	Server *Site   `json:"server"`
	// Skipped are the sections Apache leaves out, and why.
	Skipped  []apacheconf.Skipped `json:"skipped,omitempty"`
	Warnings []apacheconf.Problem `json:"warnings,omitempty"`
	Apache   Witness              `json:"apache"`
	// Certificates are those of certbot and those that sites name.
	Certificates []*Certificate        `json:"certificates"`
	Certbot      []letsencrypt.Finding `json:"certbot,omitempty"`
	Ports        []Port                `json:"ports"`
}

// Counts are numbers of directives by verdict.
type Counts struct {
	Translated  int `json:"translated"`
	Harmless    int `json:"harmless"`
	Approximate int `json:"approximate"`
	Ignored     int `json:"ignored"`
	Refused     int `json:"refused"`
}

func (c *Counts) add(verdict translate.Verdict) {
	switch verdict {
	case translate.Translated:
		c.Translated++
	case translate.Harmless:
		c.Harmless++
	case translate.Approximate:
		c.Approximate++
	case translate.Ignored:
		c.Ignored++
	case translate.Refused:
		c.Refused++
	}
}

// All is how many directives have a verdict.
func (c Counts) All() int {
	return c.Translated + c.Harmless + c.Approximate + c.Ignored + c.Refused
}

// Gather looks at the server. The error says that the configuration can't be
// read; what can't be carried over is in the report.
func Gather(ctx context.Context, options Options) (*Report, error) {
	tree, err := apacheconf.Load(ctx, apacheconf.Options{File: options.Config})
	if err != nil {
		return nil, err
	}
	result, err := translate.Translate(ctx, tree, translate.Options{Accept: options.Accept, Letsencrypt: options.LetsEncrypt})
	if err != nil {
		return nil, err
	}
	report := &Report{
		At:         options.Now,
		Config:     options.Config,
		ServerRoot: tree.ServerRoot,
		Files:      tree.Files,
		Modules:    len(tree.Modules),
		Assumed:    tree.Assumed,
		Skipped:    tree.Skipped,
		Warnings:   tree.Warnings,
	}
	report.Host, _ = os.Hostname()
	report.judge(tree, result)
	report.Apache = ask(ctx, options.Apache, tree, options.Config)
	if report.Apache.Asked && report.Apache.Error == "" {
		report.Apache.Differences = differences(report.Sites, report.Apache.hosts)
	}
	report.certificates(tree, options)
	report.Ports = ports(listened(tree))
	return report, nil
}

// judge sorts the findings by the virtual host they belong to.
func (r *Report) judge(tree *apacheconf.Tree, result *translate.Result) {
	type place struct {
		apacheconf.Position
		text string
	}
	waiting := map[place][]translate.Finding{}
	for _, finding := range result.Findings {
		at := place{finding.Position, finding.Text}
		waiting[at] = append(waiting[at], finding)
	}
	r.Server = &Site{Name: "main server"}
	for _, top := range tree.Directives {
		site := r.Server
		if top.Section && top.Is("VirtualHost") {
			site = newSite(top)
			r.Sites = append(r.Sites, site)
		}
		apacheconf.Walk([]*apacheconf.Directive{top}, func(d *apacheconf.Directive) {
			at := place{d.Position, d.Text()}
			if found := waiting[at]; len(found) > 0 {
				site.note(found[0])
				waiting[at] = found[1:]
			}
		})
	}
	for _, finding := range result.Findings { // of files beside the tree, such as .htaccess
		at := place{finding.Position, finding.Text}
		if found := waiting[at]; len(found) > 0 {
			r.Server.note(found[0])
			waiting[at] = found[1:]
		}
	}
	for _, site := range append([]*Site{r.Server}, r.Sites...) {
		for _, finding := range site.Findings {
			r.Counts.add(finding.Verdict)
		}
	}
	markDefaults(r.Sites)
}

// Loss is what differs or is gone for one reason.
type Loss struct {
	Verdict translate.Verdict `json:"verdict"`
	Why     string            `json:"why,omitempty"`
	Do      string            `json:"do,omitempty"`
	// Lines are where, in the order of the configuration.
	Lines []translate.Finding `json:"lines"`
}

// Losses are the findings that say that something differs or is gone, by their
// reason, the worst first.
func (r *Report) Losses() []*Loss {
	var losses []*Loss
	seen := map[translate.Finding]bool{}
	for _, verdict := range []translate.Verdict{translate.Refused, translate.Ignored, translate.Approximate} {
		byReason := map[[2]string]*Loss{}
		for _, site := range append([]*Site{r.Server}, r.Sites...) {
			for _, finding := range site.Findings {
				if finding.Verdict != verdict || seen[finding] {
					continue
				}
				seen[finding] = true
				reason := [2]string{finding.Why, finding.Do}
				if byReason[reason] == nil {
					byReason[reason] = &Loss{Verdict: verdict, Why: finding.Why, Do: finding.Do}
					losses = append(losses, byReason[reason])
				}
				byReason[reason].Lines = append(byReason[reason].Lines, finding)
			}
		}
	}
	return losses
}
