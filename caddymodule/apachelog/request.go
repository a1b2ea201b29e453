package apachelog

import (
	"encoding/base64"
	"errors"
	"net"
	"net/url"
	pathpkg "path"
	"strings"

	"go.uber.org/zap/buffer"
)

// appendRequestLine is %r: the request line as the client sent it, except that
// a password in an absolute URI is hidden.
func appendRequestLine(line *buffer.Buffer, r *record) {
	if r.method == "" {
		line.AppendByte('-')
		return
	}
	accessEscapes.append(line, r.method)
	line.AppendByte(' ')
	accessEscapes.append(line, hidePassword(r.uri))
	line.AppendByte(' ')
	accessEscapes.append(line, r.proto)
}

// hidePassword writes scheme://user:password@host as Apache does.
func hidePassword(uri string) string {
	scheme, rest, absolute := strings.Cut(uri, "://")
	if !absolute || strings.HasPrefix(uri, "/") {
		return uri
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	if at < 0 {
		return uri
	}
	user, _, hasPassword := strings.Cut(rest[:at], ":")
	if !hasPassword {
		return uri
	}
	return scheme + "://" + user + ":XXXXXXXX" + rest[at:]
}

// path is %U.
func path(c *compiler, s spec) (appender, error) {
	if s.final {
		return nil, errors.New("the URI as handlers have rewritten it is not in Caddy's log records; %U prints it as sent")
	}
	return plain(func(line *buffer.Buffer, r *record) { appendText(line, decodedPath(r.uri)) })(c, s)
}

// decodedPath returns the path of a request target, without escapes, empty
// segments and dot segments.
func decodedPath(target string) string {
	encoded, _, _ := strings.Cut(target, "?")
	if _, rest, absolute := strings.Cut(encoded, "://"); absolute && !strings.HasPrefix(encoded, "/") {
		if slash := strings.IndexByte(rest, '/'); slash >= 0 {
			encoded = rest[slash:]
		} else {
			encoded = "/"
		}
	}
	decoded, err := url.PathUnescape(encoded)
	if err != nil {
		return encoded
	}
	if !strings.HasPrefix(decoded, "/") || !strings.Contains(decoded, "/.") && !strings.Contains(decoded, "//") {
		return decoded
	}
	clean := pathpkg.Clean(decoded)
	if clean != "/" && (strings.HasSuffix(decoded, "/") || strings.HasSuffix(decoded, "/.") || strings.HasSuffix(decoded, "/..")) {
		clean += "/"
	}
	return clean
}

// appendQuery is %q: the query with its question mark, or nothing.
func appendQuery(line *buffer.Buffer, r *record) {
	if at := strings.IndexByte(r.uri, '?'); at >= 0 {
		accessEscapes.append(line, r.uri[at:])
	}
}

// appendUser is %u. Apache also names the user whose password was wrong, which
// the record tells only where the server logs credentials.
func appendUser(line *buffer.Buffer, r *record) {
	user := r.userID
	if user == "" && r.status == 401 {
		user, _ = r.claimedUser()
	}
	appendText(line, user)
}

// claimedUser is the name in the Authorization header, and whether there is
// such a header at all.
func (r *record) claimedUser() (name string, claimed bool) {
	scheme, credentials, _ := strings.Cut(r.authorization, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", r.authorization != ""
	}
	decoded, err := base64.StdEncoding.DecodeString(strings.TrimSpace(credentials))
	if err != nil {
		return "", true
	}
	name, _, _ = strings.Cut(string(decoded), ":")
	return name, true
}

// sitePort is the port the client says it asked, else its scheme's.
func (r *record) sitePort() string {
	if _, port, err := net.SplitHostPort(r.host); err == nil && isNumber(port) {
		return port
	}
	if r.tls.present {
		return "443"
	}
	return "80"
}

func isNumber(text string) bool {
	return text != "" && len(text) <= 5 && strings.Trim(text, "0123456789") == ""
}

// loggableHostname is the host name of a Host header, lower-case and without
// port; "" unless it has nothing but characters a host name can have, because
// formats print it outside of quotes.
func loggableHostname(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	for i := range len(name) {
		ch := name[i]
		if (ch < 'a' || ch > 'z') && (ch < '0' || ch > '9') && !strings.ContainsRune("-._:", rune(ch)) {
			return ""
		}
	}
	return name
}
