package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// spec is Stripe's own description of its API, in OpenAPI 3.0.
type spec struct {
	Paths      map[string]map[string]*specOperation
	Components struct{ Schemas map[string]*schema }
}

type specOperation struct {
	Parameters []struct {
		Name, In string
		Required bool
		Schema   *schema
	}
	RequestBody struct {
		Content map[string]struct{ Schema *schema }
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema *schema }
	}
}

type schema struct {
	Ref                  string `json:"$ref"`
	Type                 string
	Nullable             bool
	Enum                 []any
	Required             []string
	Properties           map[string]*schema
	AdditionalProperties json.RawMessage
	Items                *schema
	AnyOf                []*schema
	MaxLength            int
}

// readSpec reads the description that comes with stripe-mock, a tool of this repository.
func readSpec(t *testing.T) *spec {
	t.Helper()
	const module = "github.com/stripe/stripe-mock"
	tools, err := filepath.Abs("../../../tools")
	must(t, err)
	fetch := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", module)
	fetch.Dir = tools
	said, err := fetch.Output()
	if err != nil {
		t.Fatalf("go mod download %s: %v\n%s", module, err, said)
	}
	var fetched struct{ Dir string }
	must(t, json.Unmarshal(said, &fetched))
	text, err := os.ReadFile(filepath.Join(fetched.Dir, "embedded", "openapi", "spec3.json"))
	must(t, err)
	s := new(spec)
	must(t, json.Unmarshal(text, s))
	return s
}

func (s *spec) resolve(of *schema) *schema {
	if of.Ref == "" {
		return of
	}
	return s.Components.Schemas[strings.TrimPrefix(of.Ref, "#/components/schemas/")]
}

// check says how a value differs from a schema.
func (s *spec) check(of *schema, value any, at string) error {
	of = s.resolve(of)
	if value == nil {
		if of.Nullable {
			return nil
		}
		return fmt.Errorf("%s is null", at)
	}
	if len(of.AnyOf) > 0 {
		return s.checkAny(of.AnyOf, value, at)
	}
	if len(of.Enum) > 0 {
		if !slices.Contains(of.Enum, value) {
			return fmt.Errorf("%s is %v, not one of %v", at, value, of.Enum)
		}
		return nil
	}
	kind := of.Type
	switch value := value.(type) {
	case string:
		if kind != "string" || of.MaxLength > 0 && len([]rune(value)) > of.MaxLength {
			return fmt.Errorf("%s is the text %.80q", at, value)
		}
	case bool:
		if kind != "boolean" {
			return fmt.Errorf("%s is a boolean", at)
		}
	case float64:
		if kind != "number" && (kind != "integer" || value != float64(int64(value))) {
			return fmt.Errorf("%s is the number %v", at, value)
		}
	case []any:
		if kind != "array" {
			return fmt.Errorf("%s is a list", at)
		}
		for n, one := range value {
			if err := s.check(of.Items, one, fmt.Sprint(at, "/", n)); err != nil {
				return err
			}
		}
	case map[string]any:
		if kind != "object" {
			return fmt.Errorf("%s is an object", at)
		}
		return s.checkMembers(of, value, at)
	}
	return nil
}

func (s *spec) checkAny(of []*schema, value any, at string) (err error) {
	for _, one := range of {
		wrong := s.check(one, value, at)
		if wrong == nil {
			return nil
		}
		// The alternative that fits the longest says the most.
		if err == nil || strings.Count(wrong.Error(), "/") > strings.Count(err.Error(), "/") {
			err = wrong
		}
	}
	return err
}

func (s *spec) checkMembers(of *schema, value map[string]any, at string) error {
	for _, name := range of.Required {
		if _, ok := value[name]; !ok {
			return fmt.Errorf("%s lacks %s", at, name)
		}
	}
	var others *schema
	if len(of.AdditionalProperties) > 0 && of.AdditionalProperties[0] == '{' {
		if err := json.Unmarshal(of.AdditionalProperties, &others); err != nil {
			return err
		}
	}
	for name, member := range value {
		property, ok := of.Properties[name]
		if !ok {
			property = others
		}
		if property == nil {
			if len(of.Properties) == 0 || value["object"] == "charge" && name == "source" {
				continue // an object of any members; and what Stripe's libraries have, but not its description
			}
			return fmt.Errorf("%s has %s, which is not described", at, name)
		}
		if err := s.check(property, member, at+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

// checkAnswer holds an answer against the description of its operation.
func (s *spec) checkAnswer(op *specOperation, got *httptest.ResponseRecorder) error {
	response, ok := op.Responses[fmt.Sprint(got.Code)]
	if !ok {
		response = op.Responses["default"]
	}
	var body any
	if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil {
		return err
	}
	return s.check(response.Content["application/json"].Schema, body, "")
}
