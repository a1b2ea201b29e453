package errorpage

import (
	"strconv"
	"strings"
)

type form int

const (
	asText form = iota
	asHTML
	asJSON
)

// preferred is the form an Accept header asks for by name. A wildcard asks for
// nothing in particular, and gets text.
func preferred(accept []string) form {
	var quality [3]float64
	for _, line := range accept {
		for entry := range strings.SplitSeq(line, ",") {
			mediaType, params, _ := strings.Cut(entry, ";")
			f := formOf(strings.ToLower(strings.TrimSpace(mediaType)))
			quality[f] = max(quality[f], qualityOf(params))
		}
	}
	switch {
	case quality[asHTML] > 0 && quality[asHTML] >= quality[asJSON]:
		return asHTML
	case quality[asJSON] > 0:
		return asJSON
	default:
		return asText
	}
}

func formOf(mediaType string) form {
	switch {
	case mediaType == "text/html", mediaType == "application/xhtml+xml":
		return asHTML
	case mediaType == "application/json", strings.HasSuffix(mediaType, "+json"):
		return asJSON
	default:
		return asText
	}
}

// qualityOf is the q among a media type's parameters; 1 when there is none or
// it can't be read.
func qualityOf(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		if q, err := strconv.ParseFloat(value, 64); err == nil {
			return q
		}
	}
	return 1
}
