package modrewrite

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aditechsphere/fairway/migrate/urlpath"
)

// Map is a look-up table of RewriteMap. It is safe for concurrent use.
type Map interface {
	Lookup(key string) (value string, found bool)
}

// ParseMap reads the second argument of RewriteMap: int:NAME, txt:FILE or
// rnd:FILE. A relative FILE is below serverRoot. Other kinds are refused.
func ParseMap(source, serverRoot string) (Map, error) {
	kind, name, found := strings.Cut(source, ":")
	if !found {
		kind, name = "txt", source
	}
	switch kind {
	case "int":
		if internal, ok := internalMaps[name]; ok {
			return internal, nil
		}
		return nil, fmt.Errorf("internal RewriteMap %q is not known", name)
	case "txt", "rnd":
		if !filepath.IsAbs(name) {
			name = filepath.Join(serverRoot, name)
		}
		return &fileMap{name: name, random: kind == "rnd"}, nil
	}
	return nil, fmt.Errorf("RewriteMap of kind %q is not translated; write its content into a txt: map", kind)
}

type internalMap func(string) string

func (m internalMap) Lookup(key string) (string, bool) { return m(key), true }

// escapeMap encodes what it is given; nothing encodes that once more.
type escapeMap struct{}

func (escapeMap) Lookup(key string) (string, bool) { return urlpath.Escape(key), true }

var internalMaps = map[string]Map{
	"tolower":  internalMap(lowerASCII),
	"toupper":  internalMap(upperASCII),
	"escape":   escapeMap{},
	"unescape": internalMap(urlpath.Unescape),
}

func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

func upperASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

// fileMap is a text file with a key and a value in each line. It is read
// again when its time of change differs.
type fileMap struct {
	name   string
	random bool // of values separated by "|", one is picked

	mu      sync.Mutex
	changed time.Time
	values  map[string]string
}

func (m *fileMap) Lookup(key string) (string, bool) {
	values, err := m.load()
	if err != nil {
		return "", false // as in Apache, a map that cannot be read has no keys
	}
	value, found := values[key]
	if found && m.random {
		choices := strings.Split(value, "|")
		value = choices[rand.IntN(len(choices))]
	}
	return value, found
}

// load is the content of the file; the map it returns is never changed.
func (m *fileMap) load() (map[string]string, error) {
	info, err := os.Stat(m.name)
	if err != nil {
		return nil, fmt.Errorf("RewriteMap: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values != nil && m.changed.Equal(info.ModTime()) {
		return m.values, nil
	}
	values, err := readMap(m.name)
	if err != nil {
		return nil, err
	}
	m.values, m.changed = values, info.ModTime()
	return values, nil
}

func readMap(name string) (values map[string]string, err error) {
	file, err := os.Open(name) //nolint:gosec // the file that the configuration names
	if err != nil {
		return nil, fmt.Errorf("RewriteMap: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	values = make(map[string]string)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		line := lines.Text()
		fields := strings.Fields(line)
		if strings.HasPrefix(line, "#") || len(fields) < 2 {
			continue
		}
		if _, taken := values[fields[0]]; !taken {
			values[fields[0]] = fields[1]
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("RewriteMap %s: %w", name, err)
	}
	return values, nil
}
