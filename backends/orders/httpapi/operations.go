package httpapi

import (
	"net/http"

	"github.com/aditechsphere/fairway/backends/orders"
)

// operation is one thing that the API does: the router, the OpenAPI document
// and the reference page are all made of these.
type operation struct {
	Method  string
	Path    string
	ID      string // in code that is generated from the document
	Group   string
	Summary string
	Detail  string

	Query  []parameter
	Body   any    // an example of what it takes, for its type; nil: nothing
	Takes  string // media type of the body; default JSON
	Status int    // of success
	Reply  any    // an example of what it replies with, for its type; nil: nothing
	Gives  string // media type of the reply; default JSON
	Key    bool   // an Idempotency-Key is required; otherwise POSTs that take a JSON body may have one
	Match  bool   // If-Match is required; otherwise changes of an order may have one
	Fails  []int  // statuses of failures, beside those of every operation

	serve endpoint
}

// parameter is a parameter of a query.
type parameter struct {
	Name, Detail string
	Number       bool
}

// What the API calls its parts, in the order of the reference.
const (
	groupOrders   = "Orders"
	groupChanges  = "Changing an order"
	groupMoney    = "Money"
	groupTransfer = "Import, export, erasure"
	groupWebhooks = "Events and webhooks" //nolint:gosec // a heading
)

// Groups that need lines of their own to be understood.
var groupDetails = map[string]string{
	groupOrders:   "An order is read and written as a whole. Its totals, and what discount, tax and shipping come to for each line, are settled when it is priced, by largest remainder, so that the lines sum to the order exactly.",
	groupChanges:  "Each change replies with the order as it is then. One that leads to where the order is already changes nothing and replies 200. If-Match makes sure that the order is still as you read it.",
	groupMoney:    "Payments are taken and given back by the Payments service of the same server. What it tells changes payment_status and totals, whenever and in whatever order it arrives.",
	groupTransfer: "Both directions stream: size does not matter.",
	groupWebhooks: "Every change writes one event, which stays as the order's audit log. Endpoints get each event at least once, signed in Stripe's way (Stripe-Signature) and as Standard Webhooks has it (webhook-id, webhook-timestamp, webhook-signature), and tried for 75 hours.",
}

var listFilters = []parameter{
	{"status", "Statuses, with commas between them: draft, open, completed, canceled, archived.", false},
	{"payment_status", "Payment statuses, with commas between them.", false},
	{"fulfillment_status", "Fulfilment statuses, with commas between them.", false},
	{"currency", "Currency code in lower case.", false},
	{"email", "E-mail address of the customer; case does not matter.", false},
	{"number", "The order's number.", true},
	{"created_from", "Placed then or later: a date (UTC) or a time of RFC 3339.", false},
	{"created_until", "Placed then or earlier; a date includes its day.", false},
	{"updated_from", "Changed last then or later.", false},
	{"updated_until", "Changed last then or earlier.", false},
	{"q", "Words that all occur in number, ids, customer, addresses, articles, note or metadata. A star at the end of a word stands for any ending.", false},
}

var pageParameters = []parameter{
	{"limit", "Orders in a page, 1 to 100; default 20.", true},
	{"cursor", "next_cursor of the page before.", false},
}

// orderPage is page as it is described.
type orderPage struct {
	Data       []orders.Order `json:"data"`
	NextCursor *string        `json:"next_cursor"`
}

// paymentReply is startedPayment as it is described.
type paymentReply struct {
	Payment      string       `json:"payment"`
	ClientSecret string       `json:"client_secret"`
	Status       string       `json:"status"`
	Amount       int64        `json:"amount"`
	Order        orders.Order `json:"order"`
}

func (h *handler) operations() []operation {
	const ok, made, conflict = http.StatusOK, http.StatusCreated, http.StatusConflict
	const order = "/v1/orders/{id}"
	changing := []int{http.StatusNotFound, conflict, http.StatusPreconditionFailed}
	return []operation{
		{Method: "POST", Path: "/v1/orders", ID: "createOrder", Group: groupOrders, Summary: "Place an order",
			Detail: "Lines are priced, taxed and given their shares of discount and shipping at once. With an Idempotency-Key, a repeated request makes no second order.",
			Body:   orders.NewOrder{}, Status: made, Reply: orders.Order{}, serve: change(h.create)},
		{Method: "GET", Path: "/v1/orders", ID: "listOrders", Group: groupOrders, Summary: "List and search orders",
			Detail: "Newest first; with updated_from or updated_until, latest changed first. Orders placed while you turn the pages neither shift nor repeat the others. The next page is also in the header Link.",
			Query:  append(listFilters[:len(listFilters):len(listFilters)], pageParameters...), Status: ok, Reply: orderPage{}, serve: h.list},
		{Method: "GET", Path: order, ID: "readOrder", Group: groupOrders, Summary: "Read an order",
			Detail: "The ETag changes with the order; with If-None-Match an unchanged order is a 304.",
			Status: ok, Reply: orders.Order{}, Fails: []int{http.StatusNotFound}, serve: h.read},
		{Method: "PATCH", Path: order, ID: "updateOrder", Group: groupOrders, Summary: "Change what the shop chooses",
			Detail: "Members that are left out stay as they are; entries of metadata are merged, and null removes one. Lines, discount and shipping are frozen once a payment was started.",
			Body:   orders.Patch{}, Status: ok, Reply: orders.Order{}, Match: true,
			Fails: append(changing[:3:3], http.StatusPreconditionRequired), serve: change(h.update)},
		{Method: "GET", Path: order + "/events", ID: "listOrderEvents", Group: groupOrders, Summary: "List what happened to an order",
			Detail: "The audit log, newest first: who changed what, before and after.",
			Status: ok, Reply: list[event]{}, Fails: []int{http.StatusNotFound}, serve: h.events},

		{Method: "POST", Path: order + "/place", ID: "placeOrder", Group: groupChanges, Summary: "Place a draft",
			Detail: "A draft becomes an open order: it can be paid and fulfilled.",
			Body:   nothing{}, Status: ok, Reply: orders.Order{}, Fails: changing, serve: change(h.place)},
		{Method: "POST", Path: order + "/fulfillments", ID: "fulfillOrder", Group: groupChanges, Summary: "Note that units were sent or handed over",
			Detail: "Without lines: everything that is left.",
			Body:   orders.FulfillAsk{}, Status: made, Reply: orders.Order{}, Fails: changing, serve: change(h.fulfill)},
		{Method: "POST", Path: order + "/returns", ID: "returnOrder", Group: groupChanges, Summary: "Note that units came back",
			Detail: "Only what was fulfilled can come back. Money is given back with a refund, not with this.",
			Body:   orders.ReturnAsk{}, Status: made, Reply: orders.Order{}, Fails: changing, serve: change(h.takeBack)},
		{Method: "POST", Path: order + "/cancel", ID: "cancelOrder", Group: groupChanges, Summary: "Cancel an order, or units of it",
			Detail: "Canceling all of it lets go of payments that took nothing yet; what was paid is given back with a refund.",
			Body:   orders.CancelAsk{}, Status: ok, Reply: orders.Order{}, Fails: changing, serve: change(h.cancel)},
		{Method: "POST", Path: order + "/complete", ID: "completeOrder", Group: groupChanges, Summary: "Complete an order of which nothing is left to fulfil",
			Detail: "An order that is completed already stays as it is.",
			Body:   nothing{}, Status: ok, Reply: orders.Order{}, Fails: changing, serve: change(h.complete)},
		{Method: "POST", Path: order + "/archive", ID: "archiveOrder", Group: groupChanges, Summary: "Put away an order that is completed or canceled",
			Detail: "It stays in the lists, with the status archived.",
			Body:   nothing{}, Status: ok, Reply: orders.Order{}, Fails: changing, serve: change(h.archive)},

		{Method: "POST", Path: order + "/payments", ID: "startPayment", Group: groupMoney, Summary: "Start a payment of what is due",
			Detail: "The reply has the client secret with which the customer's browser completes the payment. While the first request with the same Idempotency-Key is under way, a 409.",
			Body:   newPayment{}, Status: made, Reply: paymentReply{}, Key: true, Fails: changing, serve: change(h.startPayment)},
		{Method: "POST", Path: order + "/refunds", ID: "refundOrder", Group: groupMoney, Summary: "Give money back for units, shipping, or both",
			Detail: "Amounts come from what the lines were priced at, so that refunds never exceed what was paid. The refund is pending until the payment service has done it, usually at once.",
			Body:   orders.RefundAsk{}, Status: made, Reply: orders.Order{}, Key: true, Fails: changing, serve: change(h.refund)},

		{Method: "GET", Path: "/v1/exports/orders.csv", ID: "exportOrders", Group: groupTransfer, Summary: "Export orders as CSV",
			Detail: "Takes the filters of the list. Amounts are in minor units; text that a spreadsheet would run as a formula begins with an apostrophe.",
			Query:  listFilters, Status: ok, Reply: "", Gives: "text/csv", serve: h.export},
		{Method: "POST", Path: "/v1/imports/orders", ID: "importOrders", Group: groupTransfer, Summary: "Import orders, one in each line",
			Detail: "Each line is what POST /v1/orders takes. The reply has a line for each, while the import goes on: created, existing or refused, and why. With an Idempotency-Key, an import that broke off can be sent again.",
			Body:   orders.NewOrder{}, Takes: "application/x-ndjson", Status: ok, Reply: imported{}, Gives: "application/x-ndjson", serve: h.bring},
		{Method: "POST", Path: "/v1/erasures", ID: "erasePerson", Group: groupTransfer, Summary: "Erase a person",
			Detail: "Removes names, addresses, IP, note and metadata from all orders with the e-mail address, from their events and saved replies. Amounts stay, for the books.",
			Body:   erasure{}, Status: ok, Reply: erased{}, serve: h.erase},

		{Method: "GET", Path: "/v1/events", ID: "listEvents", Group: groupWebhooks, Summary: "List the events of all orders",
			Detail: "Newest first. Each says who did what, and what the order was after it.",
			Query: []parameter{
				{"type", "Type of event; may be repeated.", false}, {"after", "Id of the last event of the page before.", false},
				{"limit", "1 to 100; default 100.", true},
			}, Status: ok, Reply: list[event]{}, serve: h.listEvents},
		{Method: "POST", Path: "/v1/webhook_endpoints", ID: "createWebhookEndpoint", Group: groupWebhooks, Summary: "Add a webhook endpoint",
			Detail: "The reply has the secret that signs deliveries, this once.",
			Body:   orders.NewEndpoint{}, Status: made, Reply: endpointView{}, Fails: []int{conflict}, serve: change(h.createEndpoint)},
		{Method: "GET", Path: "/v1/webhook_endpoints", ID: "listWebhookEndpoints", Group: groupWebhooks, Summary: "List webhook endpoints",
			Detail: "All of them, without their secrets.",
			Status: ok, Reply: list[endpointView]{}, serve: h.listEndpoints},
		{Method: "GET", Path: "/v1/webhook_endpoints/{id}", ID: "readWebhookEndpoint", Group: groupWebhooks, Summary: "Read a webhook endpoint",
			Detail: "Without its secret, which is shown when it is made or replaced.",
			Status: ok, Reply: endpointView{}, Fails: []int{http.StatusNotFound}, serve: h.readEndpoint},
		{Method: "PATCH", Path: "/v1/webhook_endpoints/{id}", ID: "updateWebhookEndpoint", Group: groupWebhooks, Summary: "Change a webhook endpoint",
			Detail: "Members that are left out stay as they are. One that was disabled is enabled again with enabled=true.",
			Body:   orders.EndpointPatch{}, Status: ok, Reply: endpointView{}, Fails: []int{http.StatusNotFound}, serve: change(h.updateEndpoint)},
		{Method: "DELETE", Path: "/v1/webhook_endpoints/{id}", ID: "deleteWebhookEndpoint", Group: groupWebhooks, Summary: "Delete a webhook endpoint",
			Detail: "What was still to be delivered to it is dropped.",
			Status: http.StatusNoContent, Fails: []int{http.StatusNotFound}, serve: h.deleteEndpoint},
		{Method: "POST", Path: "/v1/webhook_endpoints/{id}/rotate_secret", ID: "rotateWebhookSecret", Group: groupWebhooks, Summary: "Replace an endpoint's secret",
			Detail: "The old one signs beside the new one for a day.",
			Body:   nothing{}, Status: ok, Reply: endpointView{}, Fails: []int{http.StatusNotFound}, serve: change(h.rotateSecret)},
		{Method: "GET", Path: "/v1/webhook_endpoints/{id}/deliveries", ID: "listDeliveries", Group: groupWebhooks, Summary: "List the latest deliveries to an endpoint",
			Detail: "Newest first, each with its last attempt.",
			Status: ok, Reply: list[deliveryView]{}, Fails: []int{http.StatusNotFound}, serve: h.listDeliveries},
		{Method: "POST", Path: "/v1/deliveries/{id}/replay", ID: "replayDelivery", Group: groupWebhooks, Summary: "Deliver again",
			Detail: "At once, and then by the schedule, whatever came of it before.",
			Status: http.StatusAccepted, Fails: []int{http.StatusNotFound}, serve: h.replay},
	}
}
