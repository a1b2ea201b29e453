package errorpage

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTextOnly(t *testing.T) {
	t.Parallel()
	pages := TextOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	for target, want := range map[string]int{
		"/": 204, "/orders/ord_1?q=caf%C3%A9&q=%zz": 204,
		"/orders/%00": 404, "/orders/%ff": 404, "/?q=%00": 404, "/?a=1&q=%ff": 404, "/?%zz=1&q=%00": 404,
	} {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
		if w.Code != want {
			t.Errorf("%s: %d, want %d", target, w.Code, want)
		}
	}
}
