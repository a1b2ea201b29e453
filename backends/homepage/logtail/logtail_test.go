package logtail

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// folder has logs with these contents, by name.
func folder(t *testing.T, logs map[string]string) *Tail {
	t.Helper()
	dir := t.TempDir()
	var files []File
	for name, content := range logs {
		path := filepath.Join(dir, name+".log")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, File{name, path})
	}
	return &Tail{Files: func() []File { return files }}
}

func texts(lines []Line) (all []string) {
	for _, line := range lines {
		all = append(all, line.At.UTC().Format("15:04:05")+" "+line.Log+" "+line.Text)
	}
	return all
}

// Lines of all logs come in the order of their times, whatever their format.
func TestLinesOfAllLogs(t *testing.T) {
	t.Parallel()
	errors := time.Date(2026, 11, 23, 19, 30, 2, 0, time.UTC).Local().Format("Mon Jan 02 15:04:05.000000 2006")
	console := time.Date(2026, 11, 23, 19, 30, 4, 0, time.UTC).Local().Format("2006/01/02 15:04:05.000")
	tail := folder(t, map[string]string{
		"access": `203.0.113.9 - - [23/Nov/2026:20:30:01 +0100] "GET /a HTTP/2.0" 200 12 "-" "curl/8"` + "\n" +
			`203.0.113.9 - - [23/Nov/2026:20:30:05 +0100] "GET /b?code=hidden HTTP/2.0" 404 0 "-" "curl/8"` + "\n",
		"error":   "[" + errors + "] [proxy:error] dial tcp 127.0.0.1:1: refused\n  a line that belongs to it\n",
		"json":    `{"level":"error","ts":1795462203.5,"logger":"http","msg":"no","error":"why","status":502,"request":{"method":"GET","host":"a.example","uri":"/x?token=hidden"}}` + "\n",
		"console": console + "\tINFO\ttls\tfinished\n",
	})
	want := []string{
		`19:30:01 access 203.0.113.9 - - "GET /a HTTP/2.0" 200 12 "-" "curl/8"`,
		"19:30:02 error [proxy:error] dial tcp 127.0.0.1:1: refused",
		"19:30:02 error a line that belongs to it",
		"19:30:03 json error http no GET a.example/x 502 why",
		"19:30:04 console INFO tls finished",
		`19:30:05 access 203.0.113.9 - - "GET /b HTTP/2.0" 404 0 "-" "curl/8"`,
	}
	if got := texts(tail.Last(10, "")); !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := texts(tail.Last(2, "")); !slices.Equal(got, want[4:]) {
		t.Errorf("the last two are %q", got)
	}
	if got := texts(tail.Last(10, "error")); !slices.Equal(got, want[1:3]) {
		t.Errorf("the log of errors has %q", got)
	}
}

// A file that grows is read again, a line without its end is not shown, and a
// large one is read from its end.
func TestALogThatGrows(t *testing.T) {
	t.Parallel()
	tail := folder(t, map[string]string{"log": strings.Repeat(strings.Repeat("x", 99)+"\n", 10_000) + "first\nhal"})
	if got := tail.Last(1, ""); len(got) != 1 || got[0].Text != "first" {
		t.Errorf("%+v", got)
	}
	file, err := os.OpenFile(tail.Files()[0].Path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(file, "f\nnext\n"); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if got := tail.Last(2, ""); len(got) != 2 || got[0].Text != "half" || got[1].Text != "next" {
		t.Errorf("%+v", got)
	}
	if got := tail.Last(10_000, ""); len(got) < 100 || len(got) > 400 {
		t.Errorf("%d lines are read of a large file", len(got))
	}
}

// What is no file is not opened: a pipe would keep the reader waiting.
func TestOnlyFilesAreRead(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	tail := &Tail{Files: func() []File { return []File{{"pipe", pipe}, {"gone", pipe + "gone"}, {"folder", filepath.Dir(pipe)}} }}
	if got := tail.Logs(); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if got := tail.Last(5, ""); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if got := (*Tail)(nil).Last(5, ""); got != nil {
		t.Errorf("%+v", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, line := range []string{"", "{", `{"ts":1e300}`, `{"ts":"2026-01-01T00:00:00Z"}`, "[23/Nov/2026:20:30:01 +0100] a", "[Mon Nov 23 20:30:01.1 2026]", "\x00\xff"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if got := parse(line); len(got.Text) > maxText+len("…") || strings.ContainsAny(got.Text, "\n\r\x1b") {
			t.Errorf("%q", got.Text)
		}
	})
}
