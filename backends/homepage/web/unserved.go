package web

import (
	"fmt"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/internal/look"
)

// listedNames of each kind of unserved traffic are on the page.
const listedNames = 6

// unserved is a kind of unserved traffic as the template shows it.
type unserved struct {
	homepage.UnservedOfKind
	now time.Time
}

func unservedOf(all []homepage.UnservedOfKind, now time.Time) []unserved {
	kinds := make([]unserved, len(all))
	for i, kind := range all {
		kinds[i] = unserved{kind, now}
	}
	return kinds
}

// unservedWords say what each kind is, after a number.
var unservedWords = map[homepage.UnservedKind]string{
	homepage.UnknownHost: "requests for a host that no site has",
	homepage.UnknownName: "failed handshakes for a name that no site has",
	homepage.NoRoute:     "requests that nothing in their site answered",
	homepage.OtherName:   "requests for another name than the handshake’s",
}

// Says what the kind is.
func (u unserved) Says() string { return unservedWords[u.Kind] }

// unservedName is a name as the template shows it.
type unservedName struct {
	homepage.Unserved
	Live string // what its values are called in the stream
	now  time.Time
}

// Listed are the most frequent names.
func (u unserved) Listed() []unservedName {
	listed := make([]unservedName, min(listedNames, len(u.Names)))
	for i := range listed {
		listed[i] = unservedName{u.Names[i], fmt.Sprintf("unserved/%s/%d", u.Kind, i), u.now}
	}
	return listed
}

// Others is how many came under names that are not listed.
func (u unserved) Others() uint64 {
	others := u.Total
	for _, name := range u.Listed() {
		others -= name.Count
	}
	return others
}

// Shown is the name, and that in the handshake where it differs.
func (n unservedName) Shown() string {
	name := n.Name
	if name == "" {
		name = "(no name)"
	}
	if n.SNI != "" {
		name += " (handshake for " + n.SNI + ")"
	}
	return name
}

// Age is how long ago it came last.
func (n unservedName) Age() string { return look.Span(max(n.now.Sub(n.Last), 0)) + " ago" }

// live adds the values under the names that the template has.
func (u unserved) live(values map[string]string) {
	values["unserved/"+string(u.Kind)] = look.Count(u.Total)
	values["unserved/"+string(u.Kind)+"/others"] = look.Count(u.Others())
	for _, n := range u.Listed() {
		values[n.Live] = n.Shown()
		values[n.Live+"/count"] = look.Count(n.Count)
		values[n.Live+"/age"] = n.Age()
	}
}
