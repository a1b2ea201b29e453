package apachelog

import (
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
)

// encoder is the zapcore.Encoder behind the module.
type encoder struct{ recorder }

var (
	lines    = buffer.NewPool()
	encoders = sync.Pool{New: func() any { return new(encoder) }}
)

func newEncoder(f *format) *encoder {
	return &encoder{recorder{format: f, record: record{values: make([]value, len(f.wanted))}}}
}

// Clone returns an independent copy, with the fields added so far.
func (e *encoder) Clone() zapcore.Encoder {
	clone := new(encoder)
	*clone = *e
	clone.values = slices.Clone(e.values)
	clone.details = slices.Clone(e.details)
	return clone
}

// EncodeEntry writes entry as one line: of the access log when it is an access
// log record, else of the error log.
func (e *encoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	work := e.borrow()
	defer work.giveBack()

	access := isLogger(entry.LoggerName, accessLogger) && (e.hasStatus || hasStatus(fields))
	work.terse = access
	for i := range fields {
		fields[i].AddTo(work)
	}

	line := lines.Get()
	if access {
		work.end = entry.Time
		work.begin = entry.Time.Add(-work.duration)
		work.format.appendLine(line, &work.record)
	} else {
		appendErrorLine(line, entry, &work.record)
	}
	return line, nil
}

// borrow is Clone from a pool, with the room of an earlier use.
func (e *encoder) borrow() *encoder {
	work := encoders.Get().(*encoder)
	values, details := work.values, work.details
	*work = *e
	work.values = append(values[:0], e.values...)
	work.details = append(details[:0], e.details...)
	return work
}

// giveBack returns a borrowed encoder, holding on to no text of the record.
func (e *encoder) giveBack() {
	clear(e.values)
	clear(e.details)
	*e = encoder{recorder{record: record{values: e.values[:0], details: e.details[:0]}}}
	encoders.Put(e)
}

func hasStatus(fields []zapcore.Field) bool {
	return slices.ContainsFunc(fields, func(f zapcore.Field) bool { return f.Key == "status" })
}

// The loggers of Caddy's HTTP servers; those of a site lie below them.
const (
	accessLogger = "http.log.access"
	errorLogger  = "http.log.error"
)

// isLogger tells whether name is that of the logger parent or one below it.
func isLogger(name, parent string) bool {
	rest, found := strings.CutPrefix(name, parent)
	return found && (rest == "" || rest[0] == '.')
}
