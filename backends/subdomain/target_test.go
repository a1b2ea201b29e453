package subdomain_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/backends/subdomain"
)

func TestParseTarget(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"orders":                            `"orders"`,
		"127.0.0.1:8000":                    `"127.0.0.1:8000"`,
		"http://127.0.0.1:8000":             `"127.0.0.1:8000"`,
		"http://127.0.0.1":                  `"127.0.0.1:80"`,
		"http://[::1]":                      `"[::1]:80"`,
		"https://app.internal":              `"https://app.internal:443"`,
		"h2c://127.0.0.1:9000":              `"h2c://127.0.0.1:9000"`,
		"[::1]:8000":                        `"[::1]:8000"`,
		"my_app:8000":                       `"my_app:8000"`,
		"unix//run/app.sock":                `"unix//run/app.sock"`,
		"unix+h2c//run/app.sock":            `"unix+h2c//run/app.sock"`,
		"127.0.0.1:8001 127.0.0.1:8002":     `["127.0.0.1:8001","127.0.0.1:8002"]`,
		"redirect https://example.com{uri}": `{"redirect":"https://example.com{uri}"}`,
		"redirect /new permanent":           `{"redirect":"/new","status":301}`,
		"redirect /new temporary":           `{"redirect":"/new","status":302}`,
		"redirect /new 308":                 `{"redirect":"/new","status":308}`,
	} {
		target, err := subdomain.ParseTarget(strings.Fields(line)...)
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		encoded, err := json.Marshal(target)
		if err != nil || string(encoded) != want {
			t.Errorf("%q is %s, %v; want %s", line, encoded, err, want)
		}
		var decoded subdomain.Target
		if err := json.Unmarshal(encoded, &decoded); err != nil {
			t.Errorf("%s does not decode: %v", encoded, err)
		}
		if again, err := json.Marshal(decoded); err != nil || string(again) != want {
			t.Errorf("%s decodes to %s, %v", want, again, err)
		}
	}
}

func TestBadTarget(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"", "Orders!", "localhost orders", "orders 127.0.0.1:8000", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:", "127.0.0.1:+80",
		"127.0.0.1:8000-8002", "::1:80", ":8000", "host:80/path", "http://host/path", "http://host?q", "http://user:pw@host", "ftp://host",
		"ws://host:80", "unix/relative.sock", "unix//", "unix/", "udp/127.0.0.1:80", "{host}:80", "{http.request.header.X}:80",
		"127.0.0.1:{port}", "a}b:80", "ho st:80", "hö.st:80", "host%2f:80", "[::1:80", "redirect", "redirect /a /b /c",
		"redirect /a gone", "redirect /a 200", "redirect /a 0", "redirect /a 304",
	} {
		if target, err := subdomain.ParseTarget(strings.Fields(line)...); !errors.Is(err, subdomain.ErrTarget) {
			t.Errorf("%q is %+v, %v; want ErrTarget", line, target, err)
		}
	}
	for _, encoded := range []string{
		`""`, `1`, `null`, `true`, `[]`, `["orders"]`, `["127.0.0.1:1","orders"]`, `[1]`, `{}`, `{"redirect":""}`, `{"redirect":1}`,
		`{"redirect":"/","status":200}`, `{"redirect":"/","color":"red"}`, `{"handler":""}`, `{"upstream":"127.0.0.1:1"}`, `"redirect"`,
		`{"target":"a:1"}`, `{"target":"a:1","service":"blog"}`, `{"target":"a:1","service":{},"color":"red"}`, `{"target":null,"service":{}}`,
		`{"target":"orders","service":{}}`, `{"target":{"redirect":"/"},"service":{}}`, `{"target":{"target":"a:1","service":{}},"service":{}}`,
	} {
		var target subdomain.Target
		if err := json.Unmarshal([]byte(encoded), &target); !errors.Is(err, subdomain.ErrTarget) {
			t.Errorf("%s is %+v, %v; want ErrTarget", encoded, target, err)
		}
	}
}

func TestHandlerTargetKeepsItsJSON(t *testing.T) {
	t.Parallel()
	const handler = `{"handler":"static_response","body":"hello"}`
	var target subdomain.Target
	if err := json.Unmarshal([]byte(handler), &target); err != nil {
		t.Fatal(err)
	}
	if encoded, err := json.Marshal(target); err != nil || string(encoded) != handler || target.Kind() != "handler" {
		t.Errorf("it is a %s: %s, %v", target.Kind(), encoded, err)
	}
}

func TestTargetKeepsWhatIsSaidOfIt(t *testing.T) {
	t.Parallel()
	for encoded, kind := range map[string]string{
		`{"target":"127.0.0.1:8000","service":{"icon":"book"}}`:                         "upstream",
		`{"target":["127.0.0.1:8000","127.0.0.1:8001"],"service":{"title":"The pool"}}`: "upstream",
		`{"target":{"handler":"reverse_proxy"},"service":{"icon":"book"}}`:              "handler",
	} {
		var target subdomain.Target
		if err := json.Unmarshal([]byte(encoded), &target); err != nil {
			t.Errorf("%s: %v", encoded, err)
			continue
		}
		if again, err := json.Marshal(target); err != nil || string(again) != encoded || target.Kind() != kind {
			t.Errorf("%s becomes a %s: %s, %v", encoded, target.Kind(), again, err)
		}
		if _, ok := target.Dial(); ok {
			t.Errorf("%s is taken as an upstream of which there is no more to say", encoded)
		}
	}
}

func TestDial(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]bool{
		"127.0.0.1:8000": true, "http://127.0.0.1:8000": true, "unix//run/app.sock": true,
		"https://127.0.0.1:8000": false, "h2c://127.0.0.1:8000": false, "unix+h2c//run/app.sock": false, "orders": false,
	} {
		target, err := subdomain.ParseTarget(word)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := target.Dial(); ok != want {
			t.Errorf("%q can be dialled as it is: %v, want %v", word, ok, want)
		}
	}
}

func FuzzTarget(f *testing.F) {
	for _, seed := range []string{`"orders"`, `"127.0.0.1:80"`, `["a:1","b:2"]`, `{"redirect":"/x"}`, `{"handler":"x"}`, `"https://[::1]"`, `"unix//x"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var target subdomain.Target
		if json.Unmarshal(data, &target) != nil {
			return
		}
		encoded, err := json.Marshal(target)
		if err != nil {
			t.Fatalf("%s does not encode: %v", data, err)
		}
		var again subdomain.Target
		if err := json.Unmarshal(encoded, &again); err != nil {
			t.Fatalf("%s encodes to %s, which is refused: %v", data, encoded, err)
		}
		for _, upstream := range target.Upstreams {
			if strings.ContainsAny(upstream, "{}") {
				t.Fatalf("%s has an upstream with a placeholder", data)
			}
		}
	})
}
