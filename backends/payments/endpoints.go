package payments

import (
	"context"
	"errors"
	"slices"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/webhook"
)

// maxEndpoints is how many webhook endpoints there can be.
const maxEndpoints = 16

// CreateEndpoint makes a webhook endpoint. Only the reply to this shows its
// secret.
func (s *Service) CreateEndpoint(ctx context.Context, request Request, params EndpointParams) (Reply, error) {
	if !params.URL.Given {
		return Reply{}, Invalid(CodeParameterMissing, "url", "Missing required param: url.")
	}
	params.Events.Given = true
	if refusal := params.check(s.Live()); refusal != nil {
		return Reply{}, refusal
	}
	existing, err := s.Store.Endpoints(ctx)
	if err != nil {
		return Reply{}, err
	}
	if len(existing) >= maxEndpoints {
		return Reply{}, Invalid("", "", "You have reached the maximum of %d webhook endpoints.", maxEndpoints)
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		endpoint := webhook.Endpoint{
			ID: id.New("we"), Secret: webhook.NewSecret(), Status: webhook.Enabled, APIVersion: params.APIVersion,
			Created: w.second(), Updated: w.second(),
		}
		if endpoint.APIVersion == "" {
			endpoint.APIVersion = request.APIVersion
		}
		if err := params.apply(&endpoint); err != nil {
			return result{}, err
		}
		return result{object: &Endpoint{endpoint, s.Live(), true}}, w.CreateEndpoint(ctx, endpoint)
	})
}

func (p *EndpointParams) apply(endpoint *webhook.Endpoint) error {
	p.URL.apply(&endpoint.URL)
	p.Events.apply(&endpoint.Types)
	p.Description.apply(&endpoint.Description)
	if p.Disabled.Given {
		endpoint.Status, endpoint.Reason = webhook.Enabled, ""
		if p.Disabled.Value {
			endpoint.Status = webhook.Disabled
		}
	}
	return asError(p.Metadata.apply(&endpoint.Metadata))
}

// UpdateEndpoint changes a webhook endpoint.
func (s *Service) UpdateEndpoint(ctx context.Context, request Request, endpointID string, params EndpointParams) (Reply, error) {
	if refusal := params.check(s.Live()); refusal != nil {
		return Reply{}, refusal
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		endpoint, err := w.endpoint(ctx, endpointID)
		if err != nil {
			return result{}, err
		}
		if err := params.apply(&endpoint); err != nil {
			return result{}, err
		}
		endpoint.Updated = w.second()
		return result{object: &Endpoint{endpoint, s.Live(), false}}, w.UpdateEndpoint(ctx, endpoint)
	})
}

func (w *work) endpoint(ctx context.Context, endpointID string) (webhook.Endpoint, error) {
	endpoint, err := w.ReadEndpoint(ctx, endpointID)
	if errors.Is(err, webhook.ErrNotFound) {
		return endpoint, NoSuch(string(KindEndpoint), "id", endpointID)
	}
	return endpoint, err
}

// DeleteEndpoint deletes a webhook endpoint, with what was still to be
// delivered to it.
func (s *Service) DeleteEndpoint(ctx context.Context, request Request, endpointID string) (Reply, error) {
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		endpoint, err := w.endpoint(ctx, endpointID)
		if err != nil {
			return result{}, err
		}
		return result{object: &Deleted{&Endpoint{endpoint, s.Live(), false}}}, w.DeleteEndpoint(ctx, endpointID)
	})
}

// Deleted stands for an object that is gone.
type Deleted struct{ Object }

// Endpoint returns a webhook endpoint.
func (s *Service) Endpoint(ctx context.Context, endpointID string) (*Endpoint, error) {
	endpoint, err := s.Store.Endpoint(ctx, endpointID)
	if errors.Is(err, webhook.ErrNotFound) {
		return nil, NoSuch(string(KindEndpoint), "id", endpointID)
	}
	return &Endpoint{endpoint, s.Live(), false}, err
}

// Endpoints returns a page of the webhook endpoints.
func (s *Service) Endpoints(ctx context.Context, query Query) (Page, error) {
	all, err := s.Store.Endpoints(ctx)
	if err != nil {
		return Page{}, err
	}
	at := func(endpointID string) int {
		return slices.IndexFunc(all, func(e webhook.Endpoint) bool { return e.ID == endpointID })
	}
	switch after, before := at(query.After), at(query.Before); {
	case query.After != "" && after < 0:
		return Page{}, NoSuch(string(KindEndpoint), "starting_after", query.After)
	case query.Before != "" && before < 0:
		return Page{}, NoSuch(string(KindEndpoint), "ending_before", query.Before)
	case query.After != "":
		all = all[after+1:]
	case query.Before != "":
		all = all[max(0, before-query.Limit):before]
		page := s.endpointPage(all, query.Limit)
		page.More = before > query.Limit
		return page, nil
	}
	return s.endpointPage(all, query.Limit), nil
}

func (s *Service) endpointPage(endpoints []webhook.Endpoint, limit int) Page {
	page := Page{More: len(endpoints) > limit}
	for _, endpoint := range endpoints[:min(limit, len(endpoints))] {
		page.Objects = append(page.Objects, &Endpoint{endpoint, s.Live(), false})
	}
	return page
}

// Event returns an event.
func (s *Service) Event(ctx context.Context, eventID string) (*Event, error) {
	stored, err := s.Store.Event(ctx, eventID)
	if errors.Is(err, webhook.ErrNotFound) {
		return nil, NoSuch(string(KindEvent), "id", eventID)
	}
	if err != nil {
		return nil, err
	}
	return ReadEvent(stored)
}

// Events returns a page of events, newest first. types and settled select as
// in [webhook.Filter].
func (s *Service) Events(ctx context.Context, query Query, filter webhook.Filter) (Page, error) {
	cursor := func(param, eventID string) (int64, error) {
		if eventID == "" {
			return 0, nil
		}
		event, err := s.Event(ctx, eventID)
		if refused(err) {
			return 0, NoSuch(string(KindEvent), param, eventID)
		}
		if err != nil {
			return 0, err
		}
		return event.Seq, nil
	}
	var errAfter, errBefore error
	filter.Below, errAfter = cursor("starting_after", query.After)
	filter.Above, errBefore = cursor("ending_before", query.Before)
	if err := errors.Join(errAfter, errBefore); err != nil {
		return Page{}, err
	}
	filter.From, filter.Until = unixTime(query.CreatedFrom), unixTime(query.CreatedTo)
	filter.Limit = query.Limit + 1
	stored, err := s.Store.Events(ctx, filter)
	if err != nil {
		return Page{}, err
	}
	page := Page{More: len(stored) > query.Limit}
	if page.More && query.Before != "" {
		stored = stored[1:] // the newest is the one too many
	}
	for _, one := range stored[:min(query.Limit, len(stored))] {
		event, err := ReadEvent(one)
		if err != nil {
			return Page{}, err
		}
		page.Objects = append(page.Objects, event)
	}
	return page, nil
}
