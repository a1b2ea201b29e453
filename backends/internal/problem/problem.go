// Package problem writes errors as RFC 9457 problem details.
package problem

import (
	"encoding/json"
	"net/http"
)

// ContentType is the media type of a problem.
const ContentType = "application/problem+json"

// Problem says what went wrong with one request.
type Problem struct {
	Type     string       `json:"type"`               // a URI that stays the same for one kind of problem
	Title    string       `json:"title"`              // the kind in words, the same for every occurrence
	Status   int          `json:"status"`             // the HTTP status
	Detail   string       `json:"detail,omitempty"`   // what was wrong this time and what to do
	Instance string       `json:"instance,omitempty"` // a URI for this occurrence
	Errors   []FieldError `json:"errors,omitempty"`   // one entry per faulty field
}

// FieldError says what is wrong with one part of the request.
type FieldError struct {
	Pointer   string `json:"pointer,omitempty"`   // JSON Pointer into the body, e.g. "/lines/0/quantity"
	Parameter string `json:"parameter,omitempty"` // or the name of a query parameter
	Detail    string `json:"detail"`
}

// Write answers with p. An empty Type becomes "about:blank" with the status's
// own words as the title, as RFC 9457 has it. Problems are never cached.
func Write(w http.ResponseWriter, p Problem) {
	if p.Type == "" {
		p.Type = "about:blank"
	}
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	body, err := json.Marshal(p)
	if err != nil { // nothing in a Problem can fail to marshal
		http.Error(w, p.Title, p.Status)
		return
	}
	header := w.Header()
	header.Set("Content-Type", ContentType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // the client is gone when this fails
}
