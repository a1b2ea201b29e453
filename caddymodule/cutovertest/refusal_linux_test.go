package cutovertest_test

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/migrate/cutover"
)

// edit changes the Caddyfile.
func (h *host) edit(t *testing.T, old, replacement string) {
	t.Helper()
	file := filepath.Join(h.folder, "Caddyfile")
	text, err := os.ReadFile(file)
	must(t, err)
	if !strings.Contains(string(text), old) {
		t.Fatalf("the Caddyfile has no %q", old)
	}
	must(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(text), old, replacement)), 0o644))
}

// TestRefusals: what is in the way is said, with what to do, and nothing changes.
func TestRefusals(t *testing.T) {
	h := newHost(t)
	stored := filepath.Join(h.folder, "data/caddy/certificates/127.0.0.1-9-dir", names[0])
	original, err := os.ReadFile(filepath.Join(h.folder, "Caddyfile"))
	must(t, err)
	tests := map[string]struct {
		spoil, mend func(t *testing.T)
		want        []string
	}{
		"a directive that is not one": {
			spoil: func(t *testing.T) { h.edit(t, "redir https", "nosuch https") },
			want:  []string{"nosuch", "Caddyfile"},
		},
		"a file that is not there": {
			spoil: func(t *testing.T) { h.edit(t, "reverse_proxy", "tls /nosuch.crt /nosuch.key\n\treverse_proxy") },
			want:  []string{"/nosuch.crt"},
		},
		"another address family": {
			spoil: func(t *testing.T) { h.edit(t, "default_bind tcp4/0.0.0.0", "") },
			want:  []string{"Apache listens on tcp4/0.0.0.0:443", "bind tcp4/0.0.0.0"},
		},
		"no site on a port of Apache": {
			spoil: func(t *testing.T) {
				for _, name := range names {
					h.edit(t, "http://"+name+" {", "http://"+name+":8080 {")
				}
			},
			want: []string{"Apache listens on tcp4/0.0.0.0:80", "--without 80"},
		},
		"no certificate": {
			spoil: func(t *testing.T) { must(t, os.Rename(stored, stored+".away")) },
			mend:  func(t *testing.T) { must(t, os.Rename(stored+".away", stored)) },
			want:  []string{names[0], "no certificate", "caddy migrate certificates"},
		},
		"another certificate than Apache's": {
			spoil: func(t *testing.T) { h.exchange(t, stored, filepath.Join(filepath.Dir(stored), names[1])) },
			mend:  func(t *testing.T) { h.exchange(t, stored, filepath.Join(filepath.Dir(stored), names[1])) },
			want:  []string{names[0] + ": Apache shows certificate " + h.serials[names[0]], "Fairway would show " + h.serials[names[1]], "caddy migrate certificates"},
		},
		"a certificate the service cannot read": {
			spoil: func(t *testing.T) { must(t, os.Chown(filepath.Join(stored, names[0]+".key"), 0, 0)) },
			mend:  func(t *testing.T) { h.give(t, "data") },
			want:  []string{names[0] + ".key", "Permission denied", serviceUser},
		},
		"a name that is served with TLS no more": {
			spoil: func(t *testing.T) { h.edit(t, "\n"+names[0]+" {", "\nhttp://other.example.org {") },
			want:  []string{names[0] + ": Apache serves it with TLS at 127.0.0.1:443, the configuration does not: add a site https://" + names[0]},
		},
		"certbot at work": {
			spoil: func(t *testing.T) { h.lockCertbot(t) },
			mend:  func(t *testing.T) { must(t, os.RemoveAll(filepath.Join(h.folder, "letsencrypt"))) },
			want:  []string{"certbot is at work", "wait"},
		},
		"another program on a port": {
			spoil: func(t *testing.T) {
				h.edit(t, "http://"+names[0]+" {", "http://"+names[0]+", http://"+names[0]+":8081 {")
				listener, err := net.Listen("tcp4", "127.0.0.1:8081")
				must(t, err)
				t.Cleanup(func() { _ = listener.Close() })
			},
			want: []string{"port 8081 is taken on 127.0.0.1:8081 by process", "stop it first"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.spoil(t)
			out, printed, err := h.try("cutover", "--yes", "--json")
			if test.mend != nil {
				test.mend(t)
			}
			must(t, os.WriteFile(filepath.Join(h.folder, "Caddyfile"), original, 0o644))
			if err == nil {
				t.Fatalf("it was taken:\n%s", out)
			}
			var report struct{ Error string }
			if err := json.Unmarshal([]byte(out), &report); err != nil || report.Error == "" {
				t.Errorf("as JSON it prints %q: %v", out, err)
			}
			for _, want := range test.want {
				if !strings.Contains(printed, want) {
					t.Errorf("it does not say %q:\n%s", want, printed)
				}
			}
			if status := h.status(t); status.Stage != cutover.OnApache || len(status.Steps) > 0 {
				t.Errorf("something was begun: %+v", status.Steps)
			}
			h.answers(t)
		})
	}
}

// exchange exchanges the certificates of two names in Caddy's storage.
func (h *host) exchange(t *testing.T, a, b string) {
	t.Helper()
	for _, extension := range []string{".crt", ".key"} {
		first, second := filepath.Join(a, filepath.Base(a)+extension), filepath.Join(b, filepath.Base(b)+extension)
		must(t, os.Rename(first, first+".away"))
		must(t, os.Rename(second, first))
		must(t, os.Rename(first+".away", second))
	}
}

// lockCertbot takes certbot's lock as certbot does, until the test ends.
func (h *host) lockCertbot(t *testing.T) {
	t.Helper()
	folder := filepath.Join(h.folder, "letsencrypt")
	must(t, os.Mkdir(folder, 0o755))
	cmd := exec.Command("python3", "-c", "import fcntl, sys\nlock = open(sys.argv[1], 'w')\nfcntl.lockf(lock, fcntl.LOCK_EX)\nprint('locked', flush=True)\nsys.stdin.read()",
		filepath.Join(folder, ".certbot.lock"))
	_, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	_, err = out.Read(make([]byte, 1))
	must(t, err)
}

// TestNotRoot: what it takes is said.
func TestNotRoot(t *testing.T) {
	h := newHost(t)
	for _, command := range []string{"cutover", "rollback", "status"} {
		cmd := h.command(command)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), "run it with sudo") {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

// TestKernelRefused: what the kernel lacks is said, and what to do about it.
func TestKernelRefused(t *testing.T) {
	h := newHost(t)
	for name, test := range map[string]struct{ mount, want string }{
		"an old kernel": {"mount -t tmpfs tmpfs /proc/sys/net/ipv4", "Linux 5.14 or later is needed"},
		"a container":   {"mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys", "run it on the machine itself"},
	} {
		command := h.command("cutover", "--yes")
		cmd := exec.Command("unshare", append([]string{"--mount", "sh", "-ec", test.mount + `; exec "$@"`, "sh"}, command.Args...)...)
		cmd.Env, cmd.Dir = command.Env, command.Dir
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), test.want) || !strings.Contains(string(out), "tcp_migrate_req") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if report := h.status(t); report.Stage != cutover.OnApache || len(report.Steps) > 0 {
			t.Errorf("%s: something was begun: %+v", name, report.Steps)
		}
	}
	h.answers(t)
}

// TestFailuresUndoEverything: sites that do not answer as before, or a server
// that does not start, are found out before a visitor meets them.
func TestFailuresUndoEverything(t *testing.T) {
	tests := map[string]struct {
		spoil func(t *testing.T, h *host)
		want  []string
		exit  int
	}{
		"a site that fails": {
			spoil: func(t *testing.T, h *host) { h.edit(t, "reverse_proxy 127.0.0.1:5001", "respond 503") },
			want:  []string{"answered 503, before 200"}, exit: 4,
		},
		"sites that no route names": {
			spoil: func(t *testing.T, h *host) {
				h.edit(t, "http://"+names[0]+" {", "http://old.example.org, http:// {\n\tvirtual_hosts {\n\t\thost {\n\t\t\thandle {\n\t\t\t\trespond 503\n\t\t\t}\n\t\t}\n"+
					"\t\thost *.wild.example.org {\n\t\t\thandle {\n\t\t\t\trespond 502\n\t\t\t}\n\t\t}\n\t}\n}\n\nhttp://"+names[0]+" {")
			},
			want: []string{
				"old.example.org at 127.0.0.1:80: GET / is answered 503, before 301",
				"*.wild.example.org at 127.0.0.1:80: GET / is answered 502, before 301",
				"any other name at 127.0.0.1:80: GET / is answered 503, before 301",
			},
			exit: 4,
		},
		"a server that does not start": {
			spoil: func(t *testing.T, h *host) {
				h.edit(t, "default_bind tcp4/0.0.0.0", "default_bind tcp4/0.0.0.0 192.0.2.1")
			},
			want: []string{"does not listen"}, exit: 1,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			visitors := h.begin(t)
			test.spoil(t, h)
			_, printed, err := h.try("cutover", "--yes", "--start-timeout", "2s")
			exit := new(exec.ExitError)
			if !asExit(err, &exit) || exit.ExitCode() != test.exit {
				t.Errorf("it ended with %v, want %d, and said:\n%s", err, test.exit, printed)
			}
			for _, want := range test.want {
				if !strings.Contains(printed, want) {
					t.Errorf("it does not say %q:\n%s", want, printed)
				}
			}
			h.stands(t, "rollback")
			if lost := visitors.end(t); lost > 0 {
				t.Errorf("%d requests were lost", lost)
			}
		})
	}
}

func asExit(err error, exit **exec.ExitError) bool {
	found, ok := err.(*exec.ExitError) //nolint:errorlint // as exec returns it
	if ok {
		*exit = found
	}
	return ok
}

// TestWaysApacheListens: whatever sockets Apache has, the addresses pass there
// and back, and after the first restart of either nothing special remains.
func TestWaysApacheListens(t *testing.T) {
	tests := map[string]func(*host){
		"an address of each family": func(h *host) {
			h.listen, h.bind = []string{"127.0.0.1:80", "[::1]:80", "127.0.0.1:443", "[::1]:443"}, "default_bind 127.0.0.1 ::1"
		},
		"two for each address": func(h *host) { h.buckets = "ListenCoresBucketsRatio 1" },
	}
	if soak() {
		tests["one socket for IPv4 and IPv6"] = func(h *host) { h.listen, h.bind = []string{"80", "443"}, "" }
		// Debian's Apache opens one socket for both here, too.
		tests["a line for each family"] = func(h *host) {
			h.listen, h.bind = []string{"0.0.0.0:80", "[::]:80", "0.0.0.0:443", "[::]:443"}, ""
		}
		tests["one address"] = func(h *host) {
			h.listen, h.bind = []string{"127.0.0.1:80", "127.0.0.1:443"}, "default_bind 127.0.0.1"
		}
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, change)
			visitors := h.begin(t)
			h.migrate(t, "cutover", "--yes")
			h.stands(t, "cutover")
			h.migrate(t, "rollback", "--yes")
			h.stands(t, "rollback")
			if lost := visitors.end(t); lost > 0 {
				t.Errorf("%d requests were lost", lost)
			}
		})
	}
}

// TestNothingSpecialRemains: after a restart each runs as if it had always been
// there.
func TestNothingSpecialRemains(t *testing.T) {
	h := newHost(t)
	h.migrate(t, "cutover", "--yes")
	report := h.status(t)
	before := h.processOf(t, report.Service.Executable)
	must(t, syscall.Kill(before, syscall.SIGTERM))
	eventually(t, time.Minute, "Fairway has ended", func() bool { return syscall.Kill(before, 0) != nil })
	restarted := exec.Command(report.Service.Executable, report.Service.Args...)
	restarted.Env = h.command("status").Env
	restarted.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}, AmbientCaps: []uintptr{10}}
	must(t, restarted.Start())
	go func() { _ = restarted.Wait() }()
	h.eventuallyAnswers(t)

	h.migrate(t, "rollback", "--yes")
	h.apache(t, "-k", "stop")
	eventually(t, time.Minute, "Apache has ended", func() bool {
		connection, err := net.Dial("tcp", "127.0.0.1:443")
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	})
	h.apache(t, "-k", "start")
	h.eventuallyAnswers(t)
	line, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(h.pidOfApache(t)), "cmdline"))
	must(t, err)
	if strings.Contains(string(line), "ListenCoresBucketsRatio") {
		t.Errorf("Apache still runs with %q", line)
	}
	h.migrate(t, "cutover", "--yes") // and all can begin anew
	h.stands(t, "cutover")
}

func (h *host) pidOfApache(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(h.folder, "apache", "apache.pid"))
	must(t, err)
	return string(text)
}

// processOf is the process that runs an executable as the service does.
func (h *host) processOf(t *testing.T, executable string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	must(t, err)
	for _, entry := range entries {
		link, _ := os.Readlink(filepath.Join("/proc", entry.Name(), "exe"))
		line, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		var pid int
		if link == executable && strings.Contains(string(line), h.folder) && json.Unmarshal([]byte(entry.Name()), &pid) == nil {
			return pid
		}
	}
	t.Fatalf("nobody runs %s", executable)
	return 0
}
