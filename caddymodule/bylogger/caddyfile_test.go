package bylogger

import (
	"testing"

	"github.com/aditechsphere/fairway/caddymodule/internal/golden"
)

func TestCaddyfile(t *testing.T) {
	t.Parallel()
	golden.Run(t, "testdata")
}
