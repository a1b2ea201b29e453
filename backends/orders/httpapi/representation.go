package httpapi

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/orders"
)

// newOrder is the body of POST /v1/orders.
type newOrder struct {
	Currency string            `json:"currency"`
	Lines    []newLine         `json:"lines"`
	Customer customer          `json:"customer"`
	Metadata map[string]string `json:"metadata"`
}

type newLine struct {
	SKU        string `json:"sku"`
	Title      string `json:"title"`
	Quantity   int64  `json:"quantity"`
	UnitAmount *int64 `json:"unit_amount"`
}

func (n newOrder) order() orders.NewOrder {
	lines := make([]orders.NewLine, len(n.Lines))
	for i, l := range n.Lines {
		lines[i] = orders.NewLine(l)
	}
	return orders.NewOrder{Currency: n.Currency, Lines: lines, Customer: orders.Customer(n.Customer), Metadata: n.Metadata}
}

// revision is the revision of the representation below. It is part of every
// ETag: raise it whenever the same order gets another body.
const revision = 1

// order is how the API shows an order.
type order struct {
	ID       string            `json:"id"`
	Number   int64             `json:"number"`
	Status   orders.Status     `json:"status"`
	Currency string            `json:"currency"`
	Lines    []line            `json:"lines"`
	Totals   totals            `json:"totals"`
	Customer customer          `json:"customer"`
	Metadata map[string]string `json:"metadata"`
	Created  string            `json:"created_at"`
	Updated  string            `json:"updated_at"`
}

type line struct {
	ID         string `json:"id"`
	SKU        string `json:"sku,omitempty"`
	Title      string `json:"title"`
	Quantity   int64  `json:"quantity"`
	UnitAmount int64  `json:"unit_amount"`
	Total      int64  `json:"total"`
}

type totals struct {
	Subtotal int64 `json:"subtotal"`
	Total    int64 `json:"total"`
}

type customer struct {
	Email string `json:"email,omitempty"`
}

// page is how the API shows a part of a list.
type page struct {
	Data       []order `json:"data"`
	NextCursor *string `json:"next_cursor"` // null on the last page
}

func represent(o orders.Order) order {
	lines := make([]line, len(o.Lines))
	for i, l := range o.Lines {
		lines[i] = line(l)
	}
	return order{
		ID:       o.ID,
		Number:   o.Number,
		Status:   o.Status,
		Currency: o.Currency,
		Lines:    lines,
		Totals:   totals(o.Totals),
		Customer: customer(o.Customer),
		Metadata: o.Metadata,
		Created:  timestamp(o.Created),
		Updated:  timestamp(o.Updated),
	}
}

func representPage(p orders.Page) page {
	shown := page{Data: make([]order, len(p.Orders))}
	for i, o := range p.Orders {
		shown.Data[i] = represent(o)
	}
	if p.Next != "" {
		shown.NextCursor = &p.Next
	}
	return shown
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// encode writes JSON without the escapes that only a script in a page needs.
func encode(v any) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return body.Bytes(), err
}

// etag is a strong validator: it changes with the order and with how it is shown.
func etag(o orders.Order) string {
	return `"` + strconv.Itoa(revision) + "-" + strconv.FormatInt(o.Version, 10) + `"`
}

// matches compares an If-None-Match header with an ETag, weakly, as RFC 9110 says.
func matches(headers []string, etag string) bool {
	for _, header := range headers {
		for candidate := range strings.SplitSeq(header, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
				return true
			}
		}
	}
	return false
}
