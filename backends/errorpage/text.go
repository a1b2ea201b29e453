package errorpage

import (
	"net/http"
	"slices"

	"github.com/aditechsphere/fairway/backends/internal/text"
)

// TextOnly answers 404 to a request whose path or query has what no store can
// have: pages look up what their address says.
func TextOnly(pages http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !text.Storable(r.URL.Path) || !storable(r) {
			Write(w, r, http.StatusNotFound, "")
			return
		}
		pages.ServeHTTP(w, r)
	})
}

func storable(r *http.Request) bool {
	if r.URL.RawQuery == "" {
		return true
	}
	for _, values := range r.URL.Query() {
		if slices.ContainsFunc(values, func(value string) bool { return !text.Storable(value) }) {
			return false
		}
	}
	return true
}
