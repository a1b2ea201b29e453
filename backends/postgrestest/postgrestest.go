//go:build unix

// Package postgrestest runs a real PostgreSQL server for tests: one for the
// tests of a package, with a database for each test. A machine without the
// server's programs fails the tests.
package postgrestest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// running is the server of this test binary; it starts with the first use.
var running struct {
	sync.Once
	*Server
	err error
}

// Main runs the tests of a package and stops the server that they started.
// Call it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if running.Server != nil {
		running.Stop()
	}
	os.Exit(code)
}

// DSN makes an empty database for a test and returns its address.
func DSN(t testing.TB) string {
	t.Helper()
	running.Do(func() { running.Server, running.err = Start() })
	if running.err != nil {
		t.Fatalf("PostgreSQL did not start: %v", running.err)
	}
	dsn, err := running.NewDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}

// Server is a PostgreSQL server on a socket in a folder of its own.
type Server struct {
	folder    string
	databases atomic.Int64
	command   *exec.Cmd
	lifeline  io.Closer // the server stops when this closes, so also when the tests are killed
}

// Start starts a server with the usual durability.
func Start() (_ *Server, err error) {
	programs, err := findPrograms()
	if err != nil {
		return nil, err
	}
	owner, err := unprivileged()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "postgres") // short: the path of a socket is limited
	if err != nil {
		return nil, err
	}
	s := &Server{folder: folder}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	if owner != nil {
		if err := os.Chown(folder, int(owner.Uid), int(owner.Gid)); err != nil {
			return nil, err
		}
	}
	as := &syscall.SysProcAttr{Credential: owner, Setpgid: true}
	data := filepath.Join(folder, "data")
	initdb := exec.CommandContext(context.Background(), filepath.Join(programs, "initdb"), //nolint:gosec // where Debian keeps it
		"--pgdata", data, "--auth", "trust", "--username", "fairway", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, folder
	if output, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, output)
	}
	// The shell outlives nobody: when its standard input ends, it stops the server.
	s.command = exec.CommandContext(context.Background(), "/bin/sh", "-c", //nolint:gosec // a fixed script
		`"$0" "$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server`,
		filepath.Join(programs, "postgres"), "-D", data, "-k", folder,
		"-c", "listen_addresses=", "-c", "max_connections=400", "-c", "shared_buffers=64MB")
	s.command.SysProcAttr, s.command.Dir = as, folder
	log, err := os.OpenFile(filepath.Join(folder, "log"), os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // in our folder
	if err != nil {
		return nil, err
	}
	s.command.Stdout, s.command.Stderr = log, log
	if s.lifeline, err = s.command.StdinPipe(); err != nil {
		return nil, err
	}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	if err := errors.Join(log.Close(), s.wait()); err != nil {
		said, _ := os.ReadFile(filepath.Join(folder, "log")) //nolint:gosec // in our folder
		s.Stop()
		return nil, fmt.Errorf("%w\n%s", err, said)
	}
	return s, nil
}

// wait returns when the server answers.
func (s *Server) wait() error {
	db, err := sql.Open("pgx", s.dsn("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// NewDatabase makes an empty database and returns its address.
func (s *Server) NewDatabase(ctx context.Context) (dsn string, err error) {
	db, err := sql.Open("pgx", s.dsn("postgres"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return "", fmt.Errorf("creating database %s: %w", name, err)
	}
	return s.dsn(name), nil
}

func (s *Server) dsn(database string) string {
	return fmt.Sprintf("host=%s user=fairway dbname=%s", s.folder, database)
}

// Stop stops the server and removes its folder.
func (s *Server) Stop() {
	_ = s.lifeline.Close()
	// One that is recovering from a crash may not hear that it should end.
	stuck := time.AfterFunc(20*time.Second, func() { _ = syscall.Kill(-s.command.Process.Pid, syscall.SIGKILL) })
	_ = s.command.Wait() // the shell ends with the server's status
	stuck.Stop()
	_ = os.RemoveAll(s.folder)
}

// findPrograms returns the folder of the newest server that is installed.
func findPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	newest, folder := 0, ""
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is well-formed
	for _, path := range found {
		version, err := strconv.Atoi(strings.Split(path, "/")[4])
		if err == nil && version > newest {
			newest, folder = version, filepath.Dir(path)
		}
	}
	if folder == "" {
		return "", errors.New("initdb is neither in PATH nor in /usr/lib/postgresql: run scripts/packages")
	}
	return folder, nil
}

// unprivileged returns whom to run the server as when this process is root,
// which PostgreSQL refuses to run as; else nil.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("there is neither a user postgres nor nobody to run PostgreSQL as")
}
