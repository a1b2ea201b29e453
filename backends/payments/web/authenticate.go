package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/aditechsphere/fairway/backends/internal/id"
	"github.com/aditechsphere/fairway/backends/internal/look"
	"github.com/aditechsphere/fairway/backends/payments"
)

// authenticateBody is what a payer sees.
type authenticateBody struct {
	Amount      string
	Description string
	Live        bool
	Open        bool // there is something to decide
}

// authenticate shows a payer what is to be approved. Its address holds the
// operation's id, which cannot be guessed.
func (p pages) authenticate(w http.ResponseWriter, r *http.Request) {
	intent, err := p.Service.Awaited(r.Context(), r.PathValue("operation"))
	var refusal *payments.Error
	if errors.As(err, &refusal) {
		p.show(w, r, http.StatusNotFound, authenticate, look.Page{
			Title: "Payments", Heading: "There is nothing to approve here", Tone: look.Info,
			Lede: "The payment was approved, refused or canceled before, or the address is not complete.", Body: authenticateBody{},
		}, look.ContentSecurityPolicy)
		return
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	amount := amountOf(intent.Amount, intent.Currency)
	p.show(w, r, http.StatusOK, authenticate, look.Page{
		Title: "Payments", Heading: "Approve the payment of " + amount + "?", Tone: look.Info,
		Lede: "The shop asks you to confirm that it is you who pays.",
		Body: authenticateBody{Amount: amount, Description: intent.Description, Live: p.Service.Live(), Open: true},
	}, policyTo(intent.ReturnURL))
}

// policyTo is the policy of every page, with forms that may lead to the shop.
func policyTo(address string) string {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" || strings.ContainsAny(target.Host, ";,'\" ") {
		return look.ContentSecurityPolicy
	}
	return look.FormsMayLeadTo(target.Scheme + "://" + target.Host)
}

// authenticated takes the payer's decision and leads back to the shop.
func (p pages) authenticated(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<12)
	action := payments.PayerRefused
	if r.PostFormValue("decision") == "approve" {
		action = payments.PayerApproved
	}
	operationID := r.PathValue("operation")
	before, err := p.Service.Awaited(r.Context(), operationID)
	if err == nil {
		_, err = p.Service.Authenticate(r.Context(), payments.Request{ID: id.New("req")}, operationID, action)
	}
	var refusal *payments.Error
	switch {
	case errors.As(err, &refusal):
		http.Redirect(w, r, "/authenticate/"+operationID, http.StatusSeeOther)
	case err != nil:
		p.fail(w, r, err)
	case before.ReturnURL == "":
		p.show(w, r, http.StatusOK, authenticate, look.Page{
			Title: "Payments", Heading: "Thank you", Tone: look.Info, Lede: "The shop knows of your decision. You can close this window.", Body: authenticateBody{},
		}, look.ContentSecurityPolicy)
	default:
		http.Redirect(w, r, returnTo(before, action), http.StatusSeeOther)
	}
}

// returnTo is the shop's address with what Stripe adds to it.
func returnTo(intent *payments.PaymentIntent, action payments.PayerAction) string {
	target, err := url.Parse(intent.ReturnURL)
	if err != nil {
		return "/"
	}
	status := "succeeded"
	if action == payments.PayerRefused {
		status = "failed"
	}
	query := target.Query()
	query.Set("payment_intent", intent.ID)
	query.Set("payment_intent_client_secret", intent.ClientSecret)
	query.Set("redirect_status", status)
	target.RawQuery = query.Encode()
	return target.String()
}
