package modrewrite

import (
	"net/http"
	"path"
	"strings"

	"github.com/aditechsphere/fairway/migrate/urlpath"
)

// applyToServer runs the rules of a server: before anything is mapped.
func (e *evaluation) applyToServer() {
	e.outcome.Path = e.Path
	if !e.rules.Options.AllowAnyURI && !strings.HasPrefix(e.Path, "/") {
		e.finish(Continue)
		return
	}
	before := e.query
	e.filename = e.Path
	result := e.run()
	if result == unchanged {
		e.finish(Continue)
		return
	}
	if e.answerEarly(result) {
		return
	}
	target, toProxy := strings.CutPrefix(e.filename, proxyPrefix)
	switch {
	case toProxy:
		e.proxy(target, result)
	case e.outcome.Action == PassThrough && strings.HasPrefix(e.filename, "/"):
		e.outcome.Path = e.filename
		e.finish(PassThrough)
	case e.outcome.Action != PassThrough && schemeLength(e.filename) > 0:
		e.redirect(before, result)
	case !strings.HasPrefix(e.filename, "/"):
		e.answer(http.StatusBadRequest)
	default:
		e.serveFile()
	}
}

// answerEarly ends with a status that a rule set, or with 403 for a query
// that no URL can carry.
func (e *evaluation) answerEarly(result change) bool {
	willEscape := schemeLength(e.filename) > 0 && result != changedRaw
	switch {
	case e.query.present && !willEscape && hasControls(e.query.text):
		e.answer(http.StatusForbidden)
	case result == answered:
		e.answer(e.status)
	default:
		return false
	}
	return true
}

func hasControls(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

func (e *evaluation) answer(status int) {
	e.outcome.Status = status
	e.finish(Answer)
}

func (e *evaluation) finish(action Action) {
	e.outcome.Action = action
	e.outcome.Query, e.outcome.EmptyQuery = e.query.text, e.query.present && e.query.text == ""
}

func (e *evaluation) proxy(target string, result change) {
	e.outcome.URL = target + e.pathInfo
	if result == changedRaw {
		e.outcome.RawURL = true
		if e.query.present {
			e.outcome.URL += "?" + e.query.text
		}
	}
	e.finish(Proxy)
}

// redirect makes the Location of the substituted URL.
func (e *evaluation) redirect(before query, result change) {
	location := e.filename
	if result != changedRaw {
		location = escapeAbsolute(location, schemeLength(location))
	}
	if e.query.present {
		text := e.query.text
		if result != changedRaw && e.query != before {
			text = urlpath.Escape(text)
		}
		location += "?" + text
	}
	e.outcome.Location, e.outcome.Status = location, http.StatusFound
	if e.status >= 300 && e.status <= 399 {
		e.outcome.Status = e.status
	}
	e.finish(Redirect)
}

// serveFile decides between a path on the disk and one below the document
// root.
func (e *evaluation) serveFile() {
	e.outcome.Path = e.filename
	e.outcome.Filename = "/" + strings.TrimLeft(e.filename, "/")
	if e.reduced || !e.namesFile() {
		e.outcome.Filename = path.Join(e.DocumentRoot, e.filename)
		if strings.HasSuffix(e.filename, "/") && !strings.HasSuffix(e.outcome.Filename, "/") {
			e.outcome.Filename += "/"
		}
	}
	e.finish(ServeFile)
}

// namesFile says whether the path is one on the disk: its first segment
// exists, and the rule names it, or the path is below the document root.
func (e *evaluation) namesFile() bool {
	first, _, _ := strings.Cut(strings.TrimLeft(e.filename, "/"), "/")
	first = "/" + first
	files := e.Files
	if files == nil {
		files = Disk{}
	}
	if _, err := files.Stat(first); err != nil {
		return false
	}
	if e.rules.Options.UnsafePrefixStat || e.final == nil || e.final.unsafePrefix {
		return true
	}
	return strings.HasPrefix(e.final.substitution, first) ||
		strings.HasPrefix(e.filename, e.DocumentRoot) ||
		e.ContextRoot != "" && strings.HasPrefix(e.filename, e.ContextRoot)
}
