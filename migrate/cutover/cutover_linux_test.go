package cutover

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/migrate/handover"
)

func TestNormalised(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"-k start":                                                        "",
		"-d /srv/apache -f a.conf -k graceful":                            "-d /srv/apache -f a.conf",
		"-C|ListenCoresBucketsRatio 1000|-D|X|-k|start":                   "-D|X",
		"-C|ServerName x|-DFOREGROUND":                                    "-C|ServerName x|-DFOREGROUND",
		"-C|ListenCoresBucketsRatio 1000|-C|ListenCoresBucketsRatio 1000": "",
	} {
		separator := " "
		if strings.Contains(line, "|") {
			separator = "|"
		}
		if got := strings.Join(normalised(strings.Split(line, separator)), separator); got != want {
			t.Errorf("%q becomes %q, want %q", line, got, want)
		}
	}
}

// TestUnitSettings: whatever Apache's command line and environment hold, systemd
// reads it literally.
func TestUnitSettings(t *testing.T) {
	t.Parallel()
	a := &Apache{
		Executable: "/usr/sbin/apache2", Args: []string{"-D", `odd "$x" %h`}, OpenFiles: 8192,
		Environment: []string{"APACHE_RUN_USER=www-data", `SECRET=a"b\c$d%e`, "INVOCATION_ID=1", "PWD=/"},
	}
	want := `[Service]
ExecStart=
ExecStart="/usr/sbin/apache2" "-C" "ListenCoresBucketsRatio 1000" "-D" "odd \"$$x\" %%h" "-k" "start"
LimitNOFILE=8192
Environment="APACHE_RUN_USER=www-data"
Environment="SECRET=a\"b\\c$d%%e"
`
	if got := a.settings(); got != want {
		t.Errorf("the settings are\n%s\nwant\n%s", got, want)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	answer := func(serial string, status int, covers bool) []SiteAnswer {
		return []SiteAnswer{{Name: "a.test", Serial: serial, Status: status, Covers: covers}}
	}
	tests := map[string]struct {
		before, after []SiteAnswer
		bad, differs  bool
	}{
		"the same":                          {answer("1", 200, true), answer("1", 200, true), false, false},
		"another certificate":               {answer("1", 200, true), answer("2", 200, true), true, true},
		"a certificate where none fitted":   {answer("1", 200, false), answer("2", 200, true), false, false},
		"one that fits no more than before": {answer("1", 200, false), answer("1", 200, false), false, false},
		"another that does not fit":         {answer("1", 200, false), answer("2", 200, false), true, true},
		"a redirect of another kind":        {answer("1", 301, true), answer("1", 308, true), false, true},
		"a page that is gone":               {answer("1", 200, true), answer("1", 404, true), true, true},
		"a page that is there now":          {answer("1", 404, true), answer("1", 200, true), false, true},
		"an app that is down":               {answer("1", 503, true), answer("1", 502, true), false, true},
		"an app that fails now":             {answer("1", 404, true), answer("1", 502, true), true, true},
		"forbidden instead of unauthorised": {answer("1", 401, true), answer("1", 403, true), false, true},
		"without TLS":                       {answer("", 301, false), answer("", 301, false), false, false},
	}
	for name, test := range tests {
		err := compare(test.before, test.after)
		if bad := errors.Is(err, ErrDiffers); bad != test.bad {
			t.Errorf("%s: %v", name, err)
		}
		if differs := test.after[0].Differs != ""; differs != test.differs {
			t.Errorf("%s: differs in %q", name, test.after[0].Differs)
		}
	}
}

// TestQuestions: a site is asked where it is to answer, and one for any name
// where there is one.
func TestQuestions(t *testing.T) {
	t.Parallel()
	addresses := []SharedAddress{
		{Network: "tcp4", Address: netip.MustParseAddrPort("127.0.0.1:443"), TLS: true},
		{Network: "tcp4", Address: netip.MustParseAddrPort("127.0.0.1:80")},
	}
	sites := Sites{Names: []string{"*.wild.test", "plain.test"}, WithoutTLS: []string{"plain.test"}, AnyName: []uint16{80}}
	all := questions(sites, addresses)
	var got []string
	for _, q := range all {
		got = append(got, q.String())
	}
	want := []string{"*.wild.test at 127.0.0.1:443", "*.wild.test at 127.0.0.1:80", "plain.test at 127.0.0.1:80", "any other name at 127.0.0.1:80"}
	if !slices.Equal(got, want) {
		t.Errorf("asked are %q, want %q", got, want)
	}
	var answers []SiteAnswer
	for _, q := range all {
		answers = append(answers, SiteAnswer{Name: q.name, Address: q.address})
	}
	if left, found := answeredBefore(all, answers[:3]); len(left) != 3 || len(found) != 3 {
		t.Errorf("without an answer for any name, %v are left", left)
	}
	if left, _ := answeredBefore(all, answers[1:]); left != nil {
		t.Errorf("without an answer for a site, %v are left", left)
	}
}

func TestOverlap(t *testing.T) {
	t.Parallel()
	address := func(text string, only6 bool) handover.Address {
		return handover.Address{AddrPort: netip.MustParseAddrPort(text), Only6: only6}
	}
	all4, all6, both := address("0.0.0.0:80", false), address("[::]:80", true), address("[::]:80", false)
	one4, one6 := address("127.0.0.1:80", false), address("[::1]:80", false)
	tests := []struct {
		a, b handover.Address
		want bool
	}{
		{all4, all4, true},
		{all4, all6, false},
		{all4, both, true},
		{all4, one4, true},
		{all6, one4, false},
		{both, one4, true},
		{both, one6, true},
		{one4, one6, false},
		{one4, address("127.0.0.2:80", false), false},
		{all4, address("0.0.0.0:81", false), false},
	}
	for _, test := range tests {
		if got, back := overlap(test.a, test.b), overlap(test.b, test.a); got != test.want || back != test.want {
			t.Errorf("%s and %s overlap: %v and %v, want %v", test.a, test.b, got, back, test.want)
		}
	}
}

// recorder is a systemd with units that are there, and notes what it is told.
type recorder struct {
	units map[string]map[string]string
	told  []string
}

func (r *recorder) Do(_ context.Context, args ...string) (string, error) {
	if args[0] == "show" {
		return r.units[args[3]][strings.TrimPrefix(args[1], "--property=")], nil
	}
	r.told = append(r.told, strings.Join(args, " "))
	return "", nil
}

// TestRenewals: off and on, each twice, leaves all as it was.
func TestRenewals(t *testing.T) {
	t.Parallel()
	systemd := &recorder{units: map[string]map[string]string{
		"certbot.timer":       {"LoadState": "loaded", "UnitFileState": "enabled", "ActiveState": "active"},
		"certbot-renew.timer": {"LoadState": "loaded", "UnitFileState": "disabled", "ActiveState": "inactive"},
	}}
	cron := t.TempDir()
	file := filepath.Join(cron, "certbot")
	if err := os.WriteFile(file, []byte("0 0 * * * root certbot renew\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	renewals, err := findRenewals(t.Context(), systemd, cron)
	if err != nil || len(renewals) != 2 {
		t.Fatalf("found %+v, %v", renewals, err)
	}
	for _, renewal := range renewals {
		for range 2 {
			if err := renewal.off(t.Context(), systemd); err != nil {
				t.Errorf("off: %v", err)
			}
		}
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("cron's file is still there")
	}
	for _, renewal := range renewals {
		for range 2 {
			if err := renewal.on(t.Context(), systemd); err != nil {
				t.Errorf("on: %v", err)
			}
		}
	}
	if _, err := os.Stat(file); err != nil {
		t.Error(err)
	}
	want := []string{"disable --now certbot.timer", "disable --now certbot.timer",
		"enable certbot.timer", "start certbot.timer", "enable certbot.timer", "start certbot.timer"}
	if !slices.Equal(systemd.told, want) {
		t.Errorf("systemd was told %q", systemd.told)
	}
}

// TestOwnRenewals: what the operator wrote is named with file and line.
func TestOwnRenewals(t *testing.T) {
	t.Parallel()
	cron := t.TempDir()
	file := filepath.Join(cron, "mine")
	if err := os.WriteFile(file, []byte("# certbot\n\n0 3 * * * root /usr/bin/certbot renew --quiet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := otherRenewals(cron); !slices.Contains(found, file+":3") || slices.Contains(found, file+":1") {
		t.Errorf("found %q", found)
	}
}

// TestUndoing: a failure undoes what was done, the last first, and says what
// could not be.
func TestUndoing(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	store, err := openStore(folder)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openStore(folder); err == nil || !strings.Contains(err.Error(), "another cutover") {
		t.Errorf("two at once: %v", err)
	}
	var did []string
	act := func(what string, err error) func(context.Context) error {
		return func(context.Context) error {
			did = append(did, what)
			return err
		}
	}
	broken := errors.New("broken")
	r := &run{store: store, state: &State{Stage: OnApache}}
	err = r.forward(t.Context(), []step{
		{name: "one", do: act("one", nil), undo: act("not one", nil)},
		{name: "two", do: act("two", nil)},
		{name: "three", do: act("three", broken), undo: act("not three", nil)},
		{name: "four", do: act("four", nil), undo: act("not four", nil)},
	}, OnApache, CuttingOver, OnFairway)
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "three: ") {
		t.Errorf("it failed with %v", err)
	}
	if want := []string{"one", "two", "three", "not three", "not one"}; !slices.Equal(did, want) {
		t.Errorf("it did %q, want %q", did, want)
	}
	recorded, err := ReadState(folder)
	if err != nil || recorded.Stage != OnApache {
		t.Errorf("recorded is %+v, %v", recorded, err)
	}
	err = r.forward(t.Context(), []step{
		{name: "one", do: act("one", nil), undo: act("", errors.New("stuck"))},
		{name: "two", do: act("two", broken)},
	}, OnApache, CuttingOver, OnFairway)
	if err == nil || !strings.Contains(err.Error(), "undoing one: stuck") {
		t.Errorf("it failed with %v", err)
	}
	if recorded, err = ReadState(folder); err != nil || recorded.Stage != CuttingOver {
		t.Errorf("recorded is %+v, %v: it is not undone", recorded, err)
	}
}
