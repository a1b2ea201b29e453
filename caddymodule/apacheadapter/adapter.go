// Package apacheadapter plugs the way off Apache into Caddy: the config adapter
// "apache", and the matchers and handlers that the Caddyfiles it writes use
// where Caddy's own differ from what Apache does.
package apacheadapter

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile" // the adapter that the text goes through

	"github.com/aditechsphere/fairway/migrate/apacheconf"
	"github.com/aditechsphere/fairway/migrate/translate"
)

func init() {
	caddyconfig.RegisterAdapter("apache", Adapter{})
}

// AcceptVariable is the environment variable that lists the lines whose loss is
// accepted: FILE:LINE, separated by spaces.
const AcceptVariable = "FAIRWAY_APACHE_ACCEPT"

// Adapter turns an Apache configuration into Caddy's, through a Caddyfile:
//
//	caddy adapt --adapter apache --config /etc/apache2/apache2.conf
//
// The file has to be on disk, because it includes others. What cannot be
// carried over fails the adaptation with every line named, unless the line is
// accepted in the environment variable FAIRWAY_APACHE_ACCEPT.
type Adapter struct{}

// Adapt implements caddyconfig.Adapter. The option "filename" is required.
func (Adapter) Adapt(_ []byte, options map[string]any) ([]byte, []caddyconfig.Warning, error) {
	// Much is allocated, and all of it soon forgotten.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	name, _ := options["filename"].(string)
	if name == "" || name == "-" {
		return nil, nil, errors.New("apache: the configuration includes other files and cannot be read from standard input: name its file with --config")
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, nil, fmt.Errorf("apache: %s: %w", name, err)
	}
	accepted, err := acceptedLines(os.Getenv(AcceptVariable))
	if err != nil {
		return nil, nil, err
	}
	ctx := context.Background()
	tree, err := apacheconf.Load(ctx, apacheconf.Options{File: path})
	if err != nil {
		return nil, nil, fmt.Errorf("apache: reading the configuration: %w", err)
	}
	result, err := translate.Translate(ctx, tree, translate.Options{Accept: accepted})
	if err != nil {
		return nil, nil, fmt.Errorf("apache: %w", err)
	}
	warnings := warningsOf(tree, result)
	if err := result.Err(); err != nil {
		return nil, warnings, fmt.Errorf("apache: %d lines cannot be carried over; delete them, or accept their loss in %s:\n%w",
			result.Count(translate.Refused), AcceptVariable, err)
	}
	config, more, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(result.Caddyfile), map[string]any{"filename": path})
	if err != nil {
		return nil, warnings, fmt.Errorf("apache: Caddy refuses the translation, which is a defect of the adapter: %w", err)
	}
	return config, append(warnings, more...), nil
}

// warningsOf tells what differs from Apache, and what was lost with consent.
func warningsOf(tree *apacheconf.Tree, result *translate.Result) []caddyconfig.Warning {
	var warnings []caddyconfig.Warning
	for _, problem := range tree.Warnings {
		warnings = append(warnings, caddyconfig.Warning{File: problem.File, Line: problem.Line, Message: strings.TrimPrefix(problem.Error(), problem.String()+": ")})
	}
	for _, finding := range result.Findings {
		if finding.Verdict == translate.Approximate || finding.Verdict == translate.Ignored {
			warnings = append(warnings, caddyconfig.Warning{
				File: finding.File, Line: finding.Line, Directive: finding.Directive,
				Message: strings.TrimPrefix(finding.Error(), finding.String()+": "),
			})
		}
	}
	return warnings
}

// acceptedLines reads "FILE:LINE FILE:LINE".
func acceptedLines(list string) ([]apacheconf.Position, error) {
	var lines []apacheconf.Position
	for _, entry := range strings.Fields(list) {
		i := strings.LastIndexByte(entry, ':')
		number, err := strconv.Atoi(entry[i+1:])
		if i < 1 || err != nil || number < 1 {
			return nil, fmt.Errorf("apache: %s holds %q, which is no FILE:LINE", AcceptVariable, entry)
		}
		lines = append(lines, apacheconf.Position{File: entry[:i], Line: number})
	}
	return lines, nil
}

// Interface guard
var _ caddyconfig.Adapter = Adapter{}
