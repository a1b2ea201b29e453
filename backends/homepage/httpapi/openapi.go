package httpapi

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/internal/health"
	"github.com/aditechsphere/fairway/backends/internal/problem"
)

// node is a part of the OpenAPI document.
type node = map[string]any

// describe serves the OpenAPI document.
func describe(operations []operation, version string) http.Handler {
	text, err := json.MarshalIndent(document(operations, version), "", "  ")
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err != nil { // a test sees to it that there is none
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "no-cache")
		h.Set("Access-Control-Allow-Origin", "*") // tools in a browser read it
		h.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(text) // the client is gone when this fails
	})
}

// document is the OpenAPI 3.1 document of operations.
func document(operations []operation, version string) node {
	types := make(components)
	types.of(reflect.TypeFor[problem.Problem]())
	paths := make(node)
	for _, op := range operations {
		paths[op.Path] = node{"get": types.operation(op)}
	}
	return node{
		"openapi": "3.1.0",
		"info": node{
			"title": "Fairway Homepage", "version": strings.TrimPrefix(version, "v"),
			"description": "How the services of a server are. Times are UTC. Errors are RFC 9457 problems.",
			"license":     node{"name": "Apache 2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []node{{"url": "/", "description": "This server"}},
		"security": []node{{}},
		"paths":    paths,
		"components": node{
			"schemas": types,
			"securitySchemes": node{"key": node{
				"type": "http", "scheme": "bearer", "description": "An API key with the scope " + Scope + ", or a signed-in operator’s session.",
			}},
		},
	}
}

// components are the schemas of types by name.
type components map[string]any

func (c components) operation(op operation) node {
	content := node{op.Type: node{"schema": node{"type": "string"}}}
	if op.Reply != nil {
		content = node{"application/json": node{"schema": c.of(reflect.TypeOf(op.Reply))}}
	}
	responses := node{"200": node{"description": "OK", "content": content}}
	for _, status := range failuresOf(op) {
		response := node{"description": http.StatusText(status)}
		if op.Reply != nil {
			response["content"] = node{problem.ContentType: node{"schema": node{"$ref": "#/components/schemas/Problem"}}}
		}
		responses[strconv.Itoa(status)] = response
	}
	described := node{"operationId": op.ID, "summary": op.Summary, "responses": responses}
	if op.Detail != "" {
		described["description"] = op.Detail
	}
	if parameters := parametersOf(op); len(parameters) > 0 {
		described["parameters"] = parameters
	}
	switch {
	case op.Operator:
		described["security"] = []node{{"key": []string{}}}
	case op.Better:
		described["security"] = []node{{}, {"key": []string{}}}
	}
	return described
}

func failuresOf(op operation) []int {
	failures := op.Fails
	if op.Operator || op.Better {
		failures = append(slices.Clone(failures), http.StatusUnauthorized, http.StatusForbidden)
	}
	return failures
}

func parametersOf(op operation) []node {
	var parameters []node
	if strings.Contains(op.Path, "{id}") {
		parameters = append(parameters, node{
			"name": "id", "in": "path", "required": true, "description": "A service’s ID.", "schema": node{"type": "string"},
		})
	}
	for _, p := range op.Query {
		schema := node{"type": "string"}
		if p.Values != nil {
			schema["enum"] = p.Values
		}
		if p.Format != "" {
			schema["format"] = p.Format
		}
		parameters = append(parameters, node{"name": p.Name, "in": "query", "description": p.Detail, "schema": schema})
	}
	return parameters
}

// enumerations are the values of types and members that have few.
var enumerations = map[string]any{
	"Report.state": homepage.States, "Service.state": homepage.States,
	"Service.kind": []homepage.Kind{homepage.Embedded, homepage.Proxied, homepage.Static, homepage.Redirect, homepage.Other, ""},
	"Certificate.state": []homepage.CertificateState{
		homepage.CertificateExpired, homepage.CertificateMissing, homepage.CertificateOverdue, homepage.CertificateRetried,
		homepage.CertificatePending, homepage.CertificateValid,
	},
	"Attempt.outcome":    []homepage.Outcome{homepage.Began, homepage.Succeeded, homepage.Failed},
	"Evidence.source":    []homepage.Source{homepage.Measured, homepage.Probed},
	"History.resolution": []string{"minute", "hour", "day"},
	"Told.kind":          []string{"service", "certificate"},
	"Event.kind": []homepage.EventKind{
		homepage.ServerEvent, homepage.ReloadEvent, homepage.CertificateEvent, homepage.UpstreamEvent, homepage.ServiceEvent,
	},
	"Event.outcome":       []homepage.Outcome{homepage.Began, homepage.Succeeded, homepage.Failed, homepage.Lost},
	"UnservedOfKind.kind": homepage.UnservedKinds,
}

// of returns the schema of a type; structs become components.
func (c components) of(t reflect.Type) node {
	switch t.Kind() {
	case reflect.Pointer:
		return c.of(t.Elem()) // left out rather than null
	case reflect.Slice:
		return node{"type": "array", "items": c.of(t.Elem())}
	case reflect.Map:
		return node{"type": "object", "additionalProperties": c.of(t.Elem())}
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return node{"type": "string", "format": "date-time"}
		}
		return c.component(t)
	case reflect.Bool:
		return node{"type": "boolean"}
	case reflect.Float64:
		return node{"type": "number"}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return node{"type": "integer"}
	default:
		return node{"type": "string"}
	}
}

// component makes a struct a component and returns a reference to it.
func (c components) component(t reflect.Type) node {
	name := t.Name()
	if t == reflect.TypeFor[health.Report]() {
		name = "Health"
	}
	reference := node{"$ref": "#/components/schemas/" + name}
	if c[name] != nil {
		return reference
	}
	schema := node{"type": "object"}
	c[name] = schema
	properties := make(node)
	var always []string
	for field := range t.Fields() {
		member, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if member == "" || member == "-" {
			continue
		}
		properties[member] = c.of(field.Type)
		if values := enumerations[name+"."+member]; values != nil {
			properties[member] = node{"type": "string", "enum": values}
		}
		if options == "" {
			always = append(always, member)
		}
	}
	schema["properties"] = properties
	if len(always) > 0 {
		schema["required"] = always
	}
	return reference
}
