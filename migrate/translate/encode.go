package translate

import (
	"slices"
	"strings"
)

var encodeNames = []string{"SetOutputFilter", "AddOutputFilterByType", "AddOutputFilter", "RemoveOutputFilter", "SetInputFilter", "AddInputFilter", "FilterDeclare", "FilterProvider", "FilterChain",
	"DeflateCompressionLevel", "DeflateMemLevel", "DeflateWindowSize", "DeflateBufferSize", "DeflateFilterNote", "DeflateAlterETag",
	"BrotliCompressionQuality", "BrotliCompressionWindow", "BrotliFilterNote", "BrotliAlterETag", "BrotliCompressionMaxInputBlock",
	"BrotliWindowSize"}

func init() {
	Register(Part{Stage: StageHeader, Directives: encodeNames, Scope: writeEncode})
}

// writeEncode writes compression: what Apache compresses with deflate or
// brotli, Caddy compresses with gzip.
func writeEncode(s *Site, sc *Scope, b *Block) {
	relevant := func(section *Section) bool {
		return section.Has("SetOutputFilter", "AddOutputFilterByType", "AddOutputFilter")
	}
	for _, section := range s.Sections(sc) {
		for _, d := range section.All(encodeNames...) {
			switch {
			case d.Is("SetOutputFilter", "AddOutputFilterByType", "AddOutputFilter"):
				if filters := filtersOf(d.Args); len(d.Args) == 0 || slices.ContainsFunc(filters, func(f string) bool { return !isCompression(f) }) {
					s.Refuse(d, "only the filters DEFLATE and BROTLI_COMPRESS have an equivalent", "")
					continue
				}
				s.Translated(d)
			case strings.HasPrefix(strings.ToLower(d.Name), "deflate"), strings.HasPrefix(strings.ToLower(d.Name), "brotli"):
				s.Harmless(d, "")
			case d.Is("RemoveOutputFilter"):
				s.Approximate(d, "the filter stays", "")
			default:
				s.Refuse(d, "filters have no equivalent", "")
			}
		}
	}
	choices, ok := s.Choices(sc, relevant, nil)
	if !ok {
		return
	}
	s.WriteChoices(b, choices, func(b *Block, sections []*Section) {
		types := compressedTypes(sections)
		if len(types) == 0 {
			return
		}
		encode := b.Open("encode", "gzip")
		encode.Line("minimum_length", "1")
		match := encode.Open("match")
		for _, contentType := range types {
			match.Line("header", "Content-Type", Literal(contentType))
		}
	})
}

// filtersOf splits A;B.
func filtersOf(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	return strings.Split(args[0], ";")
}

func isCompression(filter string) bool {
	return strings.EqualFold(filter, "DEFLATE") || strings.EqualFold(filter, "BROTLI_COMPRESS")
}

// compressedTypes are the types of answers that the sections compress; "*" is all.
func compressedTypes(sections []*Section) []string {
	var types []string
	for _, section := range sections {
		for _, d := range section.All("SetOutputFilter", "AddOutputFilterByType") {
			if !slices.ContainsFunc(filtersOf(d.Args), isCompression) {
				continue
			}
			if d.Is("SetOutputFilter") {
				return []string{"*"}
			}
			for _, contentType := range d.Args[1:] {
				if pattern := contentType + "*"; !slices.Contains(types, pattern) {
					types = append(types, pattern)
				}
			}
		}
	}
	return types
}
