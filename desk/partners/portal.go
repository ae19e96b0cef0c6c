package partners

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"loot"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
)

type mineView struct {
	web.View
	Partners []mineRow
}

// A mineRow is a partner as a customer sees it.
type mineRow struct {
	Title   string
	Country string
	State   web.Badge
	Uses    []useRow
	Told    []toldRow
	Has     []hasRow
}

// A useRow is what a partner may receive something for.
type useRow struct {
	Title   string
	Why     string
	Rests   string
	State   web.Badge
	Actions []web.Action
}

// A toldRow is when somebody was told of a partner.
type toldRow struct {
	What  string
	At    time.Time
	Until time.Time
}

// A hasRow is what a partner received of somebody.
type hasRow struct {
	Purpose string
	Details []string
	Last    time.Time
	Times   int
	State   web.Badge
}

// mine shows somebody who receives what of theirs.
func (d *Partners) mine(w http.ResponseWriter, r *http.Request) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	me := loot.Subject(web.ActorOf(r.Context()).ID)
	v := mineView{View: web.ViewOf(r, "Who receives what")}
	v.Lead = "The companies that work with us, what each may receive of you and why, and what it received. Object, and the very next transfer is refused."
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) error {
		v.Partners = nil
		given, err := d.Gate.Person(r.Context(), tx, me)
		if err != nil {
			return err
		}
		list, err := sentTo(r.Context(), tx, me)
		if err != nil {
			return err
		}
		for _, to := range partners(s) {
			row, err := d.mineRow(r.Context(), tx, s, to, me, given, list)
			if err != nil {
				return err
			}
			v.Partners = append(v.Partners, row)
		}
		return nil
	}); err != nil {
		return err
	}
	return minePage.Render(w, r, http.StatusOK, v)
}

func (d *Partners) mineRow(ctx context.Context, tx *store.Tx, s *statement.Statement, to statement.Recipient, me loot.Subject, given gate.PersonView, list []sent) (row mineRow, err error) {
	row = mineRow{Title: to.Title, Country: statement.CountryName(to.Country)}
	a, err := standing(ctx, tx, to.Key)
	if err != nil {
		return row, err
	}
	row.State = web.Badge{Tone: web.Neutral, Text: "receives nothing: no agreement"}
	if a.runs(d.Now()) {
		row.State = web.Badge{Tone: web.Info, Text: "agreement until " + a.Ends.Format("2 Jan 2006"), Icon: "handshake"}
	}
	for _, p := range to.Cooperation {
		others := slices.ContainsFunc(partners(s), func(o statement.Recipient) bool { return o.Key != to.Key && slices.Contains(o.Cooperation, p) })
		row.Uses = append(row.Uses, use(s, to, p, "Works with us on what you ordered", others, given))
	}
	for _, o := range s.Offers() {
		if o.Recipient == to.Key {
			row.Uses = append(row.Uses, permissible(s, o, given))
		}
	}
	all, err := notices(ctx, tx, `partner = $1`, to.Key)
	if err != nil {
		return row, err
	}
	moves := false
	for _, n := range all {
		at, err := toldAt(ctx, tx, n.ID, me)
		if err != nil || at.IsZero() || !n.Ended.IsZero() {
			if err != nil {
				return row, err
			}
			continue
		}
		what := "Works with us: " + titlesOf(s, n.Purposes)
		if n.Kind == succession {
			what, moves = "Takes over "+whatMoves(s, n), true
		}
		until := at.AddDate(0, 0, s.Front().NoticeDays)
		row.Told = append(row.Told, toldRow{what, at, later(until, n.Due)})
	}
	if moves {
		others, err := othersSucceed(ctx, tx, to.Key, me)
		if err != nil {
			return row, err
		}
		row.Uses = append(row.Uses, use(s, to, toSucceed, "It takes over a service of yours", others, given))
	}
	for _, one := range list {
		if one.Partner == to.Key {
			has, err := hasOf(ctx, tx, s, one)
			if err != nil {
				return row, err
			}
			row.Has = append(row.Has, has)
		}
	}
	return row, nil
}

// othersSucceed reports whether somebody was told of another company that takes something over.
func othersSucceed(ctx context.Context, tx *store.Tx, partner string, me loot.Subject) (others bool, err error) {
	if err := tx.QueryRow(ctx, `SELECT count(*) > 0 FROM partners_notice n JOIN partners_told t ON t.notice = n.id
		WHERE t.subject = $1 AND n.partner <> $2 AND n.kind = $3 AND n.ended = 0`, me, partner, succession).Scan(&others); err != nil {
		return false, fmt.Errorf("partners: successors: %w", err)
	}
	return others, nil
}

// use is something to which somebody can object. An objection is to what it is for, so it
// counts for others that do the same, too.
func use(s *statement.Statement, to statement.Recipient, p loot.Purpose, rests string, others bool, given gate.PersonView) useRow {
	row := useRow{Title: string(p), Rests: rests + ".", State: web.Badge{Tone: web.Good, Text: "may be used"}}
	if others {
		row.Rests += " So does another company: an objection counts for every company on this page that does the same."
	}
	if decl, ok := s.Purpose(p); ok {
		row.Title, row.Why = decl.Title, decl.Why
	}
	act := web.Action{Label: "Object", Icon: "hand", Post: true, Small: true, Href: "/portal/partners/" + to.Key, Hidden: []web.Hidden{{Name: "purpose", Value: string(p)}, {Name: "object", Value: "yes"}}}
	if slices.Contains(given.Objected, p) {
		row.State = web.Badge{Tone: web.Warn, Text: "you object", Icon: "hand"}
		act.Label, act.Icon, act.Hidden[1].Value = "Take the objection back", "undo-2", "no"
	}
	row.Actions = []web.Action{act}
	return row
}

// permissible is something that needs a permission.
func permissible(s *statement.Statement, o statement.Offer, given gate.PersonView) useRow {
	row := useRow{Title: o.Title, Why: o.Text, Rests: "Your permission.", State: web.Badge{Text: "off"}}
	if decl, ok := s.Purpose(o.Purpose); ok && row.Title == "" {
		row.Title = decl.Title
	}
	if given.Permits(o) {
		row.State = web.Badge{Tone: web.Good, Text: "on", Icon: "check"}
	}
	row.Actions = []web.Action{{Label: "Your permissions", Icon: "sliders-horizontal", Href: "/portal/permissions", Small: true}}
	return row
}

func hasOf(ctx context.Context, tx *store.Tx, s *statement.Statement, one sent) (hasRow, error) {
	row := hasRow{Purpose: string(one.Purpose), Details: slices.Compact(s.Titles(one.Fields...)), Last: one.Last, Times: one.Times}
	if decl, ok := s.Purpose(one.Purpose); ok {
		row.Purpose = decl.Title
	}
	row.State = web.Badge{Tone: web.Info, Text: "has it"}
	if one.Deletion == "" {
		return row, nil
	}
	row.State = web.Badge{Tone: web.Warn, Text: "asked to delete it", Icon: "eraser"}
	list, err := deletions(ctx, tx, `id = $1`, one.Deletion)
	if err == nil && len(list) == 1 && !list[0].Confirmed.IsZero() {
		row.State = web.Badge{Tone: web.Good, Text: "deleted it " + list[0].Confirmed.Format("2 Jan 2006"), Icon: "check"}
	}
	return row, err
}

// object takes an objection, which counts from the commit on, or takes it back.
func (d *Partners) object(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	_, to, err := d.partner(r.PathValue("key"))
	if err != nil {
		return err
	}
	p, yes := loot.Purpose(typed.Get("purpose")), typed.Get("object") == "yes"
	if p != toSucceed && !slices.Contains(to.Cooperation, p) {
		return loot.Errorf(loot.Invalid, "This needs no objection: it rests on a permission of yours, or on nothing.")
	}
	ctx, me := r.Context(), web.ActorOf(r.Context())
	if err := d.DB.InTx(ctx, func(tx *store.Tx) error {
		stands, err := d.Gate.Person(ctx, tx, loot.Subject(me.ID))
		if err != nil || slices.Contains(stands.Objected, p) == yes {
			return err
		}
		return d.Gate.Object(ctx, tx, loot.Subject(me.ID), collection, me, p, yes)
	}); err != nil {
		return err
	}
	text := "Taken back. What was told to you counts again."
	if yes {
		text = "You object. It counts from this moment on, and whoever has something is asked to delete it."
	}
	web.SetFlash(w, r, web.Good, text)
	return web.Redirect(w, r, "/portal/partners")
}
