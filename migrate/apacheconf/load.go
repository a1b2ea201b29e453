package apacheconf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"strings"
)

// Load reads the configuration that begins with opts.File. The error joins the
// Problems for which Apache, too, would not start. A configuration that loads no
// module is a part of one, such as the file of a site, or that of an Apache with
// everything built in: every module counts as loaded then.
func Load(ctx context.Context, opts Options) (*Tree, error) {
	tree, err := load(ctx, opts)
	if tree == nil || opts.AssumeModules {
		return tree, err
	}
	for _, at := range tree.Modules {
		if at != (Position{}) {
			return tree, err
		}
	}
	opts.AssumeModules = true
	return load(ctx, opts)
}

func load(ctx context.Context, opts Options) (*Tree, error) {
	e, err := newEvaluator(ctx, opts)
	if err != nil {
		return nil, err
	}
	file := path.Clean(opts.File)
	directives, err := e.include(Position{}, file, false, nil)
	if err != nil {
		e.problems = append(e.problems, err)
	}
	e.tree.Directives = directives
	e.finish()
	return e.tree, errors.Join(e.problems...)
}

// Htaccess reads one .htaccess file, or a file of another name that
// AccessFileName gives, in the circumstances the tree left behind: its modules,
// definitions and macros. The directives it has are those of the file alone.
func (t *Tree) Htaccess(ctx context.Context, file string) (*Tree, error) {
	e := t.evaluator.fork(ctx)
	e.maxLine = maxHtaccessLine
	directives, err := e.read(Position{}, path.Clean(file), nil)
	if err != nil {
		e.problems = append(e.problems, err)
	}
	e.tree.Directives = directives
	e.finish()
	return e.tree, errors.Join(e.problems...)
}

// siteFolders are the folders below ServerRoot in which Debian keeps parts.
var siteFolders = []string{
	"sites-enabled", "sites-available", "conf-enabled", "conf-available", "mods-enabled", "mods-available",
	"conf", "conf.d", "conf.modules.d", "vhosts.d",
}

func newEvaluator(ctx context.Context, opts Options) (*evaluator, error) {
	if opts.FS == nil {
		opts.FS = os.DirFS("/")
	}
	if !path.IsAbs(opts.File) {
		return nil, fmt.Errorf("reading Apache's configuration: %q is not an absolute path", opts.File)
	}
	if opts.ServerRoot == "" {
		opts.ServerRoot = serverRootOf(path.Clean(opts.File))
	}
	if opts.Version == "" {
		opts.Version = DefaultVersion
	}
	version, ok := parseVersion(opts.Version)
	if !ok {
		return nil, fmt.Errorf("reading Apache's configuration: version %q is not of the form 2.4.71", opts.Version)
	}
	e := &evaluator{
		ctx:     ctx,
		fsys:    opts.FS,
		version: version,
		maxLine: maxLine,
		assume:  opts.AssumeModules,
		values:  map[string]string{},
		macros:  map[string]*macro{},
		cache:   map[string][]line{},
		tree: &Tree{
			ServerRoot: path.Clean(opts.ServerRoot),
			Modules:    map[string]Position{},
			Assumed:    opts.AssumeModules,
			Defines:    map[string]string{},
			fates:      map[string][]Fate{},
		},
	}
	e.tree.evaluator = e
	for _, module := range builtIn {
		e.tree.Modules[module] = Position{}
	}
	if e.assume {
		for _, module := range strings.Fields(ownModules) {
			e.tree.Modules[module+"_module"] = Position{}
		}
	}
	for _, name := range opts.Defines {
		e.tree.Defines[name] = ""
	}
	return e, e.start(opts)
}

// start takes the environment of Apache's start and the -D arguments in it.
func (e *evaluator) start(opts Options) error {
	if opts.Environment != nil {
		e.setEnvironment(opts.Environment)
		return nil
	}
	file := path.Join(e.tree.ServerRoot, "envvars")
	environment, problems, err := readEnvvars(e.fsys, file, e.tree.ServerRoot)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.setEnvironment(debianEnvironment)
		return nil
	case err != nil:
		return fmt.Errorf("reading the variables of Apache's start: %w", err)
	}
	e.setEnvironment(environment)
	e.tree.Warnings = append(e.tree.Warnings, problems...)
	arguments := strings.Fields(environment["APACHE_ARGUMENTS"])
	for i, argument := range arguments {
		name, ok := strings.CutPrefix(argument, "-D")
		if ok && name == "" && i+1 < len(arguments) {
			name = arguments[i+1]
		}
		if ok && name != "" {
			e.tree.Defines[name] = ""
		}
	}
	return nil
}

func (e *evaluator) setEnvironment(environment map[string]string) {
	e.environment = environment
	e.tree.Environment = maps.Clone(environment)
}

// serverRootOf is the folder of file, or the one above when file lies in a
// folder for parts.
func serverRootOf(file string) string {
	folder := path.Dir(file)
	for _, name := range siteFolders {
		if path.Base(folder) == name {
			return path.Dir(folder)
		}
	}
	return folder
}
