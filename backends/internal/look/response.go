package look

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ContentSecurityPolicy is the policy of every page: only our own stylesheet,
// icon and script, and nothing from anywhere else.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'"

// FormsMayLeadTo is [ContentSecurityPolicy] for a page whose form is answered
// with a redirect to another origin, which browsers hold against it too.
func FormsMayLeadTo(origin string) string {
	return strings.Replace(ContentSecurityPolicy, "form-action 'self'", "form-action 'self' "+origin, 1)
}

type field struct{ name, value string }

// securityFields make a page safe whatever the server around it sets.
// The referrer stays on our own origin: "no-referrer" would turn the Origin of
// the sign-out form into "null" and so defeat the check against cross-site posts.
func securityFields(policy string) []field {
	return []field{
		{"Content-Security-Policy", policy},
		{"X-Content-Type-Options", "nosniff"},
		{"Referrer-Policy", "same-origin"}, // the layout says so too, for visitors' pages
		{"Cross-Origin-Opener-Policy", "same-origin"},
		{"Cross-Origin-Resource-Policy", "same-origin"},
	}
}

// SetSecurityHeaders sets the security headers of a page with the given
// Content-Security-Policy.
func SetSecurityHeaders(h http.Header, policy string) { setAll(h, securityFields(policy)) }

// setAll sets the fields with one allocation. The values are this response's
// own: a handler further out may edit them in place.
func setAll(h http.Header, fields []field) {
	values := make([]string, len(fields))
	for i, f := range fields {
		values[i] = f.value
		h[f.name] = values[i : i+1 : i+1]
	}
}

// response is a body with every header worked out, plain and compressed.
type response struct{ plain, zipped variant }

type variant struct {
	body   []byte
	etag   string // "" for what has none
	fields []field
}

// newResponse prepares body for serving with the common fields. A body that
// gzip doesn't shrink has no compressed variant.
func newResponse(body []byte, common ...field) *response {
	res := &response{plain: newVariant(body, common)}
	if zipped := compress(body); len(zipped) < len(body) {
		res.zipped = newVariant(zipped, common, field{"Content-Encoding", "gzip"})
	}
	return res
}

func newVariant(body []byte, common []field, own ...field) variant {
	own = append(own, field{"Content-Length", strconv.Itoa(len(body))})
	return variant{body: body, fields: slices.Concat(common, own)}
}

// tagged gives both variants an entity tag, for a body that stays as it is.
func (res *response) tagged() *response {
	sum := sha256.Sum256(res.plain.body)
	tag := base64.RawURLEncoding.EncodeToString(sum[:12])
	res.plain.tag(`"` + tag + `"`)
	if res.zipped.body != nil {
		res.zipped.tag(`"` + tag + `-gzip"`)
	}
	return res
}

func (v *variant) tag(etag string) {
	v.etag = etag
	v.fields = append(v.fields, field{"Etag", etag})
}

// compressors are reused: each holds most of a megabyte.
var compressors = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func compress(body []byte) []byte {
	buf := bytes.NewBuffer(make([]byte, 0, len(body)/4)) // pages shrink to less
	zip := compressors.Get().(*gzip.Writer)
	defer compressors.Put(zip)
	zip.Reset(buf)
	// A bytes.Buffer takes every write.
	_, _ = zip.Write(body)
	_ = zip.Close()
	return buf.Bytes()
}

// serve answers GET and HEAD, with 304 when the client has the body already.
func (res *response) serve(w http.ResponseWriter, r *http.Request) {
	v := &res.plain
	if res.zipped.body != nil && acceptsGzip(r.Header) {
		v = &res.zipped
	}
	h := w.Header()
	setAll(h, v.fields)
	if match := r.Header.Get("If-None-Match"); match != "" && v.etag != "" && matches(match, v.etag) {
		delete(h, "Content-Type")
		delete(h, "Content-Encoding")
		delete(h, "Content-Length")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		// The client has gone if this fails; there is nobody to tell.
		_, _ = w.Write(v.body)
	}
}

// matches reports whether an If-None-Match header names the tag (weak comparison).
func matches(header, etag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
			return true
		}
	}
	return false
}

// acceptsGzip reports whether Accept-Encoding allows gzip, by name or by "*".
func acceptsGzip(h http.Header) bool {
	wildcard := false
	for _, line := range h["Accept-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(coding, ";")
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, "gzip"):
				return !zeroQuality(params)
			case name == "*":
				wildcard = !zeroQuality(params)
			}
		}
	}
	return wildcard
}

func zeroQuality(params string) bool {
	name, value, _ := strings.Cut(params, "=")
	if !strings.EqualFold(strings.TrimSpace(name), "q") {
		return false
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return err == nil && q == 0
}
