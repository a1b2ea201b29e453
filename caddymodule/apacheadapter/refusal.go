package apacheadapter

import (
	"errors"
	"maps"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// refuser is a handler that tells with which error it would answer a request,
// without answering it. Nil: it would let it through.
type refuser interface {
	refuses(r *http.Request) error
}

// refusersVariable holds the refusers that a request has come through, in order.
const refusersVariable = "apache_refusers"

// passes notes that r comes through a refuser.
func passes(r *http.Request, h refuser) {
	passed, _ := caddyhttp.GetVar(r.Context(), refusersVariable).([]refuser)
	caddyhttp.SetVar(r.Context(), refusersVariable, append(passed, h))
}

// refusal is the error with which the server would answer the visitor of r for
// a name in the folder that r asks for, or for a path of the site; nil where it
// would let the visitor through to the file.
func refusal(r *http.Request, name string) error {
	passed, _ := caddyhttp.GetVar(r.Context(), refusersVariable).([]refuser)
	if len(passed) == 0 {
		return nil
	}
	asked := requestFor(r, name)
	for _, h := range passed {
		if err := h.refuses(asked); err != nil {
			return err
		}
	}
	return nil
}

// isNotFound tells whether an error is answered with 404.
func isNotFound(err error) bool {
	var failure caddyhttp.HandlerError
	return errors.As(err, &failure) && failure.StatusCode == http.StatusNotFound
}

// requestFor is a GET of the same visitor for a name in the folder that r asks
// for, or for a path of the site. It shares nothing with r that handlers change.
func requestFor(r *http.Request, name string) *http.Request {
	asked := r.Clone(r.Context())
	asked.Method, asked.Body, asked.URL.RawQuery = http.MethodGet, http.NoBody, ""
	server, _ := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	asked = caddyhttp.PrepareRequest(asked, caddy.NewReplacer(), discarded{}, server)
	vars, _ := asked.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	if known, ok := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any); ok {
		maps.Copy(vars, known)
	}
	vars[subrequestVariable] = true
	if len(name) > 0 && name[0] == '/' {
		delete(vars, uriVariable)
		setPath(asked, name)
		return asked
	}
	if uri, ok := vars[uriVariable].(string); ok {
		vars[uriVariable] = inFolder(uri, name)
	}
	setPath(asked, inFolder(r.URL.Path, name))
	return asked
}

func inFolder(folder, name string) string {
	if len(folder) > 0 && folder[len(folder)-1] == '/' {
		return folder + name
	}
	return folder + "/" + name
}

// discarded is an answer that nobody reads.
type discarded struct{}

func (discarded) Header() http.Header         { return make(http.Header) }
func (discarded) Write(p []byte) (int, error) { return len(p), nil }
func (discarded) WriteHeader(int)             {}
