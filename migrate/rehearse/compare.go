package rehearse

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Aspect is a part of an answer.
type Aspect string

// The aspects, in the order in which they are compared.
const (
	Connection Aspect = "connection" // one of the servers gave no answer
	Status     Aspect = "status"
	Location   Aspect = "location"
	Header     Aspect = "header"
	Cookie     Aspect = "cookie"
	Body       Aspect = "body"
)

// Difference is what the new server answers differently.
type Difference struct {
	Aspect   Aspect `json:"aspect"`
	Name     string `json:"name,omitempty"` // of the header or cookie
	Apache   string `json:"apache"`
	New      string `json:"new"`
	Expected bool   `json:"expected"` // it comes of the change of server, and is not counted
	Why      string `json:"why,omitempty"`
}

// ignored are headers that belong to a server or a connection rather than to an
// answer, and those that follow from the body.
var ignored = []string{
	"Date", "Server", "Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Alt-Svc", "Via", "Upgrade", "Accept-Ranges", "Age",
	"Location", "Set-Cookie", // compared apart
}

// comparison compares answers to one request.
type comparison struct {
	*Options
	request     Request
	first, next *answer // of Apache
	new         *answer
	differences []Difference
	volatile    []string // what differs between Apache's own two answers
}

func (c *comparison) differ(aspect Aspect, name, apache, fresh, why string) {
	c.differences = append(c.differences, Difference{Aspect: aspect, Name: name, Apache: apache, New: fresh, Why: why})
}

func (c *comparison) expect(aspect Aspect, name, apache, fresh, why string) {
	c.differences = append(c.differences, Difference{aspect, name, apache, fresh, true, why})
}

// isVolatile notes a part that Apache itself answers differently each time.
func (c *comparison) isVolatile(same bool, name string) bool {
	if !same {
		c.volatile = append(c.volatile, name)
	}
	return !same
}

// run compares all aspects.
func (c *comparison) run() {
	if !c.isVolatile(c.first.Status == c.next.Status, "status") && c.first.Status != c.new.Status {
		c.differ(Status, "", describeStatus(c.first), describeStatus(c.new), c.whyStatus())
		return // everything else differs with it
	}
	c.compareLocation()
	c.compareHeaders()
	c.compareCookies()
	c.compareBody()
}

func describeStatus(a *answer) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, http.StatusText(a.Status)))
}

func (c *comparison) whyStatus() string {
	switch old, fresh := c.first.Status, c.new.Status; {
	case (old == http.StatusForbidden || old == http.StatusUnauthorized) && fresh < 300:
		return "Apache protects this, the new configuration does not: do not go on"
	case fresh == http.StatusBadGateway || fresh == http.StatusServiceUnavailable:
		return "the new server cannot reach what answers this for Apache"
	case old == http.StatusMovedPermanently && fresh == http.StatusPermanentRedirect:
		return "Caddy's own redirect keeps the method; `redir … 301` answers as Apache does"
	case fresh == http.StatusNotFound && old == http.StatusOK:
		return "no rule of the new configuration answers this"
	}
	return ""
}

func (c *comparison) compareLocation() {
	old, fresh := c.first.Header.Get("Location"), c.original(c.new.Header.Get("Location"))
	if c.isVolatile(old == c.next.Header.Get("Location"), "Location") || old == fresh {
		return
	}
	if c.absolute(old) == c.absolute(fresh) {
		c.expect(Location, "", c.shown(old), c.shown(fresh), "the same address, written differently")
		return
	}
	c.differ(Location, "", c.shown(old), c.shown(fresh), "")
}

// absolute is an address as a client at the request's would resolve it.
func (c *comparison) absolute(location string) string {
	base, err := url.Parse(c.request.Scheme + "://" + c.request.host() + c.request.Path())
	if err != nil {
		return location
	}
	resolved, err := base.Parse(location)
	if err != nil || location == "" {
		return location
	}
	if resolved.Port() != "" && resolved.Port() == fmt.Sprint(defaultPort(resolved.Scheme)) {
		resolved.Host = strings.TrimSuffix(resolved.Host, ":"+resolved.Port())
	}
	resolved.Host = strings.ToLower(resolved.Host)
	if resolved.Path == "" {
		resolved.Path = "/"
	}
	return resolved.String()
}

// original undoes the ports that the new server has while it is tried.
func (c *comparison) original(text string) string {
	for _, port := range c.Ports {
		text = strings.ReplaceAll(text, fmt.Sprintf(":%d", port.New), port.suffix())
	}
	return text
}

var query = regexp.MustCompile(`\?[^\s"'<>]+`)

// shown leaves queries out, which may be secrets, unless they are asked for.
func (c *comparison) shown(text string) string {
	if c.ShowQueries {
		return text
	}
	return query.ReplaceAllString(text, "?…")
}

func (c *comparison) compareHeaders() {
	names := make(map[string]bool)
	for _, header := range []http.Header{c.first.Header, c.new.Header} {
		for name := range header {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !containsFold(ignored, name) && !containsFold(c.IgnoreHeaders, name) {
			c.compareHeader(name)
		}
	}
}

func containsFold(names []string, name string) bool {
	return slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(name, other) })
}

func (c *comparison) compareHeader(name string) {
	old, fresh := c.first.Header.Values(name), c.new.Header.Values(name)
	if c.isVolatile(slices.Equal(old, c.next.Header.Values(name)), name) {
		return
	}
	before, after := strings.Join(old, "\n"), c.original(strings.Join(fresh, "\n"))
	if before == after {
		return
	}
	before, after = c.shown(strings.Join(old, ", ")), c.shown(c.original(strings.Join(fresh, ", ")))
	if expected, why := c.whyHeader(name, old, fresh); expected {
		c.expect(Header, name, before, after, why)
	} else {
		c.differ(Header, name, before, after, why)
	}
}

func (c *comparison) whyHeader(name string, old, fresh []string) (expected bool, why string) {
	switch {
	case name == "Etag":
		return true, "each server makes its own; browsers fetch the file once more"
	case c.boilerplate() && (name == "Content-Type" || name == "Content-Language" || name == "Vary"):
		return true, "of Apache's own page for this status"
	case name == "Vary" && len(old) == 0 && strings.EqualFold(strings.Join(fresh, ","), "Accept-Encoding"):
		return true, "for files that may be there compressed as well"
	case name == "Vary" && len(fresh) == 0:
		return false, "Apache says that the answer depends on these request headers"
	case name == "Content-Type" && strings.EqualFold(mediaType(old), mediaType(fresh)):
		return true, "the same type; the servers differ in naming the character set"
	case len(old) > 1 && len(fresh) == 1:
		return false, "Apache sends it more than once, as `Header always set` beside an application's own does"
	}
	return false, ""
}

func mediaType(values []string) string {
	media, _, _ := strings.Cut(strings.Join(values, ","), ";")
	return strings.TrimSpace(media)
}

// ownPage begins the pages that Apache makes for a status.
var ownPage = regexp.MustCompile(`^<!DOCTYPE HTML PUBLIC "-//(?:IETF//DTD HTML 2\.0|W3C//DTD HTML 4\.01)//EN"[^>]*>\s*<html><head>\s*<title>(\d{3}) `)

// boilerplate reports whether Apache made the page itself.
func (c *comparison) boilerplate() bool {
	match := ownPage.FindSubmatch(c.first.Body)
	return match != nil && string(match[1]) == fmt.Sprint(c.first.Status)
}

func (c *comparison) compareCookies() {
	old, second, fresh := cookies(c.first), cookies(c.next), cookies(c.new)
	names := make(map[string]bool)
	for _, set := range []map[string]string{old, fresh} {
		for name := range set {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !c.isVolatile(old[name] == second[name], "cookie "+name) && old[name] != fresh[name] {
			c.differ(Cookie, name, cmp.Or(old[name], "not set"), cmp.Or(fresh[name], "not set"), "")
		}
	}
}

// cookies describes the cookies of an answer by name: their attributes, and
// whether they have a value, but not which.
func cookies(a *answer) map[string]string {
	set := make(map[string]string)
	for _, cookie := range (&http.Response{Header: a.Header}).Cookies() {
		value := "set"
		if cookie.Value == "" {
			value = "empty"
		}
		parts := []string{value}
		for _, attribute := range []struct {
			there bool
			text  string
		}{
			{cookie.Path != "", "Path=" + cookie.Path}, {cookie.Domain != "", "Domain=" + cookie.Domain},
			{!cookie.Expires.IsZero(), "Expires"}, {cookie.MaxAge != 0, fmt.Sprintf("Max-Age=%d", cookie.MaxAge)},
			{cookie.Secure, "Secure"}, {cookie.HttpOnly, "HttpOnly"}, {cookie.SameSite > http.SameSiteDefaultMode, fmt.Sprintf("SameSite=%d", cookie.SameSite)},
			{cookie.Partitioned, "Partitioned"},
		} {
			if attribute.there {
				parts = append(parts, attribute.text)
			}
		}
		text := strings.Join(parts, "; ")
		if earlier, twice := set[cookie.Name]; twice {
			text = earlier + " and " + text
		}
		set[cookie.Name] = text
	}
	return set
}

func (c *comparison) compareBody() {
	old, next := c.first.Body, c.next.Body
	fresh := []byte(c.original(string(c.new.Body)))
	if bytes.Equal(old, fresh) || bytes.Equal(next, fresh) {
		return
	}
	if c.isVolatile(bytes.Equal(old, next), "body") {
		if sameBut(old, next, fresh) {
			return
		}
		c.differ(Body, "", describeBody(c.first), describeBody(c.new), "parts that differ between two answers of Apache itself are left out")
		return
	}
	switch {
	case c.boilerplate() && c.first.Status < 400:
		c.expect(Body, "", describeBody(c.first), describeBody(c.new), "Apache's own page for this redirect, which browsers do not show")
	case c.boilerplate():
		c.expect(Body, "", describeBody(c.first), describeBody(c.new), "Apache's own page for this status")
	default:
		c.differ(Body, "", describeBody(c.first), describeBody(c.new), firstDifference(old, fresh))
	}
}

func describeBody(a *answer) string {
	more := ""
	if a.Cut {
		more = " or more"
	}
	return fmt.Sprintf("%d%s bytes", len(a.Body), more)
}

// firstDifference says where two bodies part, without showing what is in them.
func firstDifference(a, b []byte) string {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return fmt.Sprintf("they part at byte %d, in line %d", at, 1+bytes.Count(a[:at], []byte("\n")))
}

// word is a part of a body that is the same or not as a whole: a nonce, a time,
// a number.
var word = regexp.MustCompile(`[\pL\pN_+/=.-]+|[^\pL\pN_+/=.-]+`)

// sameBut reports whether fresh is like a and b where these agree.
func sameBut(a, b, fresh []byte) bool {
	first, second, third := word.FindAll(a, -1), word.FindAll(b, -1), word.FindAll(fresh, -1)
	if len(first) != len(second) || len(first) != len(third) {
		return false
	}
	for i := range first {
		if bytes.Equal(first[i], second[i]) && !bytes.Equal(first[i], third[i]) {
			return false
		}
	}
	return true
}
