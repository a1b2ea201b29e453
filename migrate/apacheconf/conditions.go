package apacheconf

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// condition evaluates <Name [!]ARGUMENT>. test also says, for people, why it
// does not hold when it is false; for a negation that is what the second says.
func condition(test func(e *evaluator, argument string) (holds bool, not, is string)) steer {
	return func(e *evaluator, in *input, d *Directive, b *block) error {
		text, negated := strings.CutPrefix(d.Raw, "!")
		argument, _ := word(text)
		if argument == "" {
			if err := e.fail(problemf(d.Position, "", "<%s> needs an argument", d.Name)); err != nil {
				return err
			}
		}
		holds, not, is := test(e, argument)
		if negated {
			holds, not = !holds, is
		}
		return e.conditional(in, d, b, holds, not)
	}
}

// conditional takes in a section whose condition holds, or leaves it out.
func (e *evaluator) conditional(in *input, d *Directive, b *block, holds bool, why string) error {
	if !holds {
		return e.skip(in, d, why)
	}
	e.tree.Evaluated = append(e.tree.Evaluated, d)
	children, err := e.block(in, d)
	b.add(children...)
	return err
}

// skip passes over a section, whose tags must still match. Variables in it are
// not expanded.
func (e *evaluator) skip(in *input, d *Directive, why string) error {
	open := []string{d.Name}
	for {
		l, ok := in.next()
		if !ok {
			return problemf(d.Position, "close it with </"+d.Name+">", "<%s> is not closed in its file", d.Name)
		}
		if err := e.spend(l.Position, len(l.text)); err != nil {
			return err
		}
		e.markSkipped(l)
		name, rest := word(l.text)
		if !strings.HasPrefix(name, "<") {
			continue
		}
		if closed, ok := strings.CutPrefix(name, "</"); ok {
			closed = closed[:max(len(closed)-1, 0)]
			top := open[len(open)-1]
			if !strings.EqualFold(closed, top) {
				return problemf(l.Position, fmt.Sprintf("look at the sections since line %d", d.Line), "</%s> where </%s> is expected", closed, top)
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				e.tree.Skipped = append(e.tree.Skipped, Skipped{Position: d.Position, LastLine: l.last, Text: d.Text(), Why: why})
				return nil
			}
			continue
		}
		if rest == "" {
			name = strings.TrimSuffix(name, ">")
		}
		open = append(open, name[1:])
	}
}

func (e *evaluator) markSkipped(l line) {
	if l.comment() {
		e.mark(l, Blank)
		return
	}
	e.mark(l, LeftOut)
}

func (e *evaluator) ifModule(name string) (holds bool, not, is string) {
	return e.loadedAs(name), "module " + name + " is not loaded", "module " + name + " is loaded"
}

func (e *evaluator) ifDefine(name string) (holds bool, not, is string) {
	_, defined := e.tree.Defines[name]
	return defined, name + " is not defined", name + " is defined"
}

func (e *evaluator) ifFile(name string) (holds bool, not, is string) {
	_, err := fs.Stat(e.fsys, fsName(e.relative(name)))
	return err == nil, "file " + name + " does not exist", "file " + name + " exists"
}

func (e *evaluator) ifDirective(name string) (holds bool, not, is string) {
	return e.available(name), "no loaded module has directive " + name, "a loaded module has directive " + name
}

func (e *evaluator) ifSection(name string) (holds bool, not, is string) {
	return e.available("<" + name), "no loaded module has section " + name, "a loaded module has section " + name
}

// available tells whether a directive, or a section when it begins with "<", is
// one of a loaded module's.
func (e *evaluator) available(name string) bool {
	known, ok := lookUp(strings.ToLower(name))
	if !ok {
		return false
	}
	return slices.ContainsFunc(known.Modules, e.loaded)
}

// ifVersion evaluates <IfVersion [[!]OPERATOR] VERSION>.
func ifVersion(e *evaluator, in *input, d *Directive, b *block) error {
	if len(d.Args) < 1 || len(d.Args) > 2 {
		if err := e.fail(problemf(d.Position, "write <IfVersion >= 2.4>", "<IfVersion> takes an operator and a version")); err != nil {
			return err
		}
		return e.skip(in, d, "the condition is not understood")
	}
	operator, version := "=", d.Args[len(d.Args)-1]
	if len(d.Args) == 2 {
		operator = d.Args[0]
	}
	holds, err := e.compareVersion(operator, version)
	if err != nil {
		if err := e.fail(problemf(d.Position, "", "<IfVersion>: %v", err)); err != nil {
			return err
		}
		return e.skip(in, d, "the condition is not understood")
	}
	is := fmt.Sprintf("Apache is %d.%d.%d", e.version[0], e.version[1], e.version[2])
	return e.conditional(in, d, b, holds, is)
}

func (e *evaluator) compareVersion(operator, version string) (bool, error) {
	bare, negated := operator, false
	if len(operator) > 1 && operator[0] == '!' {
		bare, negated = operator[1:], true
	}
	var holds bool
	switch bare {
	case "=", "==":
		pattern, ok := strings.CutPrefix(version, "/")
		if !ok {
			compared, err := e.compared(version)
			if err != nil {
				return false, err
			}
			return (compared == 0) != negated, nil
		}
		pattern, ok = strings.CutSuffix(pattern, "/")
		if !ok {
			return false, fmt.Errorf("the regular expression %s has no closing /", version)
		}
		version = pattern
		fallthrough
	case "~":
		expression, err := regexp.Compile(version)
		if err != nil {
			return false, err
		}
		holds = expression.MatchString(fmt.Sprintf("%d.%d.%d", e.version[0], e.version[1], e.version[2]))
	case "<", "<=", ">", ">=":
		compared, err := e.compared(version)
		if err != nil {
			return false, err
		}
		holds = bare[0] == '<' && compared < 0 || bare[0] == '>' && compared > 0 || len(bare) == 2 && compared == 0
	default:
		return false, fmt.Errorf("operator %q is unknown", operator)
	}
	return holds != negated, nil
}

// compared is the order of Apache's version and another.
func (e *evaluator) compared(version string) (int, error) {
	other, ok := parseVersion(version)
	if !ok {
		return 0, fmt.Errorf("%q is not a version of the form 2.4.71", version)
	}
	return slices.Compare(e.version[:], other[:]), nil
}

// parseVersion reads MAJOR[.MINOR[.PATCH]]; what is missing is 0.
func parseVersion(text string) (version [3]int, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) > 3 {
		return version, false
	}
	for i, part := range parts {
		if part == "" && i > 0 && i == len(parts)-1 {
			break
		}
		number, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return version, false
		}
		version[i] = int(number)
	}
	return version, true
}
