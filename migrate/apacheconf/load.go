package apacheconf

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Load reads the configuration that begins with opts.File. The error joins the
// Problems that keep Apache, too, from starting.
func Load(ctx context.Context, opts Options) (*Tree, error) {
	if opts.FS == nil {
		opts.FS = os.DirFS("/")
	}
	text, err := fs.ReadFile(opts.FS, strings.TrimPrefix(path.Clean(opts.File), "/"))
	if err != nil {
		return nil, err
	}
	tree := &Tree{ServerRoot: path.Dir(opts.File), Files: []string{opts.File}}
	var open []*Directive
	var problems []error
	for _, l := range splitLines(opts.File, string(text)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if l.comment() {
			continue
		}
		name, rest := word(l.text)
		if closing, ok := strings.CutPrefix(name, "</"); ok {
			closing = strings.TrimSuffix(closing, ">")
			if len(open) == 0 || !open[len(open)-1].Is(closing) {
				problems = append(problems, problemf(l.Position, "", "</%s> without a matching <%s>", closing, closing))
				continue
			}
			open = open[:len(open)-1]
			continue
		}
		d := &Directive{Position: l.Position, LastLine: l.last, Name: name, Raw: rest, Args: Words(rest)}
		if opening, ok := strings.CutPrefix(name, "<"); ok {
			d.Section, d.Name = true, strings.TrimSuffix(opening, ">")
			if last := strings.LastIndexByte(rest, '>'); last >= 0 {
				d.Raw, d.Args = strings.TrimRight(rest[:last], spaces), Words(rest[:last])
			}
		}
		if len(open) > 0 {
			parent := open[len(open)-1]
			parent.Children = append(parent.Children, d)
		} else {
			tree.Directives = append(tree.Directives, d)
		}
		if d.Section {
			open = append(open, d)
		}
	}
	for _, d := range open {
		problems = append(problems, problemf(d.Position, "close it with </"+d.Name+">", "<%s> is not closed", d.Name))
	}
	return tree, errors.Join(problems...)
}
