package apachediff_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// walkProtected asks both servers, as a stranger, for every path of the case in
// every spelling that has opened something somewhere, and fails when a file
// that Apache never shows is shown by ours, or an app answers a request that
// Apache refused.
func (s *stage) walkProtected(t *testing.T) {
	t.Helper()
	opened, asked := s.opened()
	for _, problem := range opened {
		t.Error(problem)
	}
	t.Logf("%d spellings of closed paths asked", asked)
}

// opened tells what ours opens that Apache keeps closed, and how many requests
// were compared for it.
func (s *stage) opened() (problems []string, asked int) {
	w := &walker{stage: s, shown: make(map[string]bool), links: make(map[string]*link)}
	defer w.closeLinks()
	var found []exchange
	for _, origin := range s.origins() {
		for _, target := range w.closedTargets(origin) {
			for _, spelling := range spellings(origin, target) {
				found = append(found, w.try(spelling))
			}
		}
	}
	times := make(map[string]int)
	for _, e := range found {
		problem := w.judge(e)
		if problem == "" {
			continue
		}
		if times[problem]++; times[problem] <= 5 {
			problems = append(problems, fmt.Sprintf("%s\n  %s %s %s %q | %v\n  Apache: %d, ours: %d %.200q", problem, e.scheme, e.host, e.method, e.target, e.header, e.apache.status, e.ours.status, e.ours.body))
		}
	}
	return problems, len(found)
}

// TestWalkNoticesWhatIsOpen has a second Apache without the closing line stand
// for ours: the walk must find its files open, and the app answering.
func TestWalkNoticesWhatIsOpen(t *testing.T) {
	t.Parallel()
	c, err := parseCase("about\n-- site.conf --\n<VirtualHost *:80>\n\tServerName walk.test\n\tDocumentRoot /var/www/walk\n\tProxyPass /app http://127.0.0.1:5000\n" +
		"\t<LocationMatch ^/(private|app)>\n\t\tRequire all denied\n\t</LocationMatch>\n</VirtualHost>\n" +
		"-- /var/www/walk/private/a.txt --\n-- requests --\nwalk.test GET /app/x\n")
	if err != nil {
		t.Fatal(err)
	}
	lax := c
	lax.files = slices.Clone(c.files)
	lax.files[0].text = strings.ReplaceAll(lax.files[0].text, "denied", "granted")
	backends := startApps(t, nil)
	s := &stage{apacheCase: c, apps: backends, apache: writeTree(t, &c, backends), ours: writeTree(t, &lax, backends)}
	serveApache(t, s.apache)
	serveApache(t, s.ours)
	opened, _ := s.opened()
	for _, expected := range []string{"/var/www/walk/private/a.txt, which Apache never shows", "an app answers"} {
		if !slices.ContainsFunc(opened, func(problem string) bool { return strings.HasPrefix(problem, expected) }) {
			t.Errorf("the walk does not notice: %s", expected)
		}
	}
}

// exchange is one request and both answers.
type exchange struct {
	request
	apache, ours answer
}

// walker keeps connections and what Apache shows to strangers.
type walker struct {
	*stage
	shown map[string]bool // texts of files in Apache's answers
	links map[string]*link
}

// origins are the sites that the case asks, without credentials.
func (s *stage) origins() []request {
	seen := make(map[string]bool)
	var all []request
	for _, r := range s.requests {
		key := r.scheme + " " + r.host + " " + r.port
		if r.scheme == "ws" || r.host == "-" || seen[key] {
			continue
		}
		seen[key] = true
		all = append(all, request{scheme: r.scheme, host: r.host, port: r.port, withTag: r.withTag, method: "GET"})
	}
	return all[:min(len(all), 6)]
}

// closedTargets are the paths of the case that Apache refuses to show.
func (w *walker) closedTargets(origin request) []string {
	var closed []string
	for _, target := range w.knownTargets() {
		probe := origin
		probe.target = target
		got := w.get(w.apache, &probe)
		w.noteShown(got)
		if got.status == 401 || got.status == 403 || got.status == 404 && w.isAsked(target) {
			closed = append(closed, target)
		}
	}
	return closed
}

// isAsked tells whether the case itself asks for a path. Other paths that lead
// nowhere are not worth all their spellings.
func (w *walker) isAsked(target string) bool {
	return slices.ContainsFunc(w.requests, func(r request) bool { return r.target == target })
}

// knownTargets are the paths asked in the case, and every file below a
// document root, counted from each folder above it.
func (w *walker) knownTargets() []string {
	targets := map[string]bool{"/.htaccess": true, "/.htpasswd": true, "/server-status": true}
	for _, r := range w.requests {
		if target, _, _ := strings.Cut(r.target, "?"); strings.HasPrefix(target, "/") && len(target) < 200 {
			targets[target] = true
		}
	}
	for name := range w.apache.files {
		if isServerFile(name) {
			continue
		}
		for at := 1; at < len(name); at++ {
			if name[at] == '/' {
				targets[name[at:]] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(targets))
}

func isServerFile(name string) bool {
	return strings.HasPrefix(name, "/etc/apache2/mods-enabled/") || name == "/etc/apache2/apache2.conf" ||
		name == "/etc/apache2/envvars" || name == "/etc/apache2/ports.conf"
}

// spellings are the ways to ask for a path that is closed.
func spellings(origin request, target string) []request {
	var all []request
	add := func(change func(*request)) {
		r := origin
		r.target = target
		change(&r)
		all = append(all, r)
	}
	for _, spelled := range pathSpellings(target) {
		add(func(r *request) { r.target = spelled })
	}
	for _, method := range []string{"HEAD", "POST", "PUT", "OPTIONS", "get", "FOO"} {
		add(func(r *request) { r.method = method })
	}
	for _, host := range []string{strings.ToUpper(origin.host), origin.host + ".", "unknown.test", "127.0.0.1", "localhost"} {
		add(func(r *request) { r.host = host })
	}
	for _, header := range [][2]string{
		{"X-Forwarded-For", "127.0.0.1"}, {"X-Real-Ip", "127.0.0.1"}, {"X-Original-Url", target}, {"X-Rewrite-Url", target},
		{"Authorization", "Basic Og=="}, {"Authorization", "Basic YWRtaW46YWRtaW4="}, {"Authorization", "Bearer x"},
		{"Referer", "http://" + origin.host + "/"}, {"X-Http-Method-Override", "GET"}, {"Range", "bytes=0-9"}, {"Upgrade", "websocket"},
	} {
		add(func(r *request) { r.header = [][2]string{header} })
	}
	add(func(r *request) { r.target = origin.url() + target })
	add(func(r *request) { r.host, r.target = "unknown.test", origin.url()+target })
	add(func(r *request) { r.target = "http://unknown.test" + target })
	if origin.scheme == "http" {
		add(func(r *request) { r.scheme = "http10" })
		add(func(r *request) { r.scheme, r.host = "http10", "-" })
	}
	if origin.scheme == "https" {
		for _, spelled := range pathSpellings(target) {
			add(func(r *request) { r.scheme, r.target = "h2", spelled })
		}
	}
	return all
}

func (r request) url() string {
	scheme := "http://"
	if r.scheme == "https" || r.scheme == "h2" {
		scheme = "https://"
	}
	return scheme + r.host
}

// pathSpellings are other ways to write a path, which some server somewhere
// takes for the same.
func pathSpellings(target string) []string {
	folder, name := path.Split(target)
	parts := strings.Split(strings.TrimPrefix(target, "/"), "/")
	first, rest := parts[0], strings.Join(parts[1:], "/")
	if len(parts) > 1 {
		rest = "/" + rest
	}
	last := target[len(target)-1:]
	all := []string{
		target, strings.ToUpper(target), strings.ToLower(target), capitalise(target),
		target + "/", target + "//", target + "/.", target + "/..", target + ".", target + "..", target + " ", target + "%20", target + "~", target + ".bak",
		target + "?", target + "?x=/", target + "#", target + "%23", target + "%3f", target + ";", target + ";x=y", target + "%3b", target + ";/", target + "/;",
		target + "%00", target + "%00.html", target + "%0a", target + "%0d%0aX: y", target + "%2f", target + "%2e", target + "%5c", target + `\`, target + "::$DATA", target + "/x", target + "/index.html", target + "*", target + "%",
		target + "%252f", target + "%c0%af", target + "%ff", target + "\xff", target + "/../" + name, target + "/x/../", target + "/%2e%2e/" + name,
		"/" + target, "//" + target, "///" + target, "/." + target, "/./." + target, "/.." + target, "/../.." + target, "/x/.." + target, "/x/../x/.." + target,
		"/%2e" + target, "/%2e%2e" + target, "/x/%2e%2e" + target, "/x%2f.." + target, "/x%2f%2e%2e" + target, "/%2f" + target[1:], "/%2F" + target, "%2f" + target[1:], `\` + target[1:], `/\` + target[1:], "/%5c" + target[1:],
		"/;" + target, "/;x" + target, "/x;/.." + target, "/.;" + target, "/..;" + target, "/x/..;" + target, "/%20" + target, "/ " + target[1:], "/%00" + target, "/%09" + target[1:], target[1:],
		"/index.html/.." + target, "/index.php/.." + target, "/index.php" + target, "/icons/.." + target, "/icons/../.." + target, "/icons/.%2e" + target,
		strings.ReplaceAll(target, "/", "//"), strings.ReplaceAll(target, "/", "/./"), strings.ReplaceAll(target, "/", "%2f"), strings.ReplaceAll(target, "/", "%2F"), "/" + strings.ReplaceAll(target[1:], "/", "%2f"), "/" + strings.ReplaceAll(target[1:], "/", `\`), "/" + strings.ReplaceAll(target[1:], "/", "%5c"), "/" + strings.ReplaceAll(target[1:], "/", "%252f"),
		encodeAll(target), strings.ToLower(encodeAll(target)), doubleEncode(target), strings.TrimSuffix(target, last) + fmt.Sprintf("%%%02x", last[0]), strings.TrimSuffix(target, last) + fmt.Sprintf("%%%02X", last[0]), "/" + fmt.Sprintf("%%%02x", target[min(1, len(target)-1)]) + target[min(2, len(target)):],
		"/" + first + "/" + rest, "/" + first + "//" + rest, "/" + first + "/." + rest, "/" + first + "/x/.." + rest, "/" + first + ";x" + rest, "/" + first + ";" + rest, "/" + first + "%2f" + rest, "/" + first + "%00" + rest, "/" + first + "." + rest, "/" + first + "%20" + rest, "/" + first + "%3b" + rest, "/x/../" + first + rest, "/" + capitalise("/" + first)[1:] + rest,
		folder + "." + "/" + name, folder + "x/../" + name, folder + "%2e/" + name, folder + "/" + name, folder + "x/%2e%2e/" + name, folder + ".%2f" + name, folder + strings.ToUpper(name), folder, strings.TrimSuffix(folder, "/"),
		strings.ReplaceAll(target, ".", "%2e"), strings.ReplaceAll(target, ".", "%2E"), strings.ReplaceAll(target, "e", "%65"), strings.ReplaceAll(target, "a", "%61"), strings.ReplaceAll(target, "a", "%41"), strings.ReplaceAll(target, "i", "%c4%b1"), strings.ReplaceAll(target, "s", "%c5%bf"), strings.ReplaceAll(target, "-", "_"),
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == "" })
}

// capitalise changes the case of the first letter of each segment.
func capitalise(target string) string {
	bytes := []byte(target)
	for i := 1; i < len(bytes); i++ {
		if bytes[i-1] == '/' {
			bytes[i] = strings.ToUpper(string(bytes[i]))[0]
		}
	}
	return string(bytes)
}

func encodeAll(target string) string {
	var text strings.Builder
	for _, b := range []byte(target) {
		if b == '/' {
			text.WriteByte(b)
			continue
		}
		fmt.Fprintf(&text, "%%%02X", b)
	}
	return text.String()
}

func doubleEncode(target string) string {
	return strings.ReplaceAll(encodeAll(target), "%", "%25")
}

// try asks both servers.
func (w *walker) try(r request) exchange {
	e := exchange{request: r}
	e.apache = w.get(w.apache, &r)
	w.noteShown(e.apache)
	e.ours = w.get(w.ours, &r)
	return e
}

// get asks on a connection that is kept; an answer without status means that
// there was none.
func (w *walker) get(m *tree, r *request) answer {
	key := fmt.Sprint(m == w.ours, r.scheme, r.port, r.host)
	for range 2 {
		l := w.links[key]
		if l == nil {
			var err error
			if l, err = m.dial(r.scheme, r.host, r.port, r.client); err != nil {
				return answer{}
			}
			w.links[key] = l
		}
		got, err := l.exchange(m, r)
		if err == nil && got.header.Get("Connection") != "close" {
			return got
		}
		l.close()
		delete(w.links, key)
		if err == nil || got.status != 0 {
			return got
		}
	}
	return answer{}
}

func (w *walker) closeLinks() {
	for _, l := range w.links {
		l.close()
	}
}

// noteShown remembers which files Apache gives to strangers.
func (w *walker) noteShown(got answer) {
	if got.status >= 200 && got.status < 300 {
		for name := range filesIn(w.apache, got) {
			w.shown[name] = true
		}
	}
}

// filesIn are the files of the case that an answer carries.
func filesIn(m *tree, got answer) map[string]bool {
	body := got.plainBody()
	names := make(map[string]bool)
	for name, text := range m.files {
		if !isServerFile(name) && len(text) > 8 && strings.Contains(body, text) {
			names[name] = true
		}
	}
	return names
}

// judge says what an exchange opens that Apache keeps closed.
func (w *walker) judge(e exchange) string {
	for name := range filesIn(w.ours, e.ours) {
		if !w.shown[name] {
			return name + ", which Apache never shows, is readable"
		}
	}
	if e.ours.status/100 == 2 && strings.HasPrefix(e.ours.body, echoMark) && e.apache.status/100 == 4 {
		return "an app answers what Apache refuses"
	}
	return ""
}
