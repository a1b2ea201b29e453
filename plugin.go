// Package fairway is the path given to xcaddy --with: importing it plugs
// every Fairway module into Caddy.
package fairway

import (
	_ "github.com/aditechsphere/fairway/caddymodule/apacheadapter"
	_ "github.com/aditechsphere/fairway/caddymodule/apachelog"
	_ "github.com/aditechsphere/fairway/caddymodule/bylogger"
	_ "github.com/aditechsphere/fairway/caddymodule/command"
	_ "github.com/aditechsphere/fairway/caddymodule/errorpage"
	_ "github.com/aditechsphere/fairway/caddymodule/importedcertificate"
	_ "github.com/aditechsphere/fairway/caddymodule/platform"
	_ "github.com/aditechsphere/fairway/caddymodule/services"
	_ "github.com/aditechsphere/fairway/caddymodule/subdomains"
)
