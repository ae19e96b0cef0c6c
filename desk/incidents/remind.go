package incidents

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/gate"
	"loot/ledger"
	"loot/mail"
	"loot/store"
)

// lookJob looks which reminders are due, and through the permits on the ledger.
type lookJob struct{}

// Kind names the job.
func (lookJob) Kind() string { return "incidents.look" }

// A remindJob writes one reminder to one colleague.
type remindJob struct {
	Incident string `json:"incident"`
	Stage    string `json:"stage"`
	Who      string `json:"who"`
}

// Kind names the job.
func (remindJob) Kind() string { return "incidents.remind" }

const lookEvery = 10 * time.Minute

// The stages of the clock until the regulator must know, by what is left.
var stages = []struct {
	name string
	left time.Duration
}{{"opened", untilRegulator}, {"24h", 24 * time.Hour}, {"6h", 6 * time.Hour}, {"over", 0}}

// stage returns the latest stage that an incident has come to; empty: its clock
// has ended, as the regulator was told or is not to be.
func stage(i incident, a assessment, now time.Time) string {
	if !i.Closed.IsZero() || !i.Told.IsZero() || a.Regulator == "not" && i.What != regulatorDue {
		return ""
	}
	name := ""
	for _, s := range stages {
		if i.Due.Sub(now) <= s.left {
			name = s.name
		}
	}
	return name
}

func (d *incidents) look(ctx context.Context, _ lookJob) error {
	return errors.Join(d.remindAll(ctx), d.followPermits(ctx))
}

// remindAll claims each reminder that is due once, for its owner or, as long as
// nobody owns the incident, for all who may deal with it.
func (d *incidents) remindAll(ctx context.Context) error {
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		open, err := list(ctx, tx, listed)
		if err != nil {
			return err
		}
		now := d.Now()
		for _, i := range open {
			if !i.Closed.IsZero() {
				break // the open ones come first
			}
			a, err := assessed(ctx, tx, i.ID)
			if err != nil {
				return err
			}
			to, err := d.responsible(ctx, tx, i)
			if err != nil {
				return err
			}
			if s := stage(i, a, now); s != "" {
				if err := d.claim(ctx, tx, i, s, to); err != nil {
					return err
				}
			}
			all, err := measures(ctx, tx, i.ID)
			if err != nil {
				return err
			}
			for _, m := range all {
				if m.Done.IsZero() && now.After(m.Due) {
					if err := d.claim(ctx, tx, i, m.Note, append(slices.Clone(to), m.Owner)); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

func (d *incidents) claim(ctx context.Context, tx *store.Tx, i incident, stage string, to []string) error {
	n, err := tx.Exec(ctx, `INSERT INTO incidents_reminder (incident, stage) VALUES ($1, $2) ON CONFLICT DO NOTHING`, i.ID, stage)
	if err != nil {
		return fmt.Errorf("incidents: reminder: %w", err)
	}
	if n == 0 {
		return nil
	}
	slices.Sort(to)
	for _, who := range slices.Compact(to) {
		if err := d.Jobs.Enqueue(ctx, tx, remindJob{i.ID, stage, who}); err != nil {
			return err
		}
	}
	return nil
}

// responsible returns who is reminded of an incident: its owner, or all who may
// deal with it and whom it does not concern.
func (d *incidents) responsible(ctx context.Context, tx *store.Tx, i incident) (to []string, err error) {
	if i.Owner != "" {
		return []string{i.Owner}, nil
	}
	v, ok := d.Gate.InForce()
	if !ok {
		return nil, nil
	}
	everybody, err := d.staff.Everybody(ctx, tx)
	if err != nil {
		return nil, err
	}
	concerned, err := d.concerned(ctx, tx, i)
	if err != nil {
		return nil, err
	}
	deals, _ := d.dealing(v.Statement, everybody)
	for _, a := range everybody {
		if deals(a) && a.ID != concerned {
			to = append(to, a.ID)
		}
	}
	return to, nil
}

// remind writes to a colleague, if the reminder is still due.
func (d *incidents) remind(ctx context.Context, j remindJob) error {
	var i incident
	var address string
	var measured bool
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if i, err = find(ctx, tx, j.Incident, ""); err != nil {
			return err
		}
		a, err := assessed(ctx, tx, i.ID)
		if err != nil {
			return err
		}
		all, err := measures(ctx, tx, i.ID)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(m measure) bool { return m.Note == j.Stage })
		if measured = at >= 0; measured && !all[at].Done.IsZero() || !i.Closed.IsZero() || !measured && stage(i, a, d.Now()) == "" {
			return nil
		}
		_, address, err = d.staff.Member(ctx, tx, j.Who)
		return err
	}); err != nil || address == "" {
		return err
	}
	m, err := d.reminder(i, j.Stage, measured).Message(d.House(), strings.Join([]string{"incident", j.Incident, j.Stage, j.Who}, "-"), address)
	if err == nil {
		err = d.Mail.Send(ctx, m)
	}
	if errors.Is(err, mail.ErrRejected) {
		d.Log.WarnContext(ctx, "a reminder of an incident was refused for good", "incident", j.Incident)
		return nil
	}
	return err
}

func (d *incidents) reminder(i incident, stage string, measured bool) mail.Letter {
	due := i.Due.Format("2 Jan 2006, 15:04 MST")
	l := mail.Letter{
		Subject: "An incident waits for you", Greet: "Good day",
		Why: "You get this because you own the incident or may deal with it. It cannot be switched off.",
	}
	text := "The regulator must know by " + due + ", where there is a risk. So far, nobody noted that it was told or that there is none."
	switch {
	case measured:
		l.Subject, text = "A measure of an incident is overdue", "A measure that was to be taken has not been noted as done, and its day is over."
	case stage == "opened":
		l.Subject = "An incident was opened"
	case stage == "over":
		l.Subject, text = "The 72 hours of an incident are over", "The regulator had to know by "+due+", where there is a risk. It is told now, with the reasons for the delay."
	default:
		l.Subject = "An incident has less than " + strings.TrimSuffix(stage, "h") + " hours left"
	}
	l.Preview = text
	l.Blocks = append(l.Blocks, mail.Para(words(i.What)+"."), mail.Para(text), mail.Button("Open the incident", d.BaseURL+"/console/incidents/"+i.ID))
	return l
}

// settled is after how long no permit of a time comes into the ledger any more.
const settled = time.Minute

// followPermits opens an incident for every permit on the ledger by which something
// was opened or disclosed and that no clause decided, and notes what was opened in
// an emergency in the history of that.
func (d *incidents) followPermits(ctx context.Context) error {
	var looked int64
	var found []string
	var urgent []ledger.FactsRow
	until := d.Now().Add(-settled)
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error { // there can be many, and nobody waits for this
		found, urgent = nil, nil
		if err := tx.QueryRow(ctx, `SELECT at FROM incidents_looked WHERE id = 1`).Scan(&looked); err != nil {
			return fmt.Errorf("incidents: permits: %w", err)
		}
		for row, err := range d.Ledger.Openings(ctx, tx, store.Instant(looked), until) {
			if err != nil {
				return err
			}
			if len(row.Facts.Clauses) == 0 {
				found = append(found, row.ID)
			}
			if row.Facts.Action == loot.Use && gate.InEmergency(row.Facts) {
				urgent = append(urgent, row)
			}
		}
		return nil
	}); err != nil || !until.After(store.Instant(looked)) {
		return err
	}
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE incidents_looked SET at = $1 WHERE id = 1 AND at = $2`, until.UnixMicro(), looked)
		if err != nil {
			return fmt.Errorf("incidents: permits: %w", err)
		}
		if n == 0 {
			return nil // another process looked meanwhile
		}
		for _, entry := range found {
			if _, err := d.Gate.Incident(ctx, tx, "clause.missing", entry); err != nil {
				return err
			}
		}
		for _, row := range urgent {
			if err := d.noteOpening(ctx, tx, row); err != nil {
				return err
			}
		}
		return nil
	})
}

// second reports whether somebody other than whoever owns an incident may close
// it: who deals with incidents and whom it does not concern.
func (d *incidents) second(ctx context.Context, tx *store.Tx, i incident) (bool, error) {
	v, ok := d.Gate.InForce()
	if !ok {
		return false, nil
	}
	everybody, err := d.staff.Everybody(ctx, tx)
	if err != nil {
		return false, err
	}
	concerned, err := d.concerned(ctx, tx, i)
	if err != nil {
		return false, err
	}
	deals, _ := d.dealing(v.Statement, everybody)
	return slices.ContainsFunc(everybody, func(a loot.Actor) bool { return a.ID != i.Owner && a.ID != concerned && deals(a) }), nil
}
