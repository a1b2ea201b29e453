package configdiff

import (
	"slices"
	"strings"
	"testing"
)

const before = `{
	"admin": {"listen": "localhost:2019"},
	"apps": {
		"fairway": {"environment": "production", "store": {"dsn": "postgres://u:hunter2@db/x"}},
		"http": {"servers": {"srv0": {"listen": [":443"], "routes": [
			{"match": [{"host": ["a.example", "b.example"]}], "terminal": true, "handle": [{"handler": "subroute", "routes": [
				{"group": "group1", "handle": [{"handler": "headers", "response": {"set": {"X-Frame": ["DENY"]}}}]},
				{"match": [{"path": ["/api/*"]}], "handle": [
					{"handler": "service", "name": "blog", "title": "Blog"},
					{"handler": "reverse_proxy", "upstreams": [{"dial": "127.0.0.1:8000"}, {"dial": "user:hunter2@10.0.0.1:80"}]}]}
			]}]},
			{"match": [{"host": ["old.example"]}], "handle": [{"handler": "file_server", "root": "/srv"}]},
			{"match": [{"host": ["shop.example"]}], "handle": [
				{"handler": "authentication", "providers": {"http_basic": {"accounts": [{"username": "bob", "password": "JDJhJDE0"}]}}}]}
		]}}}
	}
}`

func changes(t *testing.T, pairs ...string) []string {
	t.Helper()
	after := before
	for pair := range slices.Chunk(pairs, 2) {
		if !strings.Contains(after, pair[0]) {
			t.Fatalf("nothing to change: %q", pair[0])
		}
		after = strings.Replace(after, pair[0], pair[1], 1)
	}
	lines, err := Changes([]byte(before), []byte(after), 25)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if strings.Contains(line, "hunter") || strings.Contains(line, "JDJ") {
			t.Errorf("a secret: %q", line)
		}
	}
	return lines
}

func TestChanges(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change []string
		want   []string
	}{
		"nothing":                     {nil, nil},
		"numbers of the adapter":      {[]string{"group1", "group7"}, nil},
		"an upstream of shared sites": {[]string{"127.0.0.1:8000", "127.0.0.1:8001"}, []string{"site a.example, site b.example: upstream 127.0.0.1:8000 at /api/* removed", "site a.example, site b.example: upstream 127.0.0.1:8001 at /api/* added"}},
		"credentials of an upstream":  {[]string{"user:hunter2@10.0.0.1:80", "user:hunter3@10.0.0.1:80"}, nil},
		"a site goes":                 {[]string{`"old.example"`, `"new.example"`}, []string{"site new.example added", "site old.example removed"}},
		"a site that has a service": {
			[]string{`"a.example", `, ""},
			[]string{"site a.example removed: service blog at /api/*, upstream 10.0.0.1:80 at /api/*, upstream 127.0.0.1:8000 at /api/*"},
		},
		"a name of a service": {[]string{`"name": "blog"`, `"name": "journal"`}, []string{"site a.example, site b.example: service blog at /api/* removed", "site a.example, site b.example: service journal at /api/* added"}},
		"a header":            {[]string{"DENY", "SAMEORIGIN"}, []string{"site a.example, site b.example: headers response.set.X-Frame changed"}},
		"another handler":     {[]string{`"file_server", "root": "/srv"`, `"static_response", "body": "gone"`}, []string{"site old.example: file_server removed", "site old.example: static_response added"}},
		"a setting":           {[]string{`"production"`, `"staging"`}, []string{"fairway: environment changed"}},
		"a secret":            {[]string{"hunter2@db", "hunter3@db"}, []string{"fairway: store.dsn changed"}},
		"a password":          {[]string{"JDJhJDE0", "JDJhJDE1"}, []string{"site shop.example: authentication providers.http_basic.accounts changed"}},
		"a listener":          {[]string{`":443"`, `":8443"`}, []string{"server srv0: address :443 removed", "server srv0: address :8443 added"}},
		"admin":               {[]string{"localhost:2019", "localhost:2020"}, []string{"admin: listen changed"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := changes(t, test.change...); !slices.Equal(got, test.want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(test.want, "\n\t"))
			}
		})
	}
}

func TestChangesAreBounded(t *testing.T) {
	t.Parallel()
	lines, err := Changes(nil, []byte(`{"apps": {"a": {}, "b": {"x": 1}, "c": {"x": 1}, "d": {"x": 1}}}`), 2)
	if want := []string{"a, b, c, d added"}; err != nil || !slices.Equal(lines, want) {
		t.Errorf("%q, %v", lines, err)
	}
	lines, err = Changes([]byte(`{"a": {"x": 1, "y": 1, "z": 1}}`), []byte(`{"a": {"x": 2, "y": 2, "z": 2}}`), 2)
	if want := []string{"a: x changed", "and 2 more changes"}; err != nil || !slices.Equal(lines, want) {
		t.Errorf("%q, %v", lines, err)
	}
	if _, err := Changes(nil, []byte("no"), 2); err == nil {
		t.Error("no JSON, and no error")
	}
}

func TestRedact(t *testing.T) {
	t.Parallel()
	for text, config := range map[string]string{
		"unknown processor hunter2 at line 3":            `{"payments": {"key": ["hunter2"]}}`,
		"wrong argument count after 'hunter2'":           "payments {\n\tkey \"hunter2\"\n}",
		"parsing postgres://u:hunter2@db/x: bad":         "",
		"hash $2a$14$Zkx19XLiW6VYouLHR5NmfO.hunter2/abc": "",
	} {
		if got := Redact(text, []byte(config)); strings.Contains(got, "hunter2") {
			t.Errorf("%q", got)
		}
	}
	if text := "unknown directive nosuch, at Caddyfile:5"; Redact(text, []byte("nosuch {\n}")) != text {
		t.Errorf("%q lost something", text)
	}
}
