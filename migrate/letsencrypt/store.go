package letsencrypt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// Store is the folder in which Caddy keeps certificates and accounts. Files are
// written as a folder at a time, whole or not at all; nothing leads out of it,
// whatever links its owner has put there.
type Store struct {
	folder string
	owner  Owner
}

// Owner is who owns the files. Zero: whoever runs the program.
type Owner struct {
	UID, GID int
}

// NewStore returns the store at a folder, which need not exist yet.
func NewStore(folder string, owner Owner) *Store {
	return &Store{folder: filepath.Clean(folder), owner: owner}
}

// Folder is where the store is.
func (s *Store) Folder() string { return s.folder }

// read returns a file's content, nil when there is none.
func (s *Store) read(key string) ([]byte, error) {
	root, err := os.OpenRoot(s.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	content, err := root.ReadFile(filepath.FromSlash(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return content, err
}

// list returns the names in a folder, none when it is not there.
func (s *Store) list(key string) ([]string, error) {
	root, err := os.OpenRoot(s.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	entries, err := fs.ReadDir(root.FS(), key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, err
}

// staging is where folders are made before they get their place. What an
// interrupted run left there is removed by the next.
const staging = ".importing"

// transaction is the store open for writing, by one program at a time.
type transaction struct {
	*Store
	root *os.Root
	lock *flock.Flock
}

// begin makes the store's folder, and those above it, if need be.
func (s *Store) begin() (*transaction, error) {
	if err := s.makeParents(); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(s.folder)
	if err != nil {
		return nil, err
	}
	t := &transaction{Store: s, root: root}
	if err := t.prepare(); err != nil {
		_ = t.end()
		return nil, err
	}
	return t, nil
}

func (t *transaction) prepare() error {
	t.lock = flock.New(t.folder, flock.SetFlag(os.O_RDONLY))
	locked, err := t.lock.TryLock()
	if err != nil {
		return fmt.Errorf("locking %s: %w", t.folder, err)
	}
	if !locked {
		return fmt.Errorf("another import into %s is running; wait for it to end", t.folder)
	}
	if err := t.makeFolder(staging); err != nil {
		return err
	}
	info, err := t.root.Lstat(staging)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", filepath.Join(t.folder, staging))
	}
	return errors.Join(err, t.clean())
}

// clean removes what is in the staging folder.
func (t *transaction) clean() error {
	entries, err := fs.ReadDir(t.root.FS(), staging)
	for _, entry := range entries {
		err = errors.Join(err, t.root.RemoveAll(filepath.Join(staging, entry.Name())))
	}
	return err
}

// end lets others write, and leaves no trace of the staging.
func (t *transaction) end() error {
	if !t.lock.Locked() {
		return t.root.Close()
	}
	return errors.Join(t.clean(), t.root.Remove(staging), t.root.Close(), t.lock.Unlock())
}

// put makes a folder with these files at key, in place of any that is there.
// It becomes visible in one step.
func (t *transaction) put(key string, files map[string][]byte) error {
	if err := t.makeFolder(path.Dir(key)); err != nil {
		return err
	}
	staged := filepath.Join(staging, strings.ReplaceAll(key, "/", "_"))
	if err := t.makeFolder(staged); err != nil {
		return err
	}
	for name, content := range files {
		if err := t.writeFile(filepath.Join(staged, name), content); err != nil {
			return err
		}
	}
	if err := t.sync(staged); err != nil {
		return err
	}
	target := filepath.FromSlash(key)
	if _, err := t.root.Lstat(target); errors.Is(err, fs.ErrNotExist) {
		err = t.root.Rename(staged, target)
		return errors.Join(err, t.sync(filepath.Dir(target)))
	}
	if err := t.keepOthers(target, staged, files); err != nil {
		return err
	}
	if err := exchange(t.root, staged, target); err != nil {
		return fmt.Errorf("putting %s in place: %w", key, err)
	}
	return errors.Join(t.sync(filepath.Dir(target)), t.root.RemoveAll(staged))
}

// keepOthers carries files of the folder that is replaced over to the new one.
func (t *transaction) keepOthers(target, staged string, files map[string][]byte) error {
	entries, err := fs.ReadDir(t.root.FS(), filepath.ToSlash(target))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if _, replaced := files[entry.Name()]; replaced || !entry.Type().IsRegular() {
			continue
		}
		content, err := t.root.ReadFile(filepath.Join(target, entry.Name()))
		if err != nil {
			return err
		}
		if err := t.writeFile(filepath.Join(staged, entry.Name()), content); err != nil {
			return err
		}
	}
	return nil
}

func (t *transaction) writeFile(name string, content []byte) error {
	file, err := t.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err == nil && t.owner != (Owner{}) {
		err = file.Chown(t.owner.UID, t.owner.GID)
	}
	return errors.Join(err, file.Sync(), file.Close())
}

// makeFolder makes a folder and those above it, each for the owner alone.
func (t *transaction) makeFolder(name string) error {
	if name == "." {
		return nil
	}
	if err := t.makeFolder(filepath.Dir(name)); err != nil {
		return err
	}
	err := t.root.Mkdir(name, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil && t.owner != (Owner{}) {
		err = t.root.Lchown(name, t.owner.UID, t.owner.GID)
	}
	return err
}

func (t *transaction) sync(folder string) error {
	opened, err := t.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(opened.Sync(), opened.Close())
}

// makeParents makes the store's folder and those above it that are missing.
func (s *Store) makeParents() error {
	var missing []string
	for folder := s.folder; ; folder = filepath.Dir(folder) {
		_, err := os.Stat(folder) //nolint:gosec // the operator names it
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || folder == filepath.Dir(folder) {
			return err
		}
		missing = append(missing, folder)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if err := os.Mkdir(missing[i], 0o700); err != nil { //nolint:gosec // the operator names it
			return err
		}
		if s.owner != (Owner{}) {
			if err := os.Lchown(missing[i], s.owner.UID, s.owner.GID); err != nil {
				return err
			}
		}
	}
	return nil
}

// replaceFolder puts a in b's place in two steps, between which b is missing:
// Caddy then orders a certificate, and the next import puts it right.
func replaceFolder(root *os.Root, a, b string) error {
	old := a + ".old"
	if err := root.Rename(b, old); err != nil {
		return err
	}
	return errors.Join(root.Rename(a, b), root.RemoveAll(old))
}
