// Package bylogger is a log core for Caddy that finds the files of a site by
// one look-up, however many sites there are.
package bylogger

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func init() {
	caddy.RegisterModule(new(Core))
}

// Core writes each entry to the logs of its logger, found by one look-up in a
// map. Caddy itself offers every entry to every log, so that a server with a
// thousand logs answers at a fraction of its speed. Entries of loggers that are
// not named are not written.
//
// A log of Caddy with this core writes nothing of its own at level FATAL:
//
//	log <name> {
//		include http.log.access.<name> http.log.error.<name>
//		level FATAL
//		core by_logger {
//			log <loggers...> {
//				output <writer> ...
//				format <encoder> ...
//				level <level>
//			}
//		}
//	}
//
// A logger may have several logs, and a log several loggers. Logs with the same
// output share it.
type Core struct {
	// Logs are where entries go.
	Logs []*Log `json:"logs"`

	cores   map[string][]zapcore.Core // by the name of a logger
	bound   []zapcore.Field           // what With has added
	writers []string                  // keys of those that are open
}

// Log is an output of some loggers.
type Log struct {
	// Loggers are the whole names of those that write here, as
	// "http.log.access.shop".
	Loggers []string `json:"loggers"`

	// Writer is where entries go. Default: stderr.
	WriterRaw json.RawMessage `json:"writer,omitempty" caddy:"namespace=caddy.logging.writers inline_key=output"`

	// Encoder is how entries are written. Default: JSON.
	EncoderRaw json.RawMessage `json:"encoder,omitempty" caddy:"namespace=caddy.logging.encoders inline_key=format"`

	// Level is the lowest that is written: DEBUG, INFO, WARN, ERROR, PANIC or
	// FATAL. Default: INFO.
	Level string `json:"level,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (*Core) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.cores.by_logger", New: func() caddy.Module { return new(Core) }}
}

// Provision opens the outputs.
func (c *Core) Provision(ctx caddy.Context) error {
	if len(c.Logs) == 0 {
		return errors.New("by_logger needs a log")
	}
	c.cores = map[string][]zapcore.Core{}
	for _, log := range c.Logs {
		if err := c.provision(ctx, log); err != nil {
			return fmt.Errorf("log of %v: %w", log.Loggers, err)
		}
	}
	return nil
}

func (c *Core) provision(ctx caddy.Context, log *Log) error {
	if len(log.Loggers) == 0 {
		return errors.New("no logger is named")
	}
	level, err := log.level()
	if err != nil {
		return err
	}
	encoder, err := log.encoder(ctx)
	if err != nil {
		return err
	}
	opener, err := log.writer(ctx)
	if err != nil {
		return err
	}
	if formatter, ok := encoder.(caddy.ConfiguresFormatterDefault); ok {
		if err := formatter.ConfigureDefaultFormat(opener); err != nil {
			return fmt.Errorf("setting the format up: %w", err)
		}
	}
	if _, discards := opener.(*caddy.DiscardWriter); discards {
		return nil
	}
	writer, err := open(opener)
	if err != nil {
		return fmt.Errorf("opening the output: %w", err)
	}
	c.writers = append(c.writers, opener.WriterKey())
	core := zapcore.NewCore(encoder, zapcore.AddSync(writer), level)
	for _, name := range log.Loggers {
		c.cores[name] = append(c.cores[name], core)
	}
	return nil
}

func (l *Log) level() (zapcore.Level, error) {
	if l.Level == "" {
		return zapcore.InfoLevel, nil
	}
	level, err := zapcore.ParseLevel(l.Level)
	if err != nil {
		return level, fmt.Errorf("level %q: one of DEBUG, INFO, WARN, ERROR, PANIC, FATAL is needed", l.Level)
	}
	return level, nil
}

func (l *Log) encoder(ctx caddy.Context) (zapcore.Encoder, error) {
	if l.EncoderRaw == nil {
		return zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), nil
	}
	module, err := ctx.LoadModule(l, "EncoderRaw")
	if err != nil {
		return nil, fmt.Errorf("loading the encoder: %w", err)
	}
	encoder, ok := module.(zapcore.Encoder)
	if !ok {
		return nil, fmt.Errorf("%T is no log encoder", module)
	}
	return encoder, nil
}

func (l *Log) writer(ctx caddy.Context) (caddy.WriterOpener, error) {
	if l.WriterRaw == nil {
		return caddy.StderrWriter{}, nil
	}
	module, err := ctx.LoadModule(l, "WriterRaw")
	if err != nil {
		return nil, fmt.Errorf("loading the writer: %w", err)
	}
	opener, ok := module.(caddy.WriterOpener)
	if !ok {
		return nil, fmt.Errorf("%T is no log writer", module)
	}
	return opener, nil
}

// Cleanup closes the outputs that no other configuration uses.
func (c *Core) Cleanup() error {
	var problems []error
	for _, key := range c.writers {
		if _, err := writers.Delete(key); err != nil {
			problems = append(problems, fmt.Errorf("closing log %s: %w", key, err))
		}
	}
	return errors.Join(problems...)
}

// Enabled implements zapcore.LevelEnabler: which level counts depends on the logger.
func (*Core) Enabled(zapcore.Level) bool { return true }

// With implements zapcore.Core. Nothing is encoded before an entry is written.
func (c *Core) With(fields []zapcore.Field) zapcore.Core {
	return &Core{cores: c.cores, bound: slices.Concat(c.bound, fields)}
}

// Check implements zapcore.Core.
func (c *Core) Check(entry zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	for _, core := range c.cores[entry.LoggerName] {
		if core.Enabled(entry.Level) {
			return checked.AddCore(entry, c)
		}
	}
	return checked
}

// Write implements zapcore.Core.
func (c *Core) Write(entry zapcore.Entry, fields []zapcore.Field) error {
	if len(c.bound) > 0 {
		fields = slices.Concat(c.bound, fields)
	}
	var problems []error
	for _, core := range c.cores[entry.LoggerName] {
		if core.Enabled(entry.Level) {
			problems = append(problems, core.Write(entry, fields))
		}
	}
	return errors.Join(problems...)
}

// Sync implements zapcore.Core.
func (c *Core) Sync() error {
	var problems []error
	for _, cores := range c.cores {
		for _, core := range cores {
			problems = append(problems, core.Sync())
		}
	}
	return errors.Join(problems...)
}

// Interface guards
var (
	_ caddy.Provisioner     = (*Core)(nil)
	_ caddy.CleanerUpper    = (*Core)(nil)
	_ caddyfile.Unmarshaler = (*Core)(nil)
	_ zapcore.Core          = (*Core)(nil)
)
