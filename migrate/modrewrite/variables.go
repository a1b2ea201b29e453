package modrewrite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/migrate/modssl"
)

// software is %{SERVER_SOFTWARE} as Apache has it with ServerTokens Prod.
const software = "Apache"

// refusedVariables are those that Apache knows and this package cannot tell.
var refusedVariables = []string{"SCRIPT_USER", "SCRIPT_GROUP", "REMOTE_IDENT", "API_VERSION"}

// checkVariables refuses text with a variable that cannot be told.
func checkVariables(text string) error {
	for rest := text; ; {
		start := strings.Index(rest, "%{")
		if start < 0 {
			return nil
		}
		rest = rest[start+2:]
		name, _, _ := strings.Cut(rest, "}")
		upper := strings.ToUpper(name)
		switch {
		case strings.HasPrefix(upper, "LA-U:"), strings.HasPrefix(upper, "LA-F:"):
			return fmt.Errorf("%%{%s} looks ahead with a request of its own, which is not translated", name)
		case strings.HasPrefix(upper, "SSL:") && !modssl.Known(name[len("SSL:"):]):
			return fmt.Errorf("%%{%s} is not known", name)
		case slices.Contains(refusedVariables, upper):
			return fmt.Errorf("%%{%s} is not translated", name)
		}
	}
}

// variable is the value of %{name}; one that Apache does not know is empty.
func (e *evaluation) variable(name string) string {
	if kind, key, found := strings.Cut(name, ":"); found && key != "" {
		switch strings.ToUpper(kind) {
		case "ENV":
			return e.environment[key]
		case "SSL":
			if e.SSL != nil {
				return e.SSL(key)
			}
			return ""
		case "HTTP":
			return e.header(key)
		}
	}
	name = strings.ToUpper(name)
	if strings.HasPrefix(name, "TIME") {
		return e.time(name)
	}
	return e.named(name)
}

func (e *evaluation) named(name string) string {
	switch name {
	case "REQUEST_URI":
		return e.Path
	case "REQUEST_FILENAME", "SCRIPT_FILENAME":
		return e.filename
	case "PATH_INFO":
		return e.pathInfo
	case "QUERY_STRING":
		return e.query.text
	case "HTTPS":
		if e.Scheme == "https" {
			return "on"
		}
		return "off"
	case "HTTP_HOST":
		return e.Host
	case "HTTP_ACCEPT":
		return e.header("Accept")
	case "HTTP_COOKIE":
		return e.header("Cookie")
	case "HTTP_REFERER":
		return e.header("Referer")
	case "HTTP_FORWARDED":
		return e.header("Forwarded")
	case "HTTP_USER_AGENT":
		return e.header("User-Agent")
	case "HTTP_PROXY_CONNECTION":
		return e.header("Proxy-Connection")
	}
	return e.fact(name)
}

// fact is a variable that is the same for all rules of a request.
func (e *evaluation) fact(name string) string {
	switch name {
	case "REQUEST_METHOD":
		return e.Method
	case "REQUEST_SCHEME":
		return e.Scheme
	case "THE_REQUEST":
		return e.Line
	case "SERVER_PROTOCOL":
		return e.Protocol
	case "SERVER_NAME":
		return e.ServerName
	case "SERVER_PORT":
		return strconv.Itoa(e.Port)
	case "SERVER_ADDR":
		return e.ServerAddress
	case "SERVER_ADMIN":
		return e.ServerAdmin
	case "SERVER_SOFTWARE":
		return software
	case "REMOTE_ADDR", "REMOTE_HOST", "CONN_REMOTE_ADDR":
		return e.RemoteAddress
	case "REMOTE_PORT":
		return e.RemotePort
	case "REMOTE_USER":
		return e.User
	case "DOCUMENT_ROOT":
		return e.DocumentRoot
	case "CONTEXT_PREFIX":
		return e.ContextPrefix
	case "CONTEXT_DOCUMENT_ROOT":
		if e.ContextRoot != "" {
			return e.ContextRoot
		}
		return e.DocumentRoot
	case "IS_SUBREQ":
		return strconv.FormatBool(e.Subrequest)
	case "IPV6":
		if strings.Contains(e.RemoteAddress, ":") {
			return "on"
		}
		return "off"
	}
	return ""
}

// header is a header of the request, several joined as Apache does, and notes
// that it was looked at.
func (e *evaluation) header(name string) string {
	if strings.EqualFold(name, "Host") {
		return e.Host
	}
	values := e.Header.Values(name)
	if len(values) == 0 {
		return ""
	}
	e.varyNow = append(e.varyNow, name)
	return strings.Join(values, ", ")
}

var timeLayouts = map[string]string{
	"TIME": "20060102150405", "TIME_YEAR": "2006", "TIME_MON": "01", "TIME_DAY": "02",
	"TIME_HOUR": "15", "TIME_MIN": "04", "TIME_SEC": "05",
}

func (e *evaluation) time(name string) string {
	if name == "TIME_WDAY" {
		return strconv.Itoa(int(e.now().Weekday()))
	}
	if layout, ok := timeLayouts[name]; ok {
		return e.now().Format(layout)
	}
	return ""
}
