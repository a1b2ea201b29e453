package main

import (
	"embed"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed templates
var templates embed.FS

var configs = template.Must(template.ParseFS(templates, "templates/*"))

// peer is a server that is measured, with everything behind it: a stack.
type peer struct {
	key   string    // what --only calls it
	title string    // what the tables call it
	needs []program // beside wrk
	pages []page    // what it is asked for; the first one tells that it is up

	// prepare writes the configuration and returns the commands to start.
	prepare func(w *workspace) ([]command, error)
}

// program is an executable and the Debian package that has it.
type program struct{ name, debian string }

// page is a page of a peer.
type page struct {
	key, title string
	host, path string
	gzip       bool // asked for as browsers do; wrk's own way is without compression
}

// workspace is where one start of a peer happens, and what its configuration
// refers to. The folder survives a restart.
type workspace struct {
	Folder  string // its own
	Shared  string // with the certificate
	Domain  string
	Body    string // of a page as large as Fairway's
	Root    bool   // whether this process is root, so that servers must say who they run as
	HTTPS   int
	Admin   int
	Backend int // the app behind a proxy
	HTTP    int
	Cores   int // of the servers

	bench *bench
	ports func() (int, error)
}

// write writes the template, filled in with data, into the folder.
func (w *workspace) write(name string, data any) (string, error) {
	path := filepath.Join(w.Folder, name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // #nosec G304 -- in the benchmark's own folder
	if err != nil {
		return "", err
	}
	if err := configs.ExecuteTemplate(file, name, data); err != nil {
		_ = file.Close() // the first error is the one to tell
		return "", err
	}
	return path, file.Close()
}
