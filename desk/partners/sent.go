package partners

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"loot"
	"loot/store"
)

// A sent is what a partner has of somebody for a purpose.
type sent struct {
	Partner    string
	Subject    loot.Subject
	Purpose    loot.Purpose
	Reference  string
	Fields     []loot.Field
	First      time.Time
	Last       time.Time
	Times      int
	Succession bool
	Deletion   string // id of the request to delete it; empty: none stands
}

// sentTo returns what partners have of somebody.
func sentTo(ctx context.Context, tx *store.Tx, s loot.Subject) (out []sent, err error) {
	rows, err := tx.Query(ctx, `SELECT partner, subject, purpose, reference, fields, first, last, times, succession, deletion FROM partners_sent WHERE subject = $1 ORDER BY partner, purpose`, s)
	if err != nil {
		return nil, fmt.Errorf("partners: sent: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var one sent
		var fields string
		var first, last, moved int64
		if err := rows.Scan(&one.Partner, &one.Subject, &one.Purpose, &one.Reference, &fields, &first, &last, &one.Times, &moved, &one.Deletion); err != nil {
			return nil, fmt.Errorf("partners: sent: %w", err)
		}
		if err := json.Unmarshal([]byte(fields), &one.Fields); err != nil {
			return nil, fmt.Errorf("partners: sent: %w", err)
		}
		one.First, one.Last, one.Succession = store.Instant(first), store.Instant(last), moved != 0
		out = append(out, one)
	}
	return out, rows.Err()
}

// An exported is what a person's copy says about partners.
type exported struct {
	Received  []exportedSent   `json:"received"`
	Announced []exportedNotice `json:"announced"`
}

type exportedSent struct {
	Partner   string       `json:"partner"`
	Purpose   loot.Purpose `json:"purpose"`
	Reference string       `json:"reference"`
	Fields    []loot.Field `json:"details"`
	First     time.Time    `json:"first"`
	Last      time.Time    `json:"last"`
	Times     int          `json:"times"`
	Deletion  string       `json:"request_to_delete,omitempty"`
}

type exportedNotice struct {
	Partner string    `json:"partner"`
	Kind    string    `json:"kind"`
	Told    time.Time `json:"told"`
}

// export returns what this desk keeps about a person.
func (d *Partners) export(ctx context.Context, tx *store.Tx, s loot.Subject) (any, error) {
	list, err := sentTo(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	var out exported
	for _, one := range list {
		out.Received = append(out.Received, exportedSent{one.Partner, one.Purpose, one.Reference, one.Fields, one.First, one.Last, one.Times, one.Deletion})
	}
	rows, err := tx.Query(ctx, `SELECT n.partner, n.kind, t.at FROM partners_told t JOIN partners_notice n ON n.id = t.notice WHERE t.subject = $1 ORDER BY t.at, n.id`, s)
	if err != nil {
		return nil, fmt.Errorf("partners: export: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var one exportedNotice
		var at int64
		if err := rows.Scan(&one.Partner, &one.Kind, &at); err != nil {
			return nil, fmt.Errorf("partners: export: %w", err)
		}
		one.Told = store.Instant(at)
		out.Announced = append(out.Announced, one)
	}
	if len(out.Received)+len(out.Announced) == 0 {
		return nil, rows.Err()
	}
	return out, rows.Err()
}

// forget asks partners to delete what they have of somebody who is erased, and removes what
// this desk keeps about them. The requests name nobody from then on.
func (d *Partners) forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	list, err := sentTo(ctx, tx, s)
	if err != nil {
		return err
	}
	for _, one := range list {
		if one.Deletion != "" {
			continue
		}
		if err := d.askToDelete(ctx, tx, one, becauseErased); err != nil {
			return err
		}
	}
	for _, q := range []string{
		`DELETE FROM partners_sent WHERE subject = $1`, `DELETE FROM partners_told WHERE subject = $1`,
		// A feed that stands at them goes on no further: it begins anew.
		`UPDATE partners_delivery SET after = '' WHERE after = $1 AND ended = 0`,
	} {
		if _, err := tx.Exec(ctx, q, s); err != nil {
			return fmt.Errorf("partners: forget: %w", err)
		}
	}
	return nil
}
