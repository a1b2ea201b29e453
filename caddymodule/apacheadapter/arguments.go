package apacheadapter

import "strings"

var unescapeBraces = strings.NewReplacer(`\{`, "{", `\}`, "}")

// unescape undoes translate.Literal in an argument without placeholders.
func unescape(argument string) string { return unescapeBraces.Replace(argument) }
