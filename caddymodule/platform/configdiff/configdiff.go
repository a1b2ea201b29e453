// Package configdiff says what differs between two configurations of Caddy: in
// the words of whoever wrote them, sites, services, upstreams and settings, and
// by names only. Values never show, for any of them may be a secret.
package configdiff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxNamed sites with the same changes are named, and things of a site that is
// new or gone.
const maxNamed = 4

// Changes are what a reader of the configurations would say has changed from
// one to the other, a line each, at most so many of them. Both are in Caddy's
// JSON.
func Changes(before, after []byte, most int) ([]string, error) {
	from, err := outlineOf(before)
	if err != nil {
		return nil, fmt.Errorf("the configuration from before: %w", err)
	}
	to, err := outlineOf(after)
	if err != nil {
		return nil, fmt.Errorf("the new configuration: %w", err)
	}
	lines := from.changesTo(to)
	if more := len(lines) - most; more > 0 {
		lines = append(lines[:most-1], fmt.Sprintf("and %d more changes", more+1))
	}
	return lines, nil
}

// changesTo compares subject by subject. Sites with the same changes share
// their lines: a snippet that many import is one change.
func (from outline) changesTo(to outline) []string {
	sharing := make(map[string][]string) // subjects by their changes
	var order []string
	for _, name := range sortedUnion(from, to) {
		changes := strings.Join(changed(from[name], to[name]), "\n")
		if changes == "" {
			continue
		}
		if sharing[changes] == nil {
			order = append(order, changes)
		}
		sharing[changes] = append(sharing[changes], name)
	}
	var lines []string
	for _, changes := range order {
		for change := range strings.SplitSeq(changes, "\n") {
			lines = append(lines, listed(sharing[changes])+change)
		}
	}
	return lines
}

// changed are the changes of one subject, each to be read after its name.
func changed(before, after subject) []string {
	switch {
	case before == nil:
		return []string{" added" + after.consists()}
	case after == nil:
		return []string{" removed" + before.consists()}
	}
	var lines []string
	for _, label := range sortedUnion(before, after) {
		was, wasThere := before[label]
		is, isThere := after[label]
		switch {
		case !wasThere && !is.coveredBy(before, after):
			lines = append(lines, ": "+label+" added")
		case !isThere && !was.coveredBy(after, before):
			lines = append(lines, ": "+label+" removed")
		case wasThere && isThere && was.fingerprint != is.fingerprint:
			lines = append(lines, ": "+label+" changed")
		}
	}
	return lines
}

// coveredBy reports whether a setting of what is in one subject and not in the
// other goes without saying.
func (f fact) coveredBy(without, with subject) bool {
	if f.of == "" {
		return false
	}
	_, there := without[f.of]
	_, here := with[f.of]
	return here && !there
}

// consists names the main things of a subject: ": service blog, upstream
// 127.0.0.1:8000".
func (s subject) consists() string {
	var names []string
	for _, label := range slices.Sorted(maps.Keys(s)) {
		if s[label].main {
			names = append(names, label)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return ": " + listed(names)
}

// listed names a few: "site a, site b and 7 more".
func listed(names []string) string {
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed-1], ", "), len(names)-maxNamed+1)
}

// sortedUnion are the keys of both.
func sortedUnion[K cmp.Ordered, V any, M ~map[K]V](a, b M) []K {
	all := maps.Clone(a)
	if all == nil {
		all = make(M)
	}
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}
