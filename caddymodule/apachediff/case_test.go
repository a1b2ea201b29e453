// Package apachediff holds what the adapter `apache` makes of a configuration
// against what real Apache makes of it: the same requests, the same answers,
// and the same requests seen by what stands behind. Nothing that Apache keeps
// closed may be open.
//
// A case is a file in testdata/cases in the txtar form: a line that says what
// it is about, then files. Their names and texts are written as on a Debian
// server (/var/www, /etc/apache2, ports 80 and 443, apps on 127.0.0.1:5000 to
// 5002, nothing on 5009, PHP-FPM on /run/php/php-fpm.sock); the harness puts
// them into a temporary tree with free ports. Special files:
//
//	modules    names added to ("rewrite") or taken from ("-access_compat") the loaded modules
//	backend    answers of the apps: PATH STATUS | Name: value | body=text; all else is echoed
//	requests   one a line: [SCHEME:]HOST[:PORT] METHOD TARGET [| Name: value] [| body=text] [| certificate=NAME] [| refused] [| allow WHAT: why]
//	accept     lines of refused directives in sites-enabled that are accepted, as FILE:LINE
//	refused    instead of requests: "LINE DIRECTIVE" of findings that must refuse the configuration
//
// SCHEME is http (default), https, h2, http10 or ws. HOST "-" sends no Host. A
// A request that is refused ends without an answer: the connection is closed.
// Certificates and authorities of clients and backends are in /etc/ssl/peers,
// where a case names that folder: see peerFiles, and tlsApps for backends. A
// header's value and a TARGET may hold [N*c], which is the character N times.
// TARGET in quotes is read as a Go string, for bytes that a line cannot hold.
// WHAT of allow is status, location, body, backend, or the name of a header.
package apachediff_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// file is one file of a case; a symbolic link when target is set.
type file struct{ name, text, target string }

// request is one line of a case's requests.
type request struct {
	line    string
	scheme  string
	host    string // as sent, without port; "-" for none
	port    string // as written in the configuration
	withTag bool   // the port was written and is part of the Host
	method  string
	target  string
	header  [][2]string
	body    string
	client  string            // the certificate that is presented, by the name of its file
	refused bool              // there must be no answer
	allow   map[string]string // what may differ → why
}

// apacheCase is one case file.
type apacheCase struct {
	name     string
	about    string
	files    []file
	modules  []string
	answers  []scripted
	requests []request
	accept   []string
	refused  []string
}

// scripted is an answer of the apps that is not an echo.
type scripted struct {
	path   string
	status int
	header [][2]string
	body   string
}

// readCases reads every case.
func readCases(t *testing.T) []apacheCase {
	t.Helper()
	names, err := filepath.Glob("testdata/cases/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatal("no cases in testdata/cases")
	}
	var all []apacheCase
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		c, err := parseCase(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c.name = strings.TrimSuffix(filepath.Base(name), ".txt")
		all = append(all, c)
	}
	return all
}

// parseCase reads the text of a case file.
func parseCase(text string) (apacheCase, error) {
	about, parts := splitFiles(text)
	c := apacheCase{about: strings.TrimSpace(about)}
	for _, part := range parts {
		lines := contentLines(part.text)
		var err error
		switch part.name {
		case "modules":
			c.modules = strings.Fields(part.text)
		case "backend":
			c.answers, err = parseEach(lines, parseScripted)
		case "requests":
			c.requests, err = parseEach(lines, parseRequest)
		case "accept":
			c.accept = lines
		case "refused":
			c.refused = lines
		default:
			c.files = append(c.files, part)
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

// splitFiles cuts a txtar text into what stands before the files, and these.
func splitFiles(text string) (before string, files []file) {
	for line := range strings.Lines(text) {
		name, isMarker := strings.CutPrefix(strings.TrimRight(line, "\n"), "-- ")
		if name, ok := strings.CutSuffix(name, " --"); isMarker && ok {
			name, target, _ := strings.Cut(name, " -> ")
			files = append(files, file{name: name, target: target})
			continue
		}
		if len(files) == 0 {
			before += line
		} else {
			files[len(files)-1].text += line
		}
	}
	return before, files
}

// contentLines are the lines that are neither empty nor comments.
func contentLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}

func parseEach[T any](lines []string, parse func(string) (T, error)) ([]T, error) {
	all := make([]T, 0, len(lines))
	for _, line := range lines {
		one, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		all = append(all, one)
	}
	return all, nil
}

var defaultPorts = map[string]string{"http": "80", "http10": "80", "ws": "80", "https": "443", "h2": "443"}

func parseRequest(line string) (request, error) {
	parts := strings.Split(line, " | ")
	r := request{line: parts[0], scheme: "http", allow: make(map[string]string)}
	host, rest, _ := strings.Cut(parts[0], " ")
	method, target, ok := strings.Cut(strings.TrimSpace(rest), " ")
	if !ok {
		return r, fmt.Errorf("expected HOST METHOD TARGET")
	}
	if scheme, after, ok := strings.Cut(host, ":"); ok && defaultPorts[scheme] != "" {
		r.scheme, host = scheme, after
	}
	r.port, r.method, r.target = defaultPorts[r.scheme], method, strings.TrimSpace(target)
	r.host, r.withTag = host, false
	if name, port, ok := strings.Cut(host, ":"); ok && !strings.HasPrefix(host, "[") {
		r.host, r.port, r.withTag = name, port, true
	}
	if strings.HasPrefix(r.target, `"`) {
		unquoted, err := strconv.Unquote(r.target)
		if err != nil {
			return r, err
		}
		r.target = unquoted
	}
	r.target = repeated(r.target)
	for _, part := range parts[1:] {
		if err := r.option(strings.TrimSpace(part)); err != nil {
			return r, err
		}
	}
	return r, nil
}

// option reads one part after the request itself.
func (r *request) option(part string) error {
	if body, ok := strings.CutPrefix(part, "body="); ok {
		r.body = repeated(body)
		return nil
	}
	if name, ok := strings.CutPrefix(part, "certificate="); ok {
		r.client = name
		return nil
	}
	if part == "refused" {
		r.refused = true
		return nil
	}
	name, value, ok := strings.Cut(part, ":")
	if !ok {
		return fmt.Errorf("%q is neither a header nor body= nor allow", part)
	}
	value = strings.TrimSpace(value)
	if what, ok := strings.CutPrefix(name, "allow "); ok {
		if value == "" {
			return fmt.Errorf("%q gives no reason", part)
		}
		r.allow[strings.ToLower(strings.TrimSpace(what))] = value
		return nil
	}
	r.header = append(r.header, [2]string{name, repeated(value)})
	return nil
}

var repetition = regexp.MustCompile(`\[(\d+)\*(.)\]`)

// repeated writes [N*c] out.
func repeated(text string) string {
	return repetition.ReplaceAllStringFunc(text, func(found string) string {
		parts := repetition.FindStringSubmatch(found)
		count, err := strconv.Atoi(parts[1])
		if err != nil {
			return found
		}
		return strings.Repeat(parts[2], count)
	})
}

func parseScripted(line string) (scripted, error) {
	parts := strings.Split(line, " | ")
	fields := strings.Fields(parts[0])
	if len(fields) != 2 {
		return scripted{}, fmt.Errorf("expected PATH STATUS")
	}
	status, err := strconv.Atoi(fields[1])
	if err != nil {
		return scripted{}, err
	}
	answer := scripted{path: fields[0], status: status}
	for _, part := range parts[1:] {
		if body, ok := strings.CutPrefix(part, "body="); ok {
			answer.body = body
			continue
		}
		name, value, ok := strings.Cut(part, ":")
		if !ok {
			return answer, fmt.Errorf("%q is neither a header nor body=", part)
		}
		answer.header = append(answer.header, [2]string{strings.TrimSpace(name), strings.TrimSpace(value)})
	}
	return answer, nil
}

// ports are those that the configuration and the requests name.
func (c *apacheCase) ports() []string {
	named := []string{"80", "443"}
	for _, r := range c.requests {
		if !slices.Contains(named, r.port) {
			named = append(named, r.port)
		}
	}
	return named
}
