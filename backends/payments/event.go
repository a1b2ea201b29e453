package payments

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// EventType names a change, in Stripe's words.
type EventType string

// The events there are.
const (
	EventIntentCreated    EventType = "payment_intent.created"
	EventIntentSucceeded  EventType = "payment_intent.succeeded"
	EventIntentFailed     EventType = "payment_intent.payment_failed"
	EventIntentCapturable EventType = "payment_intent.amount_capturable_updated"
	EventIntentAction     EventType = "payment_intent.requires_action"
	EventIntentProcessing EventType = "payment_intent.processing"
	EventIntentCanceled   EventType = "payment_intent.canceled"
	EventChargeSucceeded  EventType = "charge.succeeded"
	EventChargeFailed     EventType = "charge.failed"
	EventChargePending    EventType = "charge.pending"
	EventChargeCaptured   EventType = "charge.captured"
	EventChargeRefunded   EventType = "charge.refunded"
	EventChargeExpired    EventType = "charge.expired"
	EventChargeUpdated    EventType = "charge.updated"
	EventChargeRefund     EventType = "charge.refund.updated" // with every change of a refund
	EventRefundCreated    EventType = "refund.created"
	EventRefundUpdated    EventType = "refund.updated"
	EventRefundFailed     EventType = "refund.failed"
	EventCustomerCreated  EventType = "customer.created"
	EventCustomerUpdated  EventType = "customer.updated"
	EventCustomerDeleted  EventType = "customer.deleted"
	EventMethodAttached   EventType = "payment_method.attached"
	EventMethodDetached   EventType = "payment_method.detached"
	EventMethodUpdated    EventType = "payment_method.updated"
)

// EventTypes are all events there are.
var EventTypes = []EventType{
	EventIntentCreated, EventIntentSucceeded, EventIntentFailed, EventIntentCapturable, EventIntentAction,
	EventIntentProcessing, EventIntentCanceled, EventChargeSucceeded, EventChargeFailed, EventChargePending,
	EventChargeCaptured, EventChargeRefunded, EventChargeExpired, EventChargeUpdated, EventChargeRefund, EventRefundCreated,
	EventRefundUpdated, EventRefundFailed, EventCustomerCreated, EventCustomerUpdated, EventCustomerDeleted,
	EventMethodAttached, EventMethodDetached, EventMethodUpdated,
}

// EventLifetime is how long events are kept.
const EventLifetime = 30 * 24 * time.Hour

// EventData is what the service stores of an event: the object as the API
// shows it after the change, and who asked for the change.
type EventData struct {
	Object     json.RawMessage `json:"object"`
	Previous   json.RawMessage `json:"previous_attributes,omitempty"` // the fields that were different before
	Live       bool            `json:"livemode"`
	APIVersion string          `json:"api_version"` // whose shapes Object has
	Request    EventRequest    `json:"request"`
}

// EventRequest is the request that led to an event; empty for what happens by
// itself.
type EventRequest struct {
	ID             string `json:"id,omitempty"`
	IdempotencyKey string `json:"idempotency_key,omitempty"`
}

// Event is an event as the API shows it.
type Event struct {
	webhook.Event
	EventData
}

// ReadEvent reads what the service stored of an event.
func ReadEvent(stored webhook.Event) (*Event, error) {
	event := &Event{Event: stored}
	if err := json.Unmarshal(stored.Data, &event.EventData); err != nil {
		return nil, fmt.Errorf("event %s: %w", stored.ID, err)
	}
	return event, nil
}

// Kind implements [Object].
func (*Event) Kind() Kind { return KindEvent }

// Header implements [Object].
func (e *Event) Header() *Head {
	return &Head{ID: e.ID, Live: e.Live, Created: e.Created, Seq: e.Seq}
}

// Endpoint is a webhook endpoint as an object of the API.
type Endpoint struct {
	webhook.Endpoint
	Live bool
	New  bool // it was made just now: its secret is shown
}

// Kind implements [Object].
func (*Endpoint) Kind() Kind { return KindEndpoint }

// Header implements [Object].
func (e *Endpoint) Header() *Head { return &Head{ID: e.ID, Live: e.Live, Created: e.Created} }
