package rehearse

import (
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// ApacheLogs returns the access logs that a configuration of Apache writes, and
// the lines that say of a log that can't be read as a file, or in its format.
func ApacheLogs(tree *apacheconf.Tree) (logs []Log, passedOver []string) {
	r := logReader{root: tree.ServerRoot, logs: make(map[string]*Log), main: newScope(nil)}
	r.scan(tree.Directives, r.main)
	for _, directive := range tree.Directives {
		if directive.Is("VirtualHost") {
			r.virtualHost(directive)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.logs)) {
		logs = append(logs, *r.logs[name])
	}
	return logs, r.passedOver
}

// logReader collects the logs of a configuration.
type logReader struct {
	root       string
	logs       map[string]*Log
	main       *logScope
	passedOver []string
}

// logScope is what the main server or a virtual host says of logs.
type logScope struct {
	formats map[string]string // by nickname
	unnamed string            // of a LogFormat without one, for TransferLog
	custom  []*apacheconf.Directive
	name    string // of ServerName, with its port if it has one
	aliases []string
	secure  bool
}

func newScope(parent *logScope) *logScope {
	scope := &logScope{formats: make(map[string]string), unnamed: Common}
	if parent != nil {
		maps.Copy(scope.formats, parent.formats)
		scope.unnamed = parent.unnamed
	}
	return scope
}

func (r *logReader) scan(directives []*apacheconf.Directive, scope *logScope) {
	for _, directive := range directives {
		args := directive.Args
		switch {
		case len(args) == 0:
		case directive.Is("LogFormat") && len(args) > 1:
			scope.formats[args[1]] = args[0]
		case directive.Is("LogFormat"):
			scope.unnamed = args[0]
		case directive.Is("CustomLog", "TransferLog", "GlobalLog"):
			scope.custom = append(scope.custom, directive)
		case directive.Is("ServerName"):
			scope.name = args[0]
		case directive.Is("ServerAlias"):
			scope.aliases = append(scope.aliases, args...)
		case directive.Is("SSLEngine"):
			scope.secure = strings.EqualFold(args[0], "on")
		}
	}
}

// virtualHost adds the logs that a virtual host writes: its own, or else those
// of the main server.
func (r *logReader) virtualHost(section *apacheconf.Directive) {
	scope := newScope(r.main)
	r.scan(section.Children, scope)
	origins := scope.origins(section.Args)
	if len(origins) == 0 {
		return // it has no name by which it could be asked
	}
	own := slices.DeleteFunc(slices.Clone(scope.custom), func(d *apacheconf.Directive) bool { return d.Is("GlobalLog") })
	if len(own) == 0 {
		own, scope = r.main.custom, r.main
	}
	for _, directive := range own {
		r.add(directive, scope, origins)
	}
}

// origins are the addresses of the virtual host as clients write them.
func (s *logScope) origins(addresses []string) []Origin {
	scheme := "http"
	if s.secure {
		scheme = "https"
	}
	var names []string
	for _, name := range append([]string{s.name}, s.aliases...) {
		name = strings.TrimPrefix(strings.TrimPrefix(name, "http://"), "https://")
		if host, _, err := net.SplitHostPort(name); err == nil {
			name = host
		}
		if name != "" && !strings.ContainsAny(name, "*?") {
			names = append(names, strings.ToLower(name))
		}
	}
	var origins []Origin
	for _, address := range addresses {
		port := defaultPort(scheme)
		if _, text, err := net.SplitHostPort(address); err == nil && text != "*" {
			if number, err := strconv.Atoi(text); err == nil {
				port = number
			}
		}
		for _, name := range names {
			if origin := (Origin{scheme, name, port}); !slices.Contains(origins, origin) {
				origins = append(origins, origin)
			}
		}
	}
	return origins
}

func (r *logReader) add(directive *apacheconf.Directive, scope *logScope, origins []Origin) {
	file := directive.Args[0]
	if strings.HasPrefix(file, "|") || strings.HasPrefix(file, "syslog") {
		r.passOver(directive, "is not written to a file by Apache itself")
		return
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(r.root, file)
	}
	format := scope.unnamed
	if len(directive.Args) > 1 && !strings.HasPrefix(directive.Args[1], "env=") && !strings.HasPrefix(directive.Args[1], "expr=") {
		format = directive.Args[1]
		if named, ok := scope.formats[format]; ok {
			format = named
		}
	}
	if _, err := ParseFormat(format); err != nil {
		r.passOver(directive, err.Error())
		return
	}
	log, ok := r.logs[file]
	if !ok {
		log = &Log{File: file}
		r.logs[file] = log
	}
	if !slices.Contains(log.Formats, format) {
		log.Formats = append(log.Formats, format)
	}
	for _, origin := range origins {
		if !slices.Contains(log.Origins, origin) {
			log.Origins = append(log.Origins, origin)
		}
	}
}

func (r *logReader) passOver(directive *apacheconf.Directive, why string) {
	line := directive.String() + ": the log " + directive.Args[0] + " " + why
	if !slices.Contains(r.passedOver, line) {
		r.passedOver = append(r.passedOver, line)
	}
}

// Rotated adds the earlier files of each log: NAME.1, NAME.2.gz and so on.
func Rotated(logs []Log) []Log {
	var all []Log
	for _, log := range logs {
		all = append(all, log)
		earlier, err := filepath.Glob(log.File + ".*")
		if err != nil {
			continue // a name that is no pattern has no earlier files
		}
		for _, file := range earlier {
			number := strings.TrimSuffix(strings.TrimPrefix(file, log.File+"."), ".gz")
			if _, err := strconv.Atoi(number); err == nil {
				all = append(all, Log{File: file, Formats: log.Formats, Origins: log.Origins})
			}
		}
	}
	return all
}
