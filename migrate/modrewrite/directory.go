package modrewrite

import (
	"net/http"
	"strings"
)

// applyToDirectory runs the rules of a directory: after the request was
// mapped to a file there.
func (e *evaluation) applyToDirectory() {
	e.outcome.Path = e.Path
	e.filename, e.pathInfo = SplitPathInfo(e.Filename, e.Files)
	mapped := e.filename
	directory := e.rules.Directory
	if !e.rules.Options.AllowNoSlash && mapped+"/" == directory {
		e.finish(Continue) // the client will be sent to the path with its slash
		return
	}
	before := e.query
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
		e.pathInfo = ""
		e.proxy(target, result)
	case schemeLength(e.filename) > 0:
		e.replaceDirectoryInURL()
		e.redirect(before, result)
	case !strings.HasPrefix(e.filename, "/"):
		e.answer(http.StatusBadRequest)
	case e.filename == mapped:
		e.finish(Continue)
	default:
		e.startOver()
	}
}

// SplitPathInfo cuts the path of a file where it leaves the disk: at the
// first segment that is missing or not a directory. The rest is PATH_INFO.
func SplitPathInfo(name string, files Files) (filename, pathInfo string) {
	if files == nil {
		files = Disk{}
	}
	for end := 1; end < len(name); end++ {
		slash := strings.IndexByte(name[end:], '/')
		if slash < 0 {
			break
		}
		end += slash
		info, err := files.Stat(name[:end])
		if err != nil || !info.IsDir() {
			return name[:end], name[end:]
		}
	}
	return name, ""
}

// replaceDirectoryInURL makes a URL path of the path on the disk that a
// relative target of a redirect became.
func (e *evaluation) replaceDirectoryInURL() {
	if e.rules.Base == "" {
		return
	}
	scheme := schemeLength(e.filename)
	slash := strings.IndexByte(e.filename[scheme:], '/')
	if slash < 0 || scheme+slash+1 == len(e.filename) {
		return
	}
	start := scheme + slash
	e.filename = e.filename[:start] + replacePrefix(e.filename[start:], e.rules.Directory, e.rules.Base)
}

// startOver turns the path on the disk back into that of a URL.
func (e *evaluation) startOver() {
	path := e.filename
	if e.rules.Base != "" {
		path = replacePrefix(path, e.rules.Directory, e.rules.Base)
	} else if rest, found := strings.CutPrefix(path, strings.TrimSuffix(e.DocumentRoot, "/")); found && e.DocumentRoot != "" && strings.HasPrefix(rest, "/") {
		path = rest
	}
	if path == e.filename && !e.rules.Options.IgnoreContextInfo && e.ContextRoot != "" && e.ContextPrefix != "" {
		path = replacePrefix(path, e.ContextRoot, e.ContextPrefix)
	}
	// The new request reads its path as if a client had sent it.
	resolved, status := e.PathRules.Resolve(path)
	if status != 0 {
		e.answer(status)
		return
	}
	e.outcome.Path = resolved
	e.finish(StartOver)
}
