package apacheadapter

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// environmentTable is the variable of a request that holds what Apache calls
// its environment: what SetEnvIf, SetEnv and the flag E of a rewrite rule set.
// Each is also a variable of its own, apache_env.NAME, for placeholders.
const environmentTable = "apache_env"

// Environment is Apache's environment of the request; it must not be changed.
func Environment(r *http.Request) map[string]string {
	environment, _ := caddyhttp.GetVar(r.Context(), environmentTable).(map[string]string)
	return environment
}

// setEnvironment replaces the environment of the request.
func setEnvironment(r *http.Request, environment map[string]string) {
	ctx := r.Context()
	for name := range Environment(r) {
		if _, kept := environment[name]; !kept {
			caddyhttp.SetVar(ctx, environmentVariable(name), nil)
		}
	}
	for name, value := range environment {
		caddyhttp.SetVar(ctx, environmentVariable(name), value)
	}
	caddyhttp.SetVar(ctx, environmentTable, environment)
}

// renameEnvironment gives the environment to a request that starts over, where
// Apache puts REDIRECT_ before every name.
func renameEnvironment(r *http.Request) {
	renamed := make(map[string]string)
	for name, value := range Environment(r) {
		renamed["REDIRECT_"+name] = value
	}
	setEnvironment(r, renamed)
}
