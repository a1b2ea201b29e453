package translate

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/apacheconf"
)

func init() {
	Register(Part{
		Stage: StageSite,
		Directives: []string{"Timeout", "KeepAlive", "KeepAliveTimeout", "MaxKeepAliveRequests", "RequestReadTimeout",
			"LimitRequestFieldSize", "LimitRequestFields", "LimitRequestLine", "LimitInternalRecursion", "LimitXMLRequestBody",
			"MaxRangeOverlaps", "MaxRangeReversals"},
		Site: noteLimits,
	})
	Register(Part{Stage: StageIndex, Directives: []string{"LimitRequestBody"}, Scope: noteBodyLimit})
}

// noteLimits gives the verdicts on time-outs and limits, which Caddy has for
// all sites of a port together; writeServers writes them.
func noteLimits(s *Site, _ *Block) {
	for _, d := range s.Main {
		switch {
		case d.Is("KeepAlive", "MaxKeepAliveRequests", "Timeout", "LimitInternalRecursion", "LimitXMLRequestBody", "MaxRangeOverlaps", "MaxRangeReversals"):
			s.Harmless(d, "")
		case d.Is("KeepAliveTimeout", "LimitRequestFieldSize", "LimitRequestLine", "LimitRequestFields"):
			s.Translated(d)
		case d.Is("RequestReadTimeout"):
			s.Translated(d)
		}
	}
	for _, d := range s.Own {
		switch {
		case d.Is("KeepAlive", "MaxKeepAliveRequests", "Timeout", "KeepAliveTimeout", "LimitInternalRecursion", "MaxRangeOverlaps", "MaxRangeReversals", "LimitXMLRequestBody"):
			s.Harmless(d, "")
		case d.Is("LimitRequestFieldSize", "LimitRequestLine", "LimitRequestFields", "RequestReadTimeout"):
			s.Approximate(d, "the main server's value holds for all sites of a port", "write it outside of the virtual host")
		}
	}
	for _, section := range s.sections {
		for _, d := range section.All("LimitXMLRequestBody") {
			s.Harmless(d, "")
		}
	}
}

// serverOptions is the block of the options of all ports.
func (t *translation) serverOptions() *Block {
	if t.servers == nil {
		t.servers = NewBlock()
	}
	return t.servers
}

// writeServers writes the options of all ports: time-outs and limits as Apache
// had them, and its protocols.
func (t *translation) writeServers(b *Block) {
	servers := t.serverOptions()
	servers.Comment("as Apache: no HTTP/3; turn it on when the move is settled")
	servers.Line("protocols", "h1", "h2")
	timeouts := servers.Open("timeouts")
	readHeader, bodyIdle, rate := t.readTimeouts()
	if readHeader != "" {
		timeouts.Line("read_header", readHeader)
	}
	if bodyIdle != "" {
		timeouts.Line("read_body_idle", bodyIdle, rate)
	}
	idle := "5s"
	if d := t.lastMain("KeepAliveTimeout"); d != nil && len(d.Args) == 1 {
		switch value := strings.ToLower(d.Args[0]); {
		case isNumber(value) && value != "0":
			idle = value + "s"
		case strings.HasSuffix(value, "ms") && isNumber(strings.TrimSuffix(value, "ms")):
			idle = value
		}
	}
	timeouts.Line("idle", idle)
	servers.Line("max_header_size", strconv.Itoa(t.headerSize()))
	b.Open("servers").Append(servers)
}

// limit is the main server's value of one of the limits of a request, or
// Apache's default where none is given.
func (t *translation) limit(name string) (value int, given bool) {
	if d := t.lastMain(name); d != nil && len(d.Args) == 1 && isNumber(d.Args[0]) {
		value, _ = strconv.Atoi(d.Args[0])
		if value > 0 || name == "LimitRequestFields" {
			return value, true
		}
	}
	if name == "LimitRequestFields" {
		return 100, false
	}
	return 8190, false
}

// headerSize is the room that Apache has for the line and the fields of a
// request together; apache_request looks at each.
func (t *translation) headerSize() int {
	const unlimited = 1 << 20 // Caddy's own default
	line, _ := t.limit("LimitRequestLine")
	size, _ := t.limit("LimitRequestFieldSize")
	fields, _ := t.limit("LimitRequestFields")
	if fields == 0 {
		return unlimited
	}
	return max(line+fields*(size+len("\r\n")), 4096)
}

// readTimeouts reads RequestReadTimeout: header=20-40,minrate=500 body=10,minrate=500.
func (t *translation) readTimeouts() (header, bodyIdle, rate string) {
	if _, ok := t.tree.Modules["reqtimeout_module"]; !ok {
		return "", "", ""
	}
	header, bodyIdle, rate = "40s", "20s", "500"
	for _, d := range t.tree.Directives {
		if !d.Is("RequestReadTimeout") {
			continue
		}
		for _, arg := range d.Args {
			kind, value, _ := strings.Cut(strings.ToLower(arg), "=")
			span, minimum, _ := strings.Cut(value, ",minrate=")
			least, most, _ := strings.Cut(span, "-")
			switch {
			case kind == "header" && isNumber(cmp.Or(most, least)):
				header = seconds(cmp.Or(most, least))
			case kind == "body" && isNumber(least):
				bodyIdle, rate = seconds(least), "0"
				if isNumber(minimum) {
					rate = minimum
				}
			}
		}
	}
	return header, bodyIdle, rate
}

// seconds writes a number of seconds; none is no limit.
func seconds(number string) string {
	if strings.Trim(number, "0") == "" {
		return ""
	}
	return number + "s"
}

// lastMain is the main server's last directive of that name; nil without one.
func (t *translation) lastMain(name string) *apacheconf.Directive {
	return t.main[strings.ToLower(name)]
}

// lastByName is the last of each name, by the name in lower case.
func lastByName(directives []*apacheconf.Directive) map[string]*apacheconf.Directive {
	last := make(map[string]*apacheconf.Directive)
	for _, d := range directives {
		last[strings.ToLower(d.Name)] = d
	}
	return last
}

// noteBodyLimit speaks of LimitRequestBody, which Apache applies to files and
// programs of its own, not to what it forwards.
func noteBodyLimit(s *Site, sc *Scope, _ *Block) {
	for _, section := range s.Sections(sc) {
		for _, d := range section.All("LimitRequestBody") {
			if sc.Proxy != "" {
				s.Harmless(d, "Apache does not apply it to proxied requests")
			} else {
				s.Translated(d)
			}
		}
	}
}

// writeBodyLimit writes the limit before what answers with files.
func (s *Site) writeBodyLimit(sc *Scope, b *Block) {
	relevant := func(section *Section) bool { return section.Has("LimitRequestBody") }
	choices, ok := s.Choices(sc, relevant, func(taken []*Section) bool { return len(taken) > 0 })
	if !ok {
		return
	}
	s.WriteChoices(b, choices, func(b *Block, sections []*Section) {
		if d := Last(sections, "LimitRequestBody"); d != nil && len(d.Args) == 1 && isNumber(d.Args[0]) && d.Args[0] != "0" {
			b.Open("request_body").Line("max_size", d.Args[0])
		}
	})
}
