package translate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// siteLoggers are the names under which a site in a block of its own logs.
type siteLoggers struct {
	name   string
	access int // how many access logs it has
}

// next is the name for one more access log.
func (l *siteLoggers) next() string { return l.nth(l.access) }

func (l *siteLoggers) nth(i int) string {
	if i == 0 {
		return l.name
	}
	return fmt.Sprintf("%s_%d", l.name, i+1)
}

// all are the names given out.
func (l *siteLoggers) all() []string {
	names := make([]string, l.access)
	for i := range names {
		names[i] = l.nth(i)
	}
	return names
}

// loggers are the whole names of the loggers of a site in a table, of a kind:
// its own, and for the first site that of requests that reach none.
func (e *tableEntry) loggers(kind string) []string {
	own := "http.log." + kind + "." + e.logger
	if e.isDefault {
		return []string{own, rootOf(own)}
	}
	return []string{own}
}

// rootOf is the logger of a site in a block or, for one in a table, the table's.
func rootOf(logger string) string {
	return strings.Join(strings.SplitN(logger, ".", 5)[:4], ".")
}

// sharedLogs are logs by where they go and how, each with those who write there.
type sharedLogs struct {
	list       []*sharedLog
	bySettings map[string]*sharedLog
}

type sharedLog struct {
	loggers  []string
	settings *Block
	from     *apacheconf.Directive // the first that asked for it
}

func (l *sharedLogs) add(from *apacheconf.Directive, settings *Block, loggers ...string) {
	key := settings.String()
	log := l.bySettings[key]
	if log == nil {
		if l.bySettings == nil {
			l.bySettings = map[string]*sharedLog{}
		}
		log = &sharedLog{settings: settings, from: from}
		l.bySettings[key], l.list = log, append(l.list, log)
	}
	log.loggers = append(log.loggers, loggers...)
}

// roots are the loggers below which all of these lie.
func (l *sharedLogs) roots() []string {
	var roots []string
	for _, log := range l.list {
		for _, name := range log.loggers {
			if root := rootOf(name); !slices.Contains(roots, root) {
				roots = append(roots, root)
			}
		}
	}
	return roots
}
