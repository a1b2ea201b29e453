package inbrowser

import (
	"encoding/json"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/backends/homepage"
	"github.com/aditechsphere/fairway/backends/homepage/browsertest"
)

// finding is one of Google's CSP evaluator.
type finding struct {
	Severity    int // smaller is worse
	Directive   string
	Description string
}

// mediumMaybe is the evaluator's severity of what is a weakness only beside
// others, such as files of users on our own origin, of which there are none.
// High, syntax, medium and perhaps high are below.
const mediumMaybe = 50

// evaluate asks the CSP evaluator of a policy.
func evaluate(t *testing.T, folder, policy string) (found []finding) {
	t.Helper()
	const program = `const {CspEvaluator} = require("csp_evaluator/dist/evaluator.js"), {CspParser} = require("csp_evaluator/dist/parser.js");
		console.log(JSON.stringify(new CspEvaluator(new CspParser(process.argv[1]).csp).evaluate()))`
	cmd := exec.Command("node", "-e", program, policy)
	cmd.Dir = folder
	said, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	if err := json.Unmarshal(said, &found); err != nil {
		t.Fatalf("%v in %s", err, said)
	}
	return found
}

// Google's CSP evaluator finds nothing of weight in the policy of any page, and
// does in one that is weak.
func TestContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	folder := browsertest.Modules(t)
	address := serve(t, many(3, homepage.Answering), true)
	evaluated := make(map[string]bool)
	for _, path := range []string{"/", "/services/service-1", "/nowhere", "/badge/service-1.svg", "/api/v1/services"} {
		response, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		policy := response.Header.Get("Content-Security-Policy")
		if policy == "" && strings.HasPrefix(response.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s has no policy", path)
		}
		if policy == "" || evaluated[policy] {
			continue
		}
		evaluated[policy] = true
		for _, f := range evaluate(t, folder, policy) {
			t.Logf("%s: severity %d, %s: %s", path, f.Severity, f.Directive, f.Description)
			if f.Severity < mediumMaybe {
				t.Errorf("%s: %s: %s", path, f.Directive, f.Description)
			}
		}
	}
	weak := evaluate(t, folder, "default-src 'self'; script-src 'self' 'unsafe-inline'")
	if len(evaluated) == 0 || len(weak) == 0 || weak[0].Severity >= mediumMaybe {
		t.Errorf("%d policies evaluated; of a weak one it says %+v", len(evaluated), weak)
	}
}
