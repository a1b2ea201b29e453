package integration_test

import (
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/aditechsphere/fairway/internal/porttest"
)

// metric returns the value that /metrics gives for the text before it.
func (s *server) metric(t *testing.T, series string) float64 {
	t.Helper()
	body := get(t, http.DefaultClient, "http://"+s.admin+"/metrics", http.StatusOK).body
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(series) + ` (\S+)$`).FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("/metrics has no %s:\n%s", series, regexp.MustCompile(`(?m)^fairway.*$`).FindAllString(body, -1))
	}
	value, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// exitCode is that of a command that ran.
func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return 0
}

// TestStatusMetricsAndHistory counts requests in three places, over a reload
// and over a restart.
func TestStatusMetricsAndHistory(t *testing.T) {
	t.Parallel()
	dead := porttest.Free(t)
	config := shipped(t) + fmt.Sprintf("\nhttps://%s:{$HTTPS_PORT} {\n\ttls internal\n\tservice blog\n\treverse_proxy 127.0.0.1:%d\n}\n", blog, dead)
	s := serve(t, config)
	s.hosts = append(s.hosts, blog)
	client := s.client(t)
	before := s.metric(t, `fairway_requests_total{class="2xx",service="orders"}`)
	// Waiting for its certificate has asked the dead one too.
	const unreachedSeries = `fairway_requests_unreached_total{service="blog"}`
	unreached := s.metric(t, unreachedSeries) + 3
	const asked = 25
	for range asked {
		get(t, client, s.url(orders, "/health"), http.StatusOK)
	}
	for range 3 {
		get(t, client, s.url(blog, "/"), http.StatusBadGateway)
	}

	t.Run("metrics go on across a reload", func(t *testing.T) {
		counts := func(when string) {
			t.Helper()
			if got := s.metric(t, `fairway_requests_total{class="2xx",service="orders"}`) - before; got != asked {
				t.Errorf("%s: %v requests counted, want %d", when, got, asked)
			}
			if got := s.metric(t, unreachedSeries); got != unreached {
				t.Errorf("%s: %v requests not reached, want %v", when, got, unreached)
			}
			if all, most := s.metric(t, `fairway_first_byte_seconds_count{service="orders"}`), s.metric(t, `fairway_first_byte_seconds_bucket{service="orders",le="+Inf"}`); all != most || all < asked {
				t.Errorf("%s: the histogram has %v of %v", when, most, all)
			}
		}
		counts("before")
		s.write(t, config+"\n# changed\n")
		s.mustCaddy(t, "reload", "--config", s.config, "--force")
		counts("after")
	})

	t.Run("status says which service fails, and exits with 3", func(t *testing.T) {
		out, err := s.caddy("fairway", "status", "--address", s.admin)
		if code := exitCode(t, errors.Unwrap(err)); code != 3 {
			t.Errorf("exit code %d, want 3: %v", code, err)
		}
		for _, want := range []string{"blog is failing: upstream refused connections since", "FAILING", "ANSWERING", "orders", fmt.Sprintf("%v requests in a minute, %[1]v failed", unreached)} {
			if !strings.Contains(out, want) {
				t.Errorf("status lacks %q:\n%s", want, out)
			}
		}
	})

	t.Run("the past survives a restart", func(t *testing.T) {
		s.stop(t)
		s.launch(t)
		var past historyBody
		decode(t, get(t, s.client(t), s.url(domain, "/api/v1/services/blog/history?resolution=day"), http.StatusOK).body, &past)
		var missed uint64
		var failing float64
		for _, point := range past.Points {
			missed += point.Unreached
			failing += point.Seconds["failing"]
		}
		if missed != uint64(unreached) || failing <= 0 {
			t.Errorf("%d requests not reached and %v s failing in the past of blog: %+v", missed, failing, past)
		}
	})
}

type historyBody struct {
	Points []struct {
		Requests, Unreached uint64
		Seconds             map[string]float64
	}
}
