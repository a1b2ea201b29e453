package errorpage

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/aditechsphere/fairway/caddymodule/internal/lognames"
)

// logError writes what Caddy writes about a failed request, to the same
// loggers: it keeps silent itself, below DEBUG, once an error route answers.
func (h *Handler) logError(r *http.Request, failure caddyhttp.HandlerError) {
	message := "no cause given"
	if failure.Err != nil {
		message = failure.Err.Error()
	}
	for _, name := range lognames.Of(r) {
		h.logger.Named(name).Error(message,
			zap.Object("request", caddyhttp.LoggableHTTPRequest{Request: r}),
			zap.Int("status", failure.StatusCode),
			zap.String("err_id", failure.ID),
			zap.String("err_trace", failure.Trace))
	}
}
