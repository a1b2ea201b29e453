package platform

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/aditechsphere/fairway/backends/homepage"
)

func TestUpstreamsThatAreGone(t *testing.T) {
	t.Parallel()
	listen := func(network, address string) net.Listener {
		listener, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		return listener
	}
	alive, dead := listen("tcp", "127.0.0.1:0"), listen("tcp", "127.0.0.1:0")
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	listen("unix", socket)
	for name, test := range map[string]struct {
		upstreams []string
		want      bool
	}{
		"none":                  {nil, false},
		"alive":                 {[]string{alive.Addr().String()}, false},
		"gone":                  {[]string{dead.Addr().String()}, true},
		"one of two":            {[]string{dead.Addr().String(), alive.Addr().String()}, false},
		"a socket":              {[]string{"unix/" + socket}, false},
		"a socket that is gone": {[]string{"unix/" + socket + "2"}, true},
		"known with a request":  {[]string{"{http.request.host}:80"}, false},
		"gone or not known":     {[]string{dead.Addr().String(), "{env.PORT}"}, false},
		"without a port":        {[]string{"127.0.0.1"}, false},
	} {
		if got := gone(t.Context(), homepage.Service{Upstreams: test.upstreams}); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}
