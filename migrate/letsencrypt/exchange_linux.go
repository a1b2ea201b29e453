package letsencrypt

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// exchange swaps two folders in one step.
func exchange(root *os.Root, a, b string) error {
	first, err := root.Open(filepath.Dir(a))
	if err != nil {
		return err
	}
	defer func() { _ = first.Close() }()
	second, err := root.Open(filepath.Dir(b))
	if err != nil {
		return err
	}
	defer func() { _ = second.Close() }()
	err = unix.Renameat2(int(first.Fd()), filepath.Base(a), int(second.Fd()), filepath.Base(b), unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // a file system that cannot
		return replaceFolder(root, a, b)
	}
	return err
}
