package instance

import (
	"runtime/debug"
	"testing"
)

func TestVersionFrom(t *testing.T) {
	t.Parallel()
	fairway := func(version string, replace *debug.Module) *debug.Module {
		return &debug.Module{Path: modulePath, Version: version, Replace: replace}
	}
	tests := map[string]struct {
		info debug.BuildInfo
		want string
	}{
		"own binary": {debug.BuildInfo{Main: *fairway("v0.1.0", nil)}, "v0.1.0"},
		"plugged in by xcaddy": {debug.BuildInfo{
			Main: debug.Module{Path: "caddy", Version: "(devel)"},
			Deps: []*debug.Module{{Path: "example.com/other", Version: "v9.9.9"}, fairway("v0.2.0", nil)},
		}, "v0.2.0"},
		"replaced by a folder":   {debug.BuildInfo{Deps: []*debug.Module{fairway("v0.0.0", &debug.Module{Path: "../fairway"})}}, "(devel)"},
		"replaced by a fork":     {debug.BuildInfo{Deps: []*debug.Module{fairway("v0.0.0", &debug.Module{Path: "example.com/fork", Version: "v1.2.3"})}}, "v1.2.3"},
		"someone else's program": {debug.BuildInfo{Main: debug.Module{Path: "example.com/x", Version: "v3.0.0"}}, "(devel)"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := versionFrom(&test.info); got != test.want {
				t.Errorf("versionFrom = %q, want %q", got, test.want)
			}
		})
	}
}
