package orders

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/idempotency"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// MaxEndpoints bounds the webhook endpoints: every change writes a delivery for each.
const MaxEndpoints = 50

// secretOverlap is how long a replaced secret still signs.
const secretOverlap = 24 * time.Hour

// NewEndpoint asks for a webhook endpoint.
type NewEndpoint struct {
	URL         string            `json:"url"`
	Events      []string          `json:"events"` // default: all
	Description string            `json:"description"`
	Metadata    map[string]string `json:"metadata"`
}

// EndpointPatch changes what is not nil.
type EndpointPatch struct {
	URL         *string           `json:"url"`
	Events      []string          `json:"events"`
	Description *string           `json:"description"`
	Metadata    map[string]string `json:"metadata"` // replaces what was there
	Enabled     *bool             `json:"enabled"`
}

// RenderEndpoint makes the reply that a client gets for an endpoint.
type RenderEndpoint func(webhook.Endpoint) (idempotency.Reply, error)

// CreateEndpoint adds a webhook endpoint.
func (s *Service) CreateEndpoint(ctx context.Context, call Call, asked NewEndpoint, render RenderEndpoint) (idempotency.Reply, bool, error) {
	if len(asked.Events) == 0 {
		asked.Events = []string{"*"}
	}
	if asked.Metadata == nil {
		asked.Metadata = map[string]string{}
	}
	endpoint := webhook.Endpoint{
		ID: id.New("we"), URL: asked.URL, Types: asked.Events, Secret: webhook.NewSecret(), Status: webhook.Enabled,
		Description: asked.Description, Metadata: asked.Metadata, Created: s.moment(), Updated: s.moment(),
	}
	if err := checkEndpoint(endpoint); err != nil {
		return idempotency.Reply{}, false, err
	}
	existing, err := s.store.Endpoints(ctx)
	if err != nil {
		return idempotency.Reply{}, false, err
	}
	if len(existing) >= MaxEndpoints {
		return idempotency.Reply{}, false, refuse("There are %d webhook endpoints, which is the most there can be.", len(existing))
	}
	return s.once(ctx, call.Request, func(ctx context.Context, tx Tx) (idempotency.Reply, error) {
		if err := tx.CreateEndpoint(ctx, endpoint); err != nil {
			return idempotency.Reply{}, err
		}
		return render(endpoint)
	})
}

// UpdateEndpoint changes an endpoint, or returns webhook.ErrNotFound.
func (s *Service) UpdateEndpoint(ctx context.Context, call Call, id string, patch EndpointPatch, render RenderEndpoint) (idempotency.Reply, bool, error) {
	return s.changeEndpoint(ctx, call, id, func(e *webhook.Endpoint) {
		if patch.URL != nil {
			e.URL = *patch.URL
		}
		if len(patch.Events) > 0 {
			e.Types = patch.Events
		}
		if patch.Description != nil {
			e.Description = *patch.Description
		}
		if patch.Metadata != nil {
			e.Metadata = patch.Metadata
		}
		if patch.Enabled != nil {
			e.Status, e.Reason = webhook.Disabled, ""
			if *patch.Enabled {
				e.Status = webhook.Enabled
			}
		}
	}, render)
}

// RotateSecret gives an endpoint a new secret; the old one signs beside it for a day.
func (s *Service) RotateSecret(ctx context.Context, call Call, id string, render RenderEndpoint) (idempotency.Reply, bool, error) {
	return s.changeEndpoint(ctx, call, id, func(e *webhook.Endpoint) {
		e.OldSecret, e.OldSecretUntil = e.Secret, s.moment().Add(secretOverlap)
		e.Secret = webhook.NewSecret()
	}, render)
}

func (s *Service) changeEndpoint(ctx context.Context, call Call, id string, fn func(*webhook.Endpoint), render RenderEndpoint) (idempotency.Reply, bool, error) {
	return s.once(ctx, call.Request, func(ctx context.Context, tx Tx) (idempotency.Reply, error) {
		endpoint, err := tx.ReadEndpoint(ctx, id)
		if err != nil {
			return idempotency.Reply{}, err
		}
		fn(&endpoint)
		endpoint.Updated = s.moment()
		if err := checkEndpoint(endpoint); err != nil {
			return idempotency.Reply{}, err
		}
		if err := tx.UpdateEndpoint(ctx, endpoint); err != nil {
			return idempotency.Reply{}, err
		}
		return render(endpoint)
	})
}

// DeleteEndpoint deletes an endpoint and what is on its way to it, or returns
// webhook.ErrNotFound.
func (s *Service) DeleteEndpoint(ctx context.Context, id string) error {
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error { return tx.DeleteEndpoint(ctx, id) })
}

// Replay has a delivery tried again now, or returns webhook.ErrNotFound.
func (s *Service) Replay(ctx context.Context, delivery string) error {
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error { return tx.Replay(ctx, delivery, s.moment()) })
}

func checkEndpoint(e webhook.Endpoint) error {
	var wrong InvalidError
	if err := webhook.CheckURL(e.URL); err != nil {
		wrong.add("/url", err.Error())
	}
	if len(e.Types) > len(EventTypes) {
		wrong.add("/events", "must not name an event more than once")
	}
	for i, eventType := range e.Types {
		if eventType != "*" && !slices.Contains(EventTypes, eventType) {
			wrong.add(fmt.Sprintf("/events/%d", i), "must be * or one of "+strings.Join(EventTypes, ", "))
		}
	}
	checkText(e.Description, 0, MaxTitle, "/description", &wrong)
	checkMetadata(e.Metadata, &wrong)
	return wrong.err()
}
