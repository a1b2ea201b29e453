package htpasswd

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/migrate/internal/apachetest"
)

// passwords are those that real programs hash; Apache reads no colon in a
// user's name, but any byte in a password.
var passwords = []string{"secret", "", "x", "eight888", "ninechars", "pass word", "pässwörd", strings.Repeat("long", 17), "a:b", "\x7f~!"}

// made are the hashes that Debian's htpasswd and openssl make of a password.
func made(t testing.TB, password string) map[string]string {
	t.Helper()
	hashes := make(map[string]string)
	for _, flag := range []string{"-m", "-s", "-d", "-B", "-2", "-5"} {
		out, err := exec.Command("htpasswd", "-nb", flag, "user", password).Output()
		if err != nil {
			t.Fatalf("htpasswd %s (Debian package apache2-utils): %v", flag, err)
		}
		hashes["htpasswd "+flag] = strings.TrimPrefix(strings.TrimSpace(string(out)), "user:")
	}
	if password == "" {
		return hashes // openssl makes no SHA hash of it
	}
	for _, flag := range []string{"-1", "-apr1", "-5", "-6"} {
		command := exec.Command("openssl", "passwd", flag, "-stdin")
		command.Stdin = strings.NewReader(password + "\n")
		out, err := command.Output()
		if err != nil {
			t.Fatalf("openssl passwd %s: %v", flag, err)
		}
		hashes["openssl "+flag] = strings.TrimSpace(string(out))
	}
	return hashes
}

func TestCompareWithPeers(t *testing.T) {
	t.Parallel()
	for _, password := range passwords {
		for maker, hash := range made(t, password) {
			if ok, err := Compare(hash, password); !ok || err != nil {
				t.Errorf("%s: %q does not match %s (%v)", maker, password, hash, err)
			}
			if ok, _ := Compare(hash, "not"+password); ok {
				t.Errorf("%s: %q matches %s", maker, "not"+password, hash)
			}
			if err := Known(hash); err != nil {
				t.Errorf("%s: %s: %v", maker, hash, err)
			}
		}
	}
}

// TestDES covers every character of the salt, against hashes that crypt(3)
// made.
func TestDES(t *testing.T) {
	t.Parallel()
	for i := range len(desAlphabet) {
		salt := string([]byte{desAlphabet[i], desAlphabet[(i*7+3)%64]})
		password := fmt.Sprintf("pw%dé", i*i)
		out, err := exec.Command("perl", "-e", "print crypt($ARGV[0], $ARGV[1])", password, salt).Output()
		if err != nil {
			t.Fatal(err)
		}
		if got := desCrypt(password, salt); got != string(out) {
			t.Errorf("%q with salt %s: %s, crypt(3) says %s", password, salt, got, out)
		}
	}
}

func TestCompareRefuses(t *testing.T) {
	t.Parallel()
	for _, hash := range []string{
		"", "secret", "plaintext", "$y$j9T$abc$def", "$apr1$", "$apr1$x", "$1$", "$5$", "$6$rounds=", "$6$rounds=x$salt$", "$6$rounds=5000$", "$2y$",
		"$2y$05$short", "$5$$", "$apr1$salt$", "{SSHA}x", "*0", "$6$salt",
	} {
		if ok, err := Compare(hash, "secret"); ok || err == nil {
			t.Errorf("%q: %v, %v", hash, ok, err)
		}
	}
}

// TestAgainstApache lets real Apache say who may come in.
func TestAgainstApache(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	file.WriteString("# comment\n\n  spaced:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=:more\nfirst:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nfirst:x\nplain:secret\ncont:\\\n{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")
	hashes := made(t, "secret")
	for maker, hash := range hashes {
		fmt.Fprintf(&file, "%s:%s\n", user(maker), hash)
	}
	content := file.String()
	server := apachetest.Start(t, []string{"authn_core", "authn_file", "auth_basic", "authz_user", "authz_groupfile"}, `
DocumentRoot {root}
<Location /users>
AuthType Basic
AuthName x
AuthUserFile {root}/users
Require valid-user
</Location>
<Location /groups>
AuthType Basic
AuthName x
AuthUserFile {root}/users
AuthGroupFile {root}/groups
Require group staff
</Location>`, func(root string) {
		_ = os.WriteFile(filepath.Join(root, "users"), []byte(content), 0o644)
		_ = os.WriteFile(filepath.Join(root, "groups"), []byte("# g\nstaff: first htpasswd-m\nother:spaced\n staff :cont\n"), 0o644)
	})
	users, groups := NewUsers(filepath.Join(server.Root, "users")), NewGroups(filepath.Join(server.Root, "groups"))
	names := []string{"spaced", "first", "plain", "cont", "nobody", "#", ""}
	for maker := range hashes {
		names = append(names, user(maker))
	}
	for _, name := range names {
		for _, password := range []string{"secret", "wrong", ""} {
			in := false
			if hash, found, err := users.Hash(name); err != nil {
				t.Fatal(err)
			} else if found {
				in, _ = Compare(hash, password)
			}
			if apache := admitted(t, server.URL+"/users", name, password); apache != in {
				t.Errorf("%s with %q: Apache %v, here %v", name, password, apache, in)
			}
			of, err := groups.Of(name)
			if err != nil {
				t.Fatal(err)
			}
			in = in && strings.Contains(strings.Join(of, " "), "staff")
			if apache := admitted(t, server.URL+"/groups", name, password); apache != in {
				t.Errorf("%s with %q in group staff: Apache %v, here %v (%q)", name, password, apache, in, of)
			}
		}
	}
}

func user(maker string) string { return strings.ReplaceAll(maker, " ", "") }

func admitted(t *testing.T, url, user, password string) bool {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(user, password)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode != http.StatusUnauthorized
}

func TestFileIsReadAgain(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "users")
	users := NewUsers(name)
	if _, _, err := users.Hash("a"); err == nil {
		t.Error("a missing file has users")
	}
	for i, content := range []string{"a:first\n", "a:other\n", "b:x\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		changed := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)
		if err := os.Chtimes(name, changed, changed); err != nil {
			t.Fatal(err)
		}
		want, wantFound, _ := strings.Cut(strings.TrimSpace(content), ":")
		if got, found, err := users.Hash(want); err != nil || !found || got != wantFound {
			t.Errorf("after %q: %q, %v, %v", content, got, found, err)
		}
	}
	if _, found, _ := users.Hash("a"); found {
		t.Error("a user who was removed is still there")
	}
}

func FuzzCompare(f *testing.F) {
	for _, hash := range []string{"$apr1$abc$def", "$5$rounds=1000$salt$x", "$6$salt$x", "$1$a$b", "{SHA}x", "ab1234567890.", "$2y$04$abc"} {
		f.Add(hash, "secret")
	}
	f.Fuzz(func(t *testing.T, hash, password string) {
		if len(hash) > 200 || len(password) > 200 || strings.Contains(hash, "rounds") || strings.HasPrefix(hash, "$2") {
			return // slow by design
		}
		ok, err := Compare(hash, password)
		if ok && (err != nil || Known(hash) != nil) {
			t.Errorf("%q matches %q with error %v", password, hash, err)
		}
	})
}
