package billing

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/desk/billing/invoice"
	"loot/mail"
	"loot/store"
	"loot/vault"
)

// pageArgs asks for the next customers of a month to be drawn.
type pageArgs struct {
	Month Month        `json:"month"`
	After loot.Subject `json:"after"`
}

// Kind names the job.
func (pageArgs) Kind() string { return "billing.run" }

// tellArgs asks for a customer to be told that an invoice waits.
type tellArgs struct {
	Subject loot.Subject `json:"subject"`
	Month   Month        `json:"month"`
}

// Kind names the job.
func (tellArgs) Kind() string { return "billing.tell" }

// hourlyArgs asks for what is done by itself.
type hourlyArgs struct{}

// Kind names the job.
func (hourlyArgs) Kind() string { return "billing.hourly" }

const (
	pageOf    = 20 // customers who are drawn together
	pagesOnce = 50 // that one job draws before it makes room for others
)

// A run is the drawing of a month.
type run struct {
	Month   Month
	Started time.Time
	Author  string // staff id; empty: it began by itself
	Members int
	Seen    int
	Last    loot.Subject
	Done    time.Time // zero: it runs
}

func findRun(ctx context.Context, tx *store.Tx, m Month) (r run, known bool, err error) {
	var started, done int64
	err = tx.QueryRow(ctx, `SELECT month, started, author, members, seen, last, done FROM billing_run WHERE month = $1`, string(m)).
		Scan(&r.Month, &started, &r.Author, &r.Members, &r.Seen, &r.Last, &done)
	if errors.Is(err, sql.ErrNoRows) {
		return run{Month: m}, false, nil
	}
	if err != nil {
		return r, false, fmt.Errorf("billing: run: %w", err)
	}
	r.Started, r.Done = store.Instant(started), store.Instant(done)
	return r, true, nil
}

// startRun begins to draw a month, once; it reports false if that was done before. Again
// draws one that was drawn once more, for those who came later: who has an invoice gets
// no other.
func (b *Billing) startRun(ctx context.Context, m Month, by loot.Actor, again bool) (began bool, err error) {
	v, err := b.inForce()
	if err != nil {
		return false, err
	}
	if missing := b.seller.of(v.Front()).missing(m); len(missing) > 0 {
		return false, loot.Errorf(loot.Conflict, "No invoice can be issued yet. Missing: %s", strings.Join(missing, " "))
	}
	from, to := m.span(b.seller.place())
	if b.Now().Before(to) {
		return false, loot.Errorf(loot.Conflict, "%s is not over yet, so it cannot be invoiced.", m)
	}
	before := `NOTHING`
	if again { // but not one that is just being drawn
		before = `UPDATE SET members = excluded.members, seen = 0, last = '', done = 0 WHERE billing_run.done <> 0`
	}
	err = b.DB.InTx(ctx, func(tx *store.Tx) error {
		members, err := countMembers(ctx, tx, from, to)
		if err != nil {
			return err
		}
		author := ""
		if by.Kind == loot.Staff {
			author = by.ID
		}
		n, err := tx.Exec(ctx, `INSERT INTO billing_run (month, started, author, members, seen, last, done) VALUES ($1, $2, $3, $4, 0, '', 0) ON CONFLICT (month) DO `+before,
			string(m), b.Now().UnixMicro(), author, members)
		if err != nil {
			return fmt.Errorf("billing: run: %w", err)
		}
		if began = n == 1; !began {
			return nil
		}
		if err := closeMonth(ctx, tx, m, b.Now()); err != nil {
			return err
		}
		if _, err := b.Gate.Note(ctx, tx, by, "invoices.run", string(m)); err != nil {
			return err
		}
		return b.Jobs.Enqueue(ctx, tx, pageArgs{Month: m})
	})
	return began, err
}

// runPages draws the next pages of a run and has those after them drawn. It may be
// killed at any point and done again: it goes on from where the run is, who has an
// invoice gets no other, and a further job is asked for in the transaction that notes
// how far the run is.
func (b *Billing) runPages(ctx context.Context, a pageArgs) error {
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) error {
		r, _, err := findRun(ctx, tx, a.Month)
		a.After = max(a.After, r.Last)
		return err
	}); err != nil {
		return err
	}
	for n := 1; ; n++ {
		next, err := b.runPage(ctx, a, n == b.pages)
		if err != nil || next == "" {
			return err
		}
		a.After = next
	}
}

// runPage draws a page and returns the last of it, if others come after them and nobody
// else draws those. With hand, a job of its own does.
func (b *Billing) runPage(ctx context.Context, a pageArgs, hand bool) (next loot.Subject, err error) {
	from, to := a.Month.span(b.seller.place())
	var members []loot.Subject
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		members, err = membersOf(ctx, tx, from, to, a.After, b.pageOf)
		return err
	}); err != nil {
		return "", err
	}
	if err := b.drawAll(ctx, a.Month, members); err != nil {
		return "", err
	}
	err = b.DB.InTx(ctx, func(tx *store.Tx) error {
		next = ""
		last, done := a.After, int64(0)
		if len(members) > 0 {
			last = members[len(members)-1]
		}
		if len(members) < b.pageOf {
			done = b.Now().UnixMicro()
		}
		n, err := tx.Exec(ctx, `UPDATE billing_run SET seen = seen + $1, last = $2, done = $3 WHERE month = $4 AND last = $5 AND done = 0`, len(members), last, done, string(a.Month), a.After)
		if err != nil {
			return fmt.Errorf("billing: run: %w", err)
		}
		if n == 0 {
			return nil // the same page was done before
		}
		if done != 0 {
			return b.startPreview(ctx, tx, a.Month, b.Now(), true)
		}
		if hand {
			return b.Jobs.Enqueue(ctx, tx, pageArgs{a.Month, last})
		}
		next = last
		return nil
	})
	return next, err
}

// hourly issues what waits and has all that it waited for, begins the month that
// has passed, and reminds of what is not paid.
func (b *Billing) hourly(ctx context.Context, _ hourlyArgs) error {
	v, ok := b.Gate.InForce()
	if !ok {
		return nil // nothing was ordered before there was a statement
	}
	var failed []error // what fails keeps nothing else from being done
	if seller := b.seller.of(v.Statement.Front()); len(seller.missing("")) == 0 {
		failed = append(failed, b.retry(ctx, slices.MaxFunc([]time.Time{b.sold, v.Effective}, time.Time.Compare)))
		if last := b.thisMonth().before(); seller.Auto && len(seller.missing(last)) == 0 {
			_, err := b.startRun(ctx, last, b.actor(), false)
			failed = append(failed, err)
		}
	}
	return errors.Join(append(failed, b.remindAll(ctx))...)
}

// retry draws again what waited for details that are there by now, and what was
// found wrong, as prices and rules may have been put right. The seller is since settled
// what it is now.
func (b *Billing) retry(ctx context.Context, settled time.Time) error {
	after := pending{}
	for {
		var list []pending
		var again []pending
		if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
			again = nil
			if list, err = readPending(ctx, tx, `WHERE (subject, month) > ($1, $2) ORDER BY subject, month LIMIT 200`, after.Subject, string(after.Month)); err != nil {
				return err
			}
			for _, p := range list {
				ready, err := b.ready(ctx, tx, p, settled)
				if err != nil {
					return err
				}
				if ready {
					again = append(again, p)
				}
			}
			return nil
		}); err != nil {
			return err
		}
		for _, p := range again {
			if err := b.drawAll(ctx, p.Month, []loot.Subject{p.Subject}); err != nil {
				return err
			}
		}
		if len(list) < 200 {
			return nil
		}
		after = list[len(list)-1]
	}
}

// ready reports whether all that an invoice waits for was given. What waits for the
// seller's VAT number, or for a fault to be put right, is not looked at every hour: only
// what the seller is or a decision makes it ready, or its customer's details, if any of
// these changed since.
func (b *Billing) ready(ctx context.Context, tx *store.Tx, p pending, settled time.Time) (bool, error) {
	held, err := b.Vault.Held(ctx, tx, p.Subject, collection)
	if loot.KindOf(err) == loot.NotFound || vault.Damaged(err) {
		return true, nil // drawing it finds that nobody is there any more, or says that it cannot be read
	}
	if err != nil {
		return false, err
	}
	stands := p.Finding.Unregistered
	if p.Finding.Fault != "" && b.faulty != nil {
		if stands, err = b.faulty(ctx, tx, p.Subject, p.Finding.Fault); err != nil {
			return false, err
		}
	}
	if stands && p.Since.After(settled) {
		row, err := b.Vault.Row(ctx, tx, p.Subject, collection) // also of a change that took something away
		return !p.Since.After(row.Changed), err
	}
	return !slices.ContainsFunc(p.Missing, func(f loot.Field) bool { _, ok := held[f]; return !ok }), nil
}

// tell writes to a customer that an invoice waits, and for what: once for what is missing
// and once for a fault.
func (b *Billing) tell(ctx context.Context, a tellArgs) error {
	var waits []pending
	var chosen string
	if err := b.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if waits, err = readPending(ctx, tx, `WHERE subject = $1 AND month = $2`, a.Subject, string(a.Month)); err != nil {
			return err
		}
		chosen, err = languageOf(ctx, tx, a.Subject)
		return err
	}); err != nil {
		return err
	}
	if len(waits) == 0 || !waits[0].Told.IsZero() || !waits[0].theirs() {
		return nil
	}
	s, err := b.inForce()
	if err != nil {
		return err
	}
	fault, id := waits[0].Finding.Fault, "invoice-waits-"+string(a.Month)+"-"+string(a.Subject)
	language := cmp.Or(chosen, b.seller.Language)
	w, period := invoice.LetterWordsIn(language), a.Month.days().Words(language)
	why := []mail.Block{mail.Para(fmt.Sprintf(w.Missing, period, strings.Join(s.Titles(waits[0].Missing...), ", "))), mail.Para(w.Give)}
	if fault != "" {
		id += "-" + string(fault)
		why = []mail.Block{mail.Para(fmt.Sprintf(w.Faulty, period, s.Titles(fault)[0])), mail.Para(w.Mend)}
	}
	// The note that it went out is made after it did: a crash in between sends
	// the same message again, which mail programs show once, and loses none. Who
	// cannot be written to sees it in the portal.
	sent, err := b.Write(ctx, desk.Errand{By: b.actor(), Purpose: "service", To: a.Subject, Collection: collection, ID: id, Letter: mail.Letter{
		Language: language, Subject: fmt.Sprintf(w.Waits, period), Greet: w.Greet,
		Blocks: append(why, mail.Button(w.Look, b.BaseURL+"/portal/invoices")),
		Why:    w.Held,
	}})
	if err != nil || !sent {
		return err
	}
	_, err = b.DB.Exec(ctx, `UPDATE billing_pending SET told = $1 WHERE subject = $2 AND month = $3 AND fault = $4 AND told = 0`, b.Now().UnixMicro(), a.Subject, string(a.Month), string(fault))
	return err
}
