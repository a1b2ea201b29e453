package payments

import "time"

// Account is an account of the ledger.
type Account int

// The accounts. What the merchant has is positive, what came in from the
// world makes World negative.
const (
	World             Account = iota // payers and their banks
	CustomerHold                     // authorised, not captured
	MerchantPending                  // captured, not available yet
	MerchantAvailable                // available to the merchant
	Fees                             // what the processor keeps
	RefundsClearing                  // on the way back to payers
	accountCount
)

// Accounts are the names of the accounts, which are the ledger's columns too.
var Accounts = [accountCount]string{
	"world", "customer_hold", "merchant_pending", "merchant_available", "fees", "refunds_clearing",
}

// Postings are the amounts of a transfer, by account.
type Postings [accountCount]int64

// TransferKind says what a transfer does.
type TransferKind string

// The kinds of transfers. A source has at most one transfer of each kind.
const (
	TransferAuthorize     TransferKind = "authorize"      // pending: holds a payer's money
	TransferCapture       TransferKind = "capture"        // resolves authorize: takes some, releases the rest
	TransferVoid          TransferKind = "void"           // resolves authorize: releases it all
	TransferRefund        TransferKind = "refund"         // pending: takes money from the merchant
	TransferRefundPaid    TransferKind = "refund_paid"    // resolves refund: the payer has it
	TransferRefundFailed  TransferKind = "refund_failed"  // resolves refund: the merchant has it back
	TransferRefundBounced TransferKind = "refund_bounced" // after refund_paid: it came back
	TransferSettle        TransferKind = "settle"         // what was captured becomes available
)

// Transfer is one row of the ledger, which is never changed or deleted. Its
// postings sum to zero.
type Transfer struct {
	Seq      int64
	ID       string // "tr_…"
	Live     bool
	Created  time.Time
	Kind     TransferKind
	Source   string // id of the charge, refund or balance transaction
	Resolves string // id of the pending transfer that this one ends; "" for none
	Currency string
	Postings Postings
}

// Pending reports whether the transfer waits for another one to resolve it.
func (t *Transfer) Pending() bool {
	return t.Kind == TransferAuthorize || t.Kind == TransferRefund
}

// sum is zero in a transfer that adds up.
func (t *Transfer) sum() (total int64) {
	for _, amount := range t.Postings {
		total += amount
	}
	return total
}

// posting is an amount for an account.
type posting struct {
	account Account
	amount  int64
}

func postings(entries ...posting) (all Postings) {
	for _, entry := range entries {
		all[entry.account] += entry.amount
	}
	return all
}

func authorizePostings(amount int64) Postings {
	return postings(posting{World, -amount}, posting{CustomerHold, amount})
}

// capturePostings take some of what is held, less the fee, and release the rest.
func capturePostings(held, taken, fee int64) Postings {
	return postings(posting{CustomerHold, -held}, posting{World, held - taken},
		posting{MerchantPending, taken - fee}, posting{Fees, fee})
}

func voidPostings(held int64) Postings {
	return postings(posting{CustomerHold, -held}, posting{World, held})
}

func refundPostings(amount int64) Postings {
	return postings(posting{MerchantAvailable, -amount}, posting{RefundsClearing, amount})
}

func refundPaidPostings(amount int64) Postings {
	return postings(posting{RefundsClearing, -amount}, posting{World, amount})
}

func refundFailedPostings(amount int64) Postings {
	return postings(posting{RefundsClearing, -amount}, posting{MerchantAvailable, amount})
}

func refundBouncedPostings(amount int64) Postings {
	return postings(posting{World, -amount}, posting{MerchantAvailable, amount})
}

func settlePostings(amount int64) Postings {
	return postings(posting{MerchantPending, -amount}, posting{MerchantAvailable, amount})
}
