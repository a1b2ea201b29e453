package crashtest_test

import (
	"fmt"
	"testing"
	"time"
)

// Killed at random moments with 50 clients writing, the server has everything
// that was acknowledged, each repeated request had one effect and gets the
// same answer, and the books balance.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			n := longOr(1000, 150)
			c := begin(t, newServer(t, binary, database), database == "postgres")
			back := c.kills(n)
			problems := c.end()
			c.report(fmt.Sprintf("%s, killed %d times", database, n), back)
			if len(problems) > 0 {
				t.Errorf("%d problems", len(problems))
			}
			// The short form shares the machine with all other tests.
			if median := back[len(back)/2]; soak() && median > 2*time.Second {
				t.Errorf("serving again after %v", median)
			}
			if least := int64(n * 5); c.acknowledged.Load() < least || c.cut.Load() < int64(n) {
				t.Errorf("%d acknowledged, %d cut off: not a load", c.acknowledged.Load(), c.cut.Load())
			}
		})
	}
}
