// Package logtail reads the last lines of log files, in whatever of the usual
// formats they are: Apache's, Caddy's JSON, or Caddy's console format.
package logtail

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// window is how much of the end of a file is looked at, in bytes.
	window = 32 << 10
	// most files are read for lines of all logs: those written last.
	most = 20
)

// File is a file that a log goes to.
type File struct{ Name, Path string }

// Log is a log as its file was found.
type Log struct {
	Name    string
	Size    int64     // in bytes
	Written time.Time // last

	path string
}

// Line is a line of a log, without what may be secret.
type Line struct {
	At   time.Time // as the line says; when it says nothing, that of the line before
	Log  string
	Text string // without the time, at most 400 bytes
}

// Tail reads the ends of logs. A nil one has none. Safe for concurrent use.
type Tail struct {
	// Files are those that logs go to now.
	Files func() []File

	mu   sync.Mutex
	ends map[string]end // by path
}

// end is what a file's end was when the file had that size and time.
type end struct {
	Log
	lines []string
}

// Logs are the logs that have a file, those written last first.
func (t *Tail) Logs() []Log {
	if t == nil {
		return nil
	}
	var logs []Log
	for _, file := range t.Files() {
		// Anything but a file could keep who opens it waiting.
		if info, err := os.Stat(file.Path); err == nil && info.Mode().IsRegular() {
			logs = append(logs, Log{file.Name, info.Size(), info.ModTime(), file.Path})
		}
	}
	slices.SortFunc(logs, func(a, b Log) int { return cmp.Or(b.Written.Compare(a.Written), cmp.Compare(a.Name, b.Name)) })
	return logs
}

// Named is the log of that name; nil when there is none.
func (t *Tail) Named(name string) *Log {
	for _, log := range t.Logs() {
		if log.Name == name {
			return &log
		}
	}
	return nil
}

// Last are the last n lines of the named log, or of all logs together when name
// is empty; oldest first. A log that cannot be read has none.
func (t *Tail) Last(n int, name string) []Line {
	logs := t.Logs()
	if name != "" {
		logs = slices.DeleteFunc(logs, func(l Log) bool { return l.Name != name })
	}
	var lines []Line
	for _, log := range logs[:min(most, len(logs))] {
		lines = append(lines, t.linesOf(log, n)...)
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return a.At.Compare(b.At) })
	return lines[max(0, len(lines)-n):]
}

// linesOf are the last n lines of a log.
func (t *Tail) linesOf(log Log, n int) []Line {
	texts := t.end(log)
	texts = texts[max(0, len(texts)-n):]
	lines := make([]Line, len(texts))
	at := log.Written
	for i, text := range texts {
		lines[i] = parse(text)
		lines[i].Log = log.Name
		if lines[i].At.IsZero() {
			lines[i].At = at
		}
		at = lines[i].At
	}
	return lines
}

// end is the end of a log, which is read when it has changed.
func (t *Tail) end(log Log) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known, ok := t.ends[log.path]; ok && known.Log == log {
		return known.lines
	}
	lines := lastLines(log.path)
	if t.ends == nil {
		t.ends = make(map[string]end)
	}
	t.ends[log.path] = end{log, lines}
	return lines
}

// lastLines are the whole lines at the end of a file; none when it cannot be read.
func lastLines(path string) []string {
	file, err := os.Open(path) // #nosec G304 -- the running configuration names it
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }() // it was only read
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil
	}
	start := max(0, size-window)
	content, err := io.ReadAll(io.NewSectionReader(file, start, size-start))
	if err != nil {
		return nil
	}
	if start > 0 { // its first line has no beginning
		_, content, _ = bytes.Cut(content, []byte("\n"))
	}
	content = content[:bytes.LastIndexByte(content, '\n')+1] // the last one has no end yet
	var lines []string
	for line := range bytes.Lines(content) {
		lines = append(lines, string(bytes.TrimRight(line, "\r\n")))
	}
	return lines
}
