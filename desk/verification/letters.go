package verification

import (
	"context"
	"errors"
	"slices"

	"loot"
	"loot/desk"
	"loot/mail"
	"loot/statement"
	"loot/store"
)

// tellArgs asks to write to a customer: that a request is answered, that a case about
// their record is closed, or that their address wants a link to be opened again.
type tellArgs struct {
	Subject loot.Subject `json:"subject"`
	Request string       `json:"request,omitempty"`
	Case    string       `json:"case,omitempty"`
	Since   string       `json:"since,omitempty"` // day of the last link, which has grown old
}

// Kind names the job.
func (tellArgs) Kind() string { return "verification.tell" }

// id names the letter, so that it goes out once.
func (a tellArgs) id() string {
	if a.Since != "" {
		return desk.LetterID("check", a.Subject, a.Since)
	}
	return "check-" + a.Request + a.Case
}

// tell writes to a customer. What the answer is stands in the portal: a letter
// lies about for longer than the record it speaks of.
func (v *Verification) tell(ctx context.Context, a tellArgs) error {
	letter := mail.Letter{
		Subject: "We have checked what you asked us to check", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("You asked whether what we hold about you is right. We have looked, and the answer is in your portal."),
			mail.Button("Read the answer", v.BaseURL+"/portal/checks"),
		},
		Why: "You get this because you asked for it.",
	}
	if a.Since != "" {
		letter.Subject, letter.Blocks = "Is this still your address?", []mail.Block{
			mail.Para("You opened a link in a letter to this address on " + a.Since + ", and that has grown old. Sign in by a link once, and the address is confirmed again."),
			mail.Button("Have a link sent to me", v.BaseURL+"/signin?next=%2Fportal%2Fchecks"),
		}
		letter.Why = "You get this because this is the address in your record, by which you sign in and to which letters go."
	}
	if a.Case != "" {
		var m matter
		var written []Written
		var stay string
		if err := v.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
			if m, err = findMatter(ctx, tx, a.Case, ""); err == nil {
				written, err = v.written(ctx, tx, m)
			}
			if err != nil {
				return err
			}
			notes, err := v.notes.Of(ctx, tx, m.ID)
			stay = leftInWords(left(m, notes))
			return err
		}); loot.KindOf(err) == loot.NotFound {
			return nil // erased meanwhile
		} else if err != nil {
			return err
		}
		letter.Subject, letter.Blocks = "A detail of your record does not seem right", []mail.Block{
			mail.Para("A colleague of ours has looked at a detail of your record and does not think that it is right. Your portal shows which one and why, and you can correct it there."),
			mail.Button("See what it is", v.BaseURL+"/portal/checks"),
		}
		letter.Why = "You get this because letters and invoices go by what is in your record."
		if m.Kind == kindMistake {
			letter.Subject, letter.Blocks[0] = "We have looked at the mistake that you reported", mail.Para("You told us that something in your record or on an invoice is wrong. A colleague has looked, and the answer with its reason is in your portal.")
			letter.Blocks[1], letter.Why = mail.Button("Read the answer", v.BaseURL+"/portal/checks"), "You get this because you reported it."
			for _, w := range written {
				what := "Your invoice " + w.Original + " said what was wrong. Credit note " + w.Credit + " takes it back"
				if w.Corrected != "" {
					what += ", and the corrected invoice " + w.Corrected + " stands for it"
				}
				letter.Blocks = append(letter.Blocks, mail.Para(what+". Each is in your portal."))
			}
			if stay != "" {
				letter.Blocks = append(letter.Blocks, mail.Para(stay))
			}
		}
	}
	sent, err := v.Write(ctx, desk.Errand{By: v.actor(), Purpose: purpose, To: a.Subject, Collection: collection, ID: a.id(), Letter: letter})
	if err == nil && !sent {
		v.Log.WarnContext(ctx, "a customer could not be told of an answer", "request", a.Request, "case", a.Case)
	}
	return err
}

// remind writes of the cases whose day is near, once of each: to the colleague who deals
// with it, and to all who check records where nobody does or a second person has to agree.
func (v *Verification) remind(ctx context.Context) error {
	var letters []mail.Message
	err := v.DB.InTx(ctx, func(tx *store.Tx) error {
		letters = nil
		now := v.Now()
		near, err := matters(ctx, tx, `closed = 0 AND reminded = 0 AND due <= $1 ORDER BY due, id LIMIT 1000`, now.Add(v.margin()).UnixMicro())
		if err != nil || len(near) == 0 {
			return err
		}
		checkers, err := v.checkers(ctx, tx)
		if err != nil {
			return err
		}
		id := loot.NewID("m")
		for who, address := range checkers {
			n := 0
			for _, m := range near {
				_, there := checkers[m.Owner]
				if m.Owner == who || !there || m.Decision != "" && m.Decider != who {
					n++
				}
			}
			if n == 0 {
				continue
			}
			m, err := v.reminder(n).Message(v.House(), id+"-"+who, address)
			if err != nil {
				return err
			}
			letters = append(letters, m)
		}
		for _, m := range near {
			m.Reminded = now
			if err := updateMatter(ctx, tx, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var failed []error
	for _, m := range letters {
		if err := v.Mail.Send(ctx, m); err != nil && !errors.Is(err, mail.ErrRejected) {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 {
		v.Log.WarnContext(ctx, "colleagues could not be reminded of checks; the console shows what is due", "letters", len(failed))
	}
	return nil
}

// checkers returns the addresses of all who check records and may sign in, by staff id.
func (v *Verification) checkers(ctx context.Context, tx *store.Tx) (map[string]string, error) {
	s, err := v.inForce()
	if err != nil {
		return nil, err
	}
	everybody, err := v.staff.Everybody(ctx, tx)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, who := range everybody {
		if !checks(s, who) {
			continue
		}
		a, address, err := v.staff.Member(ctx, tx, who.ID)
		if err != nil {
			return nil, err
		}
		if a.ID != "" && address != "" {
			out[a.ID] = address
		}
	}
	return out, nil
}

func (v *Verification) reminder(n int) mail.Letter {
	return mail.Letter{
		Subject: loot.Plural(n, "check is due soon", "checks are due soon"), Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("Customers were told by which day they have an answer, and that day is near for " + loot.Plural(n, "case", "cases") + " that nobody has decided yet, and that you deal with or nobody does."),
			mail.Button("Open the queue", v.BaseURL+"/console/checks"),
		},
		Why: "You get this because one of your roles checks records.",
	}
}

// checks reports whether somebody has a role that checks records.
func checks(s *statement.Statement, who loot.Actor) bool {
	return slices.ContainsFunc(who.Roles, func(id loot.Role) bool {
		r, _ := s.Role(id)
		return checksRecords(r)
	})
}

// checksRecords reports whether a role checks records; one that the statement does not
// have does nothing.
func checksRecords(r statement.RoleDecl) bool { return slices.Contains(r.Purposes, purpose) }
