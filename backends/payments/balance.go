package payments

import "time"

// The types of balance transactions.
const (
	BalanceCharge        = "charge"
	BalanceRefund        = "refund"
	BalanceRefundFailure = "refund_failure"
)

// settlement is how long taken money waits until it is available.
const settlement = 48 * time.Hour

// BalanceTransaction is a movement of the merchant's balance.
type BalanceTransaction struct {
	Head
	Type        string    `json:"type"`
	Amount      int64     `json:"amount"` // negative when the balance falls
	Fee         int64     `json:"fee"`
	Currency    string    `json:"currency"`
	Source      string    `json:"source"` // id of the charge or refund
	AvailableOn time.Time `json:"available_on"`
	Settled     bool      `json:"settled,omitempty"` // the ledger has moved it to what is available
	Description string    `json:"description,omitempty"`
}

// Net is what the balance changes by.
func (b *BalanceTransaction) Net() int64 { return b.Amount - b.Fee }

// Balance is what the merchant has in one currency.
type Balance struct {
	Currency  string
	Available int64
	Pending   int64
}
