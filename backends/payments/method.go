package payments

// The types of payment methods.
const (
	TypeCard         = "card"
	TypeBankDebit    = "us_bank_account"
	TypeBankTransfer = "customer_balance" // a transfer that the payer makes
	TypeCash         = "cash"             // not one of Stripe's: handed to the merchant
)

// PaymentMethod is a means that was presented for payment.
type PaymentMethod struct {
	Head
	MethodDetails
	Customer string            `json:"customer,omitempty"` // id; "" when not attached
	Metadata map[string]string `json:"metadata,omitempty"`
	Detached bool              `json:"detached,omitempty"` // it was attached once and cannot be used again
}

// MethodDetails are what a payment method and the charges made with it say of
// the means of payment.
type MethodDetails struct {
	Type    string         `json:"type"`
	Card    *Card          `json:"card,omitempty"` // for TypeCard
	Bank    *Bank          `json:"bank,omitempty"` // for TypeBankDebit
	Billing BillingDetails `json:"billing_details,omitzero"`
	Token   string         `json:"token"` // what the processor calls the means
}

// Card is what may be kept of a card: never its number, never its CVC.
type Card struct {
	Brand       string `json:"brand"`   // e.g. "visa"
	Country     string `json:"country"` // of the issuer, ISO 3166-1 alpha-2
	Funding     string `json:"funding"` // "credit", "debit", "prepaid" or "unknown"
	Last4       string `json:"last4"`
	ExpMonth    int    `json:"exp_month"` // 1 to 12
	ExpYear     int    `json:"exp_year"`  // four digits
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Bank is what may be kept of a bank account.
type Bank struct {
	Name  string `json:"name"`
	Last4 string `json:"last4"`
}

// Label names the means for people: "visa ···· 4242".
func (d MethodDetails) Label() string {
	switch {
	case d.Card != nil:
		return d.Card.Brand + " ···· " + d.Card.Last4
	case d.Bank != nil:
		return d.Bank.Name + " ···· " + d.Bank.Last4
	case d.Type == TypeBankTransfer:
		return "bank transfer"
	default:
		return d.Type
	}
}

// BillingDetails say to whom a card was issued.
type BillingDetails struct {
	Name    string   `json:"name,omitempty"`
	Email   string   `json:"email,omitempty"`
	Phone   string   `json:"phone,omitempty"`
	Address *Address `json:"address,omitempty"`
}

// Shipping says where the goods go.
type Shipping struct {
	Name           string   `json:"name"`
	Phone          string   `json:"phone,omitempty"`
	Carrier        string   `json:"carrier,omitempty"`
	TrackingNumber string   `json:"tracking_number,omitempty"`
	Address        *Address `json:"address,omitempty"`
}

// Address is a postal address.
type Address struct {
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	State      string `json:"state,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"` // ISO 3166-1 alpha-2
}

// Customer is somebody who pays, now and again.
type Customer struct {
	Head
	Email         string            `json:"email,omitempty"`
	Name          string            `json:"name,omitempty"`
	Phone         string            `json:"phone,omitempty"`
	Description   string            `json:"description,omitempty"`
	Address       *Address          `json:"address,omitempty"`
	Shipping      *Shipping         `json:"shipping,omitempty"`
	Metadata      map[string]string `json:"metadata,omitempty"`
	DefaultMethod string            `json:"default_method,omitempty"` // id of a payment method
	Deleted       bool              `json:"deleted,omitempty"`
}

// Status is "active" or "deleted".
func (c *Customer) Status() string {
	if c.Deleted {
		return "deleted"
	}
	return "active"
}
