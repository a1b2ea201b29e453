package apachediff_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"
)

// ignoredHeaders differ between the two servers by their nature.
var ignoredHeaders = []string{
	"Accept-Ranges",     // Caddy says so for proxied and error answers differently
	"Alt-Svc",           // HTTP/3 is Caddy's offer
	"Connection",        // hop by hop
	"Content-Length",    // follows from the body, which is compared
	"Date",              // the time
	"Etag",              // each makes its own of time and size
	"Keep-Alive",        // hop by hop
	"Server",            // names the server
	"Status",            // of FastCGI; Caddy passes it on
	"Transfer-Encoding", // framing
	"Upgrade",           // hop by hop, and Apache's offer of h2c
	"Via",               // Caddy names itself
}

// difference is one thing in which two answers differ.
type difference struct{ what, apache, ours string }

func (d difference) String() string {
	return fmt.Sprintf("%s\n  Apache: %s\n  ours:   %s", d.what, indent(d.apache), indent(d.ours))
}

func indent(text string) string {
	if len(text) > 1500 {
		text = text[:1500] + "…"
	}
	return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n          ")
}

// observed is an answer in the words of the case, and what the apps saw.
type observed struct {
	answer
	seen string
	err  error
}

// compare lists how our answer differs from Apache's.
func compare(apache, ours observed) []difference {
	if apache.err != nil || ours.err != nil {
		if (apache.err == nil) != (ours.err == nil) {
			return []difference{{"answer", describeAnswer(apache), describeAnswer(ours)}}
		}
		return nil
	}
	var all []difference
	note := func(what, a, b string) {
		if a != b {
			all = append(all, difference{what, a, b})
		}
	}
	note("status", fmt.Sprint(apache.status), fmt.Sprint(ours.status))
	note("certificate", apache.certificate, ours.certificate)
	for _, name := range headerNames(apache.header, ours.header) {
		if slices.Contains(ignoredHeaders, name) || addedByCaddy(name, apache.answer, ours.answer) {
			continue
		}
		note(strings.ToLower(name), headerText(apache.header, name), headerText(ours.header, name))
	}
	note("body", comparableBody(apache, apache), comparableBody(ours, apache))
	note("backend", apache.seen, ours.seen)
	return all
}

// addedByCaddy tells whether a header differs only in what Caddy adds: a type
// where Apache knows none or made the page up itself, a policy for the listing
// of a folder, and that answers vary with the coding also when they are too
// short to be coded.
func addedByCaddy(name string, apache, ours answer) bool {
	switch name {
	case "Cache-Control", "Content-Security-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy",
		"Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options":
		if apache.status >= 400 && ownPage(apache.body) && apache.header.Get(name) == "" {
			return true // of our page of an error
		}
	}
	switch name {
	case "Content-Type":
		return ownPage(apache.body) || apache.header.Get(name) == ""
	case "Content-Security-Policy", "Last-Modified":
		return isListing(apache.body) && apache.header.Get(name) == ""
	case "Vary":
		if isListing(apache.body) {
			return true
		}
		withoutCoding := func(header http.Header) string {
			return strings.Trim(strings.ReplaceAll("\n"+headerText(header, name)+"\n", "\naccept-encoding\n", "\n"), "\n")
		}
		return withoutCoding(ours.header) == headerText(apache.header, name)
	}
	return false
}

func isListing(body string) bool { return strings.Contains(body, "<title>Index of") }

func describeAnswer(o observed) string {
	if o.err != nil {
		return "no answer: " + o.err.Error()
	}
	return fmt.Sprintf("%d, %d bytes", o.status, len(o.body))
}

func headerNames(headers ...http.Header) []string {
	var names []string
	for _, header := range headers {
		for name := range header {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	sort.Strings(names)
	return names
}

// headerText is all values of a header. Lists without order are sorted; the
// charset utf-8 is what Caddy adds to texts where Apache says none.
func headerText(header http.Header, name string) string {
	values := slices.Clone(header.Values(name))
	switch name {
	case "Expires": // to the minute: the answers are not of the same second
		for i := range values {
			if when, err := http.ParseTime(values[i]); err == nil {
				values[i] = when.Round(time.Minute).Format(http.TimeFormat)
			}
		}
	case "Vary", "Allow": // TRACE is Apache's alone
		values = strings.Split(strings.ToLower(strings.ReplaceAll(strings.Join(values, ","), " ", "")), ",")
		values = slices.DeleteFunc(values, func(value string) bool { return value == "trace" || value == "" })
		slices.Sort(values)
		values = slices.Compact(values)
	case "Content-Type":
		for i := range values {
			values[i] = strings.TrimSuffix(strings.ToLower(values[i]), "; charset=utf-8")
		}
	}
	return strings.Join(values, "\n")
}

// ownPage tells whether Apache made a page up itself, for an error or a
// redirect: its words are not compared.
func ownPage(body string) bool {
	return body == "" || strings.HasPrefix(body, `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN"`) || strings.HasPrefix(body, `<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">`)
}

var listedName = regexp.MustCompile(`<a href="(?:\./)?([^"?/][^"]*)"`)

// comparableBody is what of a body must be the same on both sides. Of a
// folder's listing that is the names; of Apache's own pages, nothing.
func comparableBody(o, apache observed) string {
	plain := apache.plainBody()
	switch {
	case apache.status >= 300 && ownPage(plain):
		return ""
	case isListing(plain):
		var names []string
		for _, found := range listedName.FindAllStringSubmatch(o.plainBody(), -1) {
			if !strings.HasPrefix(found[1], "..") && !strings.Contains(found[1], "://") && !slices.Contains(names, found[1]) {
				names = append(names, found[1])
			}
		}
		slices.Sort(names)
		return "listing of " + strings.Join(names, " ")
	}
	return o.plainBody()
}
