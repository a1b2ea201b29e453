package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
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

// Random calls, made of the operations and of pieces that fit and do not fit:
// no answer is a 5xx or outside the document, and a refused call stores nothing.
func TestRandomCalls(t *testing.T) {
	t.Parallel()
	operations := (&handler{}).operations()
	found := regexp.MustCompile(`"(ord|line|we|dlv)_[a-z2-7]{26}"`)
	byID := make(map[string]operation)
	for _, op := range operations {
		byID[op.ID] = op
	}
	names := slices.Sorted(maps.Keys(byID))
	rapid.Check(t, func(r *rapid.T) {
		s := newService(t)
		doc := described(t, s)
		t := r
		ids := []string{"x"}
		lines := []string{"line_x"}
		for range rapid.IntRange(1, 30).Draw(t, "calls") {
			op := byID[rapid.SampledFrom(names).Draw(t, "operation")]
			target := strings.ReplaceAll(op.Path, "{id}", rapid.SampledFrom(ids).Draw(t, "id"))
			if len(op.Query) > 0 && rapid.Bool().Draw(t, "has query") {
				target += "?" + op.Query[rapid.IntRange(0, len(op.Query)-1).Draw(t, "parameter")].Name + "=" +
					rapid.SampledFrom([]string{"", "1", "open", "paid", "eur", "coffee", "2026-03-04", "%00", "x", "-1"}).Draw(t, "value")
			}
			body, header := "", []string{}
			if op.Body != nil {
				body = drawBody(t, lines)
				if op.Takes != "" {
					header = append(header, "Content-Type", op.Takes)
				}
			}
			if rapid.Bool().Draw(t, "has key") {
				header = append(header, "Idempotency-Key", rapid.StringMatching(`k[0-9]{1,2}`).Draw(t, "key"))
			}
			if rapid.Bool().Draw(t, "has match") {
				header = append(header, "If-Match", rapid.SampledFrom([]string{"*", `"2-1"`, "x"}).Draw(t, "match"))
			}
			before := len(allEvents(t, s))
			w := s.do(op.Method, target, body, header...)
			if err := checkReply(doc, op, w); err != nil || w.Code >= 500 {
				t.Fatalf("%s %s %s %v: %d %s\n%v", op.Method, target, body, header, w.Code, w.Body, err)
			}
			if after := len(allEvents(t, s)); w.Code >= 400 && after != before {
				t.Fatalf("%s %s was refused with %d, yet wrote %d events", op.Method, target, w.Code, after-before)
			}
			for _, id := range found.FindAllString(w.Body.String(), 3) {
				if id = strings.Trim(id, `"`); strings.HasPrefix(id, "line") {
					lines = append(lines[:1], id)
				} else {
					ids = append(ids[max(0, len(ids)-8):], id)
				}
			}
		}
	})
}

func allEvents(t *rapid.T, s *service) []any {
	t.Helper()
	w := s.do("GET", "/v1/events", "")
	var shown struct{ Data []any }
	if err := json.Unmarshal(w.Body.Bytes(), &shown); err != nil {
		t.Fatal(err)
	}
	if len(shown.Data) == 0 {
		return nil
	}
	// The list has the newest 100: the newest id tells whether one was written.
	return []any{shown.Data[0]}
}

func drawBody(t *rapid.T, lines []string) string {
	line := rapid.SampledFrom(lines).Draw(t, "line")
	quantity := rapid.SampledFrom([]string{"1", "2", "0", "-1", "1.5", `"1"`}).Draw(t, "quantity")
	return rapid.SampledFrom([]string{
		"", "{}", coffee, "[", "null", `{"note":"x"}`, `{"metadata":{"a":null,"b":"c"}}`, `{"shipping":true}`, `{"shipping":{"amount":5}}`,
		fmt.Sprintf(`{"lines":[{"line":%q,"quantity":%s}]}`, line, quantity),
		fmt.Sprintf(`{"lines":[{"title":"T","quantity":%s,"unit_amount":99,"tax_rate":1900}],"currency":"eur","discount":{"rate":333},"draft":true}`, quantity),
		`{"url":"https://example.com","events":["*"]}`, `{"enabled":false}`, `{"email":"name@example.com"}`, `{"customer":{"email":"x"}}`,
		`{"tracking":{"number":"1"}}`, `{"unknown":1}`, `{"discount":{"amount":-1}}`, `{"manual_capture":true}`,
	}).Draw(t, "body")
}
