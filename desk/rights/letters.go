package rights

import (
	"context"
	"errors"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/mail"
	"loot/statement"
	"loot/store"
)

// tellArgs asks to write to somebody about their request, after a step of it.
type tellArgs struct {
	Request string `json:"request"`
	Step    string `json:"step"`
}

// Kind names the job.
func (tellArgs) Kind() string { return "rights.tell" }

// sweepArgs asks to look for what is due.
type sweepArgs struct{}

// Kind names the job.
func (sweepArgs) Kind() string { return "rights.sweep" }

// tell writes to somebody that they have an answer, which stands in the portal: a letter
// lies about for longer. What was refused or lifted ends then, and not before.
func (d *Rights) tell(ctx context.Context, a tellArgs) error {
	var r request
	err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		r, err = findRequest(ctx, tx, a.Request)
		return err
	})
	if loot.KindOf(err) == loot.NotFound {
		return nil // erased meanwhile
	}
	if err != nil {
		return err
	}
	about := "You asked us " + asks(r) + "."
	why := "You get this because you asked for it."
	if !r.proved() {
		about, why = "We were asked, in your name, "+asks(r)+".", "You get this because somebody asked it in your name."
	}
	letter := mail.Letter{
		Subject: "Our answer to your request", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para(about + " A colleague has answered, with reasons, and the answer is in your portal."),
			mail.Button("Read the answer", d.BaseURL+"/portal/rights#asked"),
		},
		Why: why,
	}
	until := " Until then it counts."
	if !r.proved() {
		until = ""
	}
	switch {
	case r.Closed.IsZero():
		letter.Subject = "We need more time for your request"
		letter.Blocks[0] = mail.Para(about + " We need more time to answer, until " + r.Due.Format("2 January 2006") + " at the latest. Your portal says why." + until)
	case ends(r):
		letter.Blocks = append(letter.Blocks, mail.Para("What you asked for has counted until now, and ends with this letter. You can complain to a data protection authority, or go to court."))
	}
	sent, err := d.Write(ctx, desk.Errand{By: d.actor(), Purpose: forAccess, To: r.Subject, Collection: collection, ID: "right-" + r.ID + a.Step, Letter: letter})
	if err != nil {
		return err
	}
	if !sent {
		d.Log.WarnContext(ctx, "somebody could not be written to about their request; their portal has the answer", "request", r.ID)
	}
	if !ends(r) {
		return nil
	}
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		r, err := findRequest(ctx, tx, a.Request)
		if loot.KindOf(err) == loot.NotFound || err == nil && !ends(r) {
			return nil
		}
		if err != nil {
			return err
		}
		return d.end(ctx, tx, r, d.actor())
	})
}

// ends reports whether a request stops to count once its owner was told.
func ends(r request) bool {
	return r.Ended.IsZero() && (r.Decision == refused || r.Decision == lifted)
}

// sweep reminds colleagues of requests whose day is near, and ends what no person
// confirmed of what agents asked.
func (d *Rights) sweep(ctx context.Context, _ sweepArgs) error {
	var letters []mail.Message
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		letters = nil
		now := d.Now()
		if err := d.sweepAgents(ctx, tx); err != nil {
			return err
		}
		if err := d.sweepUnknown(ctx, tx); err != nil {
			return err
		}
		near, err := requests(ctx, tx, `closed = 0 AND reminded = 0 AND due <= $1 ORDER BY due, id LIMIT 1000`, now.Add(remindBefore).UnixMicro())
		if err != nil || len(near) == 0 {
			return err
		}
		for _, r := range near {
			r.Reminded = now
			if err := updateRequest(ctx, tx, r); err != nil {
				return err
			}
		}
		letters, err = d.reminders(ctx, tx, len(near), near[0].Due)
		return err
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
		d.Log.WarnContext(ctx, "colleagues could not be reminded of requests; the console shows what is due", "letters", failed)
	}
	return nil
}

// reminders are the letters to all who may answer.
func (d *Rights) reminders(ctx context.Context, tx *store.Tx, n int, first time.Time) (out []mail.Message, err error) {
	s, err := d.inForce()
	if err != nil {
		return nil, err
	}
	everybody, err := d.needs.Staff.Everybody(ctx, tx)
	if err != nil {
		return nil, err
	}
	letter := mail.Letter{
		Subject: loot.Plural(n, "request has to be answered soon", "requests have to be answered soon"), Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("The law gives a month, and the first of them has to be answered by " + first.Format("2 January 2006") + "."),
			mail.Button("Open the queue", d.BaseURL+"/console/requests"),
		},
		Why: "You get this because one of your roles answers requests.",
	}
	id := loot.NewID("m")
	for _, who := range everybody {
		if !answers(s, who) {
			continue
		}
		a, address, err := d.needs.Staff.Member(ctx, tx, who.ID)
		if err != nil {
			return nil, err
		}
		if a.ID == "" || address == "" {
			continue
		}
		m, err := letter.Message(d.House(), id+"-"+a.ID, address)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// answers reports whether a role of somebody answers people who use a right: one that
// approves what others ask for, such as the data protection officer's.
func answers(s *statement.Statement, who loot.Actor) bool {
	return slices.ContainsFunc(who.Roles, func(id loot.Role) bool { r, ok := s.Role(id); return ok && r.Approves })
}

func (d *Rights) actor() loot.Actor { return loot.Actor{Kind: loot.Desk, ID: name} }
