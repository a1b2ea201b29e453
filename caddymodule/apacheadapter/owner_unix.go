//go:build unix

package apacheadapter

import (
	"io/fs"
	"os"
	"syscall"
)

// sameOwner tells whether a link and what it leads to belong to the same user.
func sameOwner(name string, link fs.FileInfo) bool {
	target, err := os.Stat(name)
	if err != nil {
		return false
	}
	from, ok := link.Sys().(*syscall.Stat_t)
	to, ok2 := target.Sys().(*syscall.Stat_t)
	return ok && ok2 && from.Uid == to.Uid
}
