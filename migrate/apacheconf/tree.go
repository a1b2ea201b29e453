// Package apacheconf reads an Apache configuration the way Apache 2.4 reads it:
// lines are joined and split into words by the same rules, includes, macros,
// variables and conditions are evaluated in order while reading, and what is
// left is a tree of directives that know the file and line they stand in.
package apacheconf

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Position is a line of a file.
type Position struct {
	// File is the absolute path Apache opens; symbolic links are not resolved,
	// so a site stands in sites-enabled.
	File string `json:"file"`
	// Line is counted from 1. Of a line that a backslash continues it is the first.
	Line int `json:"line"`
}

// String gives "file:line".
func (p Position) String() string { return p.File + ":" + strconv.Itoa(p.Line) }

// Directive is one directive or section.
type Directive struct {
	Position
	// Name is as written, without brackets; compare it with Is.
	Name string `json:"name"`
	// Args are the words after the name, unquoted as Apache does it, with
	// variables expanded. Of a section they are those of its opening tag.
	Args []string `json:"args,omitempty"`
	// Raw is the text after the name with variables expanded and nothing
	// unquoted, for directives that split it by rules of their own.
	Raw string `json:"raw,omitempty"`
	// LastLine is Line, or the last line when backslashes continue it.
	LastLine int `json:"last_line"`
	// Uses are the Use lines through which macros brought it, outermost first.
	Uses []Position `json:"uses,omitempty"`
	// Section tells <Name …> from Name.
	Section  bool         `json:"section,omitempty"`
	Children []*Directive `json:"children,omitempty"`
}

// Is tells whether the directive has one of names, in any case.
func (d *Directive) Is(names ...string) bool {
	for _, name := range names {
		if len(d.Name) == len(name) && strings.EqualFold(d.Name, name) { // most differ in length, which is told at once
			return true
		}
	}
	return false
}

// Text is the directive on one line, with variables expanded: "ServerName a.example"
// or "<VirtualHost *:80>".
func (d *Directive) Text() string {
	text := d.Name
	if d.Raw != "" {
		text += " " + d.Raw
	}
	if d.Section {
		return "<" + text + ">"
	}
	return text
}

// Walk visits the directives of list in order, parents before children.
func Walk(list []*Directive, visit func(d *Directive)) {
	for _, d := range list {
		visit(d)
		Walk(d.Children, visit)
	}
}

// Tree is an evaluated configuration. Conditions, includes, definitions and
// macros are gone from Directives; they are found in Evaluated and Skipped.
type Tree struct {
	ServerRoot string
	Directives []*Directive
	// Files are those that were read, in the order of reading; a file included
	// twice is named once.
	Files []string
	// Modules are the loaded modules by their names ("ssl_module") and where
	// each was loaded. The position of a module built into Apache is empty.
	Modules map[string]Position
	// Assumed says that no line loads a module, so that all of Apache's own count
	// as loaded.
	Assumed bool
	// Environment holds the variables that Apache is started with.
	Environment map[string]string
	// Defines are the names that <IfDefine> knows at the end, with their values;
	// a name defined without a value has "".
	Defines map[string]string
	// Evaluated are the lines that steered reading and held: LoadModule, Define,
	// Include, <IfModule> and their like. Sections among them have no children.
	Evaluated []*Directive
	// Skipped are the sections whose condition does not hold and the macros
	// nobody uses.
	Skipped  []Skipped
	Warnings []Problem

	fates     map[string][]Fate
	evaluator *evaluator
}

// Skipped is a section that Apache does not take in.
type Skipped struct {
	Position
	// LastLine is the line of the closing tag.
	LastLine int `json:"last_line"`
	// Text is the opening tag.
	Text string `json:"text"`
	Why  string `json:"why"`
}

// Problem is something wrong at a line. As an error it reads
// "file:line: what is wrong: what to do".
type Problem struct {
	Position
	Text string `json:"text"`
	// Do says what to do about it; it may be empty.
	Do string `json:"do,omitempty"`
}

func (p Problem) Error() string {
	text := p.Text
	if p.File != "" {
		text = p.String() + ": " + text
	}
	if p.Do != "" {
		text += ": " + p.Do
	}
	return text
}

// Fate is what became of a line of a file that was read.
type Fate uint8

// The fates of a line. Where a file is read more than once, the greatest holds.
const (
	// Unread lines are not part of what was read.
	Unread Fate = iota
	// Blank lines are empty or comments.
	Blank
	// LeftOut lines stand in a section that was skipped.
	LeftOut
	// Steered lines were evaluated while reading: conditions, definitions, macros.
	Steered
	// Kept lines are directives of the tree.
	Kept
)

func (f Fate) String() string {
	switch f {
	case Blank:
		return "blank"
	case LeftOut:
		return "left out"
	case Steered:
		return "evaluated"
	case Kept:
		return "kept"
	default:
		return "unread"
	}
}

// Fate tells what became of a line, counted from 1.
func (t *Tree) Fate(file string, line int) Fate {
	fates := t.fates[file]
	if line < 1 || line > len(fates) {
		return Unread
	}
	return fates[line-1]
}

// Lines is the number of lines of a file that was read.
func (t *Tree) Lines(file string) int { return len(t.fates[file]) }

// Options say what to load and in which circumstances.
type Options struct {
	// FS holds the files; its root is "/". The default is the file system.
	FS fs.FS
	// File is the absolute path of the main configuration file.
	File string
	// ServerRoot is what Apache's -d says. The default is the folder of File, or
	// the folder above when File lies in a folder such as sites-available.
	ServerRoot string
	// Defines are the names given by Apache's -D.
	Defines []string
	// Environment holds the variables Apache is started with. The default is what
	// the shell file envvars in ServerRoot sets, where there is one.
	Environment map[string]string
	// Version is Apache's, for <IfVersion>; the default is DefaultVersion.
	Version string
	// AssumeModules counts every module of Apache's own as loaded, also when some
	// are loaded and others not.
	AssumeModules bool
}

// DefaultVersion is the version <IfVersion> compares with unless Options say other.
const DefaultVersion = "2.4.71"

func problemf(at Position, do, format string, args ...any) Problem {
	return Problem{Position: at, Do: do, Text: fmt.Sprintf(format, args...)}
}
