package orders

import (
	"context"
	"fmt"
	"strings"
	"unicode"
)

// Erase removes whatever tells who a customer is from all orders with an
// e-mail address, and from their events; amounts stay. It returns how many.
func (s *Service) Erase(ctx context.Context, actor Actor, email string) (erased int, err error) {
	email = NormalEmail(email)
	if email == "" || strings.ContainsFunc(email, unicode.IsControl) {
		return 0, invalid("/email", "must be the e-mail address of the customer")
	}
	const batch = 20
	for {
		var found []string
		err := s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
			if found, err = tx.OrdersOf(ctx, email, batch); err != nil {
				return err
			}
			for _, id := range found {
				if err := s.eraseOne(ctx, tx, actor, id); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return erased, fmt.Errorf("erasing a person: %w", err)
		}
		if erased += len(found); len(found) < batch {
			return erased, nil
		}
	}
}

func (s *Service) eraseOne(ctx context.Context, tx Tx, actor Actor, id string) error {
	order, err := tx.Order(ctx, id)
	if err != nil {
		return err
	}
	order.erase()
	s.touch(&order)
	document, err := tx.Update(ctx, order)
	if err != nil {
		return err
	}
	if err := tx.RewriteEvents(ctx, id, func(data []byte) ([]byte, error) { return scrub(data, document) }); err != nil {
		return err
	}
	if err := tx.ScrubReplies(ctx, id); err != nil {
		return err
	}
	event, err := newEvent(EventErased, actor, nil, order, document)
	if err != nil {
		return err
	}
	return tx.AppendEvent(ctx, event)
}

// NormalEmail is an e-mail address as it is compared.
func NormalEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
