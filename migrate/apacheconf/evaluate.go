package apacheconf

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// Limits, so that no configuration makes reading it long. Those of lines and of
// depth are Apache's own.
const (
	maxLine         = 16 << 20
	maxHtaccessLine = 8 << 10
	maxMacroLine    = 8 << 10
	maxDepth        = 128
	maxLines        = 1_000_000
	maxText         = 128 << 20
	maxNestedUses   = 16
	maxProblems     = 50
)

// evaluator reads files into a tree.
type evaluator struct {
	ctx         context.Context
	fsys        fs.FS
	tree        *Tree
	environment map[string]string
	values      map[string]string // of Define NAME VALUE
	macros      map[string]*macro
	cache       map[string][]line
	version     [3]int
	assume      bool
	maxLine     int

	depth    int // of nested includes
	lines    int // read so far
	text     int // bytes read so far
	problems []error
}

// fork is an evaluator for another file that changes nothing of e.
func (e *evaluator) fork(ctx context.Context) *evaluator {
	forked := *e
	forked.ctx = ctx
	forked.depth, forked.lines, forked.text, forked.problems = 0, 0, 0, nil
	forked.values, forked.macros = maps.Clone(e.values), maps.Clone(e.macros)
	forked.cache = map[string][]line{}
	forked.tree = &Tree{
		ServerRoot:  e.tree.ServerRoot,
		Modules:     maps.Clone(e.tree.Modules),
		Assumed:     e.tree.Assumed,
		Environment: e.tree.Environment,
		Defines:     maps.Clone(e.tree.Defines),
		fates:       map[string][]Fate{},
	}
	forked.tree.evaluator = &forked
	return &forked
}

// fail notes a problem after which reading goes on; the error is for when there
// are too many.
func (e *evaluator) fail(p Problem) error {
	e.problems = append(e.problems, p)
	if len(e.problems) >= maxProblems {
		return problemf(p.Position, "", "too many problems, reading no further")
	}
	return nil
}

func (e *evaluator) warn(at Position, do, format string, args ...any) {
	e.tree.Warnings = append(e.tree.Warnings, problemf(at, do, format, args...))
}

func (e *evaluator) mark(l line, fate Fate) {
	fates := e.tree.fates[l.File]
	for number := l.Line; number <= l.last && number <= len(fates); number++ {
		fates[number-1] = max(fates[number-1], fate)
	}
}

// spend counts work, and ends it when there is too much or nobody waits for it.
func (e *evaluator) spend(at Position, text int) error {
	e.lines++
	e.text += text
	if e.lines > maxLines || e.text > maxText {
		return problemf(at, "look for macros or includes that multiply", "the configuration is larger than %d lines or %d MiB", maxLines, maxText>>20)
	}
	if e.lines%1024 == 0 {
		return e.ctx.Err()
	}
	return nil
}

// input hands out lines: those of a file, interrupted by those of the macros
// used in it.
type input struct{ batches []*batch }

type batch struct {
	lines []line
	uses  []Position
	macro *macro
}

func (in *input) next() (line, bool) {
	for {
		top := in.batches[len(in.batches)-1]
		if len(top.lines) > 0 {
			l := top.lines[0]
			top.lines = top.lines[1:]
			l.uses = top.uses
			return l, true
		}
		if len(in.batches) == 1 {
			return line{}, false
		}
		in.batches = in.batches[:len(in.batches)-1]
	}
}

// block is the directives of a file or of a section that was evaluated.
type block struct {
	directives []*Directive
	open       []*Directive
}

func (b *block) add(d ...*Directive) {
	if len(b.open) == 0 {
		b.directives = append(b.directives, d...)
		return
	}
	parent := b.open[len(b.open)-1]
	parent.Children = append(parent.Children, d...)
}

// block reads up to the closing tag of section, or up to the end of the input
// when section is nil. The closing tag must stand alone on its line.
func (e *evaluator) block(in *input, section *Directive) ([]*Directive, error) {
	var b block
	for {
		l, ok := in.next()
		if !ok {
			break
		}
		if err := e.spend(l.Position, len(l.text)); err != nil {
			return b.directives, err
		}
		if section != nil && len(b.open) == 0 && closes(l.text, section.Name) {
			e.mark(l, Steered)
			return b.directives, nil
		}
		if err := e.statement(in, l, &b); err != nil {
			return b.directives, err
		}
	}
	if section != nil {
		// Apache takes the end of the file for the end of such a section.
		e.warn(section.Position, "close it with </"+section.Name+">", "<%s> is not closed in its file", section.Name)
		return b.directives, nil
	}
	for _, d := range b.open {
		if err := e.fail(problemf(d.Position, "close it with </"+d.Name+">", "<%s> is not closed", d.Name)); err != nil {
			return b.directives, err
		}
	}
	return b.directives, nil
}

// closes tells whether text is the closing tag of a section, in any case.
func closes(text, name string) bool {
	return len(text) == len(name)+3 && text[:2] == "</" && text[len(text)-1] == '>' && strings.EqualFold(text[2:len(text)-1], name)
}

// statement reads one line into b: a directive, a tag, or something to evaluate.
func (e *evaluator) statement(in *input, l line, b *block) error {
	if l.comment() {
		e.mark(l, Blank)
		return nil
	}
	if len(l.text) > e.maxLine {
		return problemf(l.Position, "break it up", "the line is longer than %d bytes", e.maxLine)
	}
	text, err := e.expand(l)
	if err != nil {
		return err
	}
	name, rest := word(text)
	if name == "" { // nothing but a variable that is empty
		e.mark(l, Blank)
		return nil
	}
	if strings.HasPrefix(name, "</") {
		return e.closing(l, name, b)
	}
	name = strings.TrimSuffix(name, ">")
	if name == "" || name == "<" {
		return e.fail(problemf(l.Position, "remove it", "the line %q has no directive", l.text))
	}
	d := &Directive{Position: l.Position, LastLine: l.last, Uses: l.uses, Name: name, Raw: rest}
	if name[0] == '<' {
		d.Section, d.Name = true, name[1:]
		// Apache looks for the last bracket of the line.
		if end := strings.LastIndexByte(rest, '>'); end >= 0 {
			d.Raw = strings.TrimRight(rest[:end], spaces)
		} else if rest != "" {
			return e.fail(problemf(l.Position, "add it", "<%s has no closing >", d.Name))
		}
	}
	d.Args = Words(d.Raw)
	if steer := e.steering(d); steer != nil {
		e.mark(l, Steered)
		return steer(e, in, d, b)
	}
	e.mark(l, Kept)
	b.add(d)
	if d.Section {
		b.open = append(b.open, d)
	}
	return nil
}

// closing handles </NAME>. Without its opening nothing after it can be trusted.
func (e *evaluator) closing(l line, name string, b *block) error {
	e.mark(l, Kept)
	closed, ok := strings.CutSuffix(name[2:], ">")
	if !ok {
		return problemf(l.Position, "add it", "%s has no closing >", name)
	}
	if len(b.open) == 0 {
		return problemf(l.Position, "remove it or open the section", "</%s> without a <%s> before it", closed, closed)
	}
	top := b.open[len(b.open)-1]
	if !top.Is(closed) {
		return problemf(l.Position, fmt.Sprintf("close <%s> of line %d first", top.Name, top.Line), "</%s> where </%s> is expected", closed, top.Name)
	}
	b.open = b.open[:len(b.open)-1]
	return nil
}

// steer evaluates a directive while reading.
type steer func(e *evaluator, in *input, d *Directive, b *block) error

// steering is how d is evaluated while reading; nil when it is a directive like
// any other.
func (e *evaluator) steering(d *Directive) steer {
	entry, ok := steers[strings.ToLower(d.Name)]
	if !ok || entry.section != d.Section {
		return nil
	}
	if entry.module != "" && !e.loaded(entry.module) {
		return nil
	}
	return entry.steer
}

type steerEntry struct {
	section bool
	module  string // that must be loaded for it
	steer   steer
}

var steers map[string]steerEntry

func init() {
	steers = map[string]steerEntry{
		"ifmodule":          {section: true, steer: condition((*evaluator).ifModule)},
		"ifdefine":          {section: true, steer: condition((*evaluator).ifDefine)},
		"iffile":            {section: true, steer: condition((*evaluator).ifFile)},
		"ifdirective":       {section: true, steer: condition((*evaluator).ifDirective)},
		"ifsection":         {section: true, steer: condition((*evaluator).ifSection)},
		"ifversion":         {section: true, steer: ifVersion},
		"include":           {steer: includeDirective},
		"includeoptional":   {steer: includeDirective},
		"define":            {steer: define},
		"undefine":          {steer: undefine},
		"loadmodule":        {steer: loadModule},
		"loadfile":          {steer: record},
		"serverroot":        {steer: serverRoot},
		"defaultruntimedir": {steer: record},
		"error":             {steer: errorDirective},
		"macro":             {section: true, module: "macro_module", steer: defineMacro},
		"use":               {module: "macro_module", steer: useMacro},
		"undefmacro":        {module: "macro_module", steer: undefMacro},
	}
}

// record notes a directive that is evaluated and has no effect here.
func record(e *evaluator, _ *input, d *Directive, _ *block) error {
	e.tree.Evaluated = append(e.tree.Evaluated, d)
	return nil
}

// takes checks the number of arguments of a directive that was evaluated.
func (e *evaluator) takes(d *Directive, least, most int) (bool, error) {
	if len(d.Args) >= least && len(d.Args) <= most && d.Args[0] != "" {
		return true, nil
	}
	want := fmt.Sprint(least)
	if most > least {
		want += fmt.Sprintf(" or %d", most)
	}
	return false, e.fail(problemf(d.Position, "", "%s takes %s arguments, not %d", d.Name, want, len(d.Args)))
}

func serverRoot(e *evaluator, in *input, d *Directive, b *block) error {
	ok, err := e.takes(d, 1, 1)
	if !ok {
		return err
	}
	e.tree.ServerRoot = e.relative(d.Args[0])
	return record(e, in, d, b)
}

func loadModule(e *evaluator, in *input, d *Directive, b *block) error {
	ok, err := e.takes(d, 2, 2)
	if !ok {
		return err
	}
	if at, again := e.tree.Modules[d.Args[0]]; !again || at == (Position{}) && e.assume {
		e.tree.Modules[d.Args[0]] = d.Position
	}
	return record(e, in, d, b)
}

func errorDirective(e *evaluator, _ *input, d *Directive, _ *block) error {
	return e.fail(problemf(d.Position, "do what it says, or remove the line", "the configuration stops itself: %s", d.Raw))
}

// finish notes the macros that nobody uses.
func (e *evaluator) finish() {
	var unused []Skipped
	for _, m := range e.macros {
		if !m.used && m.file == e.tree {
			unused = append(unused, Skipped{Position: m.at.Position, LastLine: m.last, Text: m.at.Text(), Why: "no Use line uses this macro"})
		}
	}
	slices.SortFunc(unused, func(a, b Skipped) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	e.tree.Skipped = append(e.tree.Skipped, unused...)
	e.cache = nil
}
