package problem

import (
	"net/http/httptest"
	"testing"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		problem Problem
		want    string
	}{
		"whole": {
			Problem{
				Type: "https://example.com/invalid", Title: "Invalid", Status: 422, Detail: "Two fields.", Instance: "/orders/1",
				Errors: []FieldError{{Pointer: "/lines/0", Detail: "is <empty>"}, {Parameter: "limit", Detail: "is too large"}},
			},
			`{"type":"https://example.com/invalid","title":"Invalid","status":422,"detail":"Two fields.","instance":"/orders/1",` +
				`"errors":[{"pointer":"/lines/0","detail":"is \u003cempty\u003e"},{"parameter":"limit","detail":"is too large"}]}` + "\n",
		},
		"status alone": {
			Problem{Status: 404},
			`{"type":"about:blank","title":"Not Found","status":404}` + "\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			Write(w, tc.problem)
			if w.Code != tc.problem.Status || w.Header().Get("Content-Type") != "application/problem+json" ||
				w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d %v", w.Code, w.Header())
			}
			if got := w.Body.String(); got != tc.want {
				t.Errorf("got  %swant %s", got, tc.want)
			}
		})
	}
}
