package apacheadapter

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/expression"
)

// subject answers what an expression asks about a request.
type subject struct {
	*http.Request
	response http.Header // of the answer; nil before there is one
}

// Variable implements expression.Request.
func (s subject) Variable(name string) string {
	switch name {
	case "REQUEST_METHOD":
		return s.Method
	case "REQUEST_SCHEME":
		return schemeOf(s.Request)
	case "REQUEST_URI":
		return locationPath(s.Request)
	case "QUERY_STRING":
		return s.URL.RawQuery
	case "THE_REQUEST":
		if original, ok := s.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
			return original.Method + " " + original.RequestURI + " " + s.Proto
		}
		return s.Method + " " + s.RequestURI + " " + s.Proto
	case "SERVER_NAME":
		host, _ := serverOf(s.Request, "", 0)
		return host
	case "SERVER_PORT":
		_, port := serverOf(s.Request, "", 0)
		return strconv.Itoa(port)
	case "SERVER_PROTOCOL":
		return s.Proto
	}
	return s.client(name)
}

// client is a variable of the connection, or of who has signed in.
func (s subject) client(name string) string {
	switch name {
	case "REMOTE_ADDR":
		return clientAddress(s.Request)
	case "REMOTE_PORT":
		_, port, _ := net.SplitHostPort(s.RemoteAddr)
		return port
	case "REMOTE_USER":
		if replacer, ok := s.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
			user, _ := replacer.GetString("http.auth.user.id")
			return user
		}
		return ""
	case "IPV6":
		if strings.Contains(clientAddress(s.Request), ":") {
			return "on"
		}
		return "off"
	}
	return sslVariable(s.Request, name) // HTTPS and SSL_…
}

// Header implements expression.Request.
func (s subject) Header(name string) string {
	if strings.EqualFold(name, "Host") {
		return s.Host
	}
	return strings.Join(s.Request.Header.Values(name), ", ")
}

// ResponseHeader implements expression.Request.
func (s subject) ResponseHeader(name string) string {
	return strings.Join(s.response.Values(name), ", ")
}

// Environment implements expression.Request.
func (s subject) Environment(name string) string { return Environment(s.Request)[name] }

// varyVariable holds the headers of the request that expressions have asked
// about, for the answer that apache_file gives. As in Apache, errors, redirects
// and answers of backends do not name them.
const varyVariable = "apache_vary"

func noteVary(r *http.Request, names []string) {
	known, _ := caddyhttp.GetVar(r.Context(), varyVariable).([]string)
	for _, name := range names {
		if !slices.Contains(known, name) {
			known = append(slices.Clip(known), name)
		}
	}
	caddyhttp.SetVar(r.Context(), varyVariable, known)
}

// addVary says in an answer which headers of the request it depends on.
func addVary(header http.Header, names []string) {
	for _, name := range names {
		if !slices.Contains(header["Vary"], name) {
			header.Add("Vary", name)
		}
	}
}

// Interface guard
var _ expression.Request = subject{}
