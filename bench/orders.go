package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// keptOrders is how many orders are there to be read.
const keptOrders = 10_000

// newOrder is what is created, by both.
const newOrder = `{"currency":"eur","lines":[` +
	`{"sku":"MUG-1","title":"Mug","quantity":2,"unit_amount":900},{"sku":"CUP-1","title":"Cup","quantity":1,"unit_amount":700}],` +
	`"customer":{"email":"name@example.com","name":"Name"},"metadata":{"cart":"7f1c"}}`

// shop is a server that keeps orders.
type shop struct {
	peer *peer
	path string // of the collection; an order is below it
	key  func(ctx context.Context, s *stack) (string, error)

	stack *stack
	args  []string // of wrk.lua: path, key
	rows  [2]ordersRow
}

// ordersRow is what is done with a server's orders, under load.
type ordersRow struct {
	Peer  string `json:"peer"`
	Title string `json:"title"`
	Does  string `json:"does"`
	Runs  series `json:"runs"`
}

// What is done with orders.
const (
	doesCreate = "create"
	doesRead   = "read"
)

// fairwayShop keeps orders as Fairway does: synced before they are
// acknowledged, with an idempotency key, an event and the words they are found by.
func fairwayShop() *shop {
	return &shop{
		peer: &peer{
			key: "fairway", title: "Fairway, orders",
			pages: []page{{host: "orders." + domain, path: "/health"}},
			prepare: func(w *workspace) ([]command, error) {
				config, err := w.write("fairway.caddyfile", struct {
					*workspace
					Services []string
				}{w, []string{"orders"}})
				return w.caddy(config), err
			},
		},
		path: "/v1/orders",
		key: func(ctx context.Context, s *stack) (string, error) {
			cmd := exec.CommandContext(ctx, s.bench.caddy, "fairway", "key", "create", "--name", "bench", "--scope", "orders") // #nosec G204
			cmd.Env = append(os.Environ(), "CADDY_ADMIN=127.0.0.1:"+strconv.Itoa(s.Admin), "HOME="+s.Folder)
			said, err := cmd.Output()
			if err != nil {
				return "", fmt.Errorf("making a key: %w", err)
			}
			return string(tail(said, 1)), nil
		},
	}
}

// pocketbaseShop is PocketBase as it comes: SQLite with synchronous NORMAL,
// which may lose what it acknowledged when the power fails.
func pocketbaseShop() *shop {
	return &shop{
		peer: &peer{
			key: "pocketbase", title: "PocketBase, a collection",
			needs: []program{{"go", "golang"}},
			pages: []page{{host: "pocketbase." + domain, path: "/api/health"}},
			prepare: func(w *workspace) ([]command, error) {
				program, err := w.bench.buildPocketBase()
				return []command{{name: program, args: []string{
					filepath.Join(w.Folder, "data"), "127.0.0.1:" + strconv.Itoa(w.HTTPS),
					filepath.Join(w.Shared, "certificate.pem"), filepath.Join(w.Shared, "key.pem"),
				}}}, err
			},
		},
		path: "/api/collections/orders/records",
		key:  func(context.Context, *stack) (string, error) { return "none", nil }, // everybody may
	}
}

// buildPocketBase builds the peer, which is a module of its own.
func (b *bench) buildPocketBase() (program string, err error) {
	program = filepath.Join(b.folder, "pocketbase")
	source, err := filepath.Abs(filepath.Join("bench", "peers", "pocketbase"))
	if err != nil {
		return "", err
	}
	b.progress("orders building PocketBase")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", program, ".") // #nosec G204
	cmd.Dir, cmd.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building PocketBase: %w: %s", err, tail(said, 4))
	}
	return program, nil
}

// measureOrders creates orders and reads them by id, with Fairway and
// PocketBase in turn.
func (b *bench) measureOrders(ctx context.Context) error {
	var shops []*shop
	for _, s := range []*shop{fairwayShop(), pocketbaseShop()} {
		if len(b.only) < len(keys()) && !b.selected(s.peer.key) {
			continue
		}
		if err := b.open(ctx, s); err != nil {
			b.problem(ctx, err)
			continue
		}
		defer s.stack.stop()
		shops = append(shops, s)
	}
	for i := range b.runs {
		for place, does := range []string{doesCreate, doesRead} {
			for _, s := range shops {
				b.load(ctx, s, place, does, i)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		slices.Reverse(shops)
	}
	for _, s := range shops {
		b.report.Orders = append(b.report.Orders, s.rows[0], s.rows[1])
	}
	return nil
}

func (b *bench) load(ctx context.Context, s *shop, place int, does string, run int) {
	row := &s.rows[place]
	row.Peer, row.Title, row.Does = s.peer.key, s.peer.title, does
	args := append([]string{does}, s.args...)
	measured, err := b.run(ctx, s.stack, target{page: s.peer.pages[0], port: s.stack.HTTPS, args: args}, len(newOrder))
	if err != nil {
		b.problem(ctx, err)
		return
	}
	row.Runs = append(row.Runs, measured)
	b.progress("orders %d/%d %-62s %s", run+1, b.runs, s.peer.title+": "+does, measured)
}

// open starts a shop and places the orders that are read.
func (b *bench) open(ctx context.Context, s *shop) (err error) {
	if s.stack, err = b.start(ctx, s.peer, "orders-"+s.peer.key); err != nil {
		return err
	}
	key, err := s.key(ctx, s.stack)
	if err == nil {
		s.args = []string{s.path, key, filepath.Join(s.stack.Folder, "order"), filepath.Join(s.stack.Folder, "ids")}
		err = s.place(ctx, key)
	}
	if err != nil {
		s.stack.stop()
		return fmt.Errorf("%s: %w", s.peer.title, err)
	}
	return nil
}

// place places orders, and writes the files that wrk.lua reads: an order, and ids.
func (s *shop) place(ctx context.Context, key string) error {
	client := loopbackClient(s.stack.HTTPS)
	defer client.CloseIdleConnections()
	ids := make([]string, keptOrders)
	errs := make([]error, connections)
	var group sync.WaitGroup
	for worker := range connections {
		group.Go(func() {
			for n := worker; n < keptOrders && errs[worker] == nil; n += connections {
				ids[n], errs[worker] = s.create(ctx, client, key)
			}
		})
	}
	group.Wait()
	return errors.Join(append(errs,
		os.WriteFile(s.args[2], []byte(newOrder), 0o600),
		os.WriteFile(s.args[3], []byte(strings.Join(ids, "\n")+"\n"), 0o600))...)
}

func (s *shop) create(ctx context.Context, client *http.Client, key string) (id string, err error) {
	address := "https://" + s.peer.pages[0].host + ":" + strconv.Itoa(s.stack.HTTPS) + s.path
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(newOrder))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return "", err
	}
	var created struct{ ID string }
	if err := json.Unmarshal(body, &created); err != nil || created.ID == "" {
		return "", fmt.Errorf("an order was answered %s: %s", response.Status, bytes.TrimSpace(body))
	}
	return created.ID, nil
}

// judgeOrders compares run by run.
func (r *report) judgeOrders() {
	against := func(does string) []candidate {
		own, other := r.orders(fairway.key, does), r.orders("pocketbase", does)
		if own == nil || other == nil || len(own.Runs) == 0 || len(other.Runs) == 0 {
			return nil
		}
		return []candidate{{fmt.Sprintf("%s to %s/s", thousands(own.Runs.perSecond()), thousands(other.Runs.perSecond())), own.Runs.ratio(other.Runs, perSecondOf)}}
	}
	r.judge(atLeast(2, "×", "orders: creates/s, durable, to those of PocketBase, which syncs later"), against(doesCreate)...)
	r.judge(atLeast(3, "×", "orders: reads by id/s, to those of PocketBase"), against(doesRead)...)
}

func (r *report) orders(peer, does string) *ordersRow {
	for i := range r.Orders {
		if r.Orders[i].Peer == peer && r.Orders[i].Does == does {
			return &r.Orders[i]
		}
	}
	return nil
}

func (r *report) writeOrders(put putter) {
	if len(r.Orders) == 0 {
		return
	}
	put("\nOrders over TLS\trequests/s\tCPU µs/request\tp99\tfailed")
	for _, row := range r.Orders {
		if len(row.Runs) > 0 {
			put("%s: %s\t%s\t%.1f\t%.1f ms\t%d", row.Title, row.Does, thousands(row.Runs.perSecond()), row.Runs.cpu(),
				milliseconds(row.Runs.p99()), row.Runs.failures())
		}
	}
}
