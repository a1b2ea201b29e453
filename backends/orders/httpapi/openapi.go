package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/problem"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/web"
)

// object is a JSON object.
type object = map[string]any

// describe serves the OpenAPI document of operations.
func describe(operations []operation, facts instance.Facts) http.Handler {
	text, err := json.MarshalIndent(document(operations, facts.Version), "", "  ")
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err != nil { // a test sees to it that there is none
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Access-Control-Allow-Origin", "*") // tools in a browser read it; it holds no secret
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(text) // the client is gone when this fails
	})
}

// document is the OpenAPI 3.1 document of operations.
func document(operations []operation, version string) object {
	s := &schemas{types: make(object)}
	paths := make(object)
	for _, op := range operations {
		item, ok := paths[op.Path].(object)
		if !ok {
			item = make(object)
			paths[op.Path] = item
		}
		item[strings.ToLower(op.Method)] = s.operation(op)
	}
	s.of(reflect.TypeFor[problem.Problem](), false)
	var tags []object
	for _, op := range operations {
		tag := object{"name": op.Group, "description": groupDetails[op.Group]}
		if !slices.ContainsFunc(tags, func(t object) bool { return t["name"] == op.Group }) {
			tags = append(tags, tag)
		}
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Fairway Orders", "version": strings.TrimPrefix(version, "v"),
			"description": "Keeps a shop's orders. Amounts are whole numbers in the currency's minor unit, rates hundredths of a percent, times UTC. Errors are RFC 9457 problems; programs decide by their type.",
			"contact":     object{"name": "Fairway", "url": "https://github.com/aditechsphere/fairway"},
			"license":     object{"name": "Apache 2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []object{{"url": "/", "description": "This server"}},
		"security": []object{{"key": []string{}}},
		"tags":     tags,
		"paths":    paths,
		"components": object{
			"schemas": s.types,
			"securitySchemes": object{"key": object{
				"type": "http", "scheme": "bearer", "description": "An API key of scope orders; for GET, orders:read will do.",
			}},
		},
	}
}

func (s *schemas) operation(op operation) object {
	described := object{
		"operationId": op.ID, "summary": op.Summary, "tags": []string{op.Group}, "responses": s.responses(op),
	}
	if op.Detail != "" {
		described["description"] = op.Detail
	}
	if parameters := parametersOf(op); len(parameters) > 0 {
		described["parameters"] = parameters
	}
	if op.Body != nil {
		described["requestBody"] = object{
			"required": op.Body != any(nothing{}) && needsBody(op),
			"content":  object{mediaType(op.Takes): object{"schema": s.of(reflect.TypeOf(op.Body), true)}},
		}
	}
	return described
}

// needsBody reports whether an empty object would be refused.
func needsBody(op operation) bool { return len(required[reflect.TypeOf(op.Body)]) > 0 }

func mediaType(given string) string {
	if given == "" {
		return "application/json"
	}
	return given
}

func parametersOf(op operation) []object {
	var parameters []object
	add := func(name, in, detail string, required bool, schema object) {
		parameters = append(parameters, object{"name": name, "in": in, "description": detail, "required": required, "schema": schema})
	}
	text := object{"type": "string"}
	if strings.Contains(op.Path, "{id}") {
		add("id", "path", "Id of the object.", true, text)
	}
	for _, p := range op.Query {
		schema := text
		if p.Number {
			schema = object{"type": "integer", "minimum": 1}
		}
		add(p.Name, "query", p.Detail, false, schema)
	}
	if takesKey(op) {
		add("Idempotency-Key", "header", "A random value of this one attempt; repeated, the first reply comes again.", op.Key, object{"type": "string", "maxLength": 255})
	}
	if changesOrder(op) {
		add("If-Match", "header", "ETag of the order as you read it.", op.Match, text)
	}
	if op.ID == "readOrder" {
		add("If-None-Match", "header", "ETags of what you have.", false, text)
	}
	return parameters
}

func takesKey(op operation) bool {
	return op.Method != http.MethodGet && op.Body != nil && op.ID != "erasePerson"
}

func changesOrder(op operation) bool {
	return slices.Contains(op.Fails, http.StatusPreconditionFailed)
}

func (s *schemas) responses(op operation) object {
	success := object{"description": http.StatusText(op.Status)}
	if op.Reply != nil {
		success["content"] = object{mediaType(op.Gives): object{"schema": s.of(reflect.TypeOf(op.Reply), false)}}
	}
	responses := object{strconv.Itoa(op.Status): success}
	if op.ID == "readOrder" {
		responses["304"] = object{"description": "Not Modified"}
	}
	for _, status := range failures(op) {
		responses[strconv.Itoa(status)] = object{
			"description": http.StatusText(status),
			"content":     object{problem.ContentType: object{"schema": object{"$ref": "#/components/schemas/Problem"}}},
		}
	}
	return responses
}

// failures are the statuses that an operation can fail with.
func failures(op operation) []int {
	statuses := []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusInternalServerError,
	}
	if op.Body != nil {
		statuses = append(statuses, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	if len(op.Query) > 0 {
		statuses = append(statuses, http.StatusBadRequest)
	}
	statuses = append(statuses, op.Fails...)
	slices.Sort(statuses)
	return slices.Compact(statuses)
}

// schemas collects the schemas of Go types.
type schemas struct{ types object }

// enumerations are the values of types that have few.
var enumerations = map[reflect.Type][]string{
	reflect.TypeFor[orders.Status](): {"draft", "open", "completed", "canceled", "archived"},
	reflect.TypeFor[orders.PaymentStatus](): {
		"unpaid", "authorized", "partially_paid", "paid", "overpaid", "partially_refunded", "refunded",
	},
	reflect.TypeFor[orders.FulfillmentStatus](): {"unfulfilled", "partial", "fulfilled", "partially_returned", "returned"},
	reflect.TypeFor[webhook.State]():            {"pending", "delivered", "failed", "canceled"},
}

// required are the members that a request must have.
var required = map[reflect.Type][]string{
	reflect.TypeFor[orders.NewOrder]():     {"currency", "lines"},
	reflect.TypeFor[orders.NewLine]():      {"title", "quantity", "unit_amount"},
	reflect.TypeFor[orders.LineQuantity](): {"line", "quantity"},
	reflect.TypeFor[orders.ReturnAsk]():    {"lines"},
	reflect.TypeFor[orders.NewEndpoint]():  {"url"},
	reflect.TypeFor[erasure]():             {"email"},
}

// of returns the schema of a type; structs become components.
func (s *schemas) of(t reflect.Type, request bool) object {
	switch {
	case t == reflect.TypeFor[orders.Instant]():
		return object{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[json.RawMessage]():
		return object{}
	case enumerations[t] != nil:
		return object{"type": "string", "enum": enumerations[t]}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return nullable(s.of(t.Elem(), request))
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem(), request)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem(), request)}
	case reflect.Struct:
		return s.component(t, request)
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer", "format": "int64"}
	}
	panic(fmt.Sprintf("the OpenAPI document has no schema for %v", t))
}

func nullable(schema object) object {
	if kind, ok := schema["type"].(string); ok {
		schema = maps.Clone(schema)
		schema["type"] = []string{kind, "null"}
		return schema
	}
	return object{"oneOf": []object{schema, {"type": "null"}}}
}

// component makes a struct a component and returns a reference to it.
func (s *schemas) component(t reflect.Type, request bool) object {
	name := componentName(t)
	if request && len(required[t]) == 0 && t.PkgPath() != "" && isShared(t) {
		name += "Input"
	}
	reference := object{"$ref": "#/components/schemas/" + name}
	if _, done := s.types[name]; done {
		return reference
	}
	schema := object{"type": "object"}
	s.types[name] = schema
	properties := make(object)
	var always []string
	for field := range t.Fields() {
		tag, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		properties[tag] = s.member(t, field, tag, request)
		if !request && options != "omitempty" {
			always = append(always, tag)
		}
	}
	if request {
		always = required[t]
		schema["additionalProperties"] = false
	}
	schema["properties"] = properties
	if len(always) > 0 {
		schema["required"] = always
	}
	return reference
}

// isShared reports whether a type is both sent and received.
func isShared(t reflect.Type) bool {
	for _, shared := range []reflect.Type{
		reflect.TypeFor[orders.Customer](), reflect.TypeFor[orders.Address](), reflect.TypeFor[orders.Shipping](), reflect.TypeFor[orders.Tracking](),
	} {
		if t == shared {
			return true
		}
	}
	return false
}

func (s *schemas) member(t reflect.Type, field reflect.StructField, name string, request bool) object {
	var schema object
	switch {
	case t == reflect.TypeFor[orders.EventData]() && name == "order":
		schema = s.of(reflect.TypeFor[orders.Order](), false)
	case !request && field.Type.Kind() == reflect.Pointer && strings.HasSuffix(field.Tag.Get("json"), ",omitempty"):
		schema = s.of(field.Type.Elem(), false) // left out rather than null
	default:
		schema = s.of(field.Type, request)
	}
	if detail := meaning(t, name); detail != "" {
		schema = maps.Clone(schema)
		schema["description"] = detail
	}
	return schema
}

// componentName is what a type is called: "Order", "EventList".
func componentName(t reflect.Type) string {
	name := t.Name()
	if base, argument, generic := strings.Cut(name, "["); generic {
		argument = argument[strings.LastIndex(argument, ".")+1 : len(argument)-1]
		name = argument + strings.ToUpper(base[:1]) + base[1:]
	}
	name = strings.TrimSuffix(name, "View")
	name = strings.ReplaceAll(name, "ViewList", "List")
	return strings.ToUpper(name[:1]) + name[1:]
}

// reference is what the page for people shows of the same operations.
func reference(operations []operation) web.Reference {
	doc := document(operations, "")
	components := doc["components"].(object)["schemas"].(object)
	var r web.Reference
	for _, op := range operations {
		if len(r.Groups) == 0 || r.Groups[len(r.Groups)-1].Name != op.Group {
			r.Groups = append(r.Groups, web.ReferenceGroup{Name: op.Group, Detail: groupDetails[op.Group]})
		}
		group := &r.Groups[len(r.Groups)-1]
		shown := web.ReferenceOperation{
			ID: op.ID, Method: op.Method, Path: op.Path, Summary: op.Summary, Detail: op.Detail, Status: op.Status, Failures: failures(op),
		}
		for _, p := range parametersOf(op) {
			if p["in"] != "path" {
				shown.Parameters = append(shown.Parameters, web.ReferenceField{
					Name: p["name"].(string), Type: p["in"].(string), Required: p["required"].(bool), Detail: p["description"].(string),
				})
			}
		}
		if op.Body != nil {
			shown.Body = componentOf(op.Body, components)
		}
		if op.Reply != nil && op.Gives != "text/csv" {
			shown.Reply = componentOf(op.Reply, components)
		}
		group.Operations = append(group.Operations, shown)
	}
	for _, name := range slices.Sorted(maps.Keys(components)) {
		r.Types = append(r.Types, referenceType(name, components[name].(object)))
	}
	return r
}

func componentOf(example any, components object) string {
	name := componentName(reflect.TypeOf(example))
	if _, ok := components[name]; ok {
		return name
	}
	return ""
}

func referenceType(name string, schema object) web.ReferenceType {
	shown := web.ReferenceType{Name: name}
	properties, _ := schema["properties"].(object)
	always, _ := schema["required"].([]string)
	for _, member := range slices.Sorted(maps.Keys(properties)) {
		property := properties[member].(object)
		detail, _ := property["description"].(string)
		if values, ok := property["enum"].([]string); ok {
			detail = strings.TrimSpace(detail + " One of " + strings.Join(values, ", ") + ".")
		}
		shown.Fields = append(shown.Fields, web.ReferenceField{
			Name: member, Type: typeName(property), Link: linkOf(property), Required: slices.Contains(always, member), Detail: detail,
		})
	}
	return shown
}

// typeName is a schema in a word or two.
func typeName(schema object) string {
	if link := linkOf(schema); link != "" && schema["type"] == nil {
		return link
	}
	switch kind := schema["type"].(type) {
	case []string:
		return strings.Join(kind, " or ")
	case string:
		if kind == "array" {
			return "array of " + typeName(schema["items"].(object))
		}
		if values, ok := schema["additionalProperties"].(object); ok {
			return "object of " + typeName(values)
		}
		return kind
	}
	return "any"
}

// linkOf is the component that a schema refers to, itself or by its items.
func linkOf(schema object) string {
	if reference, ok := schema["$ref"].(string); ok {
		return strings.TrimPrefix(reference, "#/components/schemas/")
	}
	for _, inner := range []string{"items", "additionalProperties"} {
		if schema, ok := schema[inner].(object); ok {
			return linkOf(schema)
		}
	}
	if either, ok := schema["oneOf"].([]object); ok {
		return linkOf(either[0])
	}
	return ""
}
