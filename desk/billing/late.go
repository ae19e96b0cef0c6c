package billing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/store"
)

// lateFor is how long after it was used something is still charged, with a later month. Records
// of use are kept longer than that by three months, so that all of its own month is there
// when it is charged.
const lateFor = oldestUse - 100*24*time.Hour

// chargedWith returns the month with which something is charged that was used in one: its own,
// or the next one that is not drawn yet, which stays so until the transaction ends.
func (k *usageBook) chargedWith(ctx context.Context, used Month) (Month, error) {
	for m := used; ; m = m.after() {
		if open, err := k.isOpen(ctx, m); err != nil || open {
			return m, err
		}
	}
}

// lateIn is, in a query, that something of the service s is charged late with the month
// that is the parameter of a number.
func lateIn(parameter int) string {
	return fmt.Sprintf(`s.reference IN (SELECT u.service FROM billing_usage u WHERE u.late = $%d AND u.late <> '')`, parameter)
}

// lateUses returns what customers used in earlier months and are charged with one, each
// month of its own: by its plan, and beyond what is included and was charged before.
func lateUses(ctx context.Context, tx *store.Tx, titles map[string]string, who []loot.Subject, with Month, at *time.Location) (map[loot.Subject][]use, error) {
	var first, last int64
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MIN(u.at), 0), COALESCE(MAX(u.at), 0) FROM billing_usage u JOIN billing_service s ON s.reference = u.service
		WHERE u.late = $1 AND u.late <> '' AND `+among("s.subject", 2, who), asked(who, string(with))...).Scan(&first, &last); err != nil {
		return nil, fmt.Errorf("billing: late: %w", err)
	}
	if first == 0 {
		return nil, nil // as for most
	}
	out := map[loot.Subject][]use{}
	for m := monthOf(store.Instant(first), at); m <= monthOf(store.Instant(last), at); m = m.after() {
		from, to := m.span(at)
		used, err := countedOf(ctx, tx, who, from, to, with)
		if err != nil {
			return nil, err
		}
		all, err := heldIn(ctx, tx, titles, who, from, to, used)
		if err != nil {
			return nil, err
		}
		for s, uses := range all {
			for _, u := range uses {
				if len(u.counted) > 0 {
					u.late = m
					out[s] = append(out[s], u)
				}
			}
		}
	}
	return out, nil
}

// lateWords says of which months something is charged late; empty: of none.
func lateWords(uses []use) string {
	var months []string
	for _, u := range uses {
		if u.late != "" && !slices.Contains(months, u.late.String()) {
			months = append(months, u.late.String())
		}
	}
	if len(months) == 0 {
		return ""
	}
	return "It charges use of " + strings.Join(months, ", ") + ", too, which was told late."
}

// lastLate returns the last month with which something of a customer is charged late;
// empty: nothing is.
func lastLate(ctx context.Context, tx *store.Tx, s loot.Subject) (m Month, err error) {
	if err := tx.QueryRow(ctx, `SELECT COALESCE(MAX(u.late), '') FROM billing_usage u JOIN billing_service s ON s.reference = u.service WHERE s.subject = $1`, s).Scan(&m); err != nil {
		return "", fmt.Errorf("billing: late: %w", err)
	}
	return m, nil
}
