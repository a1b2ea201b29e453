package orders

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/money"
)

// Sizes of a page of a list.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// ListAsk is what a client asks a list for, each field as it is written in a
// query; "" asks for everything.
type ListAsk struct {
	Status, Payment, Fulfillment string // names with commas between them
	Currency                     string
	Email                        string
	Number                       string
	CreatedFrom, CreatedUntil,
	UpdatedFrom, UpdatedUntil string // dates or RFC 3339
	Q      string // words that all occur
	Cursor string // a Page's Next
	Limit  int    // 0: DefaultLimit
}

// Page is a part of the list of orders, newest first, or latest changed first
// when times of changes are asked for.
type Page struct {
	Documents []Document
	Next      string // cursor of the page after it; "" on the last one
}

// Orders are the orders of the page.
func (p Page) Orders() ([]Order, error) {
	decoded := make([]Order, len(p.Documents))
	for i, document := range p.Documents {
		var err error
		if decoded[i], err = Decode(document.JSON); err != nil {
			return nil, err
		}
	}
	return decoded, nil
}

// List returns a page. Orders that are placed while a client turns the pages
// neither shift nor repeat the others.
//
// Errors: *ParameterError, or the store's.
func (s *Service) List(ctx context.Context, ask ListAsk) (Page, error) {
	if ask.Limit == 0 {
		ask.Limit = DefaultLimit
	}
	if ask.Limit < 1 || ask.Limit > MaxLimit {
		return Page{}, &ParameterError{"limit", fmt.Sprintf("must be from 1 to %d", MaxLimit)}
	}
	query, err := ask.query()
	if err != nil {
		return Page{}, err
	}
	return s.page(ctx, query, ask.Limit)
}

func (s *Service) page(ctx context.Context, query Query, limit int) (Page, error) {
	query.Limit = limit + 1 // one more tells whether there is a next page
	found, err := s.store.Documents(ctx, query)
	if err != nil {
		return Page{}, fmt.Errorf("listing orders: %w", err)
	}
	if len(found) <= limit {
		return Page{Documents: found}, nil
	}
	return Page{Documents: found[:limit], Next: formatCursor(query.Sort, found[limit-1].Position)}, nil
}

// Check reports whether a list can be asked for so, with a *ParameterError if not.
func (s *Service) Check(ask ListAsk) error {
	_, err := ask.query()
	return err
}

// All calls do with every order that ask selects, in the order of the list, a
// few at a time. What is placed meanwhile is left out.
func (s *Service) All(ctx context.Context, ask ListAsk, do func(Order) error) error {
	query, err := ask.query()
	if err != nil {
		return err
	}
	const batch = 200
	for {
		page, err := s.page(ctx, query, batch)
		if err != nil {
			return err
		}
		found, err := page.Orders()
		if err != nil {
			return err
		}
		for _, order := range found {
			if err := do(order); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		query.Below = page.Documents[batch-1].Position
	}
}

func (a ListAsk) query() (query Query, err error) {
	var wrong parameterCheck
	query.Status = wrong.names("status", a.Status, StatusDraft, StatusOpen, StatusCompleted, StatusCanceled, StatusArchived)
	query.Payment = wrong.names("payment_status", a.Payment, Status(Unpaid), Status(Authorized), Status(PartiallyPaid), Status(Paid),
		Status(Overpaid), Status(PartiallyRefunded), Status(Refunded))
	query.Fulfillment = wrong.names("fulfillment_status", a.Fulfillment, Status(Unfulfilled), Status(PartlyFulfilled), Status(Fulfilled),
		Status(PartiallyReturned), Status(Returned))
	query.CreatedFrom = wrong.time("created_from", a.CreatedFrom, false)
	query.CreatedUntil = wrong.time("created_until", a.CreatedUntil, true)
	query.UpdatedFrom = wrong.time("updated_from", a.UpdatedFrom, false)
	query.UpdatedUntil = wrong.time("updated_until", a.UpdatedUntil, true)
	query.Email = NormalEmail(a.Email)
	if strings.Contains(query.Email, "\x00") {
		wrong.is("email", "must be an e-mail address")
	}
	if query.Currency = a.Currency; query.Currency != "" {
		if _, err := money.Digits(query.Currency); err != nil {
			wrong.is("currency", "must be a currency code of ISO 4217 in lower case")
		}
	}
	if a.Number != "" {
		if query.Number, err = strconv.ParseInt(a.Number, 10, 64); err != nil || query.Number < 1 {
			wrong.is("number", "must be a whole number from 1")
		}
	}
	if a.Q != "" && wrong.err == nil {
		if query.Words, err = queryWords(a.Q); err != nil {
			return Query{}, err
		}
	}
	if wrong.err != nil {
		return Query{}, wrong.err
	}
	query.Sort = query.sort()
	query.Below, err = parseCursor(query.Sort, a.Cursor)
	return query, err
}

// sort is one in which a store finds the asked times side by side. Words are
// found by number.
func (q Query) sort() Sort {
	switch {
	case len(q.Words) > 0:
		return ByNumber
	case !q.CreatedFrom.IsZero() || !q.CreatedUntil.IsZero():
		return ByCreation
	case !q.UpdatedFrom.IsZero() || !q.UpdatedUntil.IsZero():
		return ByUpdate
	}
	return ByNumber
}

// parameterCheck keeps the first thing that is wrong.
type parameterCheck struct{ err error }

func (c *parameterCheck) is(name, detail string) {
	if c.err == nil {
		c.err = &ParameterError{name, detail}
	}
}

func (c *parameterCheck) names(parameter, text string, known ...Status) []string {
	if text == "" {
		return nil
	}
	asked := strings.Split(text, ",")
	for _, name := range asked {
		if !slices.Contains(known, Status(name)) {
			c.is(parameter, fmt.Sprintf("must be among %s, with commas between them", strings.Trim(fmt.Sprint(known), "[]")))
		}
	}
	slices.Sort(asked)
	return slices.Compact(asked)
}

// time reads a moment, or a day, whose end is meant when it is the upper bound.
func (c *parameterCheck) time(parameter, text string, end bool) time.Time {
	if text == "" {
		return time.Time{}
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		if end {
			return day.AddDate(0, 0, 1).Add(-time.Millisecond)
		}
		return day
	}
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		c.is(parameter, "must be a date (2006-01-02) or a time of RFC 3339 (2006-01-02T15:04:05Z)")
	}
	return moment
}

// A cursor is the position of the last order seen, behind what the list is sorted by.
var cursorKinds = map[Sort]string{ByNumber: "1", ByCreation: "created", ByUpdate: "updated"}

func formatCursor(sort Sort, last Position) string {
	text := fmt.Sprintf("%s:%d", cursorKinds[sort], last.Number)
	if sort != ByNumber {
		text += fmt.Sprintf(":%d", last.Millis)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

func parseCursor(sort Sort, cursor string) (below Position, err error) {
	if cursor == "" {
		return Position{}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	kind, place, ok := strings.Cut(string(text), ":")
	number, millis, timed := strings.Cut(place, ":")
	if err == nil && ok && kind == cursorKinds[sort] && timed == (sort != ByNumber) {
		if below.Number, err = strconv.ParseInt(number, 10, 64); err == nil && timed {
			below.Millis, err = strconv.ParseInt(millis, 10, 64)
		}
		if err == nil && below.Number > 0 {
			return below, nil
		}
	}
	return Position{}, &ParameterError{"cursor", "is not one that this list gave: start again without it"}
}
