// Package wildcard compares names with patterns as Apache does where it has no
// paths in mind: names of hosts, of files in a listing.
package wildcard

// Match tells whether pattern stands for the whole of text: * for any bytes,
// none included, ? for one, and every other byte for itself. It is Apache's
// ap_strcmp_match.
func Match(pattern, text string) bool {
	star, from := -1, 0 // the last *, and where the text after its share begins
	at := 0
	for i := 0; i < len(text); {
		switch {
		case at < len(pattern) && pattern[at] == '*':
			star, from = at, i
			at++
		case at < len(pattern) && (pattern[at] == '?' || pattern[at] == text[i]):
			at++
			i++
		case star >= 0: // the * takes one byte more
			from++
			at, i = star+1, from
		default:
			return false
		}
	}
	for at < len(pattern) && pattern[at] == '*' {
		at++
	}
	return at == len(pattern)
}
