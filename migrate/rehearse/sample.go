package rehearse

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Request is a request to replay.
type Request struct {
	Method string `json:"method"`
	Scheme string `json:"scheme"` // http or https
	Host   string `json:"host"`   // without a port
	Port   int    `json:"port"`   // of the server that it was meant for
	Target string `json:"target"` // path and query, byte for byte
	Weight int    `json:"weight"` // how often it is in the logs
}

// Path is the target without its query.
func (r Request) Path() string {
	path, _, _ := strings.Cut(r.Target, "?")
	return path
}

// URL is the request's address; the query is replaced by dots unless shown.
func (r Request) URL(showQuery bool) string {
	target := r.Target
	if path, query, ok := strings.Cut(target, "?"); ok && query != "" && !showQuery {
		target = path + "?…"
	}
	return r.Scheme + "://" + r.host() + target
}

// host is the value of the Host header.
func (r Request) host() string {
	if r.Port == defaultPort(r.Scheme) {
		return r.Host
	}
	return net.JoinHostPort(strings.Trim(r.Host, "[]"), strconv.Itoa(r.Port))
}

func defaultPort(scheme string) int {
	if scheme == "https" {
		return 443
	}
	return 80
}

// Origin is a site as clients address it.
type Origin struct {
	Scheme string
	Host   string
	Port   int
}

// Log is an access log of Apache.
type Log struct {
	File    string   // plain or, with the extension .gz, compressed
	Formats []string // of LogFormat; the first that fits a line counts
	// Origins are the sites that write it, for formats that do not say which.
	// Each line is replayed for all of them.
	Origins []Origin
}

// Sample is what there is to replay.
type Sample struct {
	Lines      int            // read
	Unreadable int            // not of their log's format
	Methods    map[string]int // lines passed over for their method
	Elsewhere  int            // lines for a host that is none of the sites', or for no path
	requests   map[Request]int
	untold     int // requests beyond maxDistinct different ones
	sites      map[Origin]bool
}

// NewSample returns an empty sample.
func NewSample() *Sample {
	return &Sample{Methods: make(map[string]int), requests: make(map[Request]int), sites: make(map[Origin]bool)}
}

// maxDistinct bounds how many different requests are told apart: about 200 MB.
const maxDistinct = 500_000

// maxLine is the longest line of a log that is read: requests of twice what
// Apache takes, and two long headers.
const maxLine = 64 << 10

// ReadLog adds the requests of a log. Lines that can't be read are counted.
func (s *Sample) ReadLog(log Log) error {
	for _, origin := range log.Origins {
		s.sites[origin] = true
	}
	formats := make([]*Format, len(log.Formats))
	for i, format := range log.Formats {
		var err error
		if formats[i], err = ParseFormat(format); err != nil {
			return fmt.Errorf("%s: %w", log.File, err)
		}
	}
	return eachLine(log.File, func(line string) {
		if strings.Contains(line, `"`+userAgent+`"`) {
			return // of an earlier rehearsal
		}
		s.Lines++
		for _, format := range formats {
			if e, ok := format.parse(line); ok {
				s.add(e, log.Origins)
				return
			}
		}
		s.Unreadable++
	})
}

// eachLine reads a file. Lines that are too long are given cut.
func eachLine(name string, visit func(line string)) (err error) {
	file, err := os.Open(name) //nolint:gosec // the operator's configuration names it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var source io.Reader = file
	if strings.HasSuffix(name, ".gz") {
		if source, err = gzip.NewReader(file); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	reader := bufio.NewReaderSize(source, maxLine)
	for {
		line, isPrefix, err := reader.ReadLine()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		visit(string(line))
		for isPrefix && err == nil {
			_, isPrefix, err = reader.ReadLine()
		}
	}
}

// add adds what a line asks of each site that may have been asked.
func (s *Sample) add(e entry, origins []Origin) {
	if e.method != http.MethodGet && e.method != http.MethodHead {
		s.Methods[printable(e.method)]++
		return
	}
	if !strings.HasPrefix(e.target, "/") || strings.ContainsFunc(e.target, unfit) {
		s.Elsewhere++
		return
	}
	asked := e.origins(origins)
	for _, origin := range asked {
		s.count(Request{Method: e.method, Scheme: origin.Scheme, Host: origin.Host, Port: origin.Port, Target: e.target})
	}
	if len(asked) == 0 {
		s.Elsewhere++
	}
}

// count counts a request. When there are too many different ones, those that are
// new are no longer told apart, but still belong to the whole.
func (s *Sample) count(request Request) {
	if _, known := s.requests[request]; !known && len(s.requests) >= maxDistinct {
		s.untold++
		return
	}
	s.requests[request]++
}

// origins are the sites that a line may be about. Apache logs the port of
// ServerName or else its scheme's, whichever it listens on.
func (e entry) origins(all []Origin) []Origin {
	var exact, byScheme []Origin
	for _, origin := range all {
		switch {
		case e.host != "" && !strings.EqualFold(e.host, origin.Host):
		case e.port == 0 || e.port == origin.Port:
			exact = append(exact, origin)
		case e.port == defaultPort(origin.Scheme):
			byScheme = append(byScheme, origin)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return byScheme
}

// unfit reports whether a character can't be in a request line, or would do
// something to the terminal that shows it.
func unfit(r rune) bool { return r <= ' ' || r == 0x7f || !unicode.IsPrint(r) && r < unicode.MaxASCII }

// printable is a method fit to be shown, whatever a client has sent.
func printable(method string) string {
	if method == "" || len(method) > 20 || strings.IndexFunc(method, func(r rune) bool { return r < 'A' || r > 'Z' }) >= 0 {
		return "other"
	}
	return method
}

// ReadList adds requests from a list of lines "[METHOD] URL"; empty lines and
// those that begin with # are passed over.
func (s *Sample) ReadList(name string) error {
	number := 0
	var failed error
	err := eachLine(name, func(line string) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || failed != nil {
			return
		}
		s.Lines++
		if err := s.addURL(line); err != nil {
			failed = fmt.Errorf("%s:%d: %w", name, number, err)
		}
	})
	return errors.Join(err, failed)
}

var listLine = regexp.MustCompile(`^(?:(GET|HEAD)\s+)?(https?)://([^/?#\s]+)(\S*)$`)

func (s *Sample) addURL(line string) error {
	match := listLine.FindStringSubmatch(line)
	if match == nil {
		return fmt.Errorf("%q is not of the form [GET|HEAD] http(s)://HOST/PATH", line)
	}
	request := Request{Method: cmp.Or(match[1], http.MethodGet), Scheme: match[2], Host: match[3], Port: defaultPort(match[2]), Target: match[4]}
	if host, port, err := net.SplitHostPort(match[3]); err == nil {
		if request.Port, err = strconv.Atoi(port); err != nil {
			return fmt.Errorf("%q is not a port", port)
		}
		request.Host = host
	}
	request.Target, _, _ = strings.Cut(request.Target, "#")
	if !strings.HasPrefix(request.Target, "/") {
		request.Target = "/" + request.Target
	}
	s.count(request)
	return nil
}

// Selection is what of a sample is replayed.
type Selection struct {
	Requests []Request `json:"-"`
	Chosen   int       `json:"requests"`        // requests that are replayed
	Distinct int       `json:"distinct"`        // different requests in the sample
	Covered  float64   `json:"covered"`         // share of all requests of the sample that those stand for
	Paths    int       `json:"paths"`           // different paths that are replayed
	AllPaths int       `json:"paths_all"`       // different paths in the sample
	Excluded int       `json:"excluded"`        // different requests that were excluded
	Lines    int       `json:"lines"`           // lines read
	Unread   int       `json:"unreadable"`      // lines not of their log's format
	Others   int       `json:"other_methods"`   // lines with methods that are not replayed
	Nowhere  int       `json:"for_other_hosts"` // lines for hosts that no site has, or for no path
	Unseen   []string  `json:"unseen"`          // sites of the logs for which nothing is replayed
}

// Select picks at most limit requests: the most frequent of each path first,
// paths by how often they were asked for, sites in turn, then more queries of
// the same paths. Paths that exclude matches are left out; nil: none.
func (s *Sample) Select(limit int, exclude *regexp.Regexp) Selection {
	selection := Selection{Lines: s.Lines, Unread: s.Unreadable, Nowhere: s.Elsewhere}
	for _, count := range s.Methods {
		selection.Others += count
	}
	var all []Request
	total := s.untold
	for request, weight := range s.requests {
		if exclude != nil && exclude.MatchString(request.Target) {
			selection.Excluded++
			continue
		}
		request.Weight = weight
		total += weight
		all = append(all, request)
	}
	slices.SortFunc(all, compareRequests)
	ranks, paths := rank(all)
	slices.SortStableFunc(all, func(a, b Request) int {
		return cmp.Or(cmp.Compare(ranks[a].query, ranks[b].query), cmp.Compare(ranks[a].path, ranks[b].path))
	})
	selection.Distinct, selection.AllPaths = len(all), paths
	selection.Requests = all[:min(len(all), limit)]
	selection.Chosen = len(selection.Requests)
	covered := 0
	chosenPaths := make(map[Request]bool)
	for _, request := range selection.Requests {
		covered += request.Weight
		chosenPaths[pathOf(request)] = true
	}
	selection.Paths = len(chosenPaths)
	selection.Unseen = s.unseen(selection.Requests)
	if total > 0 {
		selection.Covered = float64(covered) / float64(total)
	}
	return selection
}

// unseen are the sites that none of the requests is for.
func (s *Sample) unseen(requests []Request) []string {
	seen := make(map[Origin]bool)
	for _, r := range requests {
		seen[Origin{r.Scheme, r.Host, r.Port}] = true
	}
	unseen := []string{}
	for origin := range s.sites {
		if !seen[origin] {
			unseen = append(unseen, Request{Scheme: origin.Scheme, Host: origin.Host, Port: origin.Port}.URL(false))
		}
	}
	slices.Sort(unseen)
	return unseen
}

func compareRequests(a, b Request) int {
	return cmp.Or(cmp.Compare(b.Weight, a.Weight), strings.Compare(a.URL(true), b.URL(true)), strings.Compare(a.Method, b.Method))
}

// requestRank orders a request: the how-manieth of its path it is, and the
// how-manieth of its site that path is.
type requestRank struct{ query, path int }

// rank ranks sorted requests, and counts their paths.
func rank(sorted []Request) (map[Request]requestRank, int) {
	ranks := make(map[Request]requestRank, len(sorted))
	queries, paths, sites := make(map[Request]int), make(map[Request]int), make(map[Origin]int)
	for _, request := range sorted {
		path, site := pathOf(request), Origin{request.Scheme, request.Host, request.Port}
		if _, known := paths[path]; !known {
			paths[path] = sites[site]
			sites[site]++
		}
		ranks[request] = requestRank{queries[path], paths[path]}
		queries[path]++
	}
	return ranks, len(paths)
}

// pathOf is the request without what is particular to it.
func pathOf(r Request) Request {
	return Request{Scheme: r.Scheme, Host: r.Host, Port: r.Port, Target: r.Path()}
}
