package bylogger

import (
	"fmt"
	"io"

	"github.com/caddyserver/caddy/v2"
)

// writers are the outputs of all configurations, by key: while one replaces
// another, both write to the same open file.
var writers = caddy.NewUsagePool()

// open opens an output, or joins those who have it open.
func open(opener caddy.WriterOpener) (io.Writer, error) {
	shared, _, err := writers.LoadOrNew(opener.WriterKey(), func() (caddy.Destructor, error) {
		writer, err := opener.OpenWriter()
		return output{writer}, err
	})
	if err != nil {
		return nil, err
	}
	writer, ok := shared.(io.Writer)
	if !ok {
		return nil, fmt.Errorf("%T does not write", shared)
	}
	return writer, nil
}

// output is a writer that a pool closes after its last use.
type output struct{ io.WriteCloser }

// Destruct implements caddy.Destructor.
func (o output) Destruct() error { return o.Close() }
