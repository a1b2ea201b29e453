// Package sites keeps sites-available and sites-enabled beside a Caddyfile, as
// Debian's Apache packages do.
package sites

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const (
	available = "sites-available"
	enabled   = "sites-enabled"
	extension = ".caddy"
)

// ErrNothingToDo says that a site is already as it was asked to be.
var ErrNothingToDo = errors.New("nothing to do")

// Folder is the folder that holds both.
type Folder string

// State is how a site stands.
type State string

// The states of a site.
const (
	Enabled  State = "enabled"
	Disabled State = "disabled"
	Broken   State = "broken" // enabled by a link to a file that is gone
)

// Site is a site as the folders have it.
type Site struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	File  string `json:"file"`
}

// List returns the sites by name.
func (f Folder) List() ([]Site, error) {
	byName := make(map[string]Site)
	files, err := caddyFiles(f.path(available))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		byName[name] = Site{Name: name, State: Disabled, File: f.file(available, name)}
	}
	links, err := caddyFiles(f.path(enabled))
	if err != nil {
		return nil, err
	}
	for _, name := range links {
		byName[name] = f.enabledSite(name)
	}
	sites := make([]Site, 0, len(byName))
	for _, site := range byName {
		sites = append(sites, site)
	}
	slices.SortFunc(sites, func(a, b Site) int { return strings.Compare(a.Name, b.Name) })
	return sites, nil
}

func (f Folder) enabledSite(name string) Site {
	link := f.file(enabled, name)
	site := Site{Name: name, State: Enabled, File: link}
	target, err := filepath.EvalSymlinks(link)
	if err != nil {
		site.State = Broken
		return site
	}
	site.File = target
	return site
}

// caddyFiles returns the names of the .caddy files of a folder, none when the
// folder is not there.
func caddyFiles(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), extension); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// Enable links a site into sites-enabled. undo puts things back as they were.
func (f Folder) Enable(name string) (undo func() error, err error) {
	if err := validName(name); err != nil {
		return nil, err
	}
	if _, err := os.Stat(f.file(available, name)); err != nil {
		return nil, fmt.Errorf("there is no site %q to enable: %w", name, err)
	}
	link := f.file(enabled, name)
	if _, err := os.Lstat(link); err == nil {
		return nil, ErrNothingToDo
	}
	if err := os.MkdirAll(f.path(enabled), 0o755); err != nil { //nolint:gosec // configuration, like its neighbours
		return nil, err
	}
	if err := os.Symlink(filepath.Join("..", available, name+extension), link); err != nil {
		return nil, fmt.Errorf("enabling site %q: %w", name, err)
	}
	return func() error { return os.Remove(link) }, nil
}

// Disable removes the link of a site from sites-enabled. A file there that is
// not a link is left alone: it may be the only copy. undo puts the link back.
func (f Folder) Disable(name string) (undo func() error, err error) {
	if err := validName(name); err != nil {
		return nil, err
	}
	link := f.file(enabled, name)
	info, err := os.Lstat(link)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(f.file(available, name)); err != nil {
			return nil, fmt.Errorf("there is no site %q to disable: %w", name, err)
		}
		return nil, ErrNothingToDo
	}
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		return nil, fmt.Errorf("%s is a file, not a link; move it to %s first", link, f.file(available, name))
	}
	target, err := os.Readlink(link)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(link); err != nil {
		return nil, fmt.Errorf("disabling site %q: %w", name, err)
	}
	return func() error { return os.Symlink(target, link) }, nil
}

var siteName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// validName keeps names inside the folders.
func validName(name string) error {
	if !siteName.MatchString(name) {
		return fmt.Errorf("%q is not the name of a site: use letters, digits, dots, hyphens and underscores", name)
	}
	return nil
}

func (f Folder) path(folder string) string { return filepath.Join(string(f), folder) }

func (f Folder) file(folder, name string) string {
	return filepath.Join(f.path(folder), name+extension)
}
