package customers

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/job"
	"loot/mail"
	"loot/statement"
	"loot/store"
)

// The purposes under which this desk works on its own; the statement declares
// them for it.
const (
	forService loot.Purpose = "service"
	forAccess  loot.Purpose = "access"
	forNotice  loot.Purpose = "notice"
)

// greetKnownArgs asks to write to somebody whose address was used to register
// again.
type greetKnownArgs struct {
	Subject loot.Subject `json:"subject"`
	Message string       `json:"message"` // id of the mail
}

// Kind names the job.
func (greetKnownArgs) Kind() string { return "customers.known" }

// eraseArgs asks to erase a record that its owner wanted erased.
type eraseArgs struct {
	Subject loot.Subject `json:"subject"`
}

// Kind names the job.
func (eraseArgs) Kind() string { return "customers.erase" }

// leavingArgs asks to confirm to somebody that their record waits to be erased.
type leavingArgs struct {
	Subject loot.Subject `json:"subject"`
}

// Kind names the job.
func (leavingArgs) Kind() string { return "customers.leaving" }

// lapsePage asks for the next customers to be looked at of whom details are due.
type lapsePage struct {
	After loot.Subject `json:"after"`
}

// Kind names the job.
func (lapsePage) Kind() string { return "customers.lapse_page" }

// lapseArgs asks to erase what of a record nothing needs any longer.
type lapseArgs struct {
	Subject loot.Subject `json:"subject"`
}

// Kind names the job.
func (lapseArgs) Kind() string { return "customers.lapse" }

// sweepArgs asks to look for erasures and details that are due and for forms
// that are old.
type sweepArgs struct{}

// Kind names the job.
func (sweepArgs) Kind() string { return "customers.sweep" }

// tellPage asks for the next customers to be told of a use that concerns
// everyone.
type tellPage struct {
	Entry string       `json:"entry"`
	After loot.Subject `json:"after"`
}

// Kind names the job.
func (tellPage) Kind() string { return "customers.tell_page" }

// tellOne asks for one customer to be told of a use.
type tellOne struct {
	Entry   string       `json:"entry"`
	Subject loot.Subject `json:"subject"`
}

// Kind names the job.
func (tellOne) Kind() string { return "customers.tell" }

// tellSize is how many customers one job has told, or looked at.
const tellSize = 200

// notifySubject tells a person of a use of which a rule obliges us to tell them.
// The notice says "subject entry".
func (c *customers) notifySubject(ctx context.Context, notice string) error {
	subject, entry, _ := strings.Cut(notice, " ")
	return c.tellOne(ctx, tellOne{Entry: entry, Subject: loot.Subject(subject)})
}

// notifyEveryone has every customer told of a use that concerns all of them.
func (c *customers) notifyEveryone(ctx context.Context, notice string) error {
	_, entry, _ := strings.Cut(notice, " ")
	return c.DB.InTx(ctx, func(tx *store.Tx) error { return c.Jobs.Enqueue(ctx, tx, tellPage{Entry: entry}) })
}

// tellPage enqueues a notice for each of the next customers.
func (c *customers) tellPage(ctx context.Context, a tellPage) error {
	return c.DB.InTx(ctx, func(tx *store.Tx) error {
		rows, err := c.Vault.List(ctx, tx, collection, a.After, tellSize)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Erased() {
				continue
			}
			if err := c.Jobs.Enqueue(ctx, tx, tellOne{Entry: a.Entry, Subject: row.Subject}); err != nil {
				return err
			}
		}
		if len(rows) < tellSize {
			return nil
		}
		return c.Jobs.Enqueue(ctx, tx, tellPage{Entry: a.Entry, After: rows[len(rows)-1].Subject})
	})
}

// tellOne writes to one customer that their record was used, once.
func (c *customers) tellOne(ctx context.Context, a tellOne) error {
	if a.Subject == "" {
		return nil
	}
	told := false
	if err := c.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		told, err = wasNotified(ctx, tx, a.Entry, a.Subject)
		return err
	}); err != nil || told {
		return err
	}
	// The note that it went out is made after it did: a crash in between sends
	// the same message again, which mail programs show once, and loses none.
	sent, err := c.Write(ctx, desk.Errand{By: c.actor(), Purpose: forNotice, To: a.Subject, Collection: collection, ID: "notice-" + a.Entry + "-" + string(a.Subject), Letter: mail.Letter{
		Subject: "Your details were used in a way that we tell you of at once",
		Greet:   "Good day",
		Blocks: []mail.Block{
			mail.Para("A clause of our privacy statement obliges us to tell you when your details are handed over or used in this way. It has just happened."),
			mail.Para("Your timeline shows what was used, for what, by whom and under which clause. You can keep a proof of it."),
			mail.Para("If you think that it was not lawful, object in your portal, complain to the supervisory authority for data protection, or go to a court."),
			mail.Button("Open my timeline", c.BaseURL+"/portal/timeline"),
		},
		Why: "You get this because the privacy statement promises it. It is no advertisement, and it cannot be switched off.",
	}})
	if err != nil {
		return err
	}
	if !sent {
		c.Log.WarnContext(ctx, "a customer could not be told of a use of their record", "entry", a.Entry)
	}
	return c.DB.InTx(ctx, func(tx *store.Tx) error {
		if sent {
			return markNotified(ctx, tx, a.Entry, a.Subject, c.Now())
		}
		_, err := c.Gate.Incident(ctx, tx, "notice.unsent", a.Entry)
		return err
	})
}

// greetKnown writes to the owner of an address that somebody registered with,
// also of one whose services have ended: the letter shows them the way in.
func (c *customers) greetKnown(ctx context.Context, a greetKnownArgs) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	_, err = c.Write(ctx, desk.Errand{By: c.actor(), Purpose: purposeOf(s), To: a.Subject, Collection: collection, ID: a.Message, Letter: mail.Letter{
		Subject: "You have an account with us already",
		Greet:   "Good day",
		Blocks: []mail.Block{
			mail.Para("Somebody, most likely you, has just ordered a service with this address. It has an account with us already, so nothing was ordered and nothing was changed."),
			mail.Para("Sign in to order a further service; it takes one click, as we know your details."),
			mail.Button("Sign in", c.BaseURL+"/signin"),
			mail.Note("If it was not you, there is nothing to do. Whoever it was did not learn that you are a customer."),
		},
		Why: "You get this because your address was typed into our order form.",
	}})
	return err
}

// sweep has every erasure that was asked for carried out as far as it can be, with what
// nothing needs any longer, and forgets old forms.
func (c *customers) sweep(ctx context.Context, _ sweepArgs) error {
	return c.DB.InTx(ctx, func(tx *store.Tx) error {
		waiting, err := waitingErasures(ctx, tx)
		if err != nil {
			return err
		}
		for _, s := range waiting {
			if err := c.Jobs.Enqueue(ctx, tx, eraseArgs{s}, job.Unique()); err != nil {
				return err
			}
		}
		if err := c.Jobs.Enqueue(ctx, tx, lapsePage{}); err != nil {
			return err
		}
		return sweepSent(ctx, tx, c.Now().Add(-48*time.Hour))
	})
}

// erase carries out an erasure that its owner asked for, if they still want it: of what no
// law keeps, or of all once none does. What holds the record, such as an order to preserve
// it, is not told here; the next sweep tries again.
func (c *customers) erase(ctx context.Context, a eraseArgs) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	var e erasure
	wanted := false
	if err := c.DB.InTx(ctx, func(tx *store.Tx) (err error) {
		if e, wanted, err = c.lockErasure(ctx, tx, a.Subject); err != nil || !wanted {
			return err
		}
		l, err := c.settle(ctx, tx, s, a.Subject)
		if err != nil {
			return err
		}
		due := l.due()
		if !due.Before(e.Due) {
			return nil
		}
		e.Due = due
		return putErasure(ctx, tx, a.Subject, e)
	}); err != nil || !wanted {
		return err
	}
	if e.Due.After(c.Now()) {
		return c.part(ctx, s, a.Subject)
	}
	return c.stayed(ctx, wholeRecord, c.eraseNow(ctx, loot.Actor{Kind: loot.Person, ID: string(a.Subject)}))
}

// leaving tells somebody who asked to be erased on which day they are, and what stays.
func (c *customers) leaving(ctx context.Context, a leavingArgs) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	var e erasure
	var kept []desk.Retained
	var duties []dutyRow
	waits := false
	if err := c.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if e, waits, err = findErasure(ctx, tx, a.Subject, ""); err != nil || !waits {
			return err
		}
		held, err := c.Vault.Held(ctx, tx, a.Subject, collection)
		if err != nil {
			return err
		}
		l, err := c.leavingOf(ctx, tx, s, a.Subject)
		if err != nil {
			return err
		}
		duties = l.dutyRows(held)
		kept, err = c.retained(ctx, tx, a.Subject)
		return err
	}); err != nil || !waits {
		return err
	}
	blocks := []mail.Block{
		mail.Para("You asked us to erase your account. Your services and permissions have ended, and what no law keeps of your record goes at once. A law still has us keep the rest for a while: as soon as it lets go, and by " + e.Due.Format("2 January 2006") + ", the key to your record is destroyed."),
	}
	for _, d := range duties {
		blocks = append(blocks, mail.Para(d.Title+", until "+d.Ends.Format("2 January 2006")+" at the latest, keeps: "+strings.Join(d.Keeps, ", ")+". "+d.Rests+" (clause "+string(d.Clause)+")."))
	}
	if len(kept) > 0 {
		blocks = append(blocks, mail.Para(keptInWords(kept)))
	}
	_, err = c.Write(ctx, desk.Errand{By: c.actor(), Purpose: purposeOf(s), To: a.Subject, Collection: collection, ID: desk.LetterID("leaving", a.Subject, e.Asked.String()), Letter: mail.Letter{
		Subject: "Your account will be erased", Greet: "Good day",
		Blocks: append(blocks, mail.Button("See it, or keep my account", c.BaseURL+"/portal/account")),
		Why:    "You get this because you asked for it.",
	}})
	return err
}

// lapsePage enqueues a look at each of the next customers of whom something is due.
func (c *customers) lapsePage(ctx context.Context, a lapsePage) error {
	return c.DB.InTx(ctx, func(tx *store.Tx) error {
		due, err := c.Vault.Due(ctx, tx, collection, c.Now(), a.After, tellSize)
		if err != nil {
			return err
		}
		for _, one := range due {
			if err := c.Jobs.Enqueue(ctx, tx, lapseArgs{one.Subject}, job.Unique()); err != nil {
				return err
			}
		}
		if len(due) < tellSize {
			return nil
		}
		return c.Jobs.Enqueue(ctx, tx, lapsePage{After: due[len(due)-1].Subject})
	})
}

// lapse erases what of a record nothing needs any longer: what was set aside of it, and the
// details whose time is over, one decision for each kind of them, or the whole record if
// nothing else is in it. What holds it, such as an order to preserve it, is not
// told here; the next sweep tries again.
func (c *customers) lapse(ctx context.Context, a lapseArgs) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	for _, kind := range s.Categories() {
		err := c.Gate.InTx(ctx, func(tx *store.Tx) error {
			if err := c.Gate.Lock(ctx, tx, a.Subject); err != nil {
				return err
			}
			aside, err := c.Vault.Aside(ctx, tx, a.Subject, collection)
			if err != nil {
				return err
			}
			r := erasureOf(s, c.actor(), a.Subject, slices.Sorted(maps.Keys(aside)))
			r.Aside = true
			return c.eraseFields(ctx, tx, s, kind, r, whyNeedless)
		})
		if loot.KindOf(err) == loot.NotFound {
			return nil // the record is erased
		}
		if err := c.stayed(ctx, kind.Title, err); err != nil {
			return err
		}
	}
	for _, kind := range s.Categories() {
		var all bool
		err := c.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
			if err := c.Gate.Lock(ctx, tx, a.Subject); err != nil {
				return err
			}
			var over []loot.Field
			if over, all, err = c.lapsed(ctx, tx, s, a.Subject); err != nil {
				return err
			}
			if all {
				return c.eraseRecord(ctx, tx, s, c.actor(), a.Subject)
			}
			return c.eraseFields(ctx, tx, s, kind, erasureOf(s, c.actor(), a.Subject, over), whyNeedless)
		})
		if err := c.stayed(ctx, kind.Title, err); err != nil || all {
			return err
		}
	}
	return nil
}

// lapsed returns the fields of a record whose time is over by the statement that
// is in force now, and whether that is all of it.
func (c *customers) lapsed(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject) (over []loot.Field, all bool, err error) {
	if err := c.Vault.Keep(ctx, tx, subject, collection); err != nil {
		return nil, false, err
	}
	held, err := c.Vault.Held(ctx, tx, subject, collection)
	if loot.KindOf(err) == loot.NotFound {
		return nil, false, nil
	}
	stays := 0
	for _, d := range s.Fields(collection) {
		switch about, ok := held[d.ID]; {
		case !ok:
		case !about.Until.IsZero() && !about.Until.After(c.Now()):
			over = append(over, d.ID)
		default:
			stays++
		}
	}
	return over, len(over) > 0 && stays == 0, err
}
