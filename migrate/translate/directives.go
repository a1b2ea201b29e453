package translate

import (
	"maps"
	"slices"
	"strings"
)

// Directives are the names, in lower case, of all directives that the
// translation knows: those that some part answers for, and those that can be
// left out without anybody noticing. Every other directive is refused.
func Directives() (answered, leftOut []string) {
	answered = slices.Sorted(maps.Keys(answerable))
	for name := range harmless {
		if !answerable[strings.ToLower(name)] {
			leftOut = append(leftOut, name)
		}
	}
	slices.Sort(leftOut)
	return answered, leftOut
}
