//go:build deps_preload

package fairway

import (
	_ "github.com/caddyserver/certmagic"
	_ "github.com/gofrs/flock"
	_ "github.com/gorilla/websocket"
	_ "github.com/pressly/goose/v3"
	_ "github.com/spf13/cobra"
	_ "github.com/stripe/stripe-go/v82"
	_ "go.uber.org/goleak"
	_ "go.uber.org/zap"
	_ "golang.org/x/net/idna"
	_ "golang.org/x/sync/singleflight"
	_ "golang.org/x/sync/errgroup"
	_ "golang.org/x/text/cases"
	_ "modernc.org/sqlite"
	_ "pgregory.net/rapid"
)
