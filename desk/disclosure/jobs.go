package disclosure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"loot"
	"loot/desk"
	"loot/mail"
	"loot/statement"
	"loot/store"
)

// remindBefore is how long before its day whoever deals with a request is reminded.
const remindBefore = 3 * 24 * time.Hour

// sweepArgs asks to look for what is due.
type sweepArgs struct{}

// Kind names the job.
func (sweepArgs) Kind() string { return "disclosure.sweep" }

// sweep reminds colleagues of what is due soon and of mail, ends orders to preserve whose
// day has passed, and removes mail that became no request.
func (d *disclosure) sweep(ctx context.Context, _ sweepArgs) error {
	var letters []mail.Message
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		var err error
		if letters, err = d.reminders(ctx, tx); err != nil {
			return err
		}
		more, err := d.mailReminders(ctx, tx)
		if err != nil {
			return err
		}
		letters = append(letters, more...)
		if err := d.endHolds(ctx, tx); err != nil {
			return err
		}
		return d.removeMail(ctx, tx)
	}); err != nil {
		return err
	}
	failed := 0
	for _, m := range letters {
		if err := d.Mail.Send(ctx, m); err != nil && !errors.Is(err, mail.ErrRejected) {
			failed++
		}
	}
	if failed > 0 {
		d.Log.WarnContext(ctx, "colleagues could not be reminded of requests from outside; the console shows what is due", "letters", failed)
	}
	return nil
}

// reminders are letters to those who deal with what is due soon. They say nothing of
// whom it is about.
func (d *disclosure) reminders(ctx context.Context, tx *store.Tx) (out []mail.Message, err error) {
	now := d.Now()
	near, err := requests(ctx, tx, `closed = 0 AND outcome = '' AND reminded = 0 AND due <= $1 ORDER BY due, id LIMIT 200`, now.Add(remindBefore).UnixMicro())
	if err != nil {
		return nil, err
	}
	for _, r := range near {
		r.Reminded = now
		if err := updateRequest(ctx, tx, r); err != nil {
			return nil, err
		}
		who, address, err := d.needs.Staff.Member(ctx, tx, r.Owner)
		if err != nil {
			return nil, err
		}
		if who.ID == "" || address == "" {
			continue
		}
		m, err := mail.Letter{
			Subject: "A request from outside is due soon", Greet: "Good day",
			Blocks: []mail.Block{
				mail.Para("You deal with the request " + reference(r.ID) + ". An answer is due by " + lastDay(r.Due).Format("2 January 2006") + ", and a refusal is an answer, too."),
				mail.Button("Open the request", d.BaseURL+home+"/"+r.ID),
			},
			Why: "You get this because you deal with it. What it is about stands in the console alone.",
		}.Message(d.House(), "disclosure-"+r.ID, address)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// mailReminders are letters to those who may look at mail, once for each that nobody looked
// at for days; one letter has all of them.
func (d *disclosure) mailReminders(ctx context.Context, tx *store.Tx) (out []mail.Message, err error) {
	now := d.Now()
	n, err := tx.Exec(ctx, `UPDATE disclosure_mail SET reminded = $1 WHERE aside = 0 AND reminded = 0 AND at <= $2`, now.UnixMicro(), now.Add(-remindAfter).UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("disclosure: mail: %w", err)
	}
	if n == 0 {
		return nil, nil
	}
	all, err := d.needs.Staff.Everybody(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		who, address, err := d.needs.Staff.Member(ctx, tx, one.ID)
		if err != nil {
			return nil, err
		}
		if address == "" {
			continue
		}
		if sees, err := d.sight(ctx, tx, who); err != nil {
			return nil, err
		} else if sees != everything {
			continue
		}
		m, err := mail.Letter{
			Subject: "Mail of authorities waits", Greet: "Good day",
			Blocks: []mail.Block{
				mail.Para("Mail came to the address for authorities and courts and has waited for days. A request in it may have a day by which it is due."),
				mail.Button("Open the queue", d.BaseURL+home),
			},
			Why: "You get this because your role approves. What it says stands in the console alone.",
		}.Message(d.House(), loot.NewID("l"), address)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// endHolds closes what was only to be preserved, once its day has passed.
func (d *disclosure) endHolds(ctx context.Context, tx *store.Tx) error {
	due, err := requests(ctx, tx, `closed = 0 AND kind = $1 AND outcome = $2 AND hold <= $3 ORDER BY id LIMIT 200`, preservation, preserved, d.Now().UnixMicro())
	if err != nil {
		return err
	}
	for _, r := range due {
		r.Closed = d.Now()
		if err := updateRequest(ctx, tx, r); err != nil {
			return err
		}
		a, err := d.findAuthority(ctx, tx, r.Authority, "")
		if err != nil {
			return err
		}
		if err := d.noted(ctx, tx, r, a, d.actor(), "closed", r.Outcome); err != nil {
			return err
		}
	}
	return nil
}

const (
	lapsing    = "Requests from outside"
	whyLapsing = "answered so long ago that the law does not need them"

	lapsingMail    = "Mail to the address for authorities"
	whyLapsingMail = "not entered as a request"
)

// keptUntil returns until when a request is kept: as long after it was closed as the
// statement says, and never less than the secrecy that was ordered with it.
func keptUntil(s *statement.Statement, r request) time.Time {
	p, ok := s.Purpose(purpose)
	if !ok || r.Closed.IsZero() {
		return time.Time{}
	}
	until := p.Keep.After(r.Closed.UTC())
	if r.Gag.After(until) {
		return r.Gag
	}
	return until
}

// isOver reports whether a request is kept no longer.
func (d *disclosure) isOver(s *statement.Statement, r request) bool {
	until := keptUntil(s, r)
	return !until.IsZero() && !until.After(d.Now())
}

// removeArgs asks to remove requests that are kept no longer.
type removeArgs struct{}

// Kind names the job.
func (removeArgs) Kind() string { return "disclosure.remove" }

// removeSize is how many requests are looked at by one transaction.
const removeSize = 500

// remove removes, once a day, the requests that were closed so long ago that the law does
// not need them. One about somebody whose record an order to preserve holds stays.
func (d *disclosure) remove(ctx context.Context, _ removeArgs) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	p, _ := s.Purpose(purpose)
	var at int64
	after := ""
	for n := removeSize; n == removeSize; {
		if err := d.Gate.InTx(ctx, func(tx *store.Tx) error {
			closed, err := requests(ctx, tx, `closed > 0 AND closed <= $1 AND (closed, id) > ($2, $3) ORDER BY closed, id LIMIT $4`, p.Keep.AboutBefore(d.Now()).UnixMicro(), at, after, removeSize)
			if n = len(closed); err != nil || n == 0 {
				return err
			}
			at, after = closed[n-1].Closed.UnixMicro(), closed[n-1].ID
			return d.removeOver(ctx, tx, slices.DeleteFunc(closed, func(r request) bool { return !d.isOver(s, r) }))
		}); err != nil {
			return err
		}
	}
	return nil
}

func (d *disclosure) removeOver(ctx context.Context, tx *store.Tx, over []request) error {
	var people []loot.Subject
	for _, r := range over {
		people = append(people, r.Subject)
	}
	stay, err := d.Gate.Stays(ctx, tx, name, collection, people)
	if err != nil {
		return err
	}
	n := 0
	for _, r := range over {
		if stay.Of(r.Subject) {
			continue
		}
		for _, q := range []string{`DELETE FROM disclosure_note WHERE request = $1`, `DELETE FROM disclosure_file WHERE request = $1`, `DELETE FROM disclosure_request WHERE id = $1`} {
			if _, err := tx.Exec(ctx, q, r.ID); err != nil {
				return fmt.Errorf("disclosure: remove: %w", err)
			}
		}
		n++
	}
	if err := d.Held(ctx, tx, name, lapsing, stay.Clause, stay.Needed, len(over)-n); err != nil {
		return err
	}
	return d.Erased(ctx, tx, name, desk.Lapse{What: lapsing, Why: whyLapsing, Clause: Keeps[1], Count: n})
}

// removeMail removes what was put aside, and what nobody looked at, once its time is over.
func (d *disclosure) removeMail(ctx context.Context, tx *store.Tx) error {
	old, err := mailsToGo(ctx, tx, d.Now(), ` LIMIT 500`+tx.ForUpdate())
	if err != nil {
		return err
	}
	for _, m := range old {
		if err := endMail(ctx, tx, m.ID); err != nil {
			return err
		}
		why := "It waited for " + strconv.Itoa(keptWaiting) + " months."
		if !m.Aside.IsZero() {
			why = "It was put aside."
		}
		if err := d.mailNoted(ctx, tx, m, request{}, d.actor(), "erased", why); err != nil {
			return err
		}
	}
	return d.Erased(ctx, tx, name, desk.Lapse{What: lapsingMail, Why: whyLapsingMail, Clause: Keeps[1], Count: len(old)})
}

// mailsToGo returns the mails that go until then, without what they say.
func mailsToGo(ctx context.Context, tx *store.Tx, until time.Time, more string) (out []letterIn, err error) {
	rows, err := tx.Query(ctx, `SELECT id, at, sha256, aside FROM disclosure_mail WHERE (aside = 0 AND at <= $1) OR (aside > 0 AND aside <= $2) ORDER BY at, id`+more,
		until.AddDate(0, -keptWaiting, 0).UnixMicro(), until.AddDate(0, 0, -keptAside).UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("disclosure: mails: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var m letterIn
		var at, aside int64
		if err := rows.Scan(&m.ID, &at, &m.SHA256, &aside); err != nil {
			return nil, fmt.Errorf("disclosure: mails: %w", err)
		}
		m.At, m.Aside = store.Instant(at), store.Instant(aside)
		out = append(out, m)
	}
	return out, rows.Err()
}

// lapses foretells what goes because its time is over.
func (d *disclosure) lapses(ctx context.Context, tx *store.Tx, until time.Time) ([]desk.Lapse, error) {
	s, err := d.inForce()
	if err != nil {
		return nil, err
	}
	p, _ := s.Purpose(purpose)
	closed, err := requests(ctx, tx, `closed > 0 AND closed <= $1 ORDER BY closed, id`, p.Keep.AboutBefore(until).UnixMicro())
	if err != nil {
		return nil, err
	}
	old, err := mailsToGo(ctx, tx, until, "")
	if err != nil {
		return nil, err
	}
	var out []desk.Lapse
	add := func(at time.Time, what, why string) {
		day := desk.DayOf(at)
		if n := len(out); n > 0 && out[n-1].Day.Equal(day) && out[n-1].What == what {
			out[n-1].Count++
			return
		}
		out = append(out, desk.Lapse{Day: day, What: what, Why: why, Clause: Keeps[1], Count: 1})
	}
	for _, r := range closed {
		if at := keptUntil(s, r); !at.IsZero() && !at.After(until) {
			add(at, lapsing, whyLapsing)
		}
	}
	for _, m := range old {
		add(m.goes(), lapsingMail, whyLapsingMail)
	}
	return out, nil
}

// An exportedRequest is one in a person's copy.
type exportedRequest struct {
	Asked    string       `json:"asked_by"` // kind of who asked, as the statement calls it
	Country  string       `json:"country"`
	Basis    string       `json:"legal_basis"`
	Entered  time.Time    `json:"entered"`
	Outcome  string       `json:"outcome,omitempty"`
	Answered time.Time    `json:"answered,omitzero"`
	Details  []loot.Field `json:"details,omitempty"`
}

// export returns what this desk keeps about a person. What is secret is not there, as
// it is not in their timeline; what is only preserved does not show either.
func (d *disclosure) export(ctx context.Context, tx *store.Tx, whose loot.Subject) (any, error) {
	list, err := requests(ctx, tx, `subject = $1 AND gag <= $2 AND kind = $3 ORDER BY opened, id`, string(whose), d.Now().UnixMicro(), answering)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	s, err := d.inForce()
	if err != nil {
		return nil, err
	}
	// What an order holds beyond its time must not show.
	list = slices.DeleteFunc(list, func(r request) bool { return d.isOver(s, r) })
	if len(list) == 0 {
		return nil, nil
	}
	var out []exportedRequest
	for _, r := range list {
		a, err := d.findAuthority(ctx, tx, r.Authority, "")
		if err != nil {
			return nil, err
		}
		b, _ := basisOf(r.Basis)
		one := exportedRequest{Asked: a.Recipient, Country: a.Country, Basis: b.title, Entered: r.Opened.UTC(), Outcome: r.Outcome}
		if !r.Answered.IsZero() {
			one.Answered, one.Details = r.Answered.UTC(), r.Fields
		}
		out = append(out, one)
	}
	return out, nil
}

// forget removes whom requests are about and all that was written of them; that there
// was a request, of whom and with which outcome stays for as long as it is kept.
func (d *disclosure) forget(ctx context.Context, tx *store.Tx, s loot.Subject) error {
	for _, q := range []string{
		`DELETE FROM disclosure_note WHERE request IN (SELECT id FROM disclosure_request WHERE subject = $1)`,
		`DELETE FROM disclosure_file WHERE request IN (SELECT id FROM disclosure_request WHERE subject = $1)`,
		`UPDATE disclosure_request SET subject = '', fields = '', approval = '', version = version + 1 WHERE subject = $1`,
	} {
		if _, err := tx.Exec(ctx, q, string(s)); err != nil {
			return fmt.Errorf("disclosure: forget: %w", err)
		}
	}
	return nil
}
