package rights

import (
	"context"
	"net/http"
	"slices"

	"loot"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/web"
)

var categoriesPage = web.NewPage[categoriesView](pageFiles, "pages/categories.html")

// categoriesPath is where somebody sees the kinds of detail that are held about them.
const categoriesPath = "/portal/rights/categories"

type categoriesView struct {
	web.View
	Rows  []categoryRow
	Empty web.Empty
}

// A categoryRow is a kind of detail that is held about somebody.
type categoryRow struct {
	ID         loot.Category
	Title      string
	Details    []string
	Sources    []string
	Purposes   []string
	Recipients []string
}

// categories shows the kinds of detail that are held about whoever asks, what each is for
// and who may receive it. It opens none of them.
func (d *Rights) categories(w http.ResponseWriter, r *http.Request) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	v := categoriesView{View: web.ViewOf(r, "Kinds of detail")}
	v.Crumbs = []web.Crumb{{Label: "Your rights", Href: "/portal/rights"}}
	v.Lead = "Which kinds of detail we hold about you, where they come from, what our statement has them for, and which companies may receive them. Some uses need your permission. Nothing is opened to show it."
	v.Actions = []web.Action{
		{Label: "What they say", Icon: "id-card", Href: "/portal"},
		{Label: "What companies received", Icon: "handshake", Href: "/portal/partners"},
		{Label: "Who looked at it", Icon: "history", Href: "/portal/timeline"},
	}
	v.Empty = web.Empty{Icon: "id-card", Title: "Nothing", Text: "We hold nothing about you."}
	if err := d.DB.ReadTx(r.Context(), func(tx *store.Tx) (err error) {
		v.Rows, err = d.categoriesOf(r.Context(), tx, s, loot.Subject(web.ActorOf(r.Context()).ID))
		return err
	}); err != nil {
		return err
	}
	return categoriesPage.Render(w, r, http.StatusOK, v)
}

// categoriesOf returns the kinds of detail that are held about a person, in the order of
// the statement.
func (d *Rights) categoriesOf(ctx context.Context, tx *store.Tx, s *statement.Statement, me loot.Subject) ([]categoryRow, error) {
	person, err := d.Gate.Person(ctx, tx, me)
	if err != nil {
		return nil, err
	}
	receive := receivers(s, person)
	rows := map[loot.Category]*categoryRow{}
	add := func(to *[]string, text string) {
		if text != "" && !slices.Contains(*to, text) {
			*to = append(*to, text)
		}
	}
	for _, c := range s.Collections() {
		sources, err := d.fieldsHeld(ctx, tx, s, me, c)
		if err != nil {
			return nil, err
		}
		for _, f := range s.Fields(c.ID) {
			source, held := sources[f.ID]
			if !held {
				continue
			}
			row := rows[f.Category]
			if row == nil {
				row = &categoryRow{ID: f.Category}
				rows[f.Category] = row
			}
			add(&row.Details, f.Title)
			add(&row.Sources, source)
			for _, p := range s.Purposes() {
				if _, needed := f.Needed[p.ID]; !needed || !slices.Contains(c.Purposes, p.ID) {
					continue
				}
				add(&row.Purposes, p.Title)
				for _, to := range receive[p.ID] {
					add(&row.Recipients, to+", for: "+p.Title)
				}
			}
		}
	}
	var out []categoryRow
	for _, c := range s.Categories() {
		if row := rows[c.ID]; row != nil {
			row.Title = c.Title
			out = append(out, *row)
		}
	}
	return out, nil
}

// fieldsHeld returns which fields of a collection are held about a person, each with where
// it came from. Of what a part of the program keeps by itself, and not in the vault, it is
// asked.
func (d *Rights) fieldsHeld(ctx context.Context, tx *store.Tx, s *statement.Statement, me loot.Subject, c statement.CollectionDecl) (map[loot.Field]string, error) {
	out := map[loot.Field]string{}
	held, err := d.Vault.Held(ctx, tx, me, c.ID)
	if err == nil {
		for f, about := range held {
			out[f] = about.Source
		}
		gone, err := d.needs.Gone(ctx, tx, me)
		for _, f := range gone {
			delete(out, f)
		}
		return out, err
	}
	if loot.KindOf(err) != loot.NotFound {
		return nil, err
	}
	known := false
	for _, other := range d.needs.Desks() {
		if known || other.Holds == nil {
			continue
		}
		if known, err = other.Holds(ctx, tx, me, c.ID); err != nil {
			return nil, err
		}
	}
	if known {
		for _, f := range s.Fields(c.ID) {
			out[f.ID] = "your services"
		}
	}
	return out, nil
}

// receivers returns by purpose the companies that may receive something of a person for it.
func receivers(s *statement.Statement, person gate.PersonView) map[loot.Purpose][]string {
	out := map[loot.Purpose][]string{}
	for _, to := range s.Recipients() {
		cooperates, permitted := person.Receives(to)
		for _, p := range slices.Concat(cooperates, permitted) {
			out[p] = append(out[p], to.Title)
		}
	}
	return out
}
