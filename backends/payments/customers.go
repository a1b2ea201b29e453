package payments

import (
	"context"
	"errors"

	"github.com/aditechsphere/fairway/backends/internal/id"
)

// CreateCustomer makes a customer, with a payment method if one is given.
func (s *Service) CreateCustomer(ctx context.Context, request Request, params CustomerParams) (Reply, error) {
	if refusal := checkEmail("email", params.Email.Value); refusal != nil {
		return Reply{}, refusal
	}
	added, err := s.prepare(ctx, params.Method)
	if err != nil {
		return Reply{}, err
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		customer := &Customer{Head: w.head(id.New("cus"))}
		if err := params.apply(customer); err != nil {
			return result{}, err
		}
		if err := w.store(ctx, customer); err != nil {
			return result{}, err
		}
		if err := w.tell(ctx, EventCustomerCreated, customer, nil); err != nil || !params.Method.given() {
			return result{object: customer}, err
		}
		return w.attachFirst(ctx, customer, params.Method, added)
	})
}

func (p *CustomerParams) apply(customer *Customer) error {
	p.Email.apply(&customer.Email)
	p.Name.apply(&customer.Name)
	p.Phone.apply(&customer.Phone)
	p.Description.apply(&customer.Description)
	p.Address.apply(&customer.Address)
	p.Shipping.apply(&customer.Shipping)
	if refusal := p.Metadata.apply(&customer.Metadata); refusal != nil {
		return refusal
	}
	return nil
}

// attachFirst attaches a payment method to a new customer.
func (w *work) attachFirst(ctx context.Context, customer *Customer, source MethodSource, added *PaymentMethod) (result, error) {
	method, err := w.methodOf(ctx, source, added)
	if err != nil {
		return result{}, err
	}
	done, err := w.attachTo(ctx, method, customer)
	if err != nil || done.refusal != nil {
		return result{}, errors.Join(err, asError(done.refusal))
	}
	return result{object: customer}, nil
}

// asError keeps a nil refusal from becoming an error.
func asError(refusal *Error) error {
	if refusal == nil {
		return nil
	}
	return refusal
}

// methodOf is the payment method of a source.
func (w *work) methodOf(ctx context.Context, source MethodSource, added *PaymentMethod) (*PaymentMethod, error) {
	if added = fresh(added); added != nil {
		return added, w.store(ctx, added)
	}
	return lookUp[*PaymentMethod](ctx, w, "payment_method", source.ID)
}

// UpdateCustomer changes a customer.
func (s *Service) UpdateCustomer(ctx context.Context, request Request, customerID string, params CustomerParams) (Reply, error) {
	if refusal := checkEmail("email", params.Email.Value); refusal != nil {
		return Reply{}, refusal
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		customer, err := w.customer(ctx, "id", customerID)
		if err != nil {
			return result{}, err
		}
		before, err := w.shape(ctx, customer)
		if err != nil {
			return result{}, err
		}
		if err := params.apply(customer); err != nil {
			return result{}, err
		}
		if methodID := params.DefaultMethod.Value; methodID != "" {
			if _, err := w.usableMethod(ctx, "invoice_settings[default_payment_method]", methodID, customer.ID); err != nil {
				return result{}, err
			}
		}
		params.DefaultMethod.apply(&customer.DefaultMethod)
		if err := w.store(ctx, customer); err != nil {
			return result{}, err
		}
		return result{object: customer}, w.tell(ctx, EventCustomerUpdated, customer, before)
	})
}

// DeleteCustomer deletes a customer for ever and detaches what it paid with.
// What was paid stays.
func (s *Service) DeleteCustomer(ctx context.Context, request Request, customerID string) (Reply, error) {
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		customer, err := w.customer(ctx, "id", customerID)
		if err != nil {
			return result{}, err
		}
		for {
			page, err := w.List(ctx, KindMethod, Query{Limit: 100, Match: map[Column][]string{ByCustomer: {customer.ID}}})
			if err != nil {
				return result{}, err
			}
			for _, object := range page.Objects {
				if _, err := w.detach(ctx, object.(*PaymentMethod)); err != nil {
					return result{}, err
				}
			}
			if len(page.Objects) == 0 {
				break
			}
		}
		if err := w.tell(ctx, EventCustomerDeleted, customer, nil); err != nil {
			return result{}, err
		}
		*customer = Customer{Head: customer.Head, Deleted: true}
		return result{object: customer}, w.store(ctx, customer)
	})
}

// CreateMethod makes a payment method.
func (s *Service) CreateMethod(ctx context.Context, request Request, params MethodParams) (Reply, error) {
	added, err := s.prepare(ctx, params.Source)
	if err != nil {
		return Reply{}, err
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		if added == nil {
			return result{}, NoSuch("token", "card[token]", params.Source.ID)
		}
		method := fresh(added)
		params.Billing.apply(&method.Billing)
		if refusal := params.Metadata.apply(&method.Metadata); refusal != nil {
			return result{}, refusal
		}
		return result{object: method}, w.store(ctx, method)
	})
}

// UpdateMethod changes what is said of a payment method that is attached.
func (s *Service) UpdateMethod(ctx context.Context, request Request, methodID string, params MethodParams) (Reply, error) {
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		method, err := lookUp[*PaymentMethod](ctx, w, "id", methodID)
		if err != nil {
			return result{}, err
		}
		if method.Customer == "" {
			return result{}, Invalid("", "", "You must save this PaymentMethod to a customer before you can update it.")
		}
		before, err := w.shape(ctx, method)
		if err != nil {
			return result{}, err
		}
		params.Billing.apply(&method.Billing)
		if refusal := firstRefusal(params.applyExpiry(method), params.Metadata.apply(&method.Metadata)); refusal != nil {
			return result{}, refusal
		}
		if err := w.store(ctx, method); err != nil {
			return result{}, err
		}
		return result{object: method}, w.tell(ctx, EventMethodUpdated, method, before)
	})
}

func (p *MethodParams) applyExpiry(method *PaymentMethod) *Error {
	if !p.ExpMonth.Given && !p.ExpYear.Given {
		return nil
	}
	if method.Card == nil {
		return Invalid("", "card", "The PaymentMethod %s is not a card.", method.ID)
	}
	month, year := int64(method.Card.ExpMonth), int64(method.Card.ExpYear)
	p.ExpMonth.apply(&month)
	p.ExpYear.apply(&year)
	switch {
	case month < 1 || month > 12:
		return Declined(CodeInvalidExpiryMonth, "", "card[exp_month]", "Your card's expiration month is invalid.")
	case year < 2000 || year > 2200:
		return Declined(CodeInvalidExpiryYear, "", "card[exp_year]", "Your card's expiration year is invalid.")
	}
	changed := *method.Card
	changed.ExpMonth, changed.ExpYear = int(month), int(year)
	method.Card = &changed
	return nil
}

// AttachMethod gives a payment method to a customer, so that it can be used
// again.
func (s *Service) AttachMethod(ctx context.Context, request Request, methodID, customerID string) (Reply, error) {
	added, err := s.prepare(ctx, MethodSource{ID: methodID})
	if err != nil {
		return Reply{}, err
	}
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		customer, err := w.customer(ctx, "customer", customerID)
		if err != nil {
			return result{}, err
		}
		method := fresh(added)
		if method == nil {
			method, err = lookUp[*PaymentMethod](ctx, w, "id", methodID)
		} else {
			err = w.store(ctx, method)
		}
		if err != nil {
			return result{}, err
		}
		return w.attachTo(ctx, method, customer)
	})
}

func (w *work) attachTo(ctx context.Context, method *PaymentMethod, customer *Customer) (result, error) {
	switch {
	case method.Customer == customer.ID:
		return result{object: method}, nil
	case method.Customer != "":
		return result{}, Invalid(CodeMethodUnexpectedState, "",
			"The payment method you provided has already been attached to a customer.")
	case method.Detached:
		return result{}, Invalid(CodeMethodUnexpectedState, "", "This PaymentMethod was previously used without being attached to a Customer "+
			"or was detached from a Customer, and may not be used again.")
	}
	if refusal := w.Processor.CheckMethod(method.MethodDetails); refusal != nil {
		return result{refusal: refusal}, nil //nolint:nilerr // a refusal is a result
	}
	method.Customer = customer.ID
	if err := w.store(ctx, method); err != nil {
		return result{}, err
	}
	return result{object: method}, w.tell(ctx, EventMethodAttached, method, nil)
}

// DetachMethod takes a payment method from its customer. It cannot be used
// again.
func (s *Service) DetachMethod(ctx context.Context, request Request, methodID string) (Reply, error) {
	return s.run(ctx, request, func(ctx context.Context, w *work) (result, error) {
		method, err := lookUp[*PaymentMethod](ctx, w, "id", methodID)
		if err != nil {
			return result{}, err
		}
		if method.Customer == "" {
			return result{}, Invalid(CodeMethodUnexpectedState, "", "The payment method you provided is not attached to a customer so detachment is impossible.")
		}
		customer, err := find[*Customer](ctx, w, method.Customer)
		if err != nil {
			return result{}, err
		}
		if customer.DefaultMethod == method.ID {
			customer.DefaultMethod = ""
			if err := w.store(ctx, customer); err != nil {
				return result{}, err
			}
		}
		return w.detach(ctx, method)
	})
}

func (w *work) detach(ctx context.Context, method *PaymentMethod) (result, error) {
	before, err := w.shape(ctx, method)
	if err != nil {
		return result{}, err
	}
	method.Customer, method.Detached = "", true
	if err := w.store(ctx, method); err != nil {
		return result{}, err
	}
	return result{object: method}, w.tell(ctx, EventMethodDetached, method, before)
}
