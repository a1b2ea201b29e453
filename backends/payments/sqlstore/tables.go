package sqlstore

import (
	"database/sql"
	"strings"
	"time"

	"github.com/aditechsphere/fairway/backends/internal/database"
	"github.com/aditechsphere/fairway/backends/payments"
)

// table is where a kind of object is kept: as JSON, beside columns that it is
// looked up by.
type table struct {
	name   string
	insert string // gives no row when there is one already that it would contradict
	update string
	// values are those of the table's own columns.
	values  func(object payments.Object) []any
	columns []string
}

var tables = map[payments.Kind]*table{
	payments.KindIntent: newTable("payment_intents", "customer status", func(o payments.Object) []any {
		i := o.(*payments.PaymentIntent)
		return []any{orNull(i.Customer), i.Status}
	}),
	payments.KindCharge: newTable("charges", "payment_intent customer status amount amount_captured amount_refunded due", func(o payments.Object) []any {
		c := o.(*payments.Charge)
		return []any{orNull(c.PaymentIntent), orNull(c.Customer), c.Status, c.Amount, c.AmountTaken, c.AmountBack, database.Millis(c.CaptureBefore)}
	}),
	payments.KindRefund: newTable("refunds", "charge payment_intent status amount reference", func(o payments.Object) []any {
		r := o.(*payments.Refund)
		return []any{r.Charge, orNull(r.PaymentIntent), r.Status, r.Amount, orNull(r.Reference)}
	}),
	payments.KindMethod: newTable("payment_methods", "customer type", func(o payments.Object) []any {
		m := o.(*payments.PaymentMethod)
		return []any{orNull(m.Customer), m.Type}
	}),
	payments.KindCustomer: newTable("customers", "email status", func(o payments.Object) []any {
		c := o.(*payments.Customer)
		return []any{c.Email, c.Status()}
	}),
	payments.KindBalanceTransaction: newTable("balance_transactions", "type currency source due", func(o payments.Object) []any {
		b := o.(*payments.BalanceTransaction)
		due := b.AvailableOn
		if b.Settled {
			due = time.Time{}
		}
		return []any{b.Type, b.Currency, b.Source, database.Millis(due)}
	}),
	payments.KindOperation: newTable("operations", "due reference", func(o payments.Object) []any {
		operation := o.(*payments.Operation)
		return []any{database.Millis(operation.Due), orNull(operation.Reference)}
	}),
}

func newTable(name, columns string, values func(payments.Object) []any) *table {
	names := strings.Fields(columns)
	return &table{
		name:    name,
		columns: names,
		values:  values,
		insert: `INSERT INTO ` + name + ` (id, version, created, body, ` + strings.Join(names, ", ") +
			`) VALUES (?, 1, ?, ?` + strings.Repeat(", ?", len(names)) + `) ON CONFLICT DO NOTHING RETURNING seq`,
		update: `UPDATE ` + name + ` SET version = version + 1, body = ?, ` + strings.Join(names, " = ?, ") + ` = ? WHERE id = ? AND version = ?`,
	}
}

const objectColumns = `seq, version, body`

func orNull(text string) sql.NullString { return sql.NullString{String: text, Valid: text != ""} }
