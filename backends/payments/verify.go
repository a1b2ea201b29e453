package payments

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Report is what an audit of the books found.
type Report struct {
	Transfers int    `json:"transfers"`         // rows of the ledger that were looked at
	Objects   int    `json:"objects"`           // payments, charges, refunds and balance transactions
	Problem   string `json:"problem,omitempty"` // the first thing that does not add up, by its id; "" when all does
}

// discrepancy is something that does not add up.
type discrepancy string

// Error implements error.
func (d discrepancy) Error() string { return string(d) }

func mismatch(row, format string, args ...any) error {
	return discrepancy(row + ": " + fmt.Sprintf(format, args...))
}

// Verify recomputes the books: every row of the ledger by itself and with the
// one it resolves, then every charge, refund, balance transaction, intent and
// event against the rows.
func (s *Service) Verify(ctx context.Context) (Report, error) {
	return Verify(ctx, s.Store, s.Now())
}

// Verify audits a store; now tells which events may be gone.
func Verify(ctx context.Context, store Store, now time.Time) (Report, error) {
	var report Report
	err := store.Snapshot(ctx, func(ctx context.Context, reader Reader) error {
		a := &audit{reader: reader, report: &report, now: now, booked: make(map[string]*Transfer),
			refunded: make(map[string]int64), taken: make(map[string]int64)}
		for _, step := range []func(context.Context) error{a.ledger, a.events, a.refunds, a.charges, a.balances, a.intents, a.leftovers} {
			if err := step(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	var found discrepancy
	if errors.As(err, &found) {
		report.Problem = string(found)
		return report, nil
	}
	return report, err
}

// audit is a recomputation under way.
type audit struct {
	reader   Reader
	report   *Report
	now      time.Time
	booked   map[string]*Transfer // by id
	order    []*Transfer
	told     map[string]int   // events by type and object
	refunded map[string]int64 // by charge
	taken    map[string]int64 // by intent
	sums     map[string]Postings
	seen     map[string]bool // sources of transfers that exist
}

// ledger checks the rows in their order.
func (a *audit) ledger(ctx context.Context) error {
	a.sums, a.seen = make(map[string]Postings), make(map[string]bool)
	after := int64(0)
	for {
		rows, err := a.reader.Transfers(ctx, after, 1000)
		if err != nil || len(rows) == 0 {
			return err
		}
		for n := range rows {
			a.report.Transfers++
			if err := a.transfer(&rows[n]); err != nil {
				return err
			}
		}
		after = rows[len(rows)-1].Seq
	}
}

func (a *audit) transfer(t *Transfer) error {
	row := fmt.Sprintf("ledger row %d (%s)", t.Seq, t.ID)
	switch {
	case t.sum() != 0:
		return mismatch(row, "its postings sum to %d %s, not to 0", t.sum(), t.Currency)
	case t.ID != transferID(t.Kind, t.Source):
		return mismatch(row, "its id does not name its kind and source")
	case a.booked[t.ID] != nil:
		return mismatch(row, "there is another row of its id")
	}
	want, resolves, err := a.expected(row, t)
	if err != nil {
		return err
	}
	if t.Postings != want {
		return mismatch(row, "its postings are %v, want %v", t.Postings, want)
	}
	if t.Resolves != resolves {
		return mismatch(row, "it resolves %q, want %q", t.Resolves, resolves)
	}
	if resolves != "" {
		if a.booked["resolved:"+resolves] != nil {
			return mismatch(row, "%s was resolved before", resolves)
		}
		a.booked["resolved:"+resolves] = t
	}
	a.booked[t.ID] = t
	a.order = append(a.order, t)
	sum := a.sums[t.Currency]
	for account, amount := range t.Postings {
		sum[account] += amount
	}
	a.sums[t.Currency] = sum
	for _, account := range []Account{CustomerHold, RefundsClearing} {
		if sum[account] < 0 {
			return mismatch(row, "%s falls to %d %s", Accounts[account], sum[account], t.Currency)
		}
	}
	return nil
}

// expected is what a row's postings must be, as far as the rows before tell.
func (a *audit) expected(row string, t *Transfer) (want Postings, resolves string, err error) {
	before := func(kind TransferKind) (*Transfer, error) {
		earlier := a.booked[transferID(kind, t.Source)]
		if earlier == nil || earlier.Currency != t.Currency {
			return nil, mismatch(row, "there is no %s of %s in %s before it", kind, t.Source, t.Currency)
		}
		return earlier, nil
	}
	var earlier *Transfer
	switch t.Kind {
	case TransferAuthorize:
		return authorizePostings(t.Postings[CustomerHold]), "", nil
	case TransferRefund:
		return refundPostings(t.Postings[RefundsClearing]), "", nil
	case TransferSettle:
		return settlePostings(t.Postings[MerchantAvailable]), "", nil
	case TransferCapture, TransferVoid:
		if earlier, err = before(TransferAuthorize); err != nil {
			return want, "", err
		}
		held := earlier.Postings[CustomerHold]
		if t.Kind == TransferVoid {
			return voidPostings(held), earlier.ID, nil
		}
		fee := t.Postings[Fees]
		return capturePostings(held, t.Postings[MerchantPending]+fee, fee), earlier.ID, nil
	case TransferRefundPaid, TransferRefundFailed:
		if earlier, err = before(TransferRefund); err != nil {
			return want, "", err
		}
		amount := earlier.Postings[RefundsClearing]
		if t.Kind == TransferRefundPaid {
			return refundPaidPostings(amount), earlier.ID, nil
		}
		return refundFailedPostings(amount), earlier.ID, nil
	case TransferRefundBounced:
		if earlier, err = before(TransferRefundPaid); err != nil {
			return want, "", err
		}
		return refundBouncedPostings(earlier.Postings[World]), "", nil
	}
	return want, "", mismatch(row, "unknown kind %q", t.Kind)
}

// posted is what a source's transfer of a kind moved on an account, and
// whether there is one.
func (a *audit) posted(kind TransferKind, source string, account Account) (int64, bool) {
	t := a.booked[transferID(kind, source)]
	if t == nil {
		return 0, false
	}
	return t.Postings[account], true
}

// each reads all objects of a kind.
func each[T Object](ctx context.Context, a *audit, check func(T) error) error {
	var none T
	query := Query{Limit: 500}
	for {
		page, err := a.reader.List(ctx, none.Kind(), query)
		if err != nil {
			return err
		}
		for _, object := range page.Objects {
			a.report.Objects++
			if err := check(object.(T)); err != nil {
				return err
			}
			query.After = object.Header().ID
		}
		if !page.More {
			return nil
		}
	}
}

func (a *audit) events(ctx context.Context) (err error) {
	a.told, err = a.reader.Told(ctx)
	return err
}

// toldOnce checks that there is exactly one event of a change, unless it may
// have been deleted.
func (a *audit) toldOnce(object Object, changed time.Time, kind EventType) error {
	count := a.told[string(kind)+" "+object.Header().ID]
	old := a.now.Sub(changed) > EventLifetime-24*time.Hour
	if count == 1 || count == 0 && old {
		return nil
	}
	return mismatch(object.Header().ID, "there are %d events %s, want 1", count, kind)
}

func (a *audit) refunds(ctx context.Context) error {
	return each(ctx, a, func(r *Refund) error {
		amount, booked := a.posted(TransferRefund, r.ID, RefundsClearing)
		_, paid := a.posted(TransferRefundPaid, r.ID, World)
		_, failed := a.posted(TransferRefundFailed, r.ID, World)
		_, bounced := a.posted(TransferRefundBounced, r.ID, World)
		a.seen[r.ID] = true
		state := [3]bool{paid, failed, bounced}
		want := map[RefundStatus][][3]bool{
			RefundPending:   {{false, false, false}},
			RefundSucceeded: {{true, false, false}},
			RefundFailed:    {{false, true, false}, {true, false, true}},
		}
		switch {
		case !booked || amount != r.Amount:
			return mismatch(r.ID, "it is of %d %s, but %d is in the ledger", r.Amount, r.Currency, amount)
		case !slices.Contains(want[r.Status], state):
			return mismatch(r.ID, "it is %s, but the ledger has paid %t, failed %t, bounced %t", r.Status, paid, failed, bounced)
		}
		if r.Status != RefundFailed {
			a.refunded[r.Charge] += r.Amount
		}
		return a.toldOnce(r, r.Created, EventRefundCreated)
	})
}

func (a *audit) charges(ctx context.Context) error {
	return each(ctx, a, func(c *Charge) error {
		held, authorized := a.posted(TransferAuthorize, c.ID, CustomerHold)
		net, captured := a.posted(TransferCapture, c.ID, MerchantPending)
		fee, _ := a.posted(TransferCapture, c.ID, Fees)
		_, voided := a.posted(TransferVoid, c.ID, World)
		a.seen[c.ID] = true
		switch {
		case authorized != (c.Status == ChargeSucceeded) || authorized && held != c.Amount:
			return mismatch(c.ID, "it is %s and of %d %s, but the ledger holds %d", c.Status, c.Amount, c.Currency, held)
		case captured != c.Captured || net+fee != c.AmountTaken:
			return mismatch(c.ID, "%d was captured, but %d in the ledger", c.AmountTaken, net+fee)
		case voided != !c.Released.IsZero():
			return mismatch(c.ID, "it was released: %t; in the ledger: %t", !c.Released.IsZero(), voided)
		case c.AmountBack != a.refunded[c.ID]:
			return mismatch(c.ID, "%d was refunded, but its refunds sum to %d", c.AmountBack, a.refunded[c.ID])
		case c.AmountBack > c.AmountTaken || c.AmountTaken > c.Amount:
			return mismatch(c.ID, "refunded %d, captured %d, authorised %d", c.AmountBack, c.AmountTaken, c.Amount)
		}
		a.taken[c.PaymentIntent] += c.AmountTaken
		if c.Status == ChargeSucceeded {
			return a.toldOnce(c, c.Created, EventChargeSucceeded)
		}
		return nil
	})
}

func (a *audit) balances(ctx context.Context) error {
	total := make(map[string]int64)
	err := each(ctx, a, func(b *BalanceTransaction) error {
		total[b.Currency] += b.Net()
		a.seen[b.ID] = true
		moved, settled := a.posted(TransferSettle, b.ID, MerchantAvailable)
		if b.Type == BalanceCharge && (settled != b.Settled || settled && moved != b.Net()) {
			return mismatch(b.ID, "its %d %s are available: %t; in the ledger: %t, %d", b.Net(), b.Currency, b.Settled, settled, moved)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, currency := range sortedKeys(a.sums) {
		if has := a.sums[currency][MerchantPending] + a.sums[currency][MerchantAvailable]; has != total[currency] {
			return mismatch("balance in "+currency, "the balance transactions sum to %d, the ledger to %d", total[currency], has)
		}
	}
	return nil
}

func (a *audit) intents(ctx context.Context) error {
	return each(ctx, a, func(i *PaymentIntent) error {
		taken := a.taken[i.ID]
		switch {
		case i.Received != taken:
			return mismatch(i.ID, "it received %d, but %d was captured of its charges", i.Received, taken)
		case (i.Status == Succeeded) != (taken > 0):
			return mismatch(i.ID, "it is %s, but %d was captured", i.Status, taken)
		}
		if _, captured := a.posted(TransferCapture, i.LatestCharge, World); i.Status == RequiresCapture {
			_, voided := a.posted(TransferVoid, i.LatestCharge, World)
			if held, _ := a.posted(TransferAuthorize, i.LatestCharge, CustomerHold); held != i.Capturable || captured || voided {
				return mismatch(i.ID, "%d can be captured, but the ledger holds %d (captured %t, released %t)", i.Capturable, held, captured, voided)
			}
		}
		if err := a.toldOnce(i, i.Created, EventIntentCreated); err != nil {
			return err
		}
		switch i.Status {
		case Succeeded:
			return a.toldOnce(i, i.Created, EventIntentSucceeded)
		case Canceled:
			return a.toldOnce(i, i.CanceledAt, EventIntentCanceled)
		}
		return nil
	})
}

// leftovers finds the first row whose source does not exist.
func (a *audit) leftovers(context.Context) error {
	for _, t := range a.order {
		if !a.seen[t.Source] {
			return mismatch(fmt.Sprintf("ledger row %d (%s)", t.Seq, t.ID), "there is no %s", t.Source)
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
