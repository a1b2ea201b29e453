package modrewrite

import (
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/urlpath"
)

// schemes are the beginnings of absolute URLs, and whether such have a query.
var schemes = []struct {
	prefix string
	query  bool
}{
	{"http://", true}, {"https://", true}, {"ws://", true}, {"wss://", true}, {"h2://", true}, {"h2c://", true},
	{"balancer://", true}, {"fcgi://", true}, {"scgi://", true}, {"ajp://", true}, {"unix://", true}, {"unix:", true},
	{"mailto:", true}, {"ftp://", false}, {"gopher://", false}, {"ldap://", false}, {"nntp://", false}, {"news:", false},
}

// schemeLength is the length of the scheme of an absolute URL, with its
// slashes; 0 for anything else.
func schemeLength(uri string) int {
	length, _ := absolute(uri)
	return length
}

func absolute(uri string) (length int, query bool) {
	if len(uri) <= 5 || uri[0] == '/' {
		return 0, false
	}
	for _, scheme := range schemes {
		if len(uri) >= len(scheme.prefix) && strings.EqualFold(uri[:len(scheme.prefix)], scheme.prefix) {
			return len(scheme.prefix), scheme.query
		}
	}
	return 0, false
}

// escapeAbsolute encodes what follows the host of an absolute URL.
func escapeAbsolute(uri string, scheme int) string {
	start := scheme
	if uri[scheme-1] == '/' {
		slash := strings.IndexByte(uri[scheme:], '/')
		if slash < 0 {
			return uri
		}
		start = scheme + slash + 1
	}
	return uri[:start] + urlpath.Escape(uri[start:])
}

// query is r->args: a text that may be absent.
type query struct {
	text    string
	present bool
}

// splitQuery takes the query out of the substituted URL.
func (e *evaluation) splitQuery(rule *Rule) {
	if rule.dropQuery {
		e.query = query{}
		return
	}
	scheme, takesQuery := absolute(e.filename)
	if scheme > 0 && !takesQuery {
		e.query = query{}
		return
	}
	if rule.discardQuery {
		e.query = query{}
	}
	mark := strings.IndexByte(e.filename[scheme:], '?')
	if rule.splitAtLast {
		mark = strings.LastIndexByte(e.filename[scheme:], '?')
	}
	if mark < 0 {
		return
	}
	added := e.filename[scheme+mark+1:]
	e.filename = e.filename[:scheme+mark]
	switch {
	case !rule.appendQuery:
		e.query = query{added, true}
	case added != "":
		e.query = query{added + "&" + e.query.text, true}
	}
	e.query.text = strings.TrimSuffix(e.query.text, "&")
	e.query.present = e.query.text != ""
}

// qualify makes an absolute URL of a path on this server.
func (e *evaluation) qualify() {
	if schemeLength(e.filename) > 0 {
		return
	}
	slash := ""
	if !strings.HasPrefix(e.filename, "/") {
		slash = "/"
	}
	e.filename = e.origin() + slash + e.filename
}

// origin is scheme, name and port of this server.
func (e *evaluation) origin() string {
	origin := e.Scheme + "://" + e.ServerName
	if e.Port != 0 && e.Port != defaultPort(e.Scheme) {
		origin += ":" + strconv.Itoa(e.Port)
	}
	return origin
}

func defaultPort(scheme string) int {
	if scheme == "https" {
		return 443
	}
	return 80
}

// reduce makes a path of a URL that points to this server.
func (e *evaluation) reduce() {
	prefix := e.Scheme + "://"
	if e.OwnHost == nil || len(e.filename) <= len(prefix) || !strings.EqualFold(e.filename[:len(prefix)], prefix) {
		return
	}
	authority, path := e.filename[len(prefix):], "/"
	if slash := strings.IndexByte(authority, '/'); slash >= 0 {
		authority, path = authority[:slash], authority[slash:]
	}
	host, portText, hasPort := strings.Cut(authority, ":")
	port := defaultPort(e.Scheme)
	if hasPort {
		port = leadingInteger(portText)
	}
	if e.OwnHost(host, port) {
		e.filename = path
		e.reduced = !e.rules.Options.LegacyPrefixDocRoot
	}
}

// replacePrefix puts subst in the place of the directory match.
func replacePrefix(input, match, subst string) string {
	match = strings.TrimSuffix(match, "/")
	rest, found := strings.CutPrefix(input, match)
	if !found || !strings.HasPrefix(rest, "/") {
		return input
	}
	if subst == "" {
		return rest[1:]
	}
	return strings.TrimSuffix(subst, "/") + rest
}
