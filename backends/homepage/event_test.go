package homepage

import (
	"strings"
	"testing"
)

func TestRedaction(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"dial tcp 127.0.0.1:8000: connect: connection refused":           "dial tcp 127.0.0.1:8000: connect: connection refused",
		"postgres://me:hunter2@db.example/x?sslmode=a failed":            "postgres://…@db.example/x failed",
		"cannot parse postgres://me:p@ss@db:5432":                        "cannot parse postgres://…@db:5432",
		"cannot parse postgres://me:p/w?@db:5432/x?y=z":                  "cannot parse postgres://…@db:5432/x",
		"connect failed (password=hunter2 host=db)":                      "connect failed (password=… host=db)",
		"Authorization: Bearer abc":                                      "Authorization: … …",
		"bad api_key: hunter2 given":                                     "bad api_key: … given",
		`"client_secret":"hunter2" in line 3`:                            `"client_secret":… in line 3`,
		"token sk_test_4eC39HqLyJWDarjtT1zdp7dc is unknown":              "token … is unknown",
		"GET /reset?code=hunter2: no":                                    "GET /reset no",
		"Caddyfile:12: unrecognized directive: reverse_prxy":             "Caddyfile:12: unrecognized directive: reverse_prxy",
		"microservice1.aditechsphere.publicvm.com: no such host":         "microservice1.aditechsphere.publicvm.com: no such host",
		"parsing /etc/caddy/Caddyfile-with-a-long-name-2026: unreadable": "parsing /etc/caddy/Caddyfile-with-a-long-name-2026: unreadable",
	} {
		if got := Redact(text); got != want {
			t.Errorf("%s\n is %s\nwant %s", text, got, want)
		}
	}
	for path, want := range map[string]string{
		"/cart/items/42?session=hunter2":          "/cart/items/42",
		"/reset/4eC39HqLyJWDarjtT1zdp7dc":         "/reset/…",
		"/users/a.person@example.org/mail":        "/users/…/mail",
		"/a\x1b[2Jb":                              "/a�[2Jb",
		"/articles/a-rather-long-title-of-a-post": "/articles/a-rather-long-title-of-a-post",
	} {
		if got := RedactPath(path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 10000)
	e := Event{Subject: long, Summary: long, By: long, Detail: long}
	for range 1000 {
		e.Changes = append(e.Changes, long)
	}
	b := e.Bounded()
	if size := len(b.Subject) + len(b.Summary) + len(b.By) + len(b.Detail) + len(strings.Join(b.Changes, "")); size > 10_000 {
		t.Errorf("an event has %d bytes", size)
	}
	if strings.ToValidUTF8(b.Detail, "?") != b.Detail {
		t.Errorf("cut within a character: %q", b.Detail)
	}
}

func TestEachEventHasASentence(t *testing.T) {
	t.Parallel()
	for kind, byOutcome := range sentences {
		for outcome := range byOutcome {
			if s := (Event{Kind: kind, Outcome: outcome, Subject: "blog", Summary: "why"}).Sentence(); strings.Contains(s, "%") || !strings.HasSuffix(s, ": why") {
				t.Errorf("%s %s: %q", kind, outcome, s)
			}
		}
	}
}

func TestFailuresAreBoundedAndRedacted(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 10000)
	f := Failure{Method: long, Host: long, Path: "/a/hunter2hunter2hunter2?token=hunter2", Error: "bad password: hunter2\n" + long, Upstream: long}.Bounded()
	if size := len(f.Method) + len(f.Host) + len(f.Path) + len(f.Error) + len(f.Upstream); size > 1000 {
		t.Errorf("a failure has %d bytes", size)
	}
	if all := f.Path + f.Error; strings.Contains(all, "hunter2") || strings.Contains(all, "\n") {
		t.Errorf("%q", all)
	}
}
