// Package fairway is the path given to xcaddy --with: importing it plugs
// every Fairway module into Caddy.
package fairway

import (
	_ "github.com/aditechsphere/fairway/caddymodule/platform"
)
