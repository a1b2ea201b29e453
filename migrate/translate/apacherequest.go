package translate

import (
	"strconv"
	"strings"
)

func init() {
	Register(Part{Stage: StageEarly, Directives: []string{"AllowEncodedSlashes", "MergeSlashes"}, Site: writeRequest})
}

// writeRequest writes what reads the path as Apache does, which everything
// after it relies on.
func writeRequest(s *Site, b *Block) {
	options := b.Detached()
	for _, d := range s.All("AllowEncodedSlashes", "MergeSlashes") {
		if len(d.Args) != 1 {
			s.Refuse(d, "it takes On or Off", "correct the line")
			return
		}
		s.Translated(d)
	}
	if d := s.Last("AllowEncodedSlashes"); d != nil && !strings.EqualFold(d.Args[0], "Off") {
		options.Line("encoded_slashes", strings.ToLower(d.Args[0]))
	}
	if d := s.Last("MergeSlashes"); d != nil && strings.EqualFold(d.Args[0], "Off") {
		options.Line("merge_slashes", "off")
	}
	for _, option := range [][2]string{{"LimitRequestLine", "limit_line"}, {"LimitRequestFieldSize", "limit_field"}, {"LimitRequestFields", "limit_fields"}} {
		if limit, given := s.t.limit(option[0]); given {
			options.Line(option[1], strconv.Itoa(limit))
		}
	}
	openUnlessEmpty(b, "apache_request", options)
}
