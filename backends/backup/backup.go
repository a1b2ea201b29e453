// Package backup copies a platform's SQLite files while services write to
// them, and brings the copies back.
package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"github.com/aditechsphere/fairway/backends/instance"
	"github.com/aditechsphere/fairway/backends/internal/database"
)

// manifestName is the file in a backup that says what it has.
const manifestName = "backup.json"

// lockName is the file whose lock the process that uses a data folder holds.
const lockName = "lock"

// Manifest says what a backup has.
type Manifest struct {
	Version string    `json:"version"` // of Fairway that made it
	Created time.Time `json:"created"`
	Files   []File    `json:"files"`
}

// File is one database of a backup.
type File struct {
	Name   string `json:"name"` // in the folder: "orders.db"
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// Write copies every database in the data folder to target, a folder that it
// makes and that must not be there. Each copy is the database at one moment,
// with everything that was acknowledged before; the moments of different
// databases differ by a little. Nobody who writes has to wait.
//
// The copies are on the disk when it returns; when it fails, target is not there.
func Write(ctx context.Context, folder, target string) (_ Manifest, err error) {
	if _, err := os.Lstat(target); err == nil {
		return Manifest{}, fmt.Errorf("%s is there already: name a new folder", target)
	}
	databases, err := filepath.Glob(filepath.Join(folder, "*.db"))
	if err != nil || len(databases) == 0 {
		return Manifest{}, errors.Join(fmt.Errorf("no databases in %s", folder), err)
	}
	partial := target + ".partial"
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return Manifest{}, err
	}
	if err := os.Mkdir(partial, 0o700); err != nil {
		return Manifest{}, fmt.Errorf("making the backup's folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(partial))
		}
	}()
	manifest := Manifest{Version: instance.Version(), Created: time.Now().UTC()}
	for _, path := range databases {
		copied := filepath.Join(partial, filepath.Base(path))
		if err := database.Copy(ctx, path, copied); err != nil {
			return Manifest{}, err
		}
		file, err := describe(copied)
		if err != nil {
			return Manifest{}, err
		}
		manifest.Files = append(manifest.Files, file)
	}
	text, err := json.MarshalIndent(manifest, "", "\t")
	if err != nil {
		return Manifest{}, err
	}
	if err := writeSynced(filepath.Join(partial, manifestName), append(text, '\n')); err != nil {
		return Manifest{}, err
	}
	if err := errors.Join(syncFolder(partial), os.Rename(partial, target), syncFolder(filepath.Dir(target))); err != nil {
		return Manifest{}, err
	}
	return manifest, nil
}

// Restore puts the databases of a backup into a data folder that no server
// uses. What is there already moves to a new folder in it, whose path it
// returns. A backup that is not whole is refused with nothing changed.
func Restore(source, folder string) (aside string, err error) {
	manifest, err := check(source)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(folder, lockName), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return "", fmt.Errorf("data folder %s: %w", folder, err)
	}
	if !locked {
		return "", fmt.Errorf("data folder %s is in use by a running server: stop it first", folder)
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if aside, err = moveAside(folder, manifest); err != nil {
		return aside, err
	}
	for _, file := range manifest.Files {
		if err := copySynced(filepath.Join(source, file.Name), filepath.Join(folder, file.Name)); err != nil {
			return aside, fmt.Errorf("restoring %s: %w", file.Name, err)
		}
	}
	return aside, syncFolder(folder)
}

// check reads the manifest and holds the files against it.
func check(source string) (manifest Manifest, err error) {
	text, err := os.ReadFile(filepath.Join(source, manifestName)) //nolint:gosec // the operator names it
	if err != nil {
		return manifest, fmt.Errorf("%s is not a backup: %w", source, err)
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return manifest, fmt.Errorf("%s is not a backup: %s: %w", source, manifestName, err)
	}
	for _, file := range manifest.Files {
		if file.Name != filepath.Base(file.Name) || filepath.Ext(file.Name) != ".db" {
			return manifest, fmt.Errorf("the backup %s names %q, which is no database", source, file.Name)
		}
		found, err := describe(filepath.Join(source, file.Name))
		if err != nil {
			return manifest, fmt.Errorf("the backup %s is not whole: %w", source, err)
		}
		if found != file {
			return manifest, fmt.Errorf("the backup %s is damaged: %s is not as it was written", source, file.Name)
		}
	}
	return manifest, nil
}

// moveAside moves the databases that a backup replaces, with their journals.
func moveAside(folder string, manifest Manifest) (aside string, err error) {
	aside = filepath.Join(folder, "before-restore-"+time.Now().UTC().Format("20060102T150405.000000000"))
	if err := os.Mkdir(aside, 0o700); err != nil {
		return "", err
	}
	for _, file := range manifest.Files {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			name := file.Name + suffix
			err := os.Rename(filepath.Join(folder, name), filepath.Join(aside, name))
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				return aside, err
			}
		}
	}
	return aside, nil
}

func describe(path string) (file File, err error) {
	opened, err := os.Open(path) //nolint:gosec // in a folder that the operator names
	if err != nil {
		return file, err
	}
	defer func() { _ = opened.Close() }() // only read
	hash := sha256.New()
	size, err := io.Copy(hash, opened)
	return File{Name: filepath.Base(path), Size: size, SHA256: hex.EncodeToString(hash.Sum(nil))}, err
}

func copySynced(from, to string) error {
	source, err := os.Open(from) //nolint:gosec // in a folder that the operator names
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()                                    // only read
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in the data folder
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Sync(), target.Close())
}

func writeSynced(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in the backup's folder
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

func syncFolder(path string) error {
	folder, err := os.Open(path) //nolint:gosec // in the data or backup folder
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
