package orders

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"strconv"
	"strings"
)

// csvColumns are the columns of an export, in order.
var csvColumns = []string{
	"number", "id", "status", "payment_status", "fulfillment_status", "currency", "subtotal", "discount", "shipping", "tax", "total",
	"paid", "refunded", "due", "lines", "email", "name", "country", "created_at", "updated_at",
}

// WriteCSV writes orders as CSV with a header line, one by one, so that an
// export of any size needs little memory and holds up nobody. Amounts are in
// minor units.
func (s *Service) WriteCSV(ctx context.Context, w io.Writer, ask ListAsk) error {
	table := csv.NewWriter(w)
	if err := table.Write(csvColumns); err != nil {
		return err
	}
	err := s.All(ctx, ask, func(o Order) error {
		return table.Write(csvRow(o))
	})
	table.Flush()
	return errors.Join(err, table.Error())
}

func csvRow(o Order) []string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	country := ""
	if o.ShippingAddress != nil {
		country = o.ShippingAddress.Country
	}
	t := o.Totals
	return []string{
		number(o.Number), o.ID, string(o.Status), string(o.PaymentStatus), string(o.FulfillmentStatus), o.Currency,
		number(t.Subtotal), number(t.Discount), number(t.Shipping), number(t.Tax), number(t.Total), number(t.Paid), number(t.Refunded), number(t.Due),
		number(int64(len(o.Lines))), inert(o.Customer.Email), inert(o.Customer.Name), country,
		o.Created.Format(instantFormat), o.Updated.Format(instantFormat),
	}
}

// inert keeps a spreadsheet from running what a customer typed as a formula.
func inert(text string) string {
	if strings.HasPrefix(text, "'") || strings.ContainsAny(text[:min(len(text), 1)], "=+-@\t\r") {
		return "'" + text
	}
	return text
}
