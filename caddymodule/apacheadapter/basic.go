package apacheadapter

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/aditechsphere/fairway/migrate/htpasswd"
)

// Basic is authentication by name and password, held against a file that
// htpasswd writes. The files are read again when they change.
type Basic struct {
	// Realm is what the browser shows.
	Realm string `json:"realm"`
	// UserFile is a file of htpasswd, GroupFile one with lines "group: user user".
	UserFile  string `json:"user_file"`
	GroupFile string `json:"group_file,omitempty"`

	users  *htpasswd.Users
	groups *htpasswd.Groups
}

func (b *Basic) prepare() error {
	if b.UserFile == "" {
		return errors.New("a password file is needed: auth_user_file")
	}
	b.users = htpasswd.NewUsers(b.UserFile)
	if b.GroupFile != "" {
		b.groups = htpasswd.NewGroups(b.GroupFile)
	}
	return nil
}

// authenticate gives the user that the request proves to come from, or the
// error to answer with.
func (b *Basic) authenticate(w http.ResponseWriter, r *http.Request) (string, error) {
	user, password, ok := r.BasicAuth()
	if !ok {
		return "", b.challenge(w, errors.New("no user given"))
	}
	hash, found, err := b.users.Hash(user)
	if err != nil {
		return "", caddyhttp.Error(http.StatusInternalServerError, fmt.Errorf("reading the password file: %w", err))
	}
	if !found || user == "" {
		return "", b.challenge(w, fmt.Errorf("user not found: %s", r.URL.Path))
	}
	right, err := compareOnce(r, hash, password)
	if err != nil {
		return "", b.challenge(w, fmt.Errorf("user %s: %w", user, err))
	}
	if !right {
		return "", b.challenge(w, fmt.Errorf("user %s: authentication failure for %q", user, r.URL.Path))
	}
	return user, nil
}

// comparedVariable holds what a request has had compared: a list of a folder
// asks for each entry, and a comparison may take a tenth of a second.
const comparedVariable = "apache_compared"

// compareOnce is htpasswd.Compare, once for a request and what a list asks for
// it.
func compareOnce(r *http.Request, hash, password string) (bool, error) {
	compared, ok := caddyhttp.GetVar(r.Context(), comparedVariable).(map[[sha256.Size]byte]bool)
	if !ok {
		compared = make(map[[sha256.Size]byte]bool)
		caddyhttp.SetVar(r.Context(), comparedVariable, compared)
	}
	key := sha256.Sum256([]byte(hash + "\x00" + password))
	if right, known := compared[key]; known {
		return right, nil
	}
	right, err := htpasswd.Compare(hash, password)
	if err == nil {
		compared[key] = right
	}
	return right, err
}

// challenge is the error 401 that asks for a user.
func (b *Basic) challenge(w http.ResponseWriter, why error) error {
	w.Header().Set("WWW-Authenticate", `Basic realm="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(b.Realm)+`"`)
	return caddyhttp.Error(http.StatusUnauthorized, why)
}

// groupsOf gives the groups of a user.
func (b *Basic) groupsOf(user string) ([]string, error) {
	if b.groups == nil {
		return nil, nil
	}
	return b.groups.Of(user)
}
