package orders

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// The types of events. Each change of an order writes one event, which is also
// the order's audit log: events are never deleted.
const (
	EventCreated        = "order.created"
	EventUpdated        = "order.updated"
	EventPlaced         = "order.placed"
	EventCompleted      = "order.completed"
	EventCanceled       = "order.canceled"
	EventArchived       = "order.archived"
	EventFulfilled      = "order.fulfilled"
	EventReturned       = "order.returned"
	EventRefundCreated  = "order.refund_created"
	EventRefundUpdated  = "order.refund_updated"
	EventPaymentStarted = "order.payment_started"
	EventPaymentUpdated = "order.payment_updated"
	EventErased         = "order.erased"
)

// EventTypes are all types of events.
var EventTypes = []string{
	EventCreated, EventUpdated, EventPlaced, EventCompleted, EventCanceled, EventArchived, EventFulfilled, EventReturned,
	EventRefundCreated, EventRefundUpdated, EventPaymentStarted, EventPaymentUpdated, EventErased,
}

// Event is an event of an outbox, this service's or another's.
type Event = webhook.Event

// Actor is who changed an order.
type Actor struct {
	Type string `json:"type"` // "key", "operator", or "payments"
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// EventData is the data of an event about an order.
type EventData struct {
	Actor   Actor             `json:"actor"`
	Changes map[string]Change `json:"changes,omitempty"` // by member of the order
	Order   json.RawMessage   `json:"order"`             // as it was after the change
}

// Change is a member of an order before and after.
type Change struct {
	Before json.RawMessage `json:"before"` // null when it was not there
	After  json.RawMessage `json:"after"`
}

// Encode writes an order as it is stored, shown and told.
func Encode(order Order) ([]byte, error) { return encode(order) }

// encode writes JSON without the escapes that only a script in a page needs.
func encode(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// Decode reads what Encode wrote.
func Decode(document []byte) (order Order, err error) {
	if err := json.Unmarshal(document, &order); err != nil {
		return Order{}, fmt.Errorf("a stored order cannot be read: %w", err)
	}
	return order, nil
}

// newEvent is the event of a change; before is nil for a new order. document is
// what Encode writes of the order after it.
func newEvent(eventType string, actor Actor, before *Order, after Order, document []byte) (webhook.Event, error) {
	data := EventData{Actor: actor}
	if before != nil {
		var err error
		if data.Changes, err = changes(*before, after); err != nil {
			return webhook.Event{}, err
		}
	}
	encoded, err := encode(data)
	if err != nil {
		return webhook.Event{}, err
	}
	// The order is the last member, and JSON already: it is put in place as it is.
	encoded = append(append(bytes.TrimSuffix(encoded, []byte("null}")), document...), '}')
	return webhook.Event{ID: id.New("evt"), Type: eventType, Object: after.ID, Created: after.Updated.Time, Data: encoded}, nil
}

// changes lists the members that differ, but for those that every change changes.
func changes(before, after Order) (map[string]Change, error) {
	found := make(map[string]Change)
	was, is := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range was.NumField() {
		name := memberName(was.Type().Field(i))
		if name == "version" || name == "updated_at" || reflect.DeepEqual(was.Field(i).Interface(), is.Field(i).Interface()) {
			continue
		}
		old, err := encode(was.Field(i).Interface())
		if err != nil {
			return nil, err
		}
		now, err := encode(is.Field(i).Interface())
		if err != nil {
			return nil, err
		}
		found[name] = Change{old, now}
	}
	return found, nil
}

func memberName(field reflect.StructField) string {
	name, _, _ := bytes.Cut([]byte(field.Tag.Get("json")), []byte(","))
	return string(name)
}

// scrub is the data of an event once the person was erased: who did what kind
// of change remains, with the order as it is now.
func scrub(data []byte, erased json.RawMessage) ([]byte, error) {
	var event EventData
	if err := json.Unmarshal(data, &event); err != nil {
		return nil, err
	}
	for name := range event.Changes {
		switch name {
		case "customer", "shipping_address", "billing_address", "note", "metadata", "cancel_reason", "returns", "refunds", "fulfillments":
			event.Changes[name] = Change{Before: json.RawMessage("null"), After: json.RawMessage("null")}
		}
	}
	event.Order = erased
	return encode(event)
}
