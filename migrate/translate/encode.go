package translate

import (
	"maps"
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
		return section.Has("SetOutputFilter", "AddOutputFilterByType", "AddOutputFilter", "RemoveOutputFilter")
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
				s.Translated(d)
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
		if extensions := compressedExtensions(sections); len(extensions) > 0 && !slices.Contains(types, "*") {
			writeGzip(b.Open("encode", s.Matcher([]Condition{filesWith(extensions)}), "gzip"), []string{"*"})
		}
		if len(types) > 0 {
			writeGzip(b.Open("encode", "gzip"), types)
		}
	})
}

// writeGzip writes what answers of some types are compressed.
func writeGzip(encode *Block, types []string) {
	encode.Line("minimum_length", "1")
	match := encode.Open("match")
	for _, contentType := range types {
		match.Line("header", "Content-Type", Literal(contentType))
	}
}

// compressedExtensions are those of names whose files are compressed, as
// patterns. Later sections take back what earlier ones say.
func compressedExtensions(sections []*Section) []string {
	compressed := map[string]bool{}
	for _, section := range sections {
		for _, d := range section.All("RemoveOutputFilter") {
			for _, extension := range d.Args {
				delete(compressed, extensionOf(extension))
			}
		}
		for _, d := range section.All("AddOutputFilter") {
			for _, extension := range d.Args[min(1, len(d.Args)):] {
				compressed[extensionOf(extension)] = slices.ContainsFunc(filtersOf(d.Args), isCompression)
			}
		}
	}
	var extensions []string
	for _, extension := range slices.Sorted(maps.Keys(compressed)) {
		if compressed[extension] {
			extensions = append(extensions, quoteRegexp(extension))
		}
	}
	return extensions
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
