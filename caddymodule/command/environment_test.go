package command

import (
	"maps"
	"strings"
	"testing"
)

func TestParseEnvironment(t *testing.T) {
	t.Parallel()
	got, err := parseEnvironment([]byte(`# the sites
DOMAIN=example.com
  HTTP_PORT = 80
QUOTED="a b"
SINGLE='c=d'
EMPTY=
; also a comment
ODD="
`))
	want := map[string]string{
		"DOMAIN": "example.com", "HTTP_PORT": "80", "QUOTED": "a b", "SINGLE": "c=d", "EMPTY": "", "ODD": `"`,
	}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("parseEnvironment = %v, %v, want %v", got, err, want)
	}
	for _, bad := range []string{"A=1\nnonsense", "A=1\n=2", "A=1\nexport B=2"} {
		if _, err := parseEnvironment([]byte(bad)); err == nil || !strings.HasPrefix(err.Error(), "2:") {
			t.Errorf("%q: %v, want an error in line 2", bad, err)
		}
	}
}
