package errorpage

import (
	"net"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
)

// logError writes what Caddy writes about a failed request, to the same
// loggers: it keeps silent itself, below DEBUG, once an error route answers.
func (h *Handler) logError(r *http.Request, failure caddyhttp.HandlerError) {
	message := "no cause given"
	if failure.Err != nil {
		message = failure.Err.Error()
	}
	for _, name := range loggerNames(r) {
		h.logger.Named(name).Error(message,
			zap.Object("request", caddyhttp.LoggableHTTPRequest{Request: r}),
			zap.Int("status", failure.StatusCode),
			zap.String("err_id", failure.ID),
			zap.String("err_trace", failure.Trace))
	}
}

// loggerNames is the names under which the site of r logs, "" for the
// server's own: those of log_name, of the host, of a wildcard, or the default.
func loggerNames(r *http.Request) []string {
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
