//go:build !linux

package letsencrypt

import "os"

func exchange(root *os.Root, a, b string) error { return replaceFolder(root, a, b) }
