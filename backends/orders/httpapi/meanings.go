package httpapi

import (
	"reflect"
	"strings"
)

// meaning is what a member of a type means, for those whose name does not say it.
func meaning(t reflect.Type, member string) string {
	if text, ok := meanings[strings.ToLower(t.Name())+"."+member]; ok {
		return text
	}
	return meanings[member]
}

// meanings are by "type.member" in lower case, or by member for all types.
var meanings = map[string]string{
	"tax_rate":                     "In hundredths of a percent: 2000 is 20%.",
	"currency":                     "ISO 4217 in lower case.",
	"created_at":                   "UTC, to the millisecond.",
	"metadata":                     "Your own data: up to 50 names of up to 40 characters, texts of up to 500.",
	"tax_included":                 "Unit amounts and shipping contain the tax.",
	"sku":                          "Your article code.",
	"unit_amount":                  "In minor units.",
	"country":                      "Two capital letters of ISO 3166.",
	"line":                         "Id of a line of the order.",
	"quantity":                     "Units.",
	"number":                       "For people: always increasing, with gaps.",
	"order.id":                     "“ord_” and 26 characters.",
	"order.version":                "1, and one more with every change.",
	"order.erased":                 "The person was erased.",
	"neworder.draft":               "To be placed later.",
	"neworder.lines":               "1 to 200.",
	"newline.title":                "1 to 500 characters.",
	"newline.quantity":             "1 to 1,000,000.",
	"newdiscount.amount":           "In minor units, off all lines together.",
	"newdiscount.rate":             "In hundredths of a percent of the lines, instead of an amount.",
	"discount.amount":              "In minor units, as it was applied.",
	"line.subtotal":                "quantity × unit_amount.",
	"line.discount":                "Its part of the order's discount.",
	"line.tax":                     "On the goods.",
	"line.shipping":                "Its part of the shipping.",
	"line.shipping_tax":            "Its part of the tax on shipping.",
	"line.total":                   "What the customer owes for it, shipping and tax included.",
	"totals.total":                 "What the customer owes at first.",
	"totals.canceled":              "No longer owed, for canceled units.",
	"totals.authorized":            "Held by payments, not yet taken.",
	"totals.paid":                  "Taken by payments.",
	"totals.refunded":              "Given back.",
	"totals.due":                   "Still to be asked for.",
	"payment.payment":              "Id in the Payments service.",
	"payment.status":               "“starting”, then as in the Payments API.",
	"refund.status":                "pending, succeeded, failed, or partial when payments disagree.",
	"refundask.lines":              "Units to refund.",
	"refundask.shipping":           "With the shipping of these units; without lines, all that is left of it.",
	"fulfillask.lines":             "Default: everything that is left.",
	"cancelask.lines":              "Default: the whole order.",
	"imported.status":              "created, existing (by an earlier import with the same Idempotency-Key) or refused.",
	"imported.line":                "From 1.",
	"newpayment.manual_capture":    "Hold the money, to be captured later in the Payments service.",
	"paymentreply.client_secret":   "Lets the customer's browser complete the payment.",
	"paymentreply.payment":         "Id in the Payments service.",
	"newendpoint.events":           "Types of events; default: all (“*”).",
	"endpointview.secret":          "Only when it was just made.",
	"endpointview.disabled_reason": "Why the server disabled it: 410 Gone, or days of failure.",
	"attemptview.status":           "Of the answer; 0 when there was none.",
	"attemptview.answer":           "Its first bytes.",
	"actor.type":                   "key, operator or payments.",
	"eventdata.changes":            "Members of the order that changed.",
	"eventdata.order":              "The order after the change.",
	"problem.type":                 "A URI that stays the same for one kind of problem.",
	"fielderror.pointer":           "JSON Pointer into the body.",
	"fielderror.parameter":         "Name of a query parameter.",
}
