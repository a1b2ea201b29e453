package translate

import (
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// Stage is a place in a site's route, or in a scope of it.
type Stage int

// The stages of a site in the order of Apache's hooks, then those of a scope.
const (
	StageSite Stage = iota // in the site block, outside of its route: log, tls
	StageEarly
	StageRewrite
	StageProxy
	StageRedirect
	StageAlias
	StageDocument
	StageAccess
	StageFixup
	StageIndex
	StageHeader
	StageHandler
	StageError // in the site's handle_errors
	stages
)

// Part translates some directives in one stage. A site's part is called once
// for each site, a scope's part once for each scope of each site; it records a
// verdict on every directive it knows what to do with.
type Part struct {
	Stage Stage
	// Directives are the names this part answers for. A directive that no part
	// names is refused as unknown.
	Directives []string
	// Site writes a stage of a site; Scope one of a scope. Just one is set.
	Site  func(s *Site, b *Block)
	Scope func(s *Site, sc *Scope, b *Block)
}

var (
	parts      [stages][]Part
	answerable = map[string]bool{} // lower case
)

// Register adds a part; those of one stage are called in the order of their
// files' names. It is called from init functions.
func Register(p Part) {
	parts[p.Stage] = append(parts[p.Stage], p)
	for _, name := range p.Directives {
		answerable[strings.ToLower(name)] = true
	}
}

// Answerable tells whether some part answers for the directive.
func Answerable(d *apacheconf.Directive) bool { return answerable[strings.ToLower(d.Name)] }
