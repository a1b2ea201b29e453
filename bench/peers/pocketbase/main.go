// Command pocketbase serves a collection of orders with PocketBase, for the
// benchmark: over TLS, everybody may create and read, without its request log.
// Arguments: data folder, address, certificate, key.
package main

import (
	"crypto/tls"
	"errors"
	"log"
	"os"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // its own tables
	"github.com/pocketbase/pocketbase/tools/types"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(args []string) error {
	if len(args) != 4 {
		return errors.New("usage: pocketbase FOLDER ADDRESS CERTIFICATE KEY")
	}
	folder, address := args[0], args[1]
	certificate, err := tls.LoadX509KeyPair(args[2], args[3])
	if err != nil {
		return err
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: folder})
	if err := app.Bootstrap(); err != nil {
		return err
	}
	app.OnServe().BindFunc(func(e *core.ServeEvent) (err error) {
		if err := prepare(app); err != nil {
			return err
		}
		e.InstallerFunc = nil // it opens a browser
		e.Listener, err = tls.Listen("tcp", address, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS13})
		if err != nil {
			return err
		}
		return e.Next()
	})
	return apis.Serve(app, apis.ServeConfig{HttpAddr: address})
}

// prepare makes the collection.
func prepare(app core.App) error {
	settings := app.Settings()
	settings.Logs.MaxDays = 0
	if err := app.Save(settings); err != nil {
		return err
	}
	if _, err := app.FindCollectionByNameOrId("orders"); err == nil {
		return nil
	}
	orders := core.NewBaseCollection("orders")
	orders.ListRule, orders.ViewRule, orders.CreateRule = types.Pointer(""), types.Pointer(""), types.Pointer("")
	orders.Fields.Add(
		&core.TextField{Name: "currency", Required: true},
		&core.JSONField{Name: "lines", Required: true},
		&core.JSONField{Name: "customer"},
		&core.JSONField{Name: "metadata"},
		&core.AutodateField{Name: "created", OnCreate: true},
		&core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true},
	)
	return app.Save(orders)
}
