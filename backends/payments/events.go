package payments

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// shape is what the API shows of an object now, to be compared later.
func (w *work) shape(ctx context.Context, object Object) ([]byte, error) {
	return w.Shapes.Object(ctx, w.Tx, object, nil)
}

// tell writes the event of a change and what is to be delivered of it. before
// is the object's shape before the change, when its event says what changed.
func (w *work) tell(ctx context.Context, kind EventType, object Object, before []byte) error {
	after, err := w.shape(ctx, object)
	if err != nil {
		return err
	}
	data := EventData{Object: after, Live: w.Live(), APIVersion: w.Shapes.Version()}
	if before != nil {
		if data.Previous, err = previous(before, after); err != nil {
			return err
		}
	}
	if w.request != nil {
		data.Request = EventRequest{w.request.ID, w.request.IdempotencyKey}
	}
	encoded, err := json.Marshal(data)
	if err != nil {
		return err
	}
	return w.AppendEvent(ctx, webhook.Event{
		ID: id.New("evt"), Type: string(kind), Object: object.Header().ID, Created: w.second(), Data: encoded,
	})
}

// previous are the fields of before that are different in after.
func previous(before, after []byte) ([]byte, error) {
	var was, is map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(before, &was), json.Unmarshal(after, &is)); err != nil {
		return nil, err
	}
	for name, value := range was {
		if bytes.Equal(value, is[name]) {
			delete(was, name)
		}
	}
	return json.Marshal(was)
}

// Replay has a delivery tried again now.
func (s *Service) Replay(ctx context.Context, deliveryID string) error {
	err := s.write(ctx, nil, func(ctx context.Context, w *work) error {
		return w.Replay(ctx, deliveryID, w.Now())
	})
	if errors.Is(err, webhook.ErrNotFound) {
		return NoSuch("delivery", "id", deliveryID)
	}
	return err
}
