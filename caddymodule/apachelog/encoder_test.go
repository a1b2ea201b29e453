package apachelog

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/logging"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// fixedClock makes every entry of a logger have the same time.
type fixedClock struct{}

func (fixedClock) Now() time.Time { return time.Date(2026, 11, 23, 3, 12, 36, 0, berlin) }
func (fixedClock) NewTicker(d time.Duration) *time.Ticker {
	return time.NewTicker(d)
}

// provisioned is the encoder of an `encoder` object in Caddy's JSON.
func provisioned(t testing.TB, config string) zapcore.Encoder {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	var format struct {
		Name string `json:"format"`
	}
	if err := json.Unmarshal([]byte(config), &format); err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(config), &fields); err != nil {
		t.Fatal(err)
	}
	delete(fields, "format")
	rest, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	module, err := ctx.LoadModuleByID("caddy.logging.encoders."+format.Name, rest)
	if err != nil {
		t.Fatal(err)
	}
	return module.(zapcore.Encoder)
}

// logTo is a logger as Caddy builds it over the encoder, and what it wrote.
func logTo(encoder zapcore.Encoder) (*zap.Logger, *bytes.Buffer) {
	var written bytes.Buffer
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(&written)), zapcore.DebugLevel)
	return zap.New(core, zap.WithClock(fixedClock{})), &written
}

// request is what a server hands to its loggers.
func request(credentials bool) caddyhttp.LoggableHTTPRequest {
	r := httptest.NewRequest(http.MethodPost, "https://shop.example.com/cart?id=7", nil)
	r.RequestURI = "/cart?id=7"
	r.RemoteAddr = "192.0.2.7:49152"
	r.Header = http.Header{
		"User-Agent":      {`Mozilla "5"`},
		"Referer":         {"https://example.com/"},
		"Cookie":          {"session=s3cret"},
		"Authorization":   {"Basic Ym9iOnB3"},
		"X-Forwarded-For": {"10.1.1.1", "10.2.2.2"},
		"X-Empty":         {""},
	}
	r.TransferEncoding = []string{"chunked"}
	r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, ServerName: "shop.example.com"}
	r = r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, map[string]any{caddyhttp.ClientIPVarKey: "198.51.100.9"}))
	return caddyhttp.LoggableHTTPRequest{Request: r, ShouldLogCredentials: credentials}
}

// logAccess logs as caddyhttp.Server.logRequest does.
func logAccess(logger *zap.Logger, credentials bool, extra ...zap.Field) {
	fields := append([]zap.Field{
		zap.Int("bytes_read", 3),
		zap.String("user_id", "bob"),
		zap.Duration("duration", 1500*time.Millisecond),
		zap.Int("size", 512),
		zap.Int("status", 201),
		zap.Object("resp_headers", caddyhttp.LoggableHTTPHeader{
			Header: http.Header{
				"Content-Type": {"text/html; charset=utf-8"},
				"Set-Cookie":   {"a=1", "b=2"},
				"Link":         {"<a>", "<b>"},
			},
			ShouldLogCredentials: credentials,
		}),
	}, extra...)
	logger.Named("http.log.access").WithLazy(zap.Object("request", request(credentials))).Named("shop").Info("handled request", fields...)
}

func TestAccessRecord(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"common":         `198.51.100.9 - bob [23/Nov/2026:03:12:34 +0100] "POST /cart?id=7 HTTP/1.1" 201 512`,
		"":               `198.51.100.9 - bob [23/Nov/2026:03:12:34 +0100] "POST /cart?id=7 HTTP/1.1" 201 512 "https://example.com/" "Mozilla \"5\""`,
		"vhost_combined": `shop.example.com:443 198.51.100.9 - bob [23/Nov/2026:03:12:34 +0100] "POST /cart?id=7 HTTP/1.1" 201 512 "https://example.com/" "Mozilla \"5\""`,
		"%{X-Forwarded-For}i %{x-empty}i %{Transfer-Encoding}i":             "10.1.1.1, 10.2.2.2  chunked",
		"%{Content-Type}o %{Link}o %{X}o":                                   "text/html <a> -",
		"%{Cookie}i %{session}C %{Authorization}i %{Set-Cookie}o":           "REDACTED REDACTED REDACTED REDACTED",
		"%{SSL_PROTOCOL}x %{SSL_CIPHER}x %{SSL_TLS_SNI}x":                   "TLSv1.3 TLS_AES_128_GCM_SHA256 shop.example.com",
		"%{tenant}n %{count}n %{list}n %{ratio}n %{obj}n %{when}n %{none}n": `acme \"ltd\" 7 [a b] 0.5 {\"a\":1} 2026-11-23T03:12:36+01:00 -`,
	} {
		logger, lines := logTo(provisioned(t, fmt.Sprintf(`{"format": "apache", "log_format": %q}`, format)))
		logAccess(logger, false, zap.String("tenant", `acme "ltd"`), zap.Uint8("count", 7),
			zap.Strings("list", []string{"a", "b"}), zap.Float32("ratio", 0.5),
			zap.Any("obj", map[string]int{"a": 1}), zap.Time("when", fixedClock{}.Now()))
		if got := lines.String(); got != want+"\n" {
			t.Errorf("%s:\n%s\nwant\n%s", format, got, want)
		}
	}
}

func TestCredentialsWhenTheServerLogsThem(t *testing.T) {
	t.Parallel()
	logger, lines := logTo(provisioned(t, `{"format": "apache", "log_format": "%{session}C %{Authorization}i %{Set-Cookie}o"}`))
	logAccess(logger, true)
	if got, want := lines.String(), "s3cret Basic Ym9iOnB3 a=1, b=2\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFilterEncoderWraps(t *testing.T) {
	t.Parallel()
	logger, lines := logTo(provisioned(t, `{
		"format": "filter",
		"wrap": {"format": "apache", "log_format": "%a %{c}a %{User-Agent}i %{Referer}i %u %r"},
		"fields": {
			"request>client_ip": {"filter": "ip_mask", "ipv4_cidr": 16},
			"request>headers>User-Agent": {"filter": "replace", "value": "hidden"},
			"request>headers>Referer": {"filter": "delete"},
			"request>uri": {"filter": "query", "actions": [{"type": "replace", "parameter": "id", "value": "X"}]},
			"user_id": {"filter": "delete"}
		}
	}`))
	logAccess(logger, false)
	if got, want := lines.String(), "198.51.0.0 192.0.2.7 hidden - - POST /cart?id=X HTTP/1.1\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// Records logged at once through one encoder must not mix, and fields added to
// one logger must not show in another's lines.
func TestRecordsDoNotMix(t *testing.T) {
	t.Parallel()
	logger, written := logTo(provisioned(t, `{"format": "apache", "log_format": "%{n}n %{shared}n %U"}`))
	logger = logger.Named("http.log.access")
	const writers, each = 8, 200
	var group sync.WaitGroup
	for w := range writers {
		own := logger.With(zap.Int("shared", w))
		group.Go(func() {
			for i := range each {
				if i%10 == 0 {
					own.Named("x").Error("no access record", zap.String("detail", "d"))
				}
				own.Info("handled request", zap.Int("n", i), zap.Int("status", 200))
			}
		})
	}
	group.Wait()
	seen := map[string]int{}
	for line := range strings.Lines(written.String()) {
		seen[strings.TrimSuffix(line, "\n")]++
	}
	for w := range writers {
		for i := range each {
			if want := fmt.Sprintf("%d %d -", i, w); seen[want] != 1 {
				t.Fatalf("%d lines %q, want 1", seen[want], want)
			}
		}
	}
}

func TestErrorRecords(t *testing.T) {
	t.Parallel()
	prefix := func(logger, level string) string {
		return "[Mon Nov 23 03:12:36.000000 2026] [" + logger + ":" + level + pidField
	}
	plain := caddyhttp.LoggableHTTPRequest{Request: &http.Request{
		Method: "GET", RequestURI: "/a b/x.php?q", Proto: "HTTP/1.1", Host: "shop.example.com", RemoteAddr: "192.0.2.7:49152",
		Header: http.Header{},
	}}
	login := plain
	login.Request = plain.Clone(context.Background())
	login.Header.Set("Authorization", "Basic Ym9iOnB3")
	proxied := request(false)

	for _, test := range []struct {
		name string
		log  func(*zap.Logger)
		want string
	}{
		{"message of Caddy", func(l *zap.Logger) {
			l.Named("tls.obtain").Info("certificate \"obtained\"\nsuccessfully", zap.String("identifier", "example.com"), zap.Strings("names", []string{"a", "b"}))
		}, prefix("tls.obtain", "info") + `certificate "obtained"\nsuccessfully, identifier=example.com, names="[a b]"`},
		{"no logger name", func(l *zap.Logger) { l.Warn("hello") }, prefix("caddy", "warn") + "hello"},
		{"logger name with space", func(l *zap.Logger) { l.Named("http.log.error.my shop").Error("e") }, prefix("http.log.error.my_shop", "error") + "e"},
		{"nested fields", func(l *zap.Logger) {
			l.Error("e", zap.Dict("outer", zap.Int("n", 1), zap.Dict("inner", zap.Bool("b", true))), zap.Namespace("ns"), zap.Error(errors.New("a=b")))
		}, prefix("caddy", "error") + `e, outer.n=1, outer.inner.b=true, ns.error="a=b"`},
		{"site error", func(l *zap.Logger) {
			l.Named("http.log.error.shop").With(zap.Object("request", plain)).Error("dial tcp: refused", zap.Int("status", 502), zap.String("err_id", "abc"))
		}, prefix("http.log.error.shop", "error") + `[client 192.0.2.7:49152] dial tcp: refused, request="GET /a b/x.php?q HTTP/1.1", host=shop.example.com, status=502, err_id=abc`},
		{"behind a trusted proxy, with referer", func(l *zap.Logger) {
			l.Named("http.log.error").With(zap.Object("request", proxied)).Error("broken", zap.Int("status", 500))
		}, prefix("http.log.error", "error") + `[client 198.51.100.9] broken, request="POST /cart?id=7 HTTP/1.1", host=shop.example.com, status=500, referer: https://example.com/`},
		{"missing file", func(l *zap.Logger) {
			l.Named("http.log.error.shop").With(zap.Object("request", plain)).Debug("{id=abc} fileserver", zap.Int("status", 404), zap.String("err_trace", "fileserver.(*FileServer).notFound (staticfiles.go:705)"))
		}, prefix("http.log.error.shop", "debug") + "[client 192.0.2.7:49152] File does not exist: /a b/x.php"},
		{"missing, but not a file", func(l *zap.Logger) {
			l.Named("http.log.error.shop").With(zap.Object("request", plain)).Debug("no such row", zap.Int("status", 404))
		}, prefix("http.log.error.shop", "debug") + `[client 192.0.2.7:49152] no such row, request="GET /a b/x.php?q HTTP/1.1", host=shop.example.com, status=404`},
		{"denied", func(l *zap.Logger) {
			l.Named("http.log.error.shop").With(zap.Object("request", plain)).Debug("", zap.Int("status", 403), zap.String("err_trace", "caddyhttp.StaticError.ServeHTTP (staticerror.go:109)"))
		}, prefix("http.log.error.shop", "debug") + "[client 192.0.2.7:49152] client denied by server configuration: /a b/x.php"},
		{"wrong password", func(l *zap.Logger) {
			l.Named("http.log.error.shop").With(zap.Object("request", login)).Debug("not authenticated", zap.Int("status", 401))
		}, prefix("http.log.error.shop", "debug") + `[client 192.0.2.7:49152] user -: authentication failure for "/a b/x.php"`},
		{"asked for a password", func(l *zap.Logger) {
			l.Named("http.log.error.shop").With(zap.Object("request", plain)).Debug("not authenticated", zap.Int("status", 401))
		}, prefix("http.log.error.shop", "debug") + `[client 192.0.2.7:49152] not authenticated, request="GET /a b/x.php?q HTTP/1.1", host=shop.example.com, status=401`},
		{"of the access logger, but no access record", func(l *zap.Logger) {
			l.Named("http.log.access").Debug("rejecting request with long method", zap.String("method_trunc", "X"))
		}, prefix("http.log.access", "debug") + "rejecting request with long method, method_trunc=X"},
		{"a request of another kind", func(l *zap.Logger) {
			l.Named("acme").Warn("e", zap.Dict("request", zap.String("order", "7"), zap.Int("try", 2), zap.Dict("inner", zap.String("a", "b"))))
		}, prefix("acme", "warn") + "e, request.order=7, request.try=2, request.inner.a=b"},
		{"another logger's request with a 401", func(l *zap.Logger) {
			l.Named("http.handlers.reverse_proxy").Debug("upstream roundtrip", zap.Object("request", login), zap.Int("status", 401))
		}, prefix("http.handlers.reverse_proxy", "debug") + `[client 192.0.2.7:49152] upstream roundtrip, request="GET /a b/x.php?q HTTP/1.1", host=shop.example.com, status=401`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			logger, lines := logTo(provisioned(t, `{"format": "apache"}`))
			test.log(logger)
			if got := lines.String(); got != test.want+"\n" {
				t.Errorf("\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

func TestProvisionRefuses(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		`{"log_format": "%O"}`:         "log format directive %O",
		`{"server_port": -1}`:          "server_port -1",
		`{"server_port": 65536}`:       "server_port 65536",
		`{"server_name": "two words"}`: `server_name "two words"`,
	} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		_, err := ctx.LoadModuleByID("caddy.logging.encoders.apache", json.RawMessage(config))
		cancel()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", config, err, want)
		}
	}
}

// The same record through this encoder and Caddy's own.
func BenchmarkEncoders(b *testing.B) {
	for _, config := range []string{
		`{"format": "apache", "log_format": "combined"}`,
		`{"format": "apache", "log_format": "vhost_combined"}`,
		`{"format": "json"}`,
		`{"format": "console"}`,
	} {
		b.Run(config, func(b *testing.B) {
			core := zapcore.NewCore(provisioned(b, config), zapcore.AddSync(discard{}), zapcore.DebugLevel)
			logger := zap.New(core, zap.WithClock(fixedClock{})).Named("http.log.access")
			object := zap.Object("request", request(false))
			fields := []zap.Field{
				zap.Int("bytes_read", 3), zap.String("user_id", "bob"), zap.Duration("duration", time.Millisecond),
				zap.Int("size", 512), zap.Int("status", 200),
				zap.Object("resp_headers", caddyhttp.LoggableHTTPHeader{Header: http.Header{
					"Content-Type": {"text/html; charset=utf-8"}, "Server": {"Caddy"}, "Etag": {`"abc"`},
				}}),
			}
			b.ReportAllocs()
			for b.Loop() {
				logger.WithLazy(object).Info("handled request", fields...)
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

var _ = logging.JSONEncoder{} // registers the encoders the benchmark compares with
