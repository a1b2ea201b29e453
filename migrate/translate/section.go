package translate

import (
	"regexp"
	"slices"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

// Kind is a kind of section.
type Kind int

// Kinds of sections, in the order in which Apache merges them.
const (
	KindServer         Kind = iota // outside of sections: the main server's, then the virtual host's
	KindDirectory                  // shortest path first; a .htaccess file after its folder's
	KindDirectoryMatch             // and <Directory ~>
	KindFiles                      // <Files>, <FilesMatch>
	KindProxy                      // <Proxy>, <ProxyMatch>: take the place of the three above
	KindLocation                   // <Location>, <LocationMatch>
	KindIf
)

// Section is a part of the configuration that applies where its conditions
// hold. Nested sections are sections of their own with the conditions of both.
type Section struct {
	Kind Kind
	// Opening is the opening line; nil for KindServer and .htaccess files.
	Opening *apacheconf.Directive
	// Conditions must all hold. There are none for KindServer.
	Conditions []Condition
	// Directives are what stands in it, without nested sections, but with
	// <Limit>, <LimitExcept>, <RequireAll> and their like.
	Directives []*apacheconf.Directive
	// Main tells that it belongs to the main server, not to the virtual host.
	Main bool
	// Folder is that of a .htaccess file, or "".
	Folder string
	// override is what AllowOverride lets a .htaccess file say.
	override override

	depth   int  // of a Directory: the segments of its path
	applied bool // to a scope of some site
}

// Condition is what a section asks of a request.
type Condition struct {
	Kind Kind // KindDirectory, KindFiles, KindProxy, KindLocation, KindIf
	// Pattern is a path, a file name, a URL or an expression.
	Pattern string
	// Regexp tells that Pattern is a regular expression, Glob that it has wildcards.
	Regexp, Glob bool
}

// Has tells whether the section has a directive of one of names, also within
// <Limit> and the like.
func (s *Section) Has(names ...string) bool {
	found := false
	apacheconf.Walk(s.Directives, func(d *apacheconf.Directive) { found = found || d.Is(names...) })
	return found
}

// All gives the section's own directives of one of names, in order.
func (s *Section) All(names ...string) []*apacheconf.Directive {
	var all []*apacheconf.Directive
	for _, d := range s.Directives {
		if d.Is(names...) {
			all = append(all, d)
		}
	}
	return all
}

// Last gives the last directive of one of names in the sections, which is the
// one that holds where a later replaces an earlier one. Nil when there is none.
func Last(sections []*Section, names ...string) *apacheconf.Directive {
	for _, section := range slices.Backward(sections) {
		if all := section.All(names...); len(all) > 0 {
			return all[len(all)-1]
		}
	}
	return nil
}

// Reach tells for which requests of a scope a section applies.
type Reach int

// Reaches.
const (
	Never Reach = iota
	Sometimes
	Always
)

// Scope is a part of a site's URL space that is answered in one way.
type Scope struct {
	// URLPrefix is what the path of every request here begins with, at a
	// segment's border; "/" says nothing.
	URLPrefix string
	// Root is the folder that URLPrefix is mapped to. "" when that is not known
	// before a request comes, as with AliasMatch.
	Root string
	// Proxy is the backend's URL as Apache forms it (http://127.0.0.1:5000/),
	// or "" for files.
	Proxy string
}

// reach tells for which requests of the scope the section applies.
func (sc *Scope) reach(section *Section) Reach {
	reach := Always
	for _, condition := range section.Conditions {
		reach = min(reach, sc.reachOf(condition))
	}
	return reach
}

func (sc *Scope) reachOf(c Condition) Reach {
	switch c.Kind {
	case KindDirectory, KindDirectoryMatch:
		return sc.reachOfDirectory(c)
	case KindFiles:
		if sc.Proxy != "" {
			return Never
		}
		return Sometimes
	case KindProxy:
		return sc.reachOfProxy(c)
	case KindLocation:
		if c.Regexp || c.Glob {
			return Sometimes
		}
		return compare(c.Pattern, sc.URLPrefix)
	default:
		return Sometimes
	}
}

func (sc *Scope) reachOfDirectory(c Condition) Reach {
	switch {
	case sc.Proxy != "":
		return Never
	case c.Pattern == "/" && !c.Regexp:
		return Always
	case c.Regexp || c.Glob || sc.Root == "":
		return Sometimes
	default:
		return compare(c.Pattern, sc.Root)
	}
}

// reachOfProxy compares URLs as Apache does: by their first characters, or
// with wildcards.
func (sc *Scope) reachOfProxy(c Condition) Reach {
	switch {
	case sc.Proxy == "":
		return Never
	case c.Pattern == "*" && !c.Regexp:
		return Always
	case c.Regexp:
		return Sometimes
	case c.Glob:
		return Sometimes
	case strings.HasPrefix(sc.Proxy, c.Pattern):
		return Always
	case strings.HasPrefix(c.Pattern, sc.Proxy):
		return Sometimes
	default:
		return Never
	}
}

// compare tells for which paths at or below base the path prefix holds.
func compare(prefix, base string) Reach {
	switch {
	case within(base, prefix):
		return Always
	case within(prefix, base):
		return Sometimes
	default:
		return Never
	}
}

// within tells whether path is prefix or below it, segment by segment. As in
// Apache, a prefix that ends in a slash does not hold for the folder itself
// without its slash.
func within(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(prefix, "/"))
}

// implies tells whether every request for which a holds has b hold too.
func implies(a, b Condition) bool {
	if a == b {
		return true
	}
	if a.Kind != b.Kind || a.Regexp || b.Regexp || a.Glob || b.Glob {
		return false
	}
	return (a.Kind == KindLocation || a.Kind == KindDirectory) && within(a.Pattern, b.Pattern)
}

// excludes tells whether no request has both hold.
func excludes(a, b Condition) bool {
	if a.Kind != b.Kind || a.Regexp || b.Regexp || a.Glob || b.Glob {
		return false
	}
	return (a.Kind == KindLocation || a.Kind == KindDirectory) && !within(a.Pattern, b.Pattern) && !within(b.Pattern, a.Pattern)
}

var globCharacters = regexp.MustCompile(`[*?\[]`)

// conditionOf reads the argument of a section's opening line.
func conditionOf(d *apacheconf.Directive) (Condition, bool) {
	var kind Kind
	match := false
	switch strings.ToLower(d.Name) {
	case "directory":
		kind = KindDirectory
	case "directorymatch":
		kind, match = KindDirectory, true
	case "files":
		kind = KindFiles
	case "filesmatch":
		kind, match = KindFiles, true
	case "location":
		kind = KindLocation
	case "locationmatch":
		kind, match = KindLocation, true
	case "proxy":
		kind = KindProxy
	case "proxymatch":
		kind, match = KindProxy, true
	case "if":
		return Condition{Kind: KindIf, Pattern: strings.TrimSpace(strings.Join(d.Args, " "))}, len(d.Args) > 0
	default:
		return Condition{}, false
	}
	args := d.Args
	if len(args) == 2 && args[0] == "~" && !match {
		args, match = args[1:], true
	}
	if len(args) != 1 || args[0] == "" {
		return Condition{}, false
	}
	pattern := args[0]
	if kind == KindDirectory && !match {
		pattern = strings.TrimSuffix(cleanSlashes(pattern), "/")
		if pattern == "" {
			pattern = "/"
		}
	}
	return Condition{Kind: kind, Pattern: pattern, Regexp: match, Glob: !match && globCharacters.MatchString(pattern)}, true
}

// cleanSlashes makes one slash of several, as Apache does with paths.
func cleanSlashes(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}
