package orders

import (
	"fmt"
	"maps"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/money"
)

// NewOrder is what a client asks for.
type NewOrder struct {
	Draft           bool              `json:"draft"` // to be placed later
	Currency        string            `json:"currency"`
	TaxIncluded     bool              `json:"tax_included"`
	Lines           []NewLine         `json:"lines"`
	Discount        *NewDiscount      `json:"discount"`
	Shipping        *Shipping         `json:"shipping"`
	Customer        Customer          `json:"customer"`
	ShippingAddress *Address          `json:"shipping_address"`
	BillingAddress  *Address          `json:"billing_address"`
	Note            string            `json:"note"`
	Metadata        map[string]string `json:"metadata"`
}

// NewLine is one position of a NewOrder.
type NewLine struct {
	SKU        string `json:"sku"`
	Title      string `json:"title"`
	Quantity   int64  `json:"quantity"`
	UnitAmount *int64 `json:"unit_amount"` // nil is refused: a missing price must not make a free article
	TaxRate    int64  `json:"tax_rate"`
}

// NewDiscount asks for an amount or a rate, not both.
type NewDiscount struct {
	Code   string `json:"code"`
	Amount int64  `json:"amount"`
	Rate   int64  `json:"rate"`
}

// Limits of an order. Lengths are in characters.
const (
	MaxLines         = 200
	MaxQuantity      = 1_000_000
	MaxAmount        = 1<<53 - 1 // the largest integer that every JSON reader keeps exact
	MaxRate          = 10_000    // 100%
	MaxTitle         = 500
	MaxSKU           = 100
	MaxEmail         = 254
	MaxText          = 200 // names, phone numbers, parts of addresses, codes
	MaxNote          = 2000
	MaxMetadata      = 50
	MaxMetadataKey   = 40
	MaxMetadataValue = 500
)

// place makes an order of what was asked for, or returns an *InvalidError
// that names everything wrong with it. The store gives the number.
func place(asked NewOrder, now time.Time) (Order, error) {
	var invalid InvalidError
	order := Order{
		ID: id.New("ord"), Version: 1, Status: StatusOpen,
		Payments: []Payment{}, Refunds: []Refund{}, Fulfillments: []Fulfillment{}, Returns: []Return{},
		Created: InstantOf(now), Updated: InstantOf(now),
	}
	if asked.Draft {
		order.Status = StatusDraft
	}
	order.fill(asked, &invalid)
	if err := invalid.err(); err != nil {
		return Order{}, err
	}
	order.derive()
	return order, nil
}

// fill sets and prices everything that a client chooses.
func (o *Order) fill(asked NewOrder, invalid *InvalidError) {
	if _, err := money.Digits(asked.Currency); err != nil {
		invalid.add("/currency", "must be a currency code of ISO 4217 in lower case, such as “eur”")
	}
	checkCustomer(asked.Customer, invalid)
	checkAddress(asked.ShippingAddress, "/shipping_address", invalid)
	checkAddress(asked.BillingAddress, "/billing_address", invalid)
	checkLongText(asked.Note, MaxNote, "/note", invalid)
	checkMetadata(asked.Metadata, invalid)
	if asked.Metadata == nil {
		asked.Metadata = map[string]string{} // shown as {}
	}
	o.Currency, o.TaxIncluded = asked.Currency, asked.TaxIncluded
	o.Customer, o.ShippingAddress, o.BillingAddress = asked.Customer, asked.ShippingAddress, asked.BillingAddress
	o.Note, o.Metadata = asked.Note, asked.Metadata
	o.Shipping = checkShipping(asked.Shipping, invalid)
	o.Lines = placeLines(asked.Lines, invalid)
	checkDiscount(asked.Discount, invalid)
	if len(invalid.Violations) == 0 {
		o.price(asked.Discount, invalid)
	}
}

func placeLines(asked []NewLine, invalid *InvalidError) []Line {
	if len(asked) == 0 || len(asked) > MaxLines {
		invalid.add("/lines", fmt.Sprintf("must have 1 to %d lines", MaxLines))
		return nil
	}
	lines := make([]Line, len(asked))
	for i, ask := range asked {
		lines[i] = placeLine(ask, fmt.Sprintf("/lines/%d", i), invalid)
	}
	return lines
}

func placeLine(ask NewLine, pointer string, invalid *InvalidError) Line {
	checkText(ask.SKU, 0, MaxSKU, pointer+"/sku", invalid)
	checkText(ask.Title, 1, MaxTitle, pointer+"/title", invalid)
	checkRate(ask.TaxRate, pointer+"/tax_rate", invalid)
	quantityFits := ask.Quantity >= 1 && ask.Quantity <= MaxQuantity
	if !quantityFits {
		invalid.add(pointer+"/quantity", fmt.Sprintf("must be from 1 to %d", MaxQuantity))
	}
	if ask.UnitAmount == nil || *ask.UnitAmount < 0 || *ask.UnitAmount > MaxAmount {
		invalid.add(pointer+"/unit_amount", fmt.Sprintf("must be given in minor units, from 0 to %d", int64(MaxAmount)))
		return Line{}
	}
	subtotal, err := money.Multiply(*ask.UnitAmount, ask.Quantity)
	if quantityFits && (err != nil || subtotal > MaxAmount) {
		invalid.add(pointer, fmt.Sprintf("comes to more than %d", int64(MaxAmount)))
	}
	return Line{
		ID: id.New("line"), SKU: ask.SKU, Title: ask.Title, TaxRate: ask.TaxRate,
		Quantity: ask.Quantity, UnitAmount: *ask.UnitAmount, Subtotal: subtotal,
	}
}

func checkShipping(asked *Shipping, invalid *InvalidError) *Shipping {
	if asked == nil {
		return nil
	}
	checkText(asked.Title, 0, MaxText, "/shipping/title", invalid)
	checkRate(asked.TaxRate, "/shipping/tax_rate", invalid)
	if asked.Amount < 0 || asked.Amount > MaxAmount {
		invalid.add("/shipping/amount", fmt.Sprintf("must be from 0 to %d", int64(MaxAmount)))
	}
	return asked
}

func checkDiscount(asked *NewDiscount, invalid *InvalidError) {
	if asked == nil {
		return
	}
	checkText(asked.Code, 0, MaxText, "/discount/code", invalid)
	checkRate(asked.Rate, "/discount/rate", invalid)
	if asked.Amount < 0 || asked.Amount > MaxAmount {
		invalid.add("/discount/amount", fmt.Sprintf("must be from 0 to %d", int64(MaxAmount)))
	}
	if asked.Amount != 0 && asked.Rate != 0 {
		invalid.add("/discount", "must have an amount or a rate, not both")
	}
}

func checkRate(rate int64, pointer string, invalid *InvalidError) {
	if rate < 0 || rate > MaxRate {
		invalid.add(pointer, fmt.Sprintf("must be in hundredths of a percent, from 0 to %d", MaxRate))
	}
}

func checkCustomer(customer Customer, invalid *InvalidError) {
	checkEmail(customer.Email, invalid)
	checkText(customer.Name, 0, MaxText, "/customer/name", invalid)
	checkText(customer.Phone, 0, MaxText, "/customer/phone", invalid)
	if _, err := netip.ParseAddr(customer.IP); customer.IP != "" && err != nil {
		invalid.add("/customer/ip", "must be an IP address")
	}
}

func checkAddress(address *Address, pointer string, invalid *InvalidError) {
	if address == nil {
		return
	}
	for name, text := range map[string]string{
		"name": address.Name, "company": address.Company, "line1": address.Line1, "line2": address.Line2,
		"postal_code": address.PostalCode, "city": address.City, "state": address.State, "phone": address.Phone,
	} {
		checkText(text, 0, MaxText, pointer+"/"+name, invalid)
	}
	letter := func(c byte) bool { return c >= 'A' && c <= 'Z' }
	if c := address.Country; c != "" && (len(c) != 2 || !letter(c[0]) || !letter(c[1])) {
		invalid.add(pointer+"/country", "must be two capital letters, as ISO 3166 has them")
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
		checkLongText(metadata[key], MaxMetadataValue, pointer, invalid)
	}
}

// checkLongText allows line breaks.
func checkLongText(text string, longest int, pointer string, invalid *InvalidError) {
	if utf8.RuneCountInString(text) > longest || strings.Contains(text, "\x00") {
		invalid.add(pointer, fmt.Sprintf("must be at most %d characters long, without NUL", longest))
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
