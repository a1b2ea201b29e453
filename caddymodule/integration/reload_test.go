package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to spoil a database
)

// TestReloadsUnderLoadDropNothing reloads 200 times, every tenth time with a
// configuration that does not load, while clients read and write.
func TestReloadsUnderLoadDropNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	secret := s.key(t, "orders")
	load := begin(t, s, secret)
	good := shipped(t)
	bad := []string{
		strings.Replace(good, "\torders {\n", "\tservice bad!name\n\torders {\n", 1),                    // refused by the Caddyfile's parser
		strings.Replace(good, "store sqlite {$FAIRWAY_DATA:.fairway}", "store sqlite /proc/nowhere", 1), // refused when the stores open
		strings.Replace(good, "\tpayments {\n", "\ttls /nosuch.pem /nosuch.pem\n\tpayments {\n", 1),     // refused when TLS is provisioned
	}
	if slices.Contains(bad, good) {
		t.Fatal("the shipped Caddyfile no longer has what is to be spoilt")
	}
	for i := range 200 {
		if i%10 == 9 {
			s.write(t, bad[i/10%len(bad)])
			if _, err := s.caddy("reload", "--config", s.config, "--address", s.admin); err == nil {
				t.Fatal("a configuration that does not load was accepted")
			}
			continue
		}
		s.write(t, strings.Replace(good, "max-age=63072000", fmt.Sprintf("max-age=%d", 63072000+i), 1))
		s.mustCaddy(t, "reload", "--config", s.config, "--address", s.admin)
	}
	load.end(t)
}

// load is requests that go on until end.
type load struct {
	stop     context.CancelFunc
	group    sync.WaitGroup
	done     atomic.Int64
	failures failures
}

type failures struct {
	mu   sync.Mutex
	list []string
}

func (f *failures) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

// begin starts clients: some keep their connections, some open one for each
// request, some write.
func begin(t *testing.T, s *server, secret string) *load {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	l := &load{stop: cancel}
	t.Cleanup(cancel)
	for i := range 6 {
		client := s.client(t)
		transport := client.Transport.(*http.Transport).Clone()
		transport.DisableKeepAlives = i%2 == 0
		client.Transport = transport
		l.group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				l.one(ctx, s, client, secret, i, n)
			}
		})
	}
	return l
}

func (l *load) one(ctx context.Context, s *server, client *http.Client, secret string, worker, n int) {
	method, address, body, want := http.MethodGet, s.url(domain, "/"), "", http.StatusOK
	switch worker {
	case 0, 1:
		address = s.url(payments, "/health")
	case 2:
		method, address, want = http.MethodPost, s.url(orders, "/v1/orders"), http.StatusCreated
		body = `{"currency":"eur","lines":[{"title":"Mug","quantity":1,"unit_amount":900}]}`
	}
	a, err := try(context.WithoutCancel(ctx), client, method, address, body,
		"Authorization", "Bearer "+secret, "Content-Type", "application/json")
	switch {
	case err != nil:
		l.failures.add("worker %d, request %d: %v", worker, n, err)
	case a.StatusCode != want:
		l.failures.add("worker %d, request %d: %s %s", worker, n, a.Status, a.body)
	}
	l.done.Add(1)
}

// end stops the clients and fails the test for every failed request.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop()
	l.group.Wait()
	t.Logf("%d requests, %d failed", l.done.Load(), len(l.failures.list))
	for _, failure := range l.failures.list[:min(10, len(l.failures.list))] {
		t.Error(failure)
	}
	if l.done.Load() < 1000 {
		t.Errorf("only %d requests: not a load", l.done.Load())
	}
}

func TestFailedReloadChangesNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	client := s.client(t)
	running := configOf(t, s)
	for name, change := range map[string][2]string{
		"parser": {"\torders {\n", "\torders nosuch {\n"},
		"store":  {"store sqlite {$FAIRWAY_DATA:.fairway}", "store sqlite /proc/nowhere"},
		"start":  {"http://:{$ORDERS_PORT:5001} {\n\tbind 127.0.0.1", "http://:{$ORDERS_PORT:5001} {\n\tbind 192.0.2.1"},
	} {
		s.write(t, replaced(t, shipped(t), map[string]string{change[0]: change[1]}))
		if out, err := s.caddy("reload", "--config", s.config, "--address", s.admin); err == nil {
			t.Errorf("%s: accepted: %s", name, out)
		}
		if got := configOf(t, s); got != running {
			t.Errorf("%s: the running configuration changed", name)
		}
		get(t, client, s.url(orders, "/health"), http.StatusOK)
		secret := s.key(t, "orders") // writes to the store
		get(t, client, s.url(orders, "/v1/orders"), http.StatusOK, "Authorization", "Bearer "+secret)
	}
}

func configOf(t *testing.T, s *server) string {
	t.Helper()
	return get(t, http.DefaultClient, "http://"+s.admin+"/config/", http.StatusOK).body
}

// TestDataFolderErrors: what is wrong with the folder is said, with its path.
func TestDataFolderErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(t *testing.T, s *server, folder string)
		want  string
	}{
		"locked by another process": {
			spoil: func(t *testing.T, s *server, folder string) {
				other := prepare(t, shipped(t))
				for i, setting := range other.env {
					if strings.HasPrefix(setting, "FAIRWAY_DATA=") {
						other.env[i] = "FAIRWAY_DATA=" + folder
					}
				}
				other.launch(t)
			},
			want: "in use by another process",
		},
		"a file in its place": {
			spoil: func(t *testing.T, _ *server, folder string) {
				if err := os.WriteFile(folder, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			},
			want: "cannot be made",
		},
		"not writable": {
			spoil: func(t *testing.T, s *server, folder string) {
				if err := os.MkdirAll(filepath.Join(folder, "lock"), 0o700); err != nil {
					t.Fatal(err)
				}
			},
			want: "not writable",
		},
		"of a newer schema": {
			spoil: func(t *testing.T, s *server, folder string) {
				s.launch(t)
				s.stop(t)
				db, err := sql.Open("sqlite", filepath.Join(folder, "orders.db"))
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = db.Close() }()
				if _, err := db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)"); err != nil {
					t.Fatal(err)
				}
			},
			want: "orders.db",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := prepare(t, shipped(t))
			folder := s.variable(t, "FAIRWAY_DATA")
			test.spoil(t, s, folder)
			out, err := s.caddy("run", "--config", s.config)
			if err == nil {
				t.Fatalf("the server ran: %s", out)
			}
			if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), folder) {
				t.Errorf("the error says neither %q nor %s:\n%v", test.want, folder, err)
			}
		})
	}
}

// TestValidateBesideARunningServer: validating opens no database.
func TestValidateBesideARunningServer(t *testing.T) {
	t.Parallel()
	s := serve(t, shipped(t))
	s.mustCaddy(t, "validate", "--config", s.config)
	get(t, s.client(t), s.url(orders, "/health"), http.StatusOK)
}
