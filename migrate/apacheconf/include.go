package apacheconf

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// fsName is the name of an absolute path in an fs.FS whose root is "/".
func fsName(file string) string {
	if name := strings.TrimPrefix(path.Clean("/"+file), "/"); name != "" {
		return name
	}
	return "."
}

// relative makes a path that is relative to ServerRoot absolute.
func (e *evaluator) relative(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(e.tree.ServerRoot, name)
}

func includeDirective(e *evaluator, _ *input, d *Directive, b *block) error {
	ok, err := e.takes(d, 1, 1)
	if !ok {
		return err
	}
	e.tree.Evaluated = append(e.tree.Evaluated, d)
	uses := d.Uses
	included, err := e.include(d.Position, e.relative(d.Args[0]), d.Is("IncludeOptional"), uses)
	b.add(included...)
	return err
}

// include reads the files that name stands for: a file, all of a folder and of
// those in it, or what a pattern matches; always in the order of their names.
func (e *evaluator) include(at Position, name string, optional bool, uses []Position) ([]*Directive, error) {
	e.depth++
	defer func() { e.depth-- }()
	if e.depth > maxDepth {
		return nil, problemf(at, "look for a file that includes itself", "includes are nested deeper than %d", maxDepth)
	}
	in := inclusion{evaluator: e, at: at, optional: optional, uses: uses}
	if !isPattern(name) {
		err := in.literal(name, 0)
		return in.directives, err
	}
	err := in.pattern("/", strings.TrimPrefix(name, "/"))
	return in.directives, err
}

// inclusion is one Include at work.
type inclusion struct {
	*evaluator
	at         Position
	optional   bool
	uses       []Position
	directives []*Directive
}

// missing reports what is not there: for IncludeOptional nothing is wrong.
func (in *inclusion) missing(err error, format string, args ...any) error {
	if in.optional && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return in.fail(problemf(in.at, "create it, or remove the Include", "%s: %v", fmt.Sprintf(format, args...), reason(err)))
}

// reason is err without the path, which is named already.
func reason(err error) error {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// literal reads a file, or a folder with all that is in it.
func (in *inclusion) literal(name string, depth int) error {
	info, err := fs.Stat(in.fsys, fsName(name))
	if err != nil {
		return in.missing(err, "%s cannot be read", name)
	}
	if !info.IsDir() {
		directives, err := in.read(in.at, name, in.uses)
		in.directives = append(in.directives, directives...)
		return err
	}
	if depth >= maxDepth {
		return problemf(in.at, "look for links that lead in a circle", "folders are nested deeper than %d in %s", maxDepth, name)
	}
	entries, err := fs.ReadDir(in.fsys, fsName(name))
	if err != nil {
		return in.missing(err, "folder %s cannot be read", name)
	}
	for _, entry := range sorted(entries) {
		if err := in.spend(in.at, 0); err != nil {
			return err
		}
		if err := in.literal(path.Join(name, entry.Name()), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// pattern reads what matches rest below folder. Between slashes a pattern
// matches folders only, and no links to folders.
func (in *inclusion) pattern(folder, rest string) error {
	segment, rest, more := strings.Cut(rest, "/")
	if !isPattern(segment) {
		next := path.Join(folder, segment)
		if more {
			return in.pattern(next, rest)
		}
		return in.literal(next, 0)
	}
	entries, err := fs.ReadDir(in.fsys, fsName(folder))
	if err != nil {
		return in.missing(err, "folder %s cannot be read", folder)
	}
	matched := false
	for _, entry := range sorted(entries) {
		if err := in.spend(in.at, 0); err != nil {
			return err
		}
		ok, err := matches(segment, entry.Name())
		if err != nil {
			return in.fail(problemf(in.at, "", "pattern %s: %v", segment, err))
		}
		if !ok || more && !entry.IsDir() {
			continue
		}
		matched = true
		next := path.Join(folder, entry.Name())
		if more {
			err = in.pattern(next, rest)
		} else {
			err = in.literal(next, 0)
		}
		if err != nil {
			return err
		}
	}
	if !matched && !in.optional {
		return in.fail(problemf(in.at, "use IncludeOptional if there may be none", "nothing matches %s in %s", segment, folder))
	}
	return nil
}

func sorted(entries []fs.DirEntry) []fs.DirEntry {
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}

// isPattern tells whether name has a wildcard.
func isPattern(name string) bool {
	open := false
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '?', '*':
			return true
		case '\\':
			i++
		case '[':
			open = true
		case ']':
			if open {
				return true
			}
		}
	}
	return false
}

// matches is path.Match with the two differences of APR: a leading dot must be
// matched by a dot, and "!" negates a class too.
func matches(pattern, name string) (bool, error) {
	if strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".") && !strings.HasPrefix(pattern, `\.`) {
		return false, nil
	}
	return path.Match(strings.ReplaceAll(pattern, "[!", "[^"), name)
}

// read evaluates one file.
func (e *evaluator) read(at Position, name string, uses []Position) ([]*Directive, error) {
	lines, ok := e.cache[name]
	if !ok {
		text, err := e.contents(name)
		if err != nil {
			return nil, e.fail(problemf(at, "create it, or make it readable", "%s cannot be read: %v", name, reason(err)))
		}
		lines = splitLines(name, text)
		e.cache[name] = lines
		e.tree.Files = append(e.tree.Files, name)
		if len(lines) > 0 {
			e.tree.fates[name] = make([]Fate, lines[len(lines)-1].last)
		}
	}
	return e.block(&input{batches: []*batch{{lines: lines, uses: uses}}}, nil)
}

// contents is the text of a regular file.
func (e *evaluator) contents(name string) (string, error) {
	if name == "/dev/null" {
		return "", nil
	}
	info, err := fs.Stat(e.fsys, fsName(name))
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is not a regular file")
	}
	if info.Size() > maxLine {
		return "", fmt.Errorf("it is larger than %d MiB", maxLine>>20)
	}
	text, err := fs.ReadFile(e.fsys, fsName(name))
	return string(text), err
}
