package integration_test

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// seen is what the Flask app says of a request.
type seen struct {
	Method  string
	URL     string
	RawPath string `json:"raw_path"`
	Scheme  string
	Headers map[string]string
}

// TestProxiedApp puts a Flask app behind the shipped example.
func TestProxiedApp(t *testing.T) {
	t.Parallel()
	port := porttest.Free(t)
	flask(t, port)
	s, client := serveBlog(t, port)
	authority := blog + ":" + strconv.Itoa(s.httpsPort)

	t.Run("the app sees the request", func(t *testing.T) {
		for _, version := range []*http.Client{client, s.overHTTP1(rootsOf(client)), s.overHTTP3(t, rootsOf(client))} {
			var got seen
			decode(t, get(t, version, s.url(blog, "/echo?a%20b=%2F&c=%C3%A9+d"), http.StatusOK).body, &got)
			if want := "https://" + authority + "/echo?"; got.RawPath != "/echo?a%20b=%2F&c=%C3%A9+d" || !strings.HasPrefix(got.URL, want) {
				t.Errorf("the app sees %s, %s", got.RawPath, got.URL)
			}
			for name, want := range map[string]string{
				"Host":              authority,
				"X-Forwarded-For":   "127.0.0.1",
				"X-Forwarded-Proto": "https",
				"X-Forwarded-Host":  authority,
			} {
				if got.Headers[name] != want {
					t.Errorf("%s: %q, want %q", name, got.Headers[name], want)
				}
			}
		}
	})

	t.Run("a client cannot forge where it comes from", func(t *testing.T) {
		for trick, header := range map[string][]string{
			"the headers themselves": {"X-Forwarded-For", "192.0.2.1", "X-Forwarded-Proto", "http", "X-Forwarded-Host", "forged.example"},
			"with underscores, which a WSGI server reads as the same": {
				"X_Forwarded_For", "192.0.2.1", "X_Forwarded_Proto", "http", "X_Forwarded_Host", "forged.example",
			},
			"having the proxy drop its own": {"Connection", "X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host"},
		} {
			var got seen
			decode(t, get(t, s.overHTTP1(rootsOf(client)), s.url(blog, "/echo"), http.StatusOK, header...).body, &got)
			for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Proto": "https", "X-Forwarded-Host": authority, "Host": authority} {
				if got.Headers[name] != want {
					t.Errorf("%s: %s is %q, want %q", trick, name, got.Headers[name], want)
				}
			}
			if got.Scheme != "https" {
				t.Errorf("%s: the app takes the request for %s", trick, got.Scheme)
			}
		}
	})

	t.Run("redirects", func(t *testing.T) {
		for path, want := range map[string]string{
			"/redirect/absolute": "https://" + authority + "/echo?q=a+b",
			"/redirect/relative": "/echo",
		} {
			if got := get(t, client, s.url(blog, path), http.StatusFound).Header.Get("Location"); got != want {
				t.Errorf("%s leads to %q, want %q", path, got, want)
			}
		}
	})

	t.Run("cookies", func(t *testing.T) { carriesCookies(t, s, *client) })

	t.Run("headers", func(t *testing.T) {
		page := get(t, client, s.url(blog, "/headers"), http.StatusOK)
		for name, want := range map[string]string{"Server": "", "X-App": "blog", "Strict-Transport-Security": "max-age=63072000"} {
			if got := page.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	})

	t.Run("a large upload", func(t *testing.T) {
		const size = 64 << 20
		for name, version := range map[string]*http.Client{"h1": s.overHTTP1(rootsOf(client)), "h2": client, "h3": s.overHTTP3(t, rootsOf(client))} {
			uploads(t, version, s.url(blog, "/upload"), name, size)
		}
	})
}

// carriesCookies signs in at the app with a jar as browsers have one.
func carriesCookies(t *testing.T, s *server, client http.Client) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client.Jar = jar
	signedIn := ask(t, &client, http.MethodPost, s.url(blog, "/login"), "")
	set := signedIn.Cookies()
	if len(set) != 2 || !set[0].Secure || !set[0].HttpOnly || set[0].SameSite != http.SameSiteLaxMode || set[1].Path != "/account" || set[1].MaxAge != 3600 {
		t.Errorf("cookies: %q", signedIn.Header.Values("Set-Cookie"))
	}
	for path, want := range map[string]string{"/account/cookies": "dark", "/echo": ""} {
		address, err := url.Parse(s.url(blog, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, cookie := range jar.Cookies(address) {
			if cookie.Name == "theme" && cookie.Value != want {
				t.Errorf("%s: theme=%q, want %q", path, cookie.Value, want)
			}
		}
	}
	var returned map[string]string
	decode(t, get(t, &client, s.url(blog, "/account/cookies"), http.StatusOK).body, &returned)
	if returned["session"] != "s1.x-y=" || returned["theme"] != "dark" || len(returned) != 2 {
		t.Errorf("the app gets back %v", returned)
	}
}

// uploads sends size random bytes, of which the app must report the digest.
func uploads(t *testing.T, client *http.Client, address, name string, size int64) {
	t.Helper()
	digest := sha256.New()
	body := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{}), size), digest)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if name == "h2" {
		request.ContentLength = size // the others do not say it first
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	defer func() { _ = response.Body.Close() }()
	answered, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	var received struct {
		Length int64
		SHA256 string
	}
	decode(t, string(answered), &received)
	if received.Length != size || received.SHA256 != hex.EncodeToString(digest.Sum(nil)) {
		t.Errorf("%s: the app received %+v of %d bytes", name, received, size)
	}
}

// TestStreaming: what the app has sent reaches the client before the app sends
// the rest, compressed or not.
func TestStreaming(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		subdirectives []string
		queries       []string
	}{
		"as shipped": {queries: []string{"type=text/plain&length", "type=image/png&length", "type=text/event-stream"}},
		// Then only an answer of known length is held back.
		"without flush_interval": {[]string{"flush_interval 0"}, []string{"type=text/plain", "type=image/png", "type=text/event-stream", "type=text/event-stream&length"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := porttest.Free(t)
			flask(t, port)
			s, client := serveBlog(t, port, test.subdirectives...)
			for _, version := range []*http.Client{client, s.overHTTP1(rootsOf(client)), s.overHTTP3(t, rootsOf(client))} {
				for _, query := range test.queries {
					for _, half := range []int{10, 2000} { // shorter and longer than what is compressed
						for _, encoding := range []string{"identity", "gzip"} {
							streams(t, version, s, fmt.Sprintf("/stream?half=%d&%s", half, query), half, encoding)
						}
					}
				}
			}
		})
	}
}

// streams reads half of an answer, has the app send the other, and reads that.
func streams(t *testing.T, client *http.Client, s *server, path string, half int, encoding string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url(blog, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", encoding)
	late := time.AfterFunc(5*time.Second, func() { t.Errorf("%s, %s: the first half is held back", path, encoding) })
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body := io.Reader(response.Body)
	if response.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(body); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.ReadFull(body, make([]byte, half)); err != nil {
		t.Fatalf("%s, %s: %v", path, encoding, err)
	}
	late.Stop()
	if released := ask(t, client, http.MethodPost, s.url(blog, "/release"), ""); released.StatusCode != http.StatusNoContent {
		t.Fatalf("releasing: %s", released.Status)
	}
	if rest, err := io.ReadAll(body); err != nil || len(rest) != half {
		t.Errorf("%s, %s: the rest is %d bytes, %v", path, encoding, len(rest), err)
	}
}

// TestWebSocket also shows what a reload does to open ones: it ends them,
// unless reverse_proxy has a stream_close_delay.
func TestWebSocket(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		subdirectives []string
		survives      bool
	}{
		"as shipped":                 {nil, true},
		"without stream_close_delay": {[]string{"stream_close_delay 0s"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := porttest.Free(t)
			echoing(t, port)
			s, client := serveBlog(t, port, test.subdirectives...)
			connection, greeting := webSocket(t, s, client, "/chat?room=a%20b")
			if want := blog + ":" + strconv.Itoa(s.httpsPort) + " https /chat?room=a%20b"; greeting != want {
				t.Errorf("the upstream was asked for %q, want %q", greeting, want)
			}
			for _, message := range []string{"", "hello", strings.Repeat("€", 1<<20)} {
				if err := echoes(connection, message); err != nil {
					t.Errorf("a message of %d bytes: %v", len(message), err)
				}
			}

			s.write(t, strings.Replace(withBlog(t, port, test.subdirectives...), "max-age=63072000", "max-age=1", 1))
			s.mustCaddy(t, "reload", "--config", s.config, "--address", s.admin)
			err := echoes(connection, "still there?")
			if survived := err == nil; survived != test.survives {
				t.Errorf("the WebSocket survived the reload: %v, want %v (%v)", survived, test.survives, err)
			}
			if !test.survives && !websocket.IsCloseError(err, websocket.CloseGoingAway) {
				t.Errorf("the WebSocket ended with %v, want a close frame that says so", err)
			}
			again, _ := webSocket(t, s, client, "/")
			if err := echoes(again, "after the reload"); err != nil {
				t.Error(err)
			}
			if err := again.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "bye")); err != nil {
				t.Error(err)
			}
			if _, _, err := again.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
				t.Errorf("closing: %v", err)
			}
		})
	}
}

// state is what the Homepage says of the blog.
type state struct {
	ID, State, Reason string
	Upstreams         []string
}

func blogState(t *testing.T, s *server, client *http.Client, header ...string) state {
	t.Helper()
	var report struct{ Services []state }
	decode(t, get(t, client, s.url(domain, "/api/v1/services"), http.StatusOK, header...).body, &report)
	for _, service := range report.Services {
		if service.ID == "blog" {
			return service
		}
	}
	t.Fatalf("the Homepage does not know the blog: %+v", report)
	return state{}
}

// becomes waits until the Homepage says so of the blog, for a reason that
// begins with these words.
func becomes(t *testing.T, s *server, client *http.Client, wanted, reason string) {
	t.Helper()
	begun := time.Now()
	eventually(t, busyMachine, "the blog is "+wanted+", "+reason, func() bool {
		now := blogState(t, s, client)
		return now.State == wanted && strings.HasPrefix(now.Reason, reason)
	})
	t.Logf("%s after %s", wanted, time.Since(begun).Round(10*time.Millisecond))
}

// TestUpstreamDown takes the app away under its visitors, and brings it back.
func TestUpstreamDown(t *testing.T) {
	t.Parallel()
	port := porttest.Free(t)
	app := flask(t, port)
	s, client := serveBlog(t, port)
	get(t, client, s.url(blog, "/"), http.StatusOK)
	becomes(t, s, client, "answering", "")

	app.stop(t)
	tellsNoAddress(t, s, client, http.StatusBadGateway, port, "/")
	becomes(t, s, client, "failing", "upstream refused connections since ")
	page := get(t, client, s.url(domain, "/"), http.StatusOK)
	if !strings.Contains(page.body, "blog is failing: upstream refused connections since ") || strings.Contains(page.body, localhost(port)) {
		t.Errorf("the Homepage does not say it, or says too much:\n%s", page.body)
	}
	if visitor := blogState(t, s, client); visitor.Upstreams != nil {
		t.Errorf("visitors learn the upstream: %v", visitor.Upstreams)
	}
	operator := blogState(t, s, client, "Authorization", "Bearer "+s.key(t, "homepage"))
	if len(operator.Upstreams) != 1 || operator.Upstreams[0] != localhost(port) {
		t.Errorf("operators see the upstreams %v", operator.Upstreams)
	}

	flask(t, port)
	get(t, client, s.url(blog, "/"), http.StatusOK)
	becomes(t, s, client, "answering", "")
}

// tellsNoAddress asks for what fails, as a browser, a program and curl.
func tellsNoAddress(t *testing.T, s *server, client *http.Client, status, port int, path string) {
	t.Helper()
	for accept, wanted := range map[string]string{
		"text/html,application/xhtml+xml,*/*;q=0.8": "text/html; charset=utf-8",
		"application/json":                          "application/problem+json",
		"*/*":                                       "text/plain; charset=utf-8",
	} {
		page := get(t, client, s.url(blog, path), status, "Accept", accept)
		if got := page.Header.Get("Content-Type"); got != wanted || !strings.Contains(page.body, strconv.Itoa(status)) {
			t.Errorf("Accept: %s: %s, want %s\n%s", accept, got, wanted, page.body)
		}
		told := page.body + fmt.Sprint(page.Header)
		for _, inside := range []string{strconv.Itoa(port), "127.0.0.1", "refused", "dial", "timeout"} {
			if strings.Contains(told, inside) {
				t.Errorf("Accept: %s: %q is told:\n%s", accept, inside, told)
			}
		}
	}
}

// TestIdleUpstreamDown: without any visitor, probes find out.
func TestIdleUpstreamDown(t *testing.T) {
	t.Parallel()
	port := porttest.Free(t)
	s := prepare(t, withBlog(t, port))
	s.launch(t)
	client := s.client(t)
	becomes(t, s, client, "failing", "upstream refused connections since ")
	app := flask(t, port)
	becomes(t, s, client, "answering", "")
	app.stop(t)
	becomes(t, s, client, "failing", "upstream refused connections since ")
}

// TestUpstreamTimesOut: an app that does not answer in time.
func TestUpstreamTimesOut(t *testing.T) {
	t.Parallel()
	port := porttest.Free(t)
	flask(t, port)
	s, client := serveBlog(t, port, "transport http {\n\t\t\tresponse_header_timeout 300ms\n\t\t}")
	tellsNoAddress(t, s, client, http.StatusGatewayTimeout, port, "/slow?seconds=2")
	becomes(t, s, client, "failing", "upstream did not answer in time since ")
	if page := get(t, client, s.url(blog, "/slow?seconds=0"), http.StatusOK); page.body != "at last" {
		t.Errorf("an answer in time: %q", page.body)
	}
	becomes(t, s, client, "answering", "")
}
