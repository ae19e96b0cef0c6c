package partners

import (
	"context"
	"fmt"

	"loot"
	"loot/desk"
	"loot/mail"
	"loot/statement"
	"loot/store"
)

// unsayPageArgs asks for the next people to be told that a notice was taken back.
type unsayPageArgs struct {
	Notice string       `json:"notice"`
	After  loot.Subject `json:"after"` // the last of the page before
}

// Kind names the job.
func (unsayPageArgs) Kind() string { return "partners.unsay_page" }

// unsayArgs tells one person that a notice was taken back.
type unsayArgs struct {
	Notice  string       `json:"notice"`
	Subject loot.Subject `json:"subject"`
}

// Kind names the job.
func (unsayArgs) Kind() string { return "partners.unsay" }

// unsayPage asks for a letter to each of the next people who were told.
func (d *Partners) unsayPage(ctx context.Context, a unsayPageArgs) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		rows, err := tx.Query(ctx, `SELECT subject FROM partners_told WHERE notice = $1 AND subject > $2 ORDER BY subject LIMIT $3`, a.Notice, a.After, pageSize)
		if err != nil {
			return fmt.Errorf("partners: unsay: %w", err)
		}
		defer rows.Close()
		var page []loot.Subject
		for rows.Next() {
			var s loot.Subject
			if err := rows.Scan(&s); err != nil {
				return fmt.Errorf("partners: unsay: %w", err)
			}
			page = append(page, s)
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("partners: unsay: %w", err)
		}
		for _, s := range page {
			if err := d.Jobs.Enqueue(ctx, tx, unsayArgs{a.Notice, s}); err != nil {
				return err
			}
		}
		if len(page) < pageSize {
			return nil
		}
		return d.Jobs.Enqueue(ctx, tx, unsayPageArgs{a.Notice, page[pageSize-1]})
	})
}

// unsay writes to somebody who was told that what they were told does not count any more.
func (d *Partners) unsay(ctx context.Context, a unsayArgs) error {
	var n notice
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		n, err = anyNotice(ctx, tx, a.Notice)
		return err
	}); err != nil || n.Ended.IsZero() {
		return err
	}
	s, to, err := d.partner(n.Partner)
	if loot.KindOf(err) == loot.NotFound {
		return nil // a later version of the statement does not name it
	}
	if err != nil {
		return err
	}
	_, err = d.Write(ctx, desk.Errand{
		By: d.actor(), Purpose: "notice", To: a.Subject, Collection: collection, ID: "partner-back-" + n.ID + "-" + string(a.Subject),
		Letter: unsaid(s, to, n, d.BaseURL),
	})
	return err
}

// unsaid is the letter that takes back what another one said.
func unsaid(s *statement.Statement, to statement.Recipient, n notice, url string) mail.Letter {
	subject, was := to.Title+" is not going to help with your services", "is going to help with your services"
	if n.Kind == succession {
		subject, was = to.Title+" does not take over "+whatMoves(s, n), "takes over "+whatMoves(s, n)
	}
	return mail.Letter{
		Subject: subject,
		Preview: "We take back what we told you.",
		Greet:   "Good day",
		Blocks: []mail.Block{
			mail.Para("We told you that " + to.Title + ", " + statement.CountryName(to.Country) + ", " + was + ". We take that back: from now on nothing of yours goes there because of it. You do not have to do anything."),
			mail.Para("If it has received something of yours already, your portal says what."),
			mail.Button("See who receives what", url+"/portal/partners"),
		},
		Why: "You get this because we told you something else before.",
	}
}
