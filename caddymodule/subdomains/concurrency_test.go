package subdomains_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Requests, changes and reloads at the same time: no request for a row that is
// always there fails, and every acknowledged change is there in the end.
func TestChangesAndReloadsUnderLoad(t *testing.T) {
	t.Parallel()
	const reloads, changes = 12, 60
	always := app(t, "always")
	config := example("blog " + always + "\n\tservice hello")
	i := start(t, config)
	i.expectAdmin("PATCH", table, `{"added": "`+always+`", "hello": "hello"}`, 200, "")

	var requests, failed atomic.Int64
	done := make(chan struct{})
	var readers, writers sync.WaitGroup
	for _, name := range []string{"blog", "service", "added", "hello"} {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				requests.Add(1)
				if status, err := serve(name + ".example.com"); err != nil || status != 200 {
					failed.Add(1)
					t.Errorf("%s: %d, %v", name, status, err)
				}
			}
		})
	}
	for writer := range 2 {
		writers.Go(func() {
			for change := range changes {
				path := fmt.Sprintf("%s/row-%d-%d", table, writer, change)
				target := []string{`"` + always + `"`, `"hello"`, `["` + always + `","` + always + `"]`}[change%3]
				if got, err := i.try("PUT", path, target); err != nil || got != 201 {
					t.Errorf("PUT %s: %d, %v", path, got, err)
				}
				if change%4 != 0 {
					continue
				}
				if got, err := i.try("DELETE", path, ""); err != nil || got != 204 {
					t.Errorf("DELETE %s: %d, %v", path, got, err)
				}
			}
		})
	}
	for reload := range reloads {
		if reload%4 == 3 {
			if err := i.load(strings.Replace(config, "hello", "nonesuch", 1)); err == nil {
				t.Error("an invalid configuration was loaded")
			}
			continue
		}
		if err := i.load(config); err != nil {
			t.Error(err)
		}
	}
	writers.Wait()
	close(done)
	readers.Wait()
	t.Logf("%d requests, %d failed", requests.Load(), failed.Load())

	kept := 2 * (changes - (changes+3)/4)
	i.expectAdmin("GET", table+"?limit=1", "", 200, fmt.Sprintf(`"total":%d`, kept+4))
	i.expect("http://row-0-1.example.com/", 200, "hello")
	i.expect("http://row-1-59.example.com/", 200, "app always")
	i.expect("http://row-1-0.example.com/", 404, "")
}

// try asks the admin endpoint again while a reload replaces it.
func (i *instance) try(method, path, body string) (status int, err error) {
	for range 100 {
		if status, err = i.request(method, path, body); err == nil {
			return status, nil
		}
	}
	return 0, err
}

// serve has the running configuration answer a request for host. It goes
// around the listeners: Caddy drops connections of Unix sockets in a reload.
func serve(host string) (status int, err error) {
	value, err := caddy.ActiveContext().AppIfConfigured("http")
	if err != nil {
		return 0, err
	}
	request := httptest.NewRequest("GET", "http://"+host+"/", nil)
	recorder := httptest.NewRecorder()
	value.(*caddyhttp.App).Servers["srv0"].ServeHTTP(recorder, request)
	return recorder.Code, nil
}
