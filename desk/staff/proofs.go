package staff

import (
	"context"
	"fmt"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

func proofs() []desk.Proof {
	return []desk.Proof{
		{Clause: clause, Name: "before the undertaking is signed, no role opens or looks up anything", Run: proveUndertaking},
		{Clause: clause, Name: "each role opens what it is declared for, by name on the ledger, and nothing else", Run: proveRoles},
		{Clause: clause, Name: "whoever administers accounts opens nothing", Run: proveAdministrators},
		{Clause: clause, Name: "a search is permitted for a purpose of the job only, and recorded hit or miss", Run: proveSearch},
		{Clause: clause, Name: "unusual curiosity opens a case", Run: proveAlarm},
		{Clause: clause, Name: "an access that nothing explains is answered for by name", Run: proveReview},
		{Clause: clause, Name: "in an emergency, what no role opens opens after two others agreed, and is reviewed", Run: proveEmergency},
	}
}

// A try is one thing that somebody tried, with the world's answer.
type try struct {
	entry   string
	refusal *gate.Refusal
}

// attempt decides one request in a transaction of its own.
func attempt(ctx context.Context, w *desk.World, r gate.Request) (try, error) {
	var t try
	err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := w.Gate.Decide(ctx, tx, r)
		t.entry = p.Entry()
		return err
	})
	if refusal, ok := refusalOf(err); ok {
		return try{entry: refusal.Entry, refusal: refusal}, nil
	}
	return t, err
}

// A setting is what the proofs need of the operator's statement: somebody
// whose record it is, and a field of it.
type setting struct {
	s       *statement.Statement
	subject loot.Subject
	fields  []loot.Field
}

const proved loot.Collection = "customer"

func set(ctx context.Context, w *desk.World) (setting, error) {
	s, err := w.Statement()
	if err != nil {
		return setting{}, err
	}
	subject, err := w.NewPerson(ctx)
	if err != nil {
		return setting{}, err
	}
	out := setting{s: s, subject: subject}
	for _, f := range s.Fields(proved) {
		if f.Index {
			out.fields = []loot.Field{f.ID}
			return out, nil
		}
	}
	return setting{}, fmt.Errorf("the statement declares no field that customers can be looked up by")
}

func (s setting) open(a loot.Actor, p loot.Purpose) gate.Request {
	return gate.Request{Action: loot.Use, Actor: a, Desk: "staff", Purpose: p, Subject: s.subject, Collection: proved, Fields: s.fields, Reason: "Tried for the proof."}
}

func (s setting) find(a loot.Actor, p loot.Purpose) gate.Request {
	r := s.open(a, p)
	r.Action, r.Subject = loot.Find, ""
	return r
}

// purposesOf returns the purposes of a role that customers' records have.
func (s setting) purposesOf(r statement.RoleDecl) []loot.Purpose {
	c, _ := s.s.Collection(proved)
	return slices.DeleteFunc(slices.Clone(r.Purposes), func(p loot.Purpose) bool { return !slices.Contains(c.Purposes, p) })
}

func proveUndertaking(ctx context.Context, w *desk.World) (string, error) {
	s, err := set(ctx, w)
	if err != nil {
		return "", err
	}
	n := 0
	for _, role := range s.s.Roles() {
		unsigned, err := w.NewStaff(ctx, false, role.ID)
		if err != nil {
			return "", err
		}
		for _, p := range role.Purposes {
			for _, r := range []gate.Request{s.open(unsigned, p), s.find(unsigned, p)} {
				t, err := attempt(ctx, w, r)
				if err != nil {
					return "", err
				}
				if t.refusal == nil {
					return "", fmt.Errorf("%s could %s for %q without having signed", role.Title, r.Action, p)
				}
				n++
			}
		}
	}
	// The same with a signature, so that it is the signature that counts.
	role, p, ok := s.opener()
	if !ok {
		return "", fmt.Errorf("no role opens a customer's record for any purpose, so nothing was proved")
	}
	for _, signed := range []bool{false, true} {
		a, err := w.NewStaff(ctx, signed, role)
		if err != nil {
			return "", err
		}
		t, err := attempt(ctx, w, s.find(a, p))
		if err != nil {
			return "", err
		}
		if signed != (t.refusal == nil) {
			return "", fmt.Errorf("signed: %v, and yet refused: %v", signed, t.refusal != nil)
		}
		if !signed && t.refusal.Clause != clause {
			return "", fmt.Errorf("refused by %s instead of %s", t.refusal.Clause, clause)
		}
	}
	return fmt.Sprintf("%s refused, of every role and purpose; permitted once signed", loot.Plural(n, "opening or search", "openings and searches")), nil
}

// opener returns a role that may look customers up, with a purpose.
func (s setting) opener() (loot.Role, loot.Purpose, bool) {
	for _, role := range s.s.Roles() {
		for _, p := range s.purposesOf(role) {
			in := statement.Input{Action: loot.Find, Actor: statement.Actor{Kind: loot.Staff, Roles: []loot.Role{role.ID}, Undertaking: s.s.Front().Effective.AddDate(1, 0, 0)}}
			in.Context.Purpose, in.Context.Now = p, s.s.Front().Effective.AddDate(2, 0, 0)
			in.Record = statement.Record{Collection: proved}
			if f, ok := s.s.Field(s.fields[0]); ok {
				c, _ := s.s.Category(f.Category)
				in.Record.Category, in.Record.Level, in.Record.Identifying = f.Category, c.Level, f.Identifying
				for needed := range f.Needed {
					in.Record.Purposes = append(in.Record.Purposes, needed)
				}
				slices.Sort(in.Record.Purposes)
			}
			if s.s.Decide(&in).Allowed {
				return role.ID, p, true
			}
		}
	}
	return "", "", false
}

func proveRoles(ctx context.Context, w *desk.World) (string, error) {
	s, err := set(ctx, w)
	if err != nil {
		return "", err
	}
	yes, no := 0, 0
	for _, role := range s.s.Roles() {
		a, err := w.NewStaff(ctx, true, role.ID)
		if err != nil {
			return "", err
		}
		for _, p := range s.s.Purposes() {
			t, err := attempt(ctx, w, s.open(a, p.ID))
			if err != nil {
				return "", err
			}
			switch {
			case t.refusal != nil:
				no++
			case !slices.Contains(role.Purposes, p.ID):
				return "", fmt.Errorf("%s opened a record for %q, which is not among its purposes", role.Title, p.ID)
			default:
				yes++
				if err := named(ctx, w, t.entry, a); err != nil {
					return "", err
				}
			}
		}
	}
	if yes == 0 {
		return "", fmt.Errorf("no role could open the record of somebody who ordered a service for any purpose")
	}
	return fmt.Sprintf("%s permitted, each by name on the ledger; %d refused", loot.Plural(yes, "opening", "openings"), no), nil
}

// named checks that the ledger says who it was.
func named(ctx context.Context, w *desk.World, entry string, a loot.Actor) error {
	return w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		f, err := w.Ledger.Actor(ctx, tx, entry)
		if err != nil {
			return err
		}
		if f.ID != a.ID || f.Name != a.Name {
			return fmt.Errorf("the ledger does not name who opened the record")
		}
		return nil
	})
}

func proveAdministrators(ctx context.Context, w *desk.World) (string, error) {
	s, err := set(ctx, w)
	if err != nil {
		return "", err
	}
	n := 0
	for _, role := range s.s.Roles() {
		if !role.Administers {
			continue
		}
		a, err := w.NewStaff(ctx, true, role.ID)
		if err != nil {
			return "", err
		}
		for _, p := range s.s.Purposes() {
			for _, r := range []gate.Request{s.open(a, p.ID), s.find(a, p.ID)} {
				t, err := attempt(ctx, w, r)
				if err != nil {
					return "", err
				}
				if t.refusal == nil {
					return "", fmt.Errorf("%s could %s for %q", role.Title, r.Action, p.ID)
				}
				n++
			}
		}
	}
	if n == 0 {
		return "the statement declares no role that administers accounts", nil
	}
	return fmt.Sprintf("%s refused", loot.Plural(n, "opening or search", "openings and searches")), nil
}

func proveSearch(ctx context.Context, w *desk.World) (string, error) {
	s, err := set(ctx, w)
	if err != nil {
		return "", err
	}
	role, p, ok := s.opener()
	if !ok {
		return "", fmt.Errorf("no role may look up a customer for any purpose")
	}
	a, err := w.NewStaff(ctx, true, role)
	if err != nil {
		return "", err
	}
	decl, _ := s.s.Role(role)
	permitted, refused := 0, 0
	for _, other := range s.s.Purposes() {
		t, err := attempt(ctx, w, s.find(a, other.ID))
		if err != nil {
			return "", err
		}
		switch {
		case t.refusal != nil:
			refused++
		case !slices.Contains(decl.Purposes, other.ID):
			return "", fmt.Errorf("%s searched for %q, which is not among its purposes", decl.Title, other.ID)
		default:
			permitted++
			if err := named(ctx, w, t.entry, a); err != nil {
				return "", err
			}
		}
	}
	return fmt.Sprintf("%s looked somebody up for %q, by name on the ledger; %s permitted, %d refused", decl.Title, p, loot.Plural(permitted, "purpose", "purposes"), refused), nil
}

// raisedSince counts the incidents of unusual access since then.
func raisedSince(ctx context.Context, w *desk.World, from time.Time) (raised int, err error) {
	err = w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		raised = 0
		for row, err := range w.Ledger.Facts(ctx, tx, from, w.Now().Add(dayLength)) {
			if err != nil {
				return err
			}
			if row.Facts.Note == "incident.access.unusual" {
				raised++
			}
		}
		return nil
	})
	return raised, err
}

func proveAlarm(ctx context.Context, w *desk.World) (string, error) {
	s, err := set(ctx, w)
	if err != nil {
		return "", err
	}
	role, p, ok := s.opener()
	if !ok {
		return "", fmt.Errorf("no role may look up a customer for any purpose")
	}
	a, err := w.NewStaff(ctx, true, role)
	if err != nil {
		return "", err
	}
	for range alarmFloor + 1 {
		t, err := attempt(ctx, w, s.find(a, p))
		if err != nil {
			return "", err
		}
		if t.refusal != nil {
			return "", t.refusal
		}
	}
	from := w.Now().Add(-dayLength)
	// Other proofs may have made years pass, of which a count takes some days.
	raised := 0
	for i := 0; raised == 0 && i < 50; i++ {
		if err := w.DB.InTx(ctx, func(tx *store.Tx) error { return w.Jobs.Enqueue(ctx, tx, countJob{}) }); err != nil {
			return "", err
		}
		if err := w.Drain(ctx); err != nil {
			return "", err
		}
		if raised, err = raisedSince(ctx, w, from); err != nil {
			return "", err
		}
	}
	if raised == 0 {
		return "", fmt.Errorf("%d searches by one person in a day raised nothing", alarmFloor+1)
	}
	return fmt.Sprintf("%d searches by one person in a day opened a case against a name", alarmFloor+1), nil
}
