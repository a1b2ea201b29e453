package apacheconf

import "strings"

// maxExpanded bounds what variables make of a line.
const maxExpanded = 1 << 20

// expand replaces ${NAME} by what Define or the environment says. What nothing
// defines stays as it is. Apache expands before it splits a line into words, so
// a value with spaces is several words unless it stands in quotes.
func (e *evaluator) expand(l line) (string, error) {
	if !strings.Contains(l.text, "${") {
		return l.text, nil
	}
	var out strings.Builder
	rest := l.text
	for {
		before, after, found := strings.Cut(rest, "${")
		out.WriteString(before)
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			out.WriteString("${" + after)
			break
		}
		out.WriteString(e.variable(l.Position, name))
		if out.Len() > maxExpanded {
			return "", problemf(l.Position, "look for definitions that multiply", "variables make the line longer than %d MiB", maxExpanded>>20)
		}
		rest = tail
	}
	e.text += out.Len()
	return out.String(), nil
}

func (e *evaluator) variable(at Position, name string) string {
	if value, ok := e.values[strings.ToLower(name)]; ok {
		return value
	}
	if value, ok := e.environment[name]; ok {
		return value
	}
	// A colon makes it a rewrite map of mod_rewrite.
	if !strings.Contains(name, ":") {
		e.warn(at, "define it with Define or in envvars", "variable ${%s} is not defined and stays as it is written", name)
	}
	return "${" + name + "}"
}

func define(e *evaluator, in *input, d *Directive, b *block) error {
	ok, err := e.takes(d, 1, 2)
	if !ok {
		return err
	}
	name := d.Args[0]
	if strings.Contains(name, ":") {
		return e.fail(problemf(d.Position, "choose another name", "the name %s has a colon", name))
	}
	if _, defined := e.tree.Defines[name]; !defined {
		e.tree.Defines[name] = ""
	}
	// An empty value is none: the variable stays undefined.
	if len(d.Args) == 2 && d.Args[1] != "" {
		e.tree.Defines[name] = d.Args[1]
		e.values[strings.ToLower(name)] = d.Args[1]
	}
	return record(e, in, d, b)
}

func undefine(e *evaluator, in *input, d *Directive, b *block) error {
	ok, err := e.takes(d, 1, 1)
	if !ok {
		return err
	}
	name := d.Args[0]
	if strings.Contains(name, ":") {
		return e.fail(problemf(d.Position, "choose another name", "the name %s has a colon", name))
	}
	delete(e.tree.Defines, name)
	delete(e.values, strings.ToLower(name))
	return record(e, in, d, b)
}
