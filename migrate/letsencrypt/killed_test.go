package letsencrypt

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	helperFrom = "FAIRWAY_TEST_IMPORT_FROM"
	helperTo   = "FAIRWAY_TEST_IMPORT_TO"
	begins     = "The import begins."
)

// TestHelperImport is the program that TestKilled kills.
func TestHelperImport(t *testing.T) {
	from, to := os.Getenv(helperFrom), os.Getenv(helperTo)
	if from == "" {
		return // it is run by another test alone
	}
	e, store := etc{from}, NewStore(to, Owner{})
	plan := e.plan(t, store, Options{})
	fmt.Println(begins)
	if err := plan.Apply(t.Context(), store); err != nil {
		t.Fatal(err)
	}
}

// TestKilled kills imports wherever they are, while certbot renews: each
// certificate that Caddy finds is whole, and the next import completes them.
func TestKilled(t *testing.T) {
	t.Parallel()
	e, store := certbot(t), caddyStore(t)
	const lineages = 12
	renew := func(version int) {
		for i := range lineages {
			name := fmt.Sprintf("site%d.example", i)
			e.add(t, certificate{name: name, names: []string{name}, from: now.Add(time.Duration(version-100) * time.Hour), version: version})
		}
	}
	killed := 0
	for round := 1; round <= 20; round++ {
		if round%2 == 1 {
			renew(round)
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestHelperImport$")
		cmd.Env = append(os.Environ(), helperFrom+"="+e.folder, helperTo+"="+store.Folder())
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		scanner := bufio.NewScanner(out)
		for scanner.Scan() && scanner.Text() != begins {
			continue
		}
		timer := time.AfterFunc(time.Duration(rand.IntN(15))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		if cmd.Wait() != nil {
			killed++
		}
		timer.Stop()
		wholeCertificates(t, store)
	}
	t.Logf("killed %d of 20 imports", killed)
	if killed == 0 {
		t.Error("no import was killed before it had ended")
	}
	e.imports(t, store, Options{})
	if plan := e.plan(t, store, Options{}); plan.Changes() || wholeCertificates(t, store) != lineages {
		t.Errorf("after an import that was let to end: %+v", plan.Items)
	}
	if _, err := os.Stat(filepath.Join(store.Folder(), staging)); !os.IsNotExist(err) {
		t.Errorf("the staging folder is left: %v", err)
	}
}

// wholeCertificates counts the certificates that Caddy would find.
func wholeCertificates(t *testing.T, store *Store) int {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(store.Folder(), "certificates", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		base := filepath.Join(folder, filepath.Base(folder))
		if _, err := tls.LoadX509KeyPair(base+".crt", base+".key"); err != nil {
			t.Errorf("half of a certificate: %v", err)
		}
		var meta Metadata
		if err := readJSON(base+".json", &meta); err != nil {
			t.Error(err)
		}
	}
	return len(folders)
}
