package bylogger

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/zap/zapcore"
)

// UnmarshalCaddyfile sets up the core from Caddyfile tokens; see Core for the syntax.
func (c *Core) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the core's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		if d.Val() != "log" {
			return d.Errf("by_logger has blocks named log, not %q", d.Val())
		}
		log := &Log{Loggers: d.RemainingArgs()}
		if len(log.Loggers) == 0 {
			return d.Err("log needs the names of loggers, as http.log.access.shop")
		}
		if err := log.unmarshal(d); err != nil {
			return err
		}
		c.Logs = append(c.Logs, log)
	}
	if len(c.Logs) == 0 {
		return d.Err("by_logger needs a log")
	}
	return nil
}

func (l *Log) unmarshal(d *caddyfile.Dispenser) error {
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		if !d.NextArg() {
			return d.ArgErr()
		}
		var err error
		switch option {
		case "output":
			err = unmarshalOnce(d, &l.WriterRaw, "output", writerOf)
		case "format":
			err = unmarshalOnce(d, &l.EncoderRaw, "format", encoderOf)
		case "level":
			if l.Level != "" {
				return d.Err("level is given twice")
			}
			if l.Level = d.Val(); d.NextArg() {
				return d.ArgErr()
			}
			if _, problem := l.level(); problem != nil {
				return d.WrapErr(problem)
			}
		default:
			return d.Errf("unknown option %q of a log; known are output, format and level", option)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unmarshalOnce reads a module into raw, with its name under key.
func unmarshalOnce(d *caddyfile.Dispenser, raw *json.RawMessage, key string, of func(*caddyfile.Dispenser) (any, error)) error {
	if *raw != nil {
		return d.Errf("%s is given twice", key)
	}
	name := d.Val()
	module, err := of(d)
	if err != nil {
		return err
	}
	*raw = caddyconfig.JSONModuleObject(module, key, name, nil)
	return nil
}

func writerOf(d *caddyfile.Dispenser) (any, error) {
	switch name := d.Val(); name { // Caddy's own three read no Caddyfile themselves
	case "stdout":
		return caddy.StdoutWriter{}, nil
	case "stderr":
		return caddy.StderrWriter{}, nil
	case "discard":
		return caddy.DiscardWriter{}, nil
	default:
		return moduleOf[caddy.WriterOpener](d, "caddy.logging.writers."+name)
	}
}

func encoderOf(d *caddyfile.Dispenser) (any, error) {
	return moduleOf[zapcore.Encoder](d, "caddy.logging.encoders."+d.Val())
}

func moduleOf[T any](d *caddyfile.Dispenser, id string) (any, error) {
	module, err := caddyfile.UnmarshalModule(d, id)
	if err != nil {
		return nil, err
	}
	if _, ok := module.(T); !ok {
		return nil, d.Errf("module %s (%T) cannot be used here", id, module)
	}
	return module, nil
}
