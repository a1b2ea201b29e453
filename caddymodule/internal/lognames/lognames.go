// Package lognames tells under which names Caddy logs a request, for handlers
// that write to the same logs.
package lognames

import (
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Of is the names under which the site of r logs, "" for the server's own:
// those of log_name, of the host, of a wildcard, or the default.
func Of(r *http.Request) []string {
	if names, ok := caddyhttp.GetVar(r.Context(), caddyhttp.AccessLoggerNameVarKey).([]any); ok {
		var given []string
		for _, name := range names {
			if name, ok := name.(string); ok {
				given = append(given, name)
			}
		}
		return given
	}
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || server.Logs == nil {
		return []string{""}
	}
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	host = strings.ToLower(host)
	if names, ok := server.Logs.LoggerNames[host]; ok {
		return names
	}
	labels := strings.Split(host, ".")
	for i := range labels {
		labels[i] = "*"
		if names, ok := server.Logs.LoggerNames[strings.Join(labels, ".")]; ok {
			return names
		}
	}
	return []string{server.Logs.DefaultLoggerName}
}
