// Package modrewrite applies the rules of Apache's mod_rewrite to a request,
// as Apache 2.4 does, in the context of a server or of one directory.
//
// It is told of the request and answers what shall become of it; it serves,
// forwards and redirects nothing itself.
package modrewrite

import (
	"io/fs"
	"net/http"
	"os"
	"time"

	"github.com/aditechsphere/fairway/migrate/urlpath"
)

// Ruleset is the rules of one context, in order.
type Ruleset struct {
	// Directory is the path of a directory on the disk, as of <Directory> or
	// of a .htaccess file. Empty means the context of a server.
	Directory string
	// Base is what RewriteBase says: the URL path of Directory. Empty means
	// that Directory lies below the document root.
	Base string
	// Options are those of RewriteOptions that concern a request.
	Options Options
	// Maps are the look-up tables of RewriteMap by name.
	Maps  map[string]Map
	Rules []*Rule
}

// Options are the words of RewriteOptions that change what happens to a
// request. Inheritance is not among them: it decides which rules there are.
type Options struct {
	AllowNoSlash, AllowAnyURI, LegacyPrefixDocRoot, UnsafePrefixStat, IgnoreContextInfo bool
}

// Request is what rules may ask about. The zero value of a field means that
// the request has no such thing.
type Request struct {
	Method     string // GET
	Protocol   string // HTTP/1.1
	Line       string // the first line as the client sent it: GET /x?y HTTP/1.1
	Scheme     string // http or https
	Host       string // the header Host, with its port
	Header     http.Header
	Path       string // decoded, as urlpath.Resolve gives it
	Query      string // as sent, without the "?"
	EmptyQuery bool   // a "?" was sent with nothing after it

	// PathRules are those by which Path was resolved.
	PathRules urlpath.Rules

	// ServerName and Port are those of URLs that point to this server.
	ServerName string
	Port       int

	DocumentRoot string
	// ContextPrefix and ContextRoot are those of the Alias that mapped the
	// request.
	ContextPrefix, ContextRoot string
	// Filename is the path on the disk to which Path leads; rules of a
	// directory work on it.
	Filename string

	// Subrequest says that the server asks itself, as for the index file of a
	// folder: rules with R or NS are passed by.
	Subrequest bool

	RemoteAddress, RemotePort, ServerAddress, User, ServerAdmin string

	// Environment is the variables of the request. Rules with [E] change it.
	Environment map[string]string
	// SSL answers %{SSL:name}; nil answers "".
	SSL func(name string) string
	// OwnHost says whether a URL with this host and port is for the virtual
	// host that got the request; nil means that none is.
	OwnHost func(host string, port int) bool
	// Files answers the tests of files; nil is the disk.
	Files Files
	// Now is the time of %{TIME…}; nil is time.Now.
	Now func() time.Time
}

// Files answers the tests -f, -d, -s, -l and -x.
type Files interface {
	Stat(name string) (fs.FileInfo, error)
	Lstat(name string) (fs.FileInfo, error)
}

// Disk is the file system of the machine.
type Disk struct{}

// Stat follows symbolic links.
func (Disk) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }

// Lstat does not follow symbolic links.
func (Disk) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }

// Action is what shall become of a request.
type Action int

// The actions, with the fields of Outcome that go with them.
const (
	// Continue: no rule changed the path.
	Continue Action = iota
	// Answer with Status, an error page as a rule.
	Answer
	// Redirect the client to Location with Status.
	Redirect
	// Proxy the request to URL.
	Proxy
	// PassThrough: map Path and Query as if they had been requested.
	PassThrough
	// ServeFile: serve Filename; aliases, proxies and redirects of the server
	// are passed by.
	ServeFile
	// StartOver with Path and Query, as a new request inside the server.
	StartOver
)

// Outcome is the answer of Apply.
type Outcome struct {
	Action   Action
	Status   int
	Location string

	// URL is the address of the backend and the decoded path. RawURL means
	// that it is sent as it stands, query included.
	URL    string
	RawURL bool

	Path     string // decoded
	Filename string
	// Query is the query to go on with, also where the path stays.
	Query      string
	EmptyQuery bool

	End     bool     // no more rules for this request, also after StartOver
	Cookies []string // values for Set-Cookie
	Vary    []string // headers that decided
	Type    string   // of [T], "" if none
	Handler string   // of [H], "" if none
}
