package apacheadapter

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() { registerHandler[Expires]("apache_expires", httpcaddyfile.After, "header") }

// Expires adds Expires and Cache-Control: max-age to answers that have no
// Expires, as mod_expires does. Answers that report an error get none.
//
//	apache_expires [<matcher>] {
//		by_type <type> access|modification <seconds>
//		default access|modification <seconds>
//	}
//
// A type is compared without parameters; text/* and */* stand for several.
type Expires struct {
	// ByType are the times of types; the last one given for a type counts.
	ByType map[string]Expiry `json:"by_type,omitempty"`
	// Default is the time of all others; nil: none.
	Default *Expiry `json:"default,omitempty"`
}

// Expiry is a time after a request, or after the answer was last modified.
type Expiry struct {
	// Base is "access" or "modification".
	Base string `json:"base"`
	// Seconds is the time after it.
	Seconds int64 `json:"seconds"`
}

// CaddyModule returns the Caddy module information.
func (*Expires) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.apache_expires", New: func() caddy.Module { return new(Expires) }}
}

func (e *Expires) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(&expiresWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, expires: e}, r)
}

type expiresWriter struct {
	*caddyhttp.ResponseWriterWrapper
	expires *Expires
	written bool
}

func (w *expiresWriter) WriteHeader(status int) {
	if !w.written && status >= 200 {
		w.written = true
		if status < 300 || status == http.StatusNotModified {
			w.expires.addTo(w.Header(), time.Now())
		}
	}
	w.ResponseWriterWrapper.WriteHeader(status)
}

func (w *expiresWriter) Write(p []byte) (int, error) {
	if !w.written {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriterWrapper.Write(p)
}

// addTo adds the headers unless the answer has Expires already.
func (e *Expires) addTo(header http.Header, now time.Time) {
	if header.Get("Expires") != "" {
		return
	}
	expiry := e.of(header.Get("Content-Type"))
	if expiry == nil {
		return
	}
	base := now
	if expiry.Base == "modification" {
		modified, err := http.ParseTime(header.Get("Last-Modified"))
		if err != nil {
			return
		}
		base = modified
	}
	at := base.Add(time.Duration(expiry.Seconds) * time.Second)
	age := max(int64(at.Sub(now).Truncate(time.Second)/time.Second), 0)
	maxAge := "max-age=" + strconv.FormatInt(age, 10)
	if control := header.Get("Cache-Control"); control != "" {
		maxAge = control + ", " + maxAge
	}
	header.Set("Cache-Control", maxAge)
	header.Set("Expires", at.UTC().Format(http.TimeFormat))
}

func (e *Expires) of(contentType string) *Expiry {
	if media, _, err := mime.ParseMediaType(contentType); err == nil {
		major := media
		for i, c := range media {
			if c == '/' {
				major = media[:i]
				break
			}
		}
		for _, name := range []string{media, major + "/*"} {
			if expiry, ok := e.ByType[name]; ok {
				return &expiry
			}
		}
	}
	return e.Default
}

// UnmarshalCaddyfile reads the directive.
func (e *Expires) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		name, args := d.Val(), d.RemainingArgs()
		switch {
		case name == "by_type" && len(args) == 3:
			expiry, err := parseExpiry(args[1:])
			if err != nil {
				return d.WrapErr(err)
			}
			if e.ByType == nil {
				e.ByType = map[string]Expiry{}
			}
			e.ByType[unescape(args[0])] = *expiry
		case name == "default" && len(args) == 2:
			expiry, err := parseExpiry(args)
			if err != nil {
				return d.WrapErr(err)
			}
			e.Default = expiry
		case name == "by_type" || name == "default":
			return d.ArgErr()
		default:
			return d.Errf("unknown option %q: apache_expires has by_type and default", name)
		}
	}
	return nil
}

func parseExpiry(args []string) (*Expiry, error) {
	if args[0] != "access" && args[0] != "modification" {
		return nil, fmt.Errorf("%q is not access or modification", args[0])
	}
	seconds, err := strconv.ParseInt(args[1], 10, 33)
	if err != nil {
		return nil, fmt.Errorf("%q is no number of seconds", args[1])
	}
	return &Expiry{Base: args[0], Seconds: seconds}, nil
}

// Interface guards
var (
	_ caddyhttp.MiddlewareHandler = (*Expires)(nil)
	_ caddyfile.Unmarshaler       = (*Expires)(nil)
)
