package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// described reads the document as clients do.
func described(t testing.TB, s *service) map[string]any {
	t.Helper()
	w := s.do("GET", "/openapi.json", "", "Authorization", "")
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 {
		t.Fatalf("%d %.300s", w.Code, w.Body)
	}
	return doc
}

// Each operation of the document reaches a handler, and methods that the
// document lacks reach none.
func TestTheDocumentIsWhatIsServed(t *testing.T) {
	t.Parallel()
	s := newService(t)
	paths := described(t, s)["paths"].(map[string]any)
	for path, item := range paths {
		target := strings.ReplaceAll(path, "{id}", "x_missing")
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			w := s.do(method, target, "")
			_, documented := item.(map[string]any)[strings.ToLower(method)]
			if served := w.Code != 405; served != documented {
				t.Errorf("%s %s: documented %v, answered %d", method, path, documented, w.Code)
			}
		}
	}
	for _, op := range (&handler{}).operations() {
		if _, ok := paths[op.Path]; !ok {
			t.Errorf("%s is served and not documented", op.Path)
		}
	}
}

// Every reference leads somewhere, every operation has what linters ask for.
func TestTheDocumentIsWhole(t *testing.T) {
	t.Parallel()
	doc := described(t, newService(t))
	components := doc["components"].(map[string]any)["schemas"].(map[string]any)
	var walk func(at string, value any)
	walk = func(at string, value any) {
		switch value := value.(type) {
		case map[string]any:
			if reference, ok := value["$ref"].(string); ok {
				if _, ok := components[strings.TrimPrefix(reference, "#/components/schemas/")]; !ok {
					t.Errorf("%s refers to %s, which is not there", at, reference)
				}
			}
			for name, inner := range value {
				walk(at+"/"+name, inner)
			}
		case []any:
			for i, inner := range value {
				walk(fmt.Sprint(at, "/", i), inner)
			}
		}
	}
	walk("", doc)
	seen := make(map[string]bool)
	for path, item := range doc["paths"].(map[string]any) {
		for method, operation := range item.(map[string]any) {
			op := operation.(map[string]any)
			name, _ := op["operationId"].(string)
			if name == "" || seen[name] || op["summary"] == "" || len(op["tags"].([]any)) != 1 {
				t.Errorf("%s %s: %v", method, path, op)
			}
			seen[name] = true
		}
	}
}

// checkSchema says how a value differs from a schema of the document.
func checkSchema(doc, schema map[string]any, value any, at string) error {
	if reference, ok := schema["$ref"].(string); ok {
		components := doc["components"].(map[string]any)["schemas"].(map[string]any)
		return checkSchema(doc, components[strings.TrimPrefix(reference, "#/components/schemas/")].(map[string]any), value, at)
	}
	if either, ok := schema["oneOf"].([]any); ok {
		for _, one := range either {
			if checkSchema(doc, one.(map[string]any), value, at) == nil {
				return nil
			}
		}
		return fmt.Errorf("%s fits none of the alternatives: %v", at, value)
	}
	if err := checkType(schema["type"], value, at); err != nil {
		return err
	}
	if values, ok := schema["enum"].([]any); ok && !slices.Contains(values, value) {
		return fmt.Errorf("%s is %v, not one of %v", at, value, values)
	}
	if schema["type"] == nil {
		return nil // anything
	}
	switch value := value.(type) {
	case []any:
		for i, inner := range value {
			if err := checkSchema(doc, schema["items"].(map[string]any), inner, fmt.Sprint(at, "/", i)); err != nil {
				return err
			}
		}
	case map[string]any:
		return checkMembers(doc, schema, value, at)
	}
	return nil
}

func checkMembers(doc, schema, value map[string]any, at string) error {
	properties, _ := schema["properties"].(map[string]any)
	always, _ := schema["required"].([]any)
	for _, name := range always {
		if _, ok := value[name.(string)]; !ok {
			return fmt.Errorf("%s lacks %s", at, name)
		}
	}
	for name, inner := range value {
		property, ok := properties[name].(map[string]any)
		if !ok {
			if property, ok = schema["additionalProperties"].(map[string]any); !ok {
				return fmt.Errorf("%s has %s, which is not described", at, name)
			}
		}
		if err := checkSchema(doc, property, inner, at+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

func checkType(want, value any, at string) error {
	kind := map[bool]string{true: "null"}[value == nil]
	switch number := value.(type) {
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		kind = "integer"
		if number != float64(int64(number)) {
			kind = "number"
		}
	case []any:
		kind = "array"
	case map[string]any:
		kind = "object"
	}
	switch want := want.(type) {
	case string:
		if kind != want {
			return fmt.Errorf("%s is %s, not %s", at, kind, want)
		}
	case []any:
		if !slices.Contains(want, any(kind)) {
			return fmt.Errorf("%s is %s, not one of %v", at, kind, want)
		}
	}
	return nil
}

// checkReply holds a reply against the document.
func checkReply(doc map[string]any, op operation, w *httptest.ResponseRecorder) error {
	item := doc["paths"].(map[string]any)[op.Path].(map[string]any)[strings.ToLower(op.Method)].(map[string]any)
	response, ok := item["responses"].(map[string]any)[fmt.Sprint(w.Code)].(map[string]any)
	if !ok {
		return fmt.Errorf("%d is not described", w.Code)
	}
	content, _ := response["content"].(map[string]any)
	mediaType, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
	if content == nil || !strings.HasSuffix(mediaType, "json") || mediaType == "application/x-ndjson" {
		return nil
	}
	media, ok := content[mediaType].(map[string]any)
	if !ok {
		return fmt.Errorf("%d in %s is not described", w.Code, mediaType)
	}
	var body any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		return err
	}
	return checkSchema(doc, media["schema"].(map[string]any), body, "")
}
