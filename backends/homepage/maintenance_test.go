package homepage

import (
	"strings"
	"testing"
	"time"
)

func TestWindows(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ window, at, until string }{
		"once, before":                   {"2026-03-04T20:00:00Z 2026-03-05T06:00:00Z", "2026-03-04T19:59:59Z", ""},
		"once, at its begin":             {"2026-03-04T20:00:00Z 2026-03-05T06:00:00Z", "2026-03-04T20:00:00Z", "2026-03-05T06:00:00Z"},
		"once, at its end":               {"2026-03-04T20:00:00Z 2026-03-05T06:00:00Z", "2026-03-05T06:00:00Z", ""},
		"once, with offsets":             {"2026-03-04T20:00:00+01:00 2026-03-04T20:00:00Z", "2026-03-04T19:30:00Z", "2026-03-04T20:00:00Z"},
		"Sunday":                         {"Sun 02:00-04:00 Europe/Vienna", "2026-03-08T01:30:00Z", "2026-03-08T03:00:00Z"},
		"Sunday, too early":              {"Sun 02:00-04:00 Europe/Vienna", "2026-03-08T00:59:00Z", ""},
		"Sunday, on a Monday":            {"Sun 02:00-04:00 Europe/Vienna", "2026-03-09T01:30:00Z", ""},
		"Sunday, in summer time":         {"Sun 02:00-04:00 Europe/Vienna", "2026-07-05T01:30:00Z", "2026-07-05T02:00:00Z"},
		"the night of summer time":       {"Sun 01:00-04:00 Europe/Vienna", "2026-03-29T01:30:00Z", "2026-03-29T02:00:00Z"},
		"through midnight, before":       {"Sat 23:00-01:00", "2026-03-07T23:30:00Z", "2026-03-08T01:00:00Z"},
		"through midnight, after":        {"Sat 23:00-01:00", "2026-03-08T00:30:00Z", "2026-03-08T01:00:00Z"},
		"through midnight, a day later":  {"Sat 23:00-01:00", "2026-03-09T00:30:00Z", ""},
		"through midnight and the month": {"Sat 23:00-01:00 UTC", "2026-02-01T00:30:00Z", "2026-02-01T01:00:00Z"},
		"two days":                       {"Mon,Wed 12:00-14:00", "2026-03-04T13:50:00Z", "2026-03-04T14:00:00Z"},
		"daily":                          {"daily 13:00-14:00", "2026-03-04T13:50:00Z", "2026-03-04T14:00:00Z"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := ParseWindow(test.window)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, test.at)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if until, ok := w.Until(at); ok {
				got = until.UTC().Format(time.RFC3339)
			}
			if got != test.until {
				t.Errorf("%s at %s: until %q, want %q", test.window, test.at, got, test.until)
			}
		})
	}
}

func TestWindowsThatAreNone(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		"":                                      "is not a window",
		"Sun":                                   "is not a window",
		"Sun 02:00-04:00 Europe/Vienna now":     "is not a window",
		"Sunday 02:00-04:00":                    "day of the week",
		"Sun, 02:00-04:00":                      "day of the week",
		"sun 02:00-04:00":                       "day of the week",
		"Sun 02:00":                             "span of times",
		"Sun 2:00-04:00":                        "time of day",
		"Sun 02:00-24:00":                       "time of day",
		"Sun 02:00-02:00":                       "ends when it begins",
		"Sun 02:00-04:00 Vienna":                "time zone",
		"Sun 02:00-04:00 Local":                 "time zone",
		"2026-03-04T20:00 2026-03-05T06:00:00Z": "instant",
		"2026-03-05T06:00:00Z 2026-03-05T06:00": "instant",
		"2026-03-05T06:00:00Z 2026-03-04T20:00:00Z": "ends before it begins",
	} {
		if _, err := ParseWindow(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", text, err, why)
		}
	}
}

func TestMaintenanceIsDeclared(t *testing.T) {
	t.Parallel()
	window, err := ParseWindow("daily 13:00-14:00")
	if err != nil {
		t.Fatal(err)
	}
	longer, err := ParseWindow("2026-03-04T10:00:00Z 2026-03-05T15:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	blog, shop := refusing("blog"), answering("shop")
	blog.Maintenance = []Window{window}
	r := Assess([]Entry{blog, shop}, now)
	if r.State != Maintenance || r.Verdict != "blog is in maintenance until 14:00 UTC, all others are answering" || len(r.NeedsAttention()) != 0 {
		t.Errorf("%s: %q, %d need attention", r.State, r.Verdict, len(r.NeedsAttention()))
	}
	blog.Maintenance = []Window{window, longer}
	if got := Judge(blog, now).Sentence(now); got != "blog is in maintenance until 5 Mar 15:00 UTC" {
		t.Error(got)
	}
	if got := Judge(blog, now.Add(26*time.Hour)).State; got == Maintenance {
		t.Errorf("it is still %s", got)
	}
}
