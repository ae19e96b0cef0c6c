package partners

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/mail"
	"loot/store"
)

// Why a partner has to delete something.
const (
	becauseWithdrawn = "withdrawn"
	becauseObjected  = "objected"
	becauseErased    = "erased"
)

// A partner is reminded every week of what it did not confirm, and a letter names so many.
const (
	remindEvery = 7 * day
	inLetter    = 50
)

// A deletion is a request to a partner to delete what it received of one person for one
// purpose. It names nobody but by the partner's own reference.
type deletion struct {
	ID        string
	Partner   string
	Reference string
	Purpose   loot.Purpose
	Why       string
	Made      time.Time
	Sent      time.Time // when the last letter about it went, or it was pulled; zero: neither yet
	Letters   int
	Confirmed time.Time // zero: not
	Confirmer string    // staff id; empty: the partner itself
}

const deletionColumns = `id, partner, reference, purpose, why, made, sent, letters, confirmed, confirmer`

func deletions(ctx context.Context, tx *store.Tx, where string, args ...any) (out []deletion, err error) {
	rows, err := tx.Query(ctx, `SELECT `+deletionColumns+` FROM partners_deletion WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("partners: deletions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var x deletion
		var made, sent, confirmed int64
		if err := rows.Scan(&x.ID, &x.Partner, &x.Reference, &x.Purpose, &x.Why, &made, &sent, &x.Letters, &confirmed, &x.Confirmer); err != nil {
			return nil, fmt.Errorf("partners: deletions: %w", err)
		}
		x.Made, x.Sent, x.Confirmed = store.Instant(made), store.Instant(sent), store.Instant(confirmed)
		out = append(out, x)
	}
	return out, rows.Err()
}

// note is the request as it is signed.
func (x deletion) note() string {
	return fmt.Sprintf("Request to delete\nid: %s\npartner: %s\nreference: %s\npurpose: %s\nbecause: %s\nmade: %s\n", x.ID, x.Partner, x.Reference, x.Purpose, x.Why, x.Made.Format(time.RFC3339))
}

// withdrawn passes on to partners that somebody took a permission back or objected. The
// notice says "subject purpose recipient"; without a recipient it is an objection.
func (d *Partners) withdrawn(ctx context.Context, notice string) error {
	parts := strings.Fields(notice)
	if len(parts) < 2 {
		return fmt.Errorf("partners: a notice of %d words", len(parts))
	}
	s, purpose := loot.Subject(parts[0]), loot.Purpose(parts[1])
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		given, err := d.Gate.Person(ctx, tx, s)
		if err != nil {
			return err
		}
		list, err := sentTo(ctx, tx, s)
		if err != nil {
			return err
		}
		for _, one := range list {
			why := becauseObjected
			switch {
			case one.Deletion != "":
				continue // it was asked already
			case len(parts) == 3:
				if why = becauseWithdrawn; one.Partner != parts[2] || one.Purpose != purpose || slices.Contains(given.Permissions[one.Partner], purpose) {
					continue
				}
			case purpose == toSucceed && !one.Succession, purpose != toSucceed && one.Purpose != purpose, slices.Contains(given.Permissions[one.Partner], one.Purpose):
				continue // it rests on something else
			}
			if err := d.askToDelete(ctx, tx, one, why); err != nil {
				return err
			}
		}
		return nil
	})
}

// askToDelete opens a request, in the transaction of what it follows from.
func (d *Partners) askToDelete(ctx context.Context, tx *store.Tx, one sent, why string) error {
	id := loot.NewID("w")
	if _, err := tx.Exec(ctx, `INSERT INTO partners_deletion (`+deletionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, '')`,
		id, one.Partner, one.Reference, string(one.Purpose), why, d.Now().UnixMicro()); err != nil {
		return fmt.Errorf("partners: deletion: %w", err)
	}
	if _, err := tx.Exec(ctx, `UPDATE partners_sent SET deletion = $1 WHERE partner = $2 AND subject = $3 AND purpose = $4`, id, one.Partner, one.Subject, string(one.Purpose)); err != nil {
		return fmt.Errorf("partners: deletion: %w", err)
	}
	if why != becauseErased { // their timeline goes with them
		if err := d.Gate.NoteAbout(ctx, tx, one.Subject, collection, d.actor(), "partner.asked", "disclosure.partners"); err != nil {
			return err
		}
	}
	return d.Jobs.Enqueue(ctx, tx, remindArgs{Partner: one.Partner})
}

// remindArgs has partners written to about what they have to delete; without one, all.
type remindArgs struct {
	Partner string `json:"partner,omitempty"`
}

// Kind names the job.
func (remindArgs) Kind() string { return "partners.remind" }

// remind writes to each partner about requests that it was not told of, or a week ago.
func (d *Partners) remind(ctx context.Context, a remindArgs) error {
	for {
		var due []deletion
		var to string
		if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
			due, to = nil, ""
			before := d.Now().Add(-remindEvery).UnixMicro()
			list, err := deletions(ctx, tx, `confirmed = 0 AND sent <= $1 AND (partner = $2 OR $2 = '')
				AND partner IN (SELECT partner FROM partners_company WHERE contact IS NOT NULL) ORDER BY partner, made, id LIMIT $3`, before, a.Partner, inLetter)
			if err != nil || len(list) == 0 {
				return err
			}
			for _, x := range list {
				if x.Partner == list[0].Partner {
					due = append(due, x)
				}
			}
			c, err := d.company(ctx, tx, list[0].Partner)
			to = c.Contact
			return err
		}); err != nil || len(due) == 0 || to == "" {
			return err
		}
		if err := d.writeOf(ctx, to, due); err != nil {
			return err
		}
		if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
			for _, x := range due {
				// Two that wrote at once sent one letter, by its id.
				if _, err := tx.Exec(ctx, `UPDATE partners_deletion SET sent = $1, letters = letters + 1 WHERE id = $2 AND letters = $3`, d.Now().UnixMicro(), x.ID, x.Letters); err != nil {
					return fmt.Errorf("partners: remind: %w", err)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

// writeOf sends the letter that carries signed requests. It names nobody.
func (d *Partners) writeOf(ctx context.Context, to string, due []deletion) error {
	again := due[0].Letters > 0
	l := mail.Letter{
		Subject: "Please delete what you received: " + loot.Plural(len(due), "request", "requests"),
		Preview: "Each names a reference under which we handed something over.",
		Greet:   "Good day",
		Blocks: []mail.Block{
			mail.Para("The people behind these references do not want you to have their details any longer, or are erased here. By our agreement you delete what you received under them, and confirm it."),
		},
		Why: "You get this because a confidentiality agreement with us is or was in force.",
	}
	if again {
		l.Subject = "Reminder: " + loot.LowerFirst(l.Subject)
	}
	for _, x := range due {
		text, err := d.signedNote(x.note())
		if err != nil {
			return err
		}
		l.Blocks = append(l.Blocks, mail.Note(text))
	}
	l.Blocks = append(l.Blocks, mail.Para("Confirm each by POST "+d.BaseURL+base+"/deletions/ID with your key, or answer this letter. The signatures are checked by "+d.noteSigner().verifier()))
	m, err := l.Message(d.House(), fmt.Sprintf("deletion-%s-%d", due[0].ID, due[0].Letters), to)
	if err == nil {
		err = d.Mail.Send(ctx, m)
	}
	if errors.Is(err, mail.ErrRejected) {
		d.Log.WarnContext(ctx, "a letter to a partner was refused for good", "partner", due[0].Partner)
		return nil // the list shows that it is open
	}
	return err
}

// confirm notes that a partner deleted what it was asked to.
func (d *Partners) confirm(ctx context.Context, tx *store.Tx, by loot.Actor, partner, id, how string) error {
	n, err := tx.Exec(ctx, `UPDATE partners_deletion SET confirmed = $1, confirmer = $2 WHERE id = $3 AND partner = $4 AND confirmed = 0`, d.Now().UnixMicro(), by.ID, id, partner)
	if err != nil {
		return fmt.Errorf("partners: confirm: %w", err)
	}
	if n == 0 {
		list, err := deletions(ctx, tx, `id = $1 AND partner = $2`, id, partner)
		if err == nil && len(list) == 0 {
			err = loot.Errorf(loot.NotFound, "There is no such request to delete.")
		}
		return err // confirmed twice is confirmed
	}
	if how != "" {
		if err := d.notes.Add(ctx, tx, partner, desk.Note{At: d.Now(), Author: by.ID, Kind: "confirmed", Text: how}); err != nil {
			return err
		}
	}
	_, err = d.Gate.Note(ctx, tx, by, "partner.deletion_confirmed", partner)
	return err
}

// waiting counts what partners did not confirm.
func (d *Partners) waiting(ctx context.Context) (n int, err error) {
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		return tx.QueryRow(ctx, `SELECT count(*) FROM partners_deletion WHERE confirmed = 0`).Scan(&n)
	})
	return n, err
}
