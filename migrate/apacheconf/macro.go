package apacheconf

import (
	"slices"
	"strings"
)

// macro is a definition of mod_macro.
type macro struct {
	at         *Directive
	last       int
	parameters []string
	lines      []line
	used       bool
	file       *Tree // that defines it
}

// defineMacro reads <Macro NAME PARAMETER…> up to its closing tag. Macros may be
// defined in it, which happens when it is used.
func defineMacro(e *evaluator, in *input, d *Directive, _ *block) error {
	if len(d.Args) == 0 || d.Args[0] == "" {
		return problemf(d.Position, "", "<Macro> needs a name")
	}
	m := &macro{at: d, parameters: d.Args[1:], file: e.tree}
	e.tree.Evaluated = append(e.tree.Evaluated, d)
	for i, parameter := range m.parameters {
		if parameter == "" || slices.Contains(m.parameters[:i], parameter) {
			if err := e.fail(problemf(d.Position, "name each parameter differently", "macro %s has two parameters named %q or one without a name", d.Args[0], parameter)); err != nil {
				return err
			}
		}
	}
	if err := e.macroLines(in, m); err != nil {
		return err
	}
	name := strings.ToLower(d.Args[0])
	if former, ok := e.macros[name]; ok {
		e.warn(d.Position, "", "macro %s was defined at %s already; from here on this definition holds", d.Args[0], former.at.Position)
	}
	e.macros[name] = m
	return nil
}

func (e *evaluator) macroLines(in *input, m *macro) error {
	for nested := 1; ; {
		l, ok := in.next()
		if !ok {
			return problemf(m.at.Position, "close it with </Macro>", "<Macro> is not closed in its file")
		}
		if err := e.spend(l.Position, len(l.text)); err != nil {
			return err
		}
		if len(l.text) >= maxMacroLine-1 {
			return problemf(l.Position, "break it up", "a line of a macro is longer than %d bytes", maxMacroLine)
		}
		e.markSkipped(l)
		if strings.HasPrefix(l.text, "#") {
			continue
		}
		first, _ := word(l.text)
		switch {
		case strings.EqualFold(first, "<Macro"):
			nested++
		case strings.EqualFold(first, "</Macro>"):
			if nested--; nested == 0 {
				e.mark(l, Steered)
				m.last = l.last
				return nil
			}
		}
		m.lines = append(m.lines, l)
	}
}

// useMacro puts the lines of a macro before those that follow. A section may
// begin in a macro and end after it.
func useMacro(e *evaluator, in *input, d *Directive, _ *block) error {
	ok, err := e.takes(d, 1, 1+len(d.Args))
	if !ok {
		return err
	}
	e.tree.Evaluated = append(e.tree.Evaluated, d)
	m, ok := e.macros[strings.ToLower(d.Args[0])]
	if !ok {
		return e.fail(problemf(d.Position, "define it before this line", "macro %s is not defined", d.Args[0]))
	}
	m.used = true
	for _, b := range in.batches {
		if b.macro == m {
			return problemf(d.Position, "", "macro %s uses itself", d.Args[0])
		}
	}
	if len(in.batches) > maxNestedUses {
		return problemf(d.Position, "look for macros that multiply", "macros are nested deeper than %d", maxNestedUses)
	}
	values := d.Args[1:]
	if len(values) != len(m.parameters) {
		return e.fail(problemf(d.Position, "", "macro %s takes %d arguments, not %d", d.Args[0], len(m.parameters), len(values)))
	}
	lines, err := m.expand(values, d.Position)
	if err != nil {
		return err
	}
	uses := append(slices.Clone(d.Uses), d.Position)
	in.batches = append(in.batches, &batch{lines: lines, uses: uses, macro: m})
	return nil
}

func (m *macro) expand(values []string, use Position) ([]line, error) {
	lines := make([]line, 0, len(m.lines))
	continued := false
	for _, l := range m.lines {
		text, ok := m.substitute(l.text, values)
		if !ok {
			return nil, problemf(use, "use shorter arguments", "%s of the macro becomes longer than %d bytes", l.Position, maxMacroLine)
		}
		// A backslash that an argument brought to the end continues the line.
		joined, continues := strings.CutSuffix(text, `\`)
		if continued {
			previous := &lines[len(lines)-1]
			previous.text += joined
		} else {
			l.text = joined
			lines = append(lines, l)
		}
		continued = continues
	}
	if continued {
		return nil, problemf(use, "write the argument without it", "the last line of the macro ends in a backslash")
	}
	for i := range lines {
		lines[i].text = strings.Trim(lines[i].text, spaces)
	}
	return lines, nil
}

// substitute replaces the parameters in text. The first parameter in the text is
// taken, the longest where several begin. After one that begins with @, and is
// quoted, Apache goes on inside what it inserted.
func (m *macro) substitute(text string, values []string) (string, bool) {
	from := 0
	for {
		at, which := m.next(text, from)
		if which < 0 {
			return text, true
		}
		parameter, value := m.parameters[which], values[which]
		if parameter != value {
			inserted := value
			if parameter[0] == '@' {
				inserted = `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`).Replace(value) + `"`
			}
			text = text[:at] + inserted + text[at+len(parameter):]
		}
		if len(text) >= maxMacroLine-1 {
			return "", false
		}
		from = at + len(value)
	}
}

func (m *macro) next(text string, from int) (at, which int) {
	at, which = len(text), -1
	for i, parameter := range m.parameters {
		found := strings.Index(text[from:], parameter)
		if found < 0 || parameter == "" { // one without a name was reported
			continue
		}
		found += from
		if found < at || found == at && which >= 0 && len(parameter) > len(m.parameters[which]) {
			at, which = found, i
		}
	}
	return at, which
}

func undefMacro(e *evaluator, in *input, d *Directive, b *block) error {
	ok, err := e.takes(d, 1, 1)
	if !ok {
		return err
	}
	name := strings.ToLower(d.Args[0])
	if _, defined := e.macros[name]; !defined {
		return e.fail(problemf(d.Position, "remove the line", "macro %s is not defined", d.Args[0]))
	}
	delete(e.macros, name)
	return record(e, in, d, b)
}
