// Package orders keeps a shop's orders: what they are, the rules they obey
// and what a store of them must promise. It knows neither HTTP nor SQL.
package orders

import (
	"fmt"
	"maps"
	"net/mail"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/money"
)

// Status is where an order stands in its life.
type Status string

// StatusOpen is the status of an order that was placed.
const StatusOpen Status = "open"

// Order is one customer's order. Amounts are in minor units of Currency.
type Order struct {
	ID       string // "ord_…", given by the service
	Number   int64  // for people: increasing, with gaps; given by the store
	Version  int64  // 1, and one more with every change
	Status   Status
	Currency string // ISO 4217 in lower case
	Lines    []Line
	Totals   Totals
	Customer Customer
	Metadata map[string]string // the client's own data
	Created  time.Time
	Updated  time.Time
}

// Line is one position of an order.
type Line struct {
	ID         string // "line_…"
	SKU        string // the shop's article code; optional
	Title      string
	Quantity   int64
	UnitAmount int64
	Total      int64 // Quantity × UnitAmount
}

// Totals are the sums over an order's lines.
type Totals struct {
	Subtotal int64 // of the lines
	Total    int64 // what the customer owes
}

// Customer is who ordered.
type Customer struct {
	Email string // optional
}

// NewOrder is what a client asks for.
type NewOrder struct {
	Currency string
	Lines    []NewLine
	Customer Customer
	Metadata map[string]string
}

// NewLine is one position of a NewOrder.
type NewLine struct {
	SKU        string
	Title      string
	Quantity   int64
	UnitAmount *int64 // nil is refused: a missing price must not make a free article
}

// Limits of an order. Lengths are in characters.
const (
	MaxLines         = 200
	MaxQuantity      = 1_000_000
	MaxAmount        = 1<<53 - 1 // the largest integer that every JSON reader keeps exact
	MaxTitle         = 500
	MaxSKU           = 100
	MaxEmail         = 254
	MaxMetadata      = 50
	MaxMetadataKey   = 40
	MaxMetadataValue = 500
)

// place makes an order of what was asked for, or returns an *InvalidError
// that names everything wrong with it. The store gives the number.
func place(asked NewOrder, now time.Time) (Order, error) {
	var invalid InvalidError
	if _, err := money.Digits(asked.Currency); err != nil {
		invalid.add("/currency", "must be a currency code of ISO 4217 in lower case, such as “eur”")
	}
	lines, totals := placeLines(asked.Lines, &invalid)
	checkEmail(asked.Customer.Email, &invalid)
	checkMetadata(asked.Metadata, &invalid)
	if len(invalid.Violations) > 0 {
		return Order{}, &invalid
	}
	if asked.Metadata == nil {
		asked.Metadata = map[string]string{} // as a store gives it back
	}
	return Order{
		ID:       id.New("ord"),
		Version:  1,
		Status:   StatusOpen,
		Currency: asked.Currency,
		Lines:    lines,
		Totals:   totals,
		Customer: asked.Customer,
		Metadata: asked.Metadata,
		Created:  now,
		Updated:  now,
	}, nil
}

func placeLines(asked []NewLine, invalid *InvalidError) ([]Line, Totals) {
	if len(asked) == 0 || len(asked) > MaxLines {
		invalid.add("/lines", fmt.Sprintf("must have 1 to %d lines", MaxLines))
		return nil, Totals{}
	}
	lines := make([]Line, len(asked))
	var subtotal int64
	for i, ask := range asked {
		before := len(invalid.Violations)
		pointer := fmt.Sprintf("/lines/%d", i)
		lines[i] = placeLine(ask, pointer, invalid)
		if len(invalid.Violations) > before {
			continue // the sum would mean nothing
		}
		sum, err := money.Add(subtotal, lines[i].Total)
		if err != nil || sum > MaxAmount {
			invalid.add(pointer, fmt.Sprintf("brings the total above %d", int64(MaxAmount)))
			continue
		}
		subtotal = sum
	}
	return lines, Totals{Subtotal: subtotal, Total: subtotal}
}

func placeLine(ask NewLine, pointer string, invalid *InvalidError) Line {
	checkText(ask.SKU, 0, MaxSKU, pointer+"/sku", invalid)
	checkText(ask.Title, 1, MaxTitle, pointer+"/title", invalid)
	quantityFits := ask.Quantity >= 1 && ask.Quantity <= MaxQuantity
	if !quantityFits {
		invalid.add(pointer+"/quantity", fmt.Sprintf("must be from 1 to %d", MaxQuantity))
	}
	if ask.UnitAmount == nil || *ask.UnitAmount < 0 || *ask.UnitAmount > MaxAmount {
		invalid.add(pointer+"/unit_amount", fmt.Sprintf("must be given in minor units, from 0 to %d", int64(MaxAmount)))
		return Line{}
	}
	total, err := money.Multiply(*ask.UnitAmount, ask.Quantity)
	if quantityFits && (err != nil || total > MaxAmount) {
		invalid.add(pointer, fmt.Sprintf("comes to more than %d", int64(MaxAmount)))
	}
	return Line{
		ID: id.New("line"), SKU: ask.SKU, Title: ask.Title,
		Quantity: ask.Quantity, UnitAmount: *ask.UnitAmount, Total: total,
	}
}

func checkEmail(email string, invalid *InvalidError) {
	if email == "" {
		return
	}
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != email || utf8.RuneCountInString(email) > MaxEmail {
		invalid.add("/customer/email", "must be an e-mail address such as “name@example.com”")
	}
}

func checkMetadata(metadata map[string]string, invalid *InvalidError) {
	if len(metadata) > MaxMetadata {
		invalid.add("/metadata", fmt.Sprintf("must have at most %d entries", MaxMetadata))
		return
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		pointer := "/metadata/" + pointerEscaper.Replace(key)
		if key == "" || utf8.RuneCountInString(key) > MaxMetadataKey || strings.ContainsFunc(key, unicode.IsControl) {
			invalid.add(pointer, fmt.Sprintf("must have a name of 1 to %d characters, without control characters", MaxMetadataKey))
		}
		if utf8.RuneCountInString(metadata[key]) > MaxMetadataValue || strings.Contains(metadata[key], "\x00") {
			invalid.add(pointer, fmt.Sprintf("must be at most %d characters long, without NUL", MaxMetadataValue))
		}
	}
}

func checkText(text string, shortest, longest int, pointer string, invalid *InvalidError) {
	length := utf8.RuneCountInString(text)
	switch {
	case length < shortest || (shortest > 0 && strings.TrimSpace(text) == ""):
		invalid.add(pointer, "must not be empty")
	case length > longest:
		invalid.add(pointer, fmt.Sprintf("must be at most %d characters long", longest))
	case strings.ContainsFunc(text, unicode.IsControl):
		invalid.add(pointer, "must not contain control characters")
	}
}
