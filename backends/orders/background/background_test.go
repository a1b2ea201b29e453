package background

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/orders"
	"github.com/aditechsphere/fairway/backends/orders/sqlite"
)

func TestExpiredRepliesAreDeleted(t *testing.T) {
	t.Parallel()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "orders.db"))
	if err != nil {
		t.Fatal(err)
	}
	expired := time.Now().Add(-orders.KeyLifetime - time.Minute)
	request := idempotency.Request{Client: "c", Key: "k", Fingerprint: "f"}
	err = store.Write(t.Context(), func(ctx context.Context, tx orders.Tx) error {
		_, err := tx.SaveReply(ctx, request, idempotency.Reply{Status: 201}, expired, expired)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	work := Start(store, slog.New(slog.DiscardHandler))
	for err == nil {
		err = store.Write(t.Context(), func(ctx context.Context, tx orders.Tx) error {
			_, err := tx.SavedReply(ctx, "c", "k", expired)
			return err
		})
	}
	if !errors.Is(err, orders.ErrNotFound) {
		t.Error(err)
	}
	if err := work.Close(); err != nil {
		t.Error(err)
	}
}
