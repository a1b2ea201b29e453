package packaging_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnitIsUnderstoodBySystemd(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	// Commands must exist where the unit is verified.
	copied := filepath.Join(t.TempDir(), "fairway.service")
	content = bytes.ReplaceAll(content, []byte("/usr/bin/caddy"), []byte(binary))
	if err := os.WriteFile(copied, content, 0o600); err != nil {
		t.Fatal(err)
	}
	// An option that systemd does not know is a warning, and no failure.
	if printed, err := output(t, nil, "systemd-analyze", "verify", "--man=no", copied); err != nil || printed != "" {
		t.Errorf("systemd-analyze verify: %v\n%s", err, printed)
	}
}

func TestUnitIsHardened(t *testing.T) {
	t.Parallel()
	// The threshold is ten times the exposure that is shown: 1.6.
	printed, err := output(t, nil, "systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=16", unitFile)
	if err != nil {
		t.Errorf("%v\n%s", err, printed)
	}
}

func TestUnitFindsWhatIsInstalled(t *testing.T) {
	t.Parallel()
	root := installed(t)
	unit := settings(t, unitFile)
	for _, option := range []string{"ExecStart", "ExecReload", "EnvironmentFile"} {
		for word := range strings.FieldsSeq(unit[option]) {
			if !strings.HasPrefix(word, "/") {
				continue
			}
			if _, err := os.Stat(root + word); err != nil {
				t.Errorf("%s=%s: %v", option, unit[option], err)
			}
		}
	}
	environment := settings(t, "environment")
	for path, folder := range map[string]string{
		environment["FAIRWAY_DATA"]:                             "/var/lib/" + unit["StateDirectory"],
		environment["FAIRWAY_LOGS"]:                             "/var/log/" + unit["LogsDirectory"],
		strings.TrimPrefix(environment["CADDY_ADMIN"], "unix/"): "/run/" + unit["RuntimeDirectory"],
		strings.TrimPrefix(unit["Environment"], "HOME="):        "/var/lib/" + unit["StateDirectory"],
	} {
		if path != folder && !strings.HasPrefix(path, folder+"/") {
			t.Errorf("%s is not in %s, which the unit makes writable", path, folder)
		}
	}
}

func TestUserIsMade(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "etc"), 0o700); err != nil {
		t.Fatal(err)
	}
	file, err := filepath.Abs("sysusers.d/fairway.conf")
	if err != nil {
		t.Fatal(err)
	}
	if printed, err := output(t, nil, "systemd-sysusers", "--root="+root, file); err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	users, err := os.ReadFile(filepath.Join(root, "etc/passwd"))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Split(strings.TrimSpace(string(users)), ":")
	if line[0] != "caddy" || line[5] != "/var/lib/caddy" || line[6] != "/usr/sbin/nologin" {
		t.Errorf("the user made is %q", users)
	}
}
