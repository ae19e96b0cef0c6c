// Package incidents keeps what happened that no clause permits, or may have:
// each case is opened by itself or by a report, owned, assessed, told to those
// who must know within 72 hours, and closed with a reason. So is a use of which
// a clause has the regulator told.
package incidents

import (
	"context"
	"embed"
	"io/fs"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/job"
	"loot/statement"
	"loot/store"
	"loot/web"
)

//go:embed migrations/*.sql
var migrations embed.FS

// untilRegulator is how long the law gives until the regulator must know
// (GDPR Article 33).
const untilRegulator = 72 * time.Hour

// A sealer seals what people write about a case.
type sealer interface {
	Seal(plain, ad []byte) ([]byte, error)
	Open(sealed, ad []byte) ([]byte, error)
}

type incidents struct {
	desk.Kit
	key   sealer
	staff desk.Staff
}

// New returns the desk.
func New(kit desk.Kit, staff desk.Staff) (desk.Desk, error) {
	key, err := kit.Keyring.System("incidents")
	if err != nil {
		return desk.Desk{}, err
	}
	key.Hold(kit.DB, store.Sealed{Table: "incidents_note", Key: []string{"id"}, Column: "text"})
	d := &incidents{Kit: kit, key: key, staff: staff}
	kit.Jobs.Listen("incident.raised", "incidents.open", d.raised)
	kit.Jobs.Listen("notify.regulator", "incidents.regulator", d.tellRegulator)
	kit.Jobs.Listen(desk.ApprovalAnswered, "incidents.answered", d.answered)
	job.Register(kit.Jobs, d.tell)
	job.Register(kit.Jobs, d.sendNotice, job.MaxAttempts(10))
	job.Register(kit.Jobs, d.remind, job.MaxAttempts(10))
	job.Register(kit.Jobs, d.look, job.Timeout(lookEvery))
	kit.Jobs.Periodic(lookEvery, lookJob{})
	kit.Gate.Fact("context.case", d.openCase)
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the files are in the program
	}
	return desk.Desk{
		Name:       "incidents",
		Keeps:      Keeps,
		Migrations: sub,
		Routes:     d.routes(),
		Nav: []web.Nav{{
			Audience: web.Console, Group: "Work", Order: 40, Label: "Incidents", Icon: "siren", Href: "/console/incidents", Count: d.waiting,
		}},
		Proofs: d.proofs(),
		Demo:   d.demo,
		Export: d.export,
		Erase:  d.forget,
	}, nil
}

// raised opens a case for an incident that the program found. The notice says
// "entry what concerned-entry". What is found again about the same entry, such
// as one customer after another who cannot be told of it, belongs to the case
// that is open.
func (d *incidents) raised(ctx context.Context, notice string) error {
	entry, rest, _ := strings.Cut(notice, " ")
	what, concerned, _ := strings.Cut(rest, " ")
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		if known, err := isOpen(ctx, tx, what, concerned); err != nil || known {
			return err
		}
		_, err := d.open(ctx, tx, incident{What: what, Entry: entry, Concerned: concerned})
		return err
	})
}

// regulatorDue is a case without an incident: a clause has the regulator told.
const regulatorDue = "regulator.due"

// tellRegulator opens a case for a use of which a clause has the regulator told:
// that is done by a person, who notes it. The notice says "subject entry".
func (d *incidents) tellRegulator(ctx context.Context, notice string) error {
	_, entry, _ := strings.Cut(notice, " ")
	return d.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := d.open(ctx, tx, incident{What: regulatorDue, Entry: entry})
		return err
	})
}

func (d *incidents) open(ctx context.Context, tx *store.Tx, i incident) (string, error) {
	i.ID = loot.NewID("i")
	i.Opened = d.Now()
	i.Due = i.Opened.Add(untilRegulator)
	err := insert(ctx, tx, i)
	return i.ID, err
}

func (d *incidents) waiting(ctx context.Context) (n int, err error) {
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		n, err = countOpen(ctx, tx)
		return err
	})
	return n, err
}

// openCase offers the fact that an incident which is still open is named, or an
// emergency that was declared within the last day.
func (d *incidents) openCase(ctx context.Context, tx *store.Tx, r gate.Request, in *statement.Input) error {
	if !desk.IsID("i", r.Case) && !desk.IsReference("I", r.Case) {
		return nil
	}
	i, err := find(ctx, tx, r.Case, "")
	switch {
	case loot.KindOf(err) == loot.NotFound:
		return nil
	case err != nil:
		return err
	case !i.Closed.IsZero():
	case i.What != emergency:
		in.Context.Case = "incident"
	case d.stands(i):
		in.Context.Case = emergency
	}
	return nil
}

// words says in plain language what the program found.
func words(what string) string {
	if said, ok := map[string]string{
		"permit.missing":     "A record was to be opened without a permit",
		"permit.twice":       "A permit was used a second time",
		"permit.elsewhere":   "A permit was used in another transaction",
		"permit.widened":     "A permit was used for more than it was given for",
		"reconciliation":     "More was opened than permits account for",
		"statement.changed":  "The versions of the statement were changed in the database",
		"passkey.copied":     "A passkey was used that somebody copied",
		"access.unusual":     "Somebody opened unusually many records",
		"notice.unsent":      "A notice that a clause promises could not be sent",
		"clause.missing":     "Something was opened or disclosed that no clause decided",
		"access.unjustified": "A review found an access that nothing justifies",
		emergency:            "An emergency was declared",
		regulatorDue:         "A clause has the regulator told of a use",
		"reported":           "Reported by a member of staff",
	}[what]; ok {
		return said
	}
	return "Found by the program: " + what
}

// Keeps are the clauses that this desk carries out.
var Keeps = []loot.Clause{"disclosure.responsibility"}
