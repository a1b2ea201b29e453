// Package written replaces files that an earlier run wrote, and no others: what
// somebody else wrote or changed stays, unless told otherwise.
package written

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// mark begins each file, after it comes who wrote it from what.
const (
	mark       = "# Written by "
	digestMark = "# Once it is changed by hand, only --force replaces it. "
)

// File is a file to write.
type File struct {
	Path string
	// Text follows the two lines of comment that tell that the file is ours.
	Text string
	// By and From are for the first of them: a command, and the file it read.
	By, From string
	// Mode is for a new file; one that is replaced keeps its own.
	Mode fs.FileMode
	// GID is the group of a new file, -1 to leave it.
	GID int
}

// State is what is at a path.
type State string

// The states of a path.
const (
	Missing State = "missing"
	Own     State = "own"     // written by an earlier run, and not changed since
	Changed State = "changed" // written by an earlier run, then changed by hand
	Foreign State = "foreign" // written by somebody else
)

// ErrNotOurs says that a file is not one an earlier run left as it is.
var ErrNotOurs = errors.New("it stays as it is without --force")

// Content is the whole file. "caddy fmt" has no empty line before a block without
// a name.
func (f File) Content() string {
	space := "\n"
	if strings.HasPrefix(f.Text, "{") {
		space = ""
	}
	return fmt.Sprintf("%s%s from %s.\n%s%s\n%s%s", mark, f.By, f.From, digestMark, digest(f.Text), space, f.Text)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// StateOf tells what is at a path.
func StateOf(path string) (State, error) {
	content, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if errors.Is(err, fs.ErrNotExist) {
		return Missing, nil
	}
	if err != nil {
		return "", err
	}
	first, rest, _ := strings.Cut(string(content), "\n")
	if !strings.HasPrefix(first, mark) {
		return Foreign, nil
	}
	second, text, _ := strings.Cut(rest, "\n")
	if second != digestMark+digest(strings.TrimPrefix(text, "\n")) {
		return Changed, nil
	}
	return Own, nil
}

// Check tells whether the files may be written: the error names those that may
// not. With force all may.
func Check(files []File, force bool) error {
	var refused []error
	for _, file := range files {
		state, err := StateOf(file.Path)
		switch {
		case err != nil:
			refused = append(refused, err)
		case state == Foreign && !force:
			refused = append(refused, fmt.Errorf("%s was not written by this command: %w", file.Path, ErrNotOurs))
		case state == Changed && !force:
			refused = append(refused, fmt.Errorf("%s was changed since it was written: %w", file.Path, ErrNotOurs))
		}
	}
	return errors.Join(refused...)
}

// Write writes the file whole or not at all, with the folders it needs.
func (f File) Write() (err error) {
	if err := os.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil { //nolint:gosec // configuration, like its neighbours
		return err
	}
	mode := f.Mode
	target := f.Path
	if resolved, err := filepath.EvalSymlinks(target); err == nil {
		target = resolved
	}
	if info, err := os.Stat(target); err == nil {
		mode = info.Mode().Perm()
	}
	temporary, err := os.CreateTemp(filepath.Dir(target), ".written-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	_, err = temporary.WriteString(f.Content())
	err = errors.Join(err, temporary.Chmod(mode), f.giveGroup(temporary), temporary.Sync(), temporary.Close())
	if err != nil {
		return fmt.Errorf("writing %s: %w", f.Path, err)
	}
	return os.Rename(temporary.Name(), target)
}

func (f File) giveGroup(file *os.File) error {
	if f.GID < 0 {
		return nil
	}
	return file.Chown(-1, f.GID)
}
