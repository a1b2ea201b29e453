package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// described reads the document as clients do.
func described(t *testing.T, h http.Handler) map[string]any {
	t.Helper()
	w := get(h, "/api/v1/openapi.json", "")
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != http.StatusOK || doc["openapi"] != "3.1.0" {
		t.Fatalf("%d %v %.300s", w.Code, err, w.Body)
	}
	return doc
}

// answerTo asks for a path; streams are left after a moment.
func answerTo(t *testing.T, h http.Handler, method, path string, operator bool) *httptest.ResponseRecorder {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, method, path, nil)
	if operator {
		r.Header.Set("Cookie", "operator")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// What is documented is served, to whom it says, and every answer is as it says.
func TestTheDocumentIsWhatIsServed(t *testing.T) {
	t.Parallel()
	h := newHandler(orders, blog, wiki, attic)
	doc := described(t, h)
	for path, item := range doc["paths"].(map[string]any) {
		op := item.(map[string]any)["get"].(map[string]any)
		target := strings.ReplaceAll(path, "{id}", "blog")
		for _, operator := range []bool{true, false} {
			w := answerTo(t, h, http.MethodGet, target, operator)
			if err := checkAnswer(doc, op, w); err != nil {
				t.Errorf("%s, operator %v: %d %.200s\n%v", target, operator, w.Code, w.Body, err)
			}
			if refused := w.Code == http.StatusUnauthorized; refused != (!operator && mustBeOperator(op)) {
				t.Errorf("%s, operator %v: %d", target, operator, w.Code)
			}
		}
		if w := answerTo(t, h, http.MethodPost, target, true); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: %d", target, w.Code)
		}
	}
	for target, status := range map[string]int{
		"/api/v1/services/none/history":                                          http.StatusNotFound,
		"/api/v1/services/blog/history?resolution=no":                            http.StatusBadRequest,
		"/api/v1/services/blog/history?resolution=day&from=2026-01-02T15:04:05Z": http.StatusOK,
	} {
		op := doc["paths"].(map[string]any)["/api/v1/services/{id}/history"].(map[string]any)["get"].(map[string]any)
		w := answerTo(t, h, http.MethodGet, target, false)
		if err := checkAnswer(doc, op, w); err != nil || w.Code != status {
			t.Errorf("%s: %d, %v", target, w.Code, err)
		}
	}
}

func mustBeOperator(op map[string]any) bool {
	security, _ := op["security"].([]any)
	return len(security) == 1
}

// Every route of the API is in the document.
func TestEveryOperationIsDescribed(t *testing.T) {
	t.Parallel()
	doc := described(t, newHandler())
	seen := make(map[any]bool)
	for path, item := range doc["paths"].(map[string]any) {
		op := item.(map[string]any)["get"].(map[string]any)
		if id := op["operationId"]; id == "" || seen[id] || op["summary"] == "" {
			t.Errorf("%s: %v", path, op)
		}
		seen[op["operationId"]] = true
	}
	if len(seen) != 11 {
		t.Errorf("%d operations", len(seen))
	}
}

// checkAnswer says how an answer differs from what is documented.
func checkAnswer(doc, op map[string]any, w *httptest.ResponseRecorder) error {
	response, ok := op["responses"].(map[string]any)[fmt.Sprint(w.Code)].(map[string]any)
	if !ok {
		return fmt.Errorf("the status %d is not documented", w.Code)
	}
	content, ok := response["content"].(map[string]any)
	if !ok {
		return nil
	}
	kind := w.Header().Get("Content-Type")
	media, ok := content[kind].(map[string]any)
	if !ok {
		return fmt.Errorf("the type %s is not documented", kind)
	}
	if !strings.HasSuffix(kind, "json") {
		return nil
	}
	var body any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		return err
	}
	return checkValue(doc, media["schema"].(map[string]any), body, "the answer")
}

// checkValue says how a value differs from a schema.
func checkValue(doc, schema map[string]any, value any, at string) error {
	if reference, ok := schema["$ref"].(string); ok {
		all := doc["components"].(map[string]any)["schemas"].(map[string]any)
		schema = all[strings.TrimPrefix(reference, "#/components/schemas/")].(map[string]any)
	}
	if values, ok := schema["enum"].([]any); ok && !slices.Contains(values, value) {
		return fmt.Errorf("%s is %v, not one of %v", at, value, values)
	}
	kind := ""
	switch value := value.(type) {
	case map[string]any:
		return checkObject(doc, schema, value, at)
	case []any:
		items, ok := schema["items"].(map[string]any)
		for i := 0; ok && i < len(value); i++ {
			if err := checkValue(doc, items, value[i], fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
		kind = "array"
	case string:
		kind = "string"
		if _, err := time.Parse(time.RFC3339, value); err != nil && schema["format"] == "date-time" {
			return fmt.Errorf("%s is %q, no time", at, value)
		}
	case bool:
		kind = "boolean"
	case float64:
		kind = "number"
		if schema["type"] == "integer" && value == float64(int64(value)) {
			kind = "integer"
		}
	}
	if schema["type"] != kind {
		return fmt.Errorf("%s is %v, of type %q and not %v", at, value, kind, schema["type"])
	}
	return nil
}

func checkObject(doc, schema, object map[string]any, at string) error {
	properties, _ := schema["properties"].(map[string]any)
	others, _ := schema["additionalProperties"].(map[string]any)
	if schema["type"] != "object" {
		return fmt.Errorf("%s is an object and not %v", at, schema["type"])
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, ok := object[name.(string)]; !ok {
			return fmt.Errorf("%s lacks %s", at, name)
		}
	}
	for name, value := range object {
		member, ok := properties[name].(map[string]any)
		if !ok {
			member = others
		}
		if member == nil {
			return fmt.Errorf("%s.%s is not documented", at, name)
		}
		if err := checkValue(doc, member, value, at+"."+name); err != nil {
			return err
		}
	}
	return nil
}
