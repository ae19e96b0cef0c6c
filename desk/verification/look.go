package verification

import (
	"context"
	"net/url"
	"time"

	"loot"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// A look is how a detail was checked last, with who looked: what every page and the
// customer's copy say of it comes from here.
type look struct {
	last
	By string // as the statement shows them to customers
}

// looksAt returns how the details of a customer were checked last.
func (v *Verification) looksAt(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject) (map[loot.Field]look, error) {
	lasts, err := lastOf(ctx, tx, subject)
	if err != nil {
		return nil, err
	}
	own, _ := s.Desk(name)
	who := map[string]string{"": own.Shown()} // by staff id
	out := make(map[loot.Field]look, len(lasts))
	for f, l := range lasts {
		by, known := who[l.Actor]
		if !known {
			if by, err = v.whoLooked(ctx, tx, s, l.Actor); err != nil {
				return nil, err
			}
			who[l.Actor] = by
		}
		out[f] = look{l, by}
	}
	return out, nil
}

// whoLooked names a colleague by the role in which they check records. That is one that
// they have today: in which they looked then is not kept beside the check.
func (v *Verification) whoLooked(ctx context.Context, tx *store.Tx, s *statement.Statement, id string) (string, error) {
	who, _, err := v.staff.Member(ctx, tx, id)
	if err != nil {
		return "", err
	}
	for _, id := range who.Roles {
		if r, _ := s.Role(id); checksRecords(r) {
			return r.Shown(who.Name), nil
		}
	}
	return statement.RoleDecl{}.Shown(""), nil
}

// facts says in a few words how a detail was checked last.
func (l look) facts() []web.Fact {
	facts := []web.Fact{{Term: "Checked", Value: day(l.At)}, {Term: "Method", Value: l.Methods()}, {Term: "By", Value: l.By}}
	if l.Open() {
		facts = []web.Fact{{Term: "Checked", Value: "not answered yet"}}
	}
	if !l.Next.IsZero() {
		facts = append(facts, web.Fact{Term: "Again", Value: day(l.Next)})
	}
	return facts
}

func day(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

// A Shown is what stands beside a detail.
type Shown struct {
	Facts   []web.Fact
	Actions []web.Action // of the customer
}

// Beside returns what stands beside each detail of a customer, in the portal and where
// a colleague opens it: by which check, by whom, when, and when again. The customer
// says there that something is wrong, and asks for a check of what can be checked.
func (v *Verification) Beside(ctx context.Context, tx *store.Tx, subject loot.Subject) (map[loot.Field]Shown, error) {
	s, err := v.inForce()
	if err != nil {
		return nil, err
	}
	looks, err := v.looksAt(ctx, tx, s, subject)
	if err != nil {
		return nil, err
	}
	out := map[loot.Field]Shown{}
	for _, d := range s.Fields(collection) {
		var one Shown
		if _, can := d.Needed[purpose]; can {
			one.Actions = append(one.Actions, web.Action{Label: "Have it checked", Icon: "badge-check", Href: "/portal/checks", Post: true, Small: true, Hidden: []web.Hidden{{Name: "field", Value: string(d.ID)}}})
		}
		one.Actions = append(one.Actions, web.Action{Label: "Something is wrong", Icon: "flag", Href: "/portal/checks/wrong?field=" + url.QueryEscape(string(d.ID)), Small: true})
		if l, was := looks[d.ID]; was {
			one.Facts = l.facts()
		}
		out[d.ID] = one
	}
	return out, nil
}
