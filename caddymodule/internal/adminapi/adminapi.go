// Package adminapi is how Fairway's routes of Caddy's admin endpoint answer.
package adminapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
)

// Error is err as the answer with status.
func Error(status int, err error) error {
	return caddy.APIError{HTTPStatus: status, Err: err}
}

// MethodNotAllowed is the answer of a route that knows only the methods in
// allowed, such as "GET, PUT".
func MethodNotAllowed(w http.ResponseWriter, allowed string) error {
	w.Header().Set("Allow", allowed)
	return Error(http.StatusMethodNotAllowed, fmt.Errorf("method not allowed; there are: %s", allowed))
}

// WriteJSON answers with value, or with its error and nothing of it.
func WriteJSON(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	return err
}
