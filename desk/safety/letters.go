package safety

import (
	"context"
	"errors"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/mail"
	"loot/store"
)

// tellArgs asks to write to those whom a step of a case concerns.
type tellArgs struct {
	Case string `json:"case"`
	Step string `json:"step"` // "asked", "measure", "outcome"
	Of   string `json:"of,omitempty"`
}

// Kind names the job.
func (tellArgs) Kind() string { return "safety.tell" }

const letterDay = "2 January 2006, 15:04 MST"

// tell writes the letters of a step. A case is closed only after everybody was told how
// it ended: nothing is opened for one that is closed.
func (d *Safety) tell(ctx context.Context, a tellArgs) error {
	var c matter
	var reports []filed
	var notes []desk.Note
	var js []judgment
	var ls []link
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if c, err = findCase(ctx, tx, a.Case, ""); err != nil {
			return err
		}
		if reports, err = reportsOf(ctx, tx, c.ID); err != nil {
			return err
		}
		if notes, err = d.notes.Of(ctx, tx, c.ID); err != nil {
			return err
		}
		if js, err = d.judgments(ctx, tx, `matter = $1 ORDER BY at, id`, c.ID); err != nil {
			return err
		}
		ls, err = links(ctx, tx, `matter = $1 ORDER BY expires`, c.ID)
		return err
	}); loot.KindOf(err) == loot.NotFound {
		return nil
	} else if err != nil || !c.Closed.IsZero() {
		return err
	}
	switch a.Step {
	case "asked":
		for _, l := range ls {
			if l.ID == a.Of {
				return d.writeToCustomer(ctx, c, a, d.askLetter(c, l, desk.LatestNote(notes, "asked")))
			}
		}
		return nil
	case "measure":
		what := c.Measure
		if what == "" {
			what = lifted
		}
		return d.writeToCustomer(ctx, c, a, d.measureLetter(c, what, desk.LatestNote(notes, "measure "+what)))
	}
	if err := d.tellOutcome(ctx, c, a, reports, js, ls); err != nil {
		return err
	}
	return d.close(ctx, c.ID)
}

// close closes a case of which everybody was told, unless somebody has to look again.
func (d *Safety) close(ctx context.Context, id string) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		c, err := findCase(ctx, tx, id, tx.ForUpdate())
		if err != nil || !c.Closed.IsZero() || c.Outcome == "" || reviewing(c) {
			return err
		}
		c.Closed = d.Now()
		return updateCase(ctx, tx, c)
	})
}

// tellOutcome writes to the customer and to those who reported.
func (d *Safety) tellOutcome(ctx context.Context, c matter, a tellArgs, reports []filed, js []judgment, ls []link) error {
	var last judgment
	for _, j := range js {
		if j.ID == a.Of {
			last = j
		}
	}
	if last.ID != "" && c.Subject != "" && (last.Outcome != none || !c.Notified.IsZero() || c.What == aDispute) {
		if err := d.writeToCustomer(ctx, c, a, d.judgmentLetter(c, last, ls)); err != nil {
			return err
		}
	}
	if last.Appeal && last.Outcome == upheld {
		return nil // what reporters were told stands
	}
	var failed []error
	for _, f := range reports {
		if len(f.Reporter) == 0 || f.Subject == "" || c.Outcome == elsewhere && last.ID == "" && a.Of != "" && a.Of != f.ID {
			continue
		}
		_, err := d.Write(ctx, desk.Errand{
			By: d.actor(), Purpose: forSafety, To: f.Subject, Collection: reporters, Case: c.ID, ID: "report-" + f.ID + "-" + c.ID + "-" + last.ID, Letter: d.reporterLetter(c, last, f),
		})
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// writeToCustomer writes to the customer of a case, and notes in it if they cannot be
// reached: whoever judges knows then that they were not heard.
func (d *Safety) writeToCustomer(ctx context.Context, c matter, a tellArgs, l mail.Letter) error {
	if c.Subject == "" {
		return nil
	}
	sent, err := d.Write(ctx, desk.Errand{
		By: d.actor(), Purpose: purposeOf(c.What), To: c.Subject, Collection: customer, Case: c.ID, ID: "case-" + c.ID + "-" + a.Step + "-" + a.Of, Letter: l,
	})
	if err != nil || sent {
		return err
	}
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		return d.notes.Add(ctx, tx, c.ID, desk.Note{At: d.Now(), Author: name, Kind: "unreached", Text: "No letter could be sent. The customer sees the case in their portal."})
	})
}

const whyCustomer = "You get this because a case concerns one of your services."

func (d *Safety) askLetter(c matter, l link, text string) mail.Letter {
	return mail.Letter{
		Subject: "We have a report about your service and need your answer", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("We were told of misuse that comes from one of your services, and would like to hear your side. What we ask you:"),
			mail.Para(text),
			mail.Table("The case", mail.Row{Term: "Kind", Value: kindTitle(c.What, c.Kind)}, mail.Row{Term: "Reference", Value: c.Reference()}, mail.Row{Term: "Answer by", Value: c.Due.UTC().Format(letterDay)}),
			mail.Button("Answer", d.BaseURL+l.path(d)),
			mail.Note("No password is needed. The link is for this one answer; keep it to yourself. If we hear nothing by then, we decide by what we know."),
		},
		Why: whyCustomer,
	}
}

func (d *Safety) measureLetter(c matter, what, text string) mail.Letter {
	title := map[string]string{limited: "Your service is limited", suspended: "Your service is suspended", lifted: "Your service runs as before"}[what]
	return mail.Letter{
		Subject: title, Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para(text),
			mail.Table("The case", mail.Row{Term: "Kind", Value: kindTitle(c.What, c.Kind)}, mail.Row{Term: "Reference", Value: c.Reference()}),
			mail.Button("See the case", d.BaseURL+"/portal/cases/"+c.ID),
			mail.Note("This is not a judgment yet. You will receive one with its reasons, and can object to it."),
		},
		Why: whyCustomer,
	}
}

// A reader of a judgment is its customer or, if it is true, a colleague.
type reader bool

const (
	toCustomer reader = false
	toStaff    reader = true
)

// judgmentRows say what was decided, by what and how.
func judgmentRows(c matter, j judgment, to reader) (rows []mail.Row) {
	rows = append(rows, mail.Row{Term: "Case", Value: c.Reference()}, mail.Row{Term: "Decision", Value: outcomes[j.Outcome].words(to)})
	if c.What == anAbuse && (j.Outcome == violation || j.Outcome == milder) {
		rows = append(rows, mail.Row{Term: "What follows", Value: measureTitles[j.Measure]})
	}
	if j.Because.Rule != "" {
		rows = append(rows, mail.Row{Term: "Rule", Value: strings.TrimPrefix(groundTitles[j.Ground]+": "+j.Because.Rule, ": ")})
	}
	rows = append(rows, mail.Row{Term: "Facts", Value: j.Because.Facts}, mail.Row{Term: "Reasons", Value: j.Because.Reasons})
	return append(rows, mail.Row{Term: "How", Value: howDecided(j)})
}

func howDecided(j judgment) string {
	if j.Automated {
		return "A program had found it; a person decided."
	}
	return "A person decided; no program had a part in it."
}

// howToObject says what can be done against a judgment; empty: there is nothing against
// which anything could be.
func howToObject(c matter, j judgment, to reader) string {
	const outside = "go to a certified body for out-of-court settlement (DSA Article 21), or to court."
	who, again, theirs := "You", "If you still disagree you", "your"
	if to == toStaff {
		who, again, theirs = "The customer", "If the customer still disagrees they", "their"
	}
	switch {
	case j.Appeal && (j.Outcome == upheld || j.Outcome == milder):
		return again + " can open a dispute in " + theirs + " portal, " + outside
	case !j.Appeal && (j.Outcome == violation || j.Outcome == refused):
		return who + " can object until " + c.Due.UTC().Format(letterDay) + ", and a colleague who had no part in the judgment decides. " + who + " can also " + outside
	}
	return ""
}

func (d *Safety) judgmentLetter(c matter, j judgment, ls []link) mail.Letter {
	l := mail.Letter{
		Subject: "Our judgment in the case about your service", Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("We have decided the case. This is our judgment and what it rests on."),
			mail.Table("Statement of reasons", judgmentRows(c, j, toCustomer)...),
		},
		Why: whyCustomer,
	}
	if c.What == aDispute {
		l.Subject, l.Why = "Our decision in your dispute", "You get this because you opened a dispute with us."
	}
	if j.Appeal {
		l.Subject, l.Blocks[0] = "Your objection is decided", mail.Para("You objected to our judgment. A colleague who had no part in it has looked again.")
	}
	if how := howToObject(c, j, toCustomer); how != "" {
		l.Blocks = append(l.Blocks, mail.Para(how))
	}
	button := mail.Button("See the case", d.BaseURL+"/portal/cases/"+c.ID)
	for _, one := range ls {
		if one.Purpose == toAppealBy && !j.Appeal && howToObject(c, j, toCustomer) != "" {
			button = mail.Button("Object", d.BaseURL+one.path(d))
		}
	}
	l.Blocks = append(l.Blocks, button)
	return l
}

// reporterLetter tells somebody what came of their report, and nothing of the customer.
func (d *Safety) reporterLetter(c matter, j judgment, f filed) mail.Letter {
	l := mail.Letter{
		Subject: "What came of your report", Greet: "Good day", Why: "You get this because you gave this address with a report of misuse. It is kept with the case and for nothing else.",
	}
	say := func(text string) { l.Blocks = append(l.Blocks, mail.Para(text)) }
	say("On " + f.At.UTC().Format("2 January 2006") + " you told us of misuse: " + loot.LowerFirst(kindTitle(c.What, c.Kind)) + ". Thank you.")
	switch {
	case c.Outcome == elsewhere:
		say("Nobody whom we serve had the address that you named at that time, so we can do nothing about it. The registry of the address (RIPE NCC, ARIN, APNIC, LACNIC or AFRINIC) tells whose it is.")
	case j.Outcome == milder:
		say("What we judged was objected to, and a colleague who had no part in it has looked again. It was misuse, by this rule: " + j.Because.Rule + ". A milder measure is enough: " + loot.LowerFirst(measureTitles[j.Measure]) + ".")
	case c.Outcome == violation:
		say("We have found that it was misuse, by this rule: " + j.Because.Rule + ". " + measureTitles[j.Measure] + ".")
		say(howDecided(j))
	case c.Reversed:
		say("Our judgment was objected to, and a colleague who had no part in it has reversed it.")
	default:
		say("We have looked into it and found no misuse. If you know more, report it again and say what is new.")
	}
	l.Blocks = append(l.Blocks, mail.Note("The reference of the case is "+c.Reference()+". What you gave of yourself is erased with it."))
	return l
}

// hourlyArgs asks for what passes by itself.
type hourlyArgs struct{}

// Kind names the job.
func (hourlyArgs) Kind() string { return "safety.hourly" }

// hourly passes on what was not answered in time, and reminds colleagues of what is due.
func (d *Safety) hourly(ctx context.Context, _ hourlyArgs) error {
	if err := d.DB.InTx(ctx, d.escalateAll(ctx)); err != nil {
		return err
	}
	return d.remind(ctx)
}

func (d *Safety) escalateAll(ctx context.Context) func(tx *store.Tx) error {
	return func(tx *store.Tx) error {
		now := d.Now()
		late, err := cases(ctx, tx, `closed = 0 AND outcome = '' AND notified > 0 AND answered = 0 AND escalated = 0 AND due <= $1 ORDER BY due, id LIMIT 500`, now.UnixMicro())
		if err != nil {
			return err
		}
		for _, c := range late {
			c.Escalated, c.Due, c.Reminded = now, now.Add(toJudge), time.Time{}
			if err := d.keepStep(ctx, tx, c, loot.Actor{ID: name}, "escalated", "The customer has not answered in time. Decide by what is known, or stop it first."); err != nil {
				return err
			}
		}
		return nil
	}
}

// remind writes to the colleagues who deal with cases: once for each step that is due, and
// at once where a customer let the time pass.
func (d *Safety) remind(ctx context.Context) error {
	var letters []mail.Message
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		letters = nil
		now := d.Now()
		near, err := cases(ctx, tx, `closed = 0 AND reminded = 0 AND (outcome = '' AND (due <= $1 AND (notified = 0 OR answered > 0 OR escalated > 0) OR escalated > 0) OR appealed > 0 AND decided = 0 AND due <= $2) ORDER BY due, id LIMIT 500`,
			now.Add(hour).UnixMicro(), now.Add(3*24*hour).UnixMicro())
		if err != nil || len(near) == 0 {
			return err
		}
		s, err := d.inForce()
		if err != nil {
			return err
		}
		everybody, err := d.needs.Staff.Everybody(ctx, tx)
		if err != nil {
			return err
		}
		id := loot.NewID("m")
		for _, who := range everybody {
			n := 0
			for _, c := range near {
				if deals(s, purposeOf(c.What), who) || reviewing(c) && deals(s, forDispute, who) {
					n++
				}
			}
			if n == 0 {
				continue
			}
			a, address, err := d.needs.Staff.Member(ctx, tx, who.ID)
			if err != nil {
				return err
			}
			if a.ID == "" || address == "" {
				continue
			}
			m, err := d.reminder(n).Message(d.House(), id+"-"+a.ID, address)
			if err != nil {
				return err
			}
			letters = append(letters, m)
		}
		for _, c := range near {
			c.Reminded = now
			if err := updateCase(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
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
		d.Log.WarnContext(ctx, "colleagues could not be reminded of cases; the console shows what is due", "letters", failed)
	}
	return nil
}

func (d *Safety) reminder(n int) mail.Letter {
	return mail.Letter{
		Subject: loot.Plural(n, "case waits for you", "cases wait for you"), Greet: "Good day",
		Blocks: []mail.Block{
			mail.Para("A step is due in " + loot.Plural(n, "case", "cases") + " of misuse or of a dispute, or a customer let the time for an answer pass."),
			mail.Button("Open the queue", d.BaseURL+"/console/abuse"),
		},
		Why: "You get this because one of your roles deals with such cases.",
	}
}
