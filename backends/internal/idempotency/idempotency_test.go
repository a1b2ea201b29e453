package idempotency

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestKey(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("k", 255)
	for header, want := range map[string]struct {
		key string
		err error
	}{
		`8e03978e-40d5-43dd-bc93-6894a57f9324`:   {key: "8e03978e-40d5-43dd-bc93-6894a57f9324"},
		`"8e03978e-40d5-43dd-bc93-6894a57f9324"`: {key: "8e03978e-40d5-43dd-bc93-6894a57f9324"},
		" \t\"spaced out\" ":                     {key: "spaced out"},
		`"a\"b\\c"`:                              {key: `a"b\c`},
		longest:                                  {key: longest},
		`"` + longest + `"`:                      {key: longest},
		``:                                       {err: ErrEmpty},
		`  `:                                     {err: ErrEmpty},
		`""`:                                     {err: ErrEmpty},
		longest + "k":                            {err: ErrTooLong},
		`two words`:                              {err: ErrMalformed},
		`"open`:                                  {err: ErrMalformed},
		`"`:                                      {err: ErrMalformed},
		`"a" "b"`:                                {err: ErrMalformed},
		`"a";p=1`:                                {err: ErrMalformed},
		`"a\n"`:                                  {err: ErrMalformed},
		`"a\"`:                                   {err: ErrMalformed},
		`clé`:                                    {err: ErrMalformed},
		`"clé"`:                                  {err: ErrMalformed},
		"a\x00b":                                 {err: ErrMalformed},
		`a"b`:                                    {err: ErrMalformed},
	} {
		key, err := Key(header)
		if key != want.key || !errors.Is(err, want.err) {
			t.Errorf("Key(%q) = %q, %v; want %q, %v", header, key, err, want.key, want.err)
		}
	}
}

func TestFromHeader(t *testing.T) {
	t.Parallel()
	header := http.Header{}
	if key, err := FromHeader(header); key != "" || err != nil {
		t.Errorf("without a header: %q, %v", key, err)
	}
	header.Add("idempotency-key", "a")
	if key, err := FromHeader(header); key != "a" || err != nil {
		t.Errorf("with one: %q, %v", key, err)
	}
	header.Add("idempotency-key", "b")
	if _, err := FromHeader(header); !errors.Is(err, ErrRepeated) {
		t.Errorf("with two: %v", err)
	}
}

func TestFingerprintTellsRequestsApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringMatching(`[ab]{0,2}`)
		m1, p1, b1 := part.Draw(t, "method"), part.Draw(t, "path"), part.Draw(t, "body")
		m2, p2, b2 := part.Draw(t, "method"), part.Draw(t, "path"), part.Draw(t, "body")
		same := m1 == m2 && p1 == p2 && b1 == b2
		if (Fingerprint(m1, p1, []byte(b1)) == Fingerprint(m2, p2, []byte(b2))) != same {
			t.Fatalf("%q %q %q against %q %q %q", m1, p1, b1, m2, p2, b2)
		}
	})
}

func FuzzKey(f *testing.F) {
	for _, seed := range []string{`abc`, `"abc"`, `"a\"b"`, `"`, `"\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		key, err := Key(header)
		if err == nil && (key == "" || len(key) > maxKey) {
			t.Errorf("Key(%q) = %q", header, key)
		}
	})
}
