package htpasswd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
)

// Users is a file of AuthUserFile. It is read again when it has changed, and
// is safe for concurrent use.
type Users struct{ file watched[map[string]string] }

// NewUsers names a file; it is read when first asked.
func NewUsers(name string) *Users {
	return &Users{watched[map[string]string]{name: name, parse: parseUsers}}
}

// Hash is the hash of the user's password. The error says why the file can't
// be read; Apache answers 500 then.
func (u *Users) Hash(user string) (hash string, found bool, err error) {
	users, err := u.file.load()
	if err != nil {
		return "", false, err
	}
	hash, found = users[user]
	return hash, found, nil
}

// All is every user with the hash of the password. The map must not be changed.
func (u *Users) All() (map[string]string, error) { return u.file.load() }

// Groups is a file of AuthGroupFile. It is read again when it has changed,
// and is safe for concurrent use.
type Groups struct {
	file watched[map[string][]string]
}

// NewGroups names a file; it is read when first asked.
func NewGroups(name string) *Groups {
	return &Groups{watched[map[string][]string]{name: name, parse: parseGroups}}
}

// Of is the groups that the user is in.
func (g *Groups) Of(user string) ([]string, error) {
	groups, err := g.file.load()
	if err != nil {
		return nil, err
	}
	return groups[user], nil
}

// watched is a parsed file, as it is now.
type watched[T any] struct {
	name  string
	parse func(io.Reader) (T, error)

	mu      sync.Mutex
	info    fs.FileInfo // of the file that was parsed
	content T
}

func (w *watched[T]) load() (T, error) {
	info, err := os.Stat(w.name)
	if err != nil {
		var none T
		return none, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.info != nil && os.SameFile(w.info, info) && w.info.ModTime().Equal(info.ModTime()) && w.info.Size() == info.Size() {
		return w.content, nil
	}
	content, err := w.read()
	if err != nil {
		return content, fmt.Errorf("%s: %w", w.name, err)
	}
	w.info, w.content = info, content
	return content, nil
}

func (w *watched[T]) read() (content T, err error) {
	file, err := os.Open(w.name)
	if err != nil {
		return content, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return w.parse(file)
}

// parseUsers reads lines of user:hash; the first of a user counts.
func parseUsers(r io.Reader) (map[string]string, error) {
	users := make(map[string]string)
	err := eachLine(r, func(line string) {
		name, rest, found := strings.Cut(line, ":")
		if _, taken := users[name]; !found || taken {
			return
		}
		users[name], _, _ = strings.Cut(rest, ":")
	})
	return users, err
}

// parseGroups reads lines of group: user user; it returns the groups of each user.
func parseGroups(r io.Reader) (map[string][]string, error) {
	groups := make(map[string][]string)
	err := eachLine(r, func(line string) {
		name, members, _ := strings.Cut(line, ":")
		for member := range strings.FieldsSeq(members) {
			member = strings.Trim(member, `"`)
			groups[member] = append(groups[member], strings.TrimSpace(name))
		}
	})
	return groups, err
}

// eachLine calls f for every line that is neither empty nor a comment, as
// Apache reads them: trimmed, continued by a backslash at the end.
func eachLine(r io.Reader, f func(line string)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	continued := ""
	for lines.Scan() {
		line := lines.Text()
		if rest, more := strings.CutSuffix(line, `\`); more {
			continued += rest
			continue
		}
		line = strings.TrimSpace(continued + line)
		continued = ""
		if line != "" && line[0] != '#' {
			f(line)
		}
	}
	return lines.Err()
}
