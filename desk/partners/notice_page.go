package partners

import (
	"context"
	"net/http"

	"loot"
	"loot/statement"
	"loot/store"
	"loot/web"
)

// takeNotice shows the letter and to how many it goes, and then has it go.
func (d *Partners) takeNotice(w http.ResponseWriter, r *http.Request) error {
	s, to, typed, err := d.typed(r)
	if err != nil {
		return err
	}
	ctx, by := r.Context(), web.ActorOf(r.Context())
	read := func(tx *store.Tx) (n notice, err error) {
		if err := d.signed(ctx, tx, by); err != nil {
			return n, err
		}
		a, err := standing(ctx, tx, to.Key)
		if err != nil {
			return n, err
		}
		return readNotice(s, to, a, typed)
	}
	v, waits := d.noticeView(r, to), false
	if typed.Get("confirm") == "" {
		err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
			n, err := read(tx)
			if err != nil {
				return err
			}
			return d.fillNotice(ctx, tx, s, to, by, n, &v)
		})
	} else {
		err = d.DB.InTx(ctx, func(tx *store.Tx) error {
			n, err := read(tx)
			if err != nil {
				return err
			}
			waits, err = d.propose(ctx, tx, by, n)
			return err
		})
	}
	if web.Wrong(err) != nil {
		return d.showPartner(w, r, showing{http.StatusUnprocessableEntity, formNotice, typed, err, ""})
	}
	if err != nil {
		return err
	}
	if typed.Get("confirm") == "" {
		v.Send = []web.Hidden{{Name: "confirm", Value: "yes"}}
		for _, f := range noticeForm(s, to) {
			for _, one := range typed[f.Name] {
				v.Send = append(v.Send, web.Hidden{Name: f.Name, Value: one})
			}
		}
		return noticePage.Render(w, r, http.StatusOK, v)
	}
	said := "The letters are going out. The time to object begins when the last one has gone."
	if waits {
		said = "Asked. Others find it under Approvals, and the letters go as soon as one of them agrees."
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, path(to.Key))
}

// showNotice shows the letter of a notice, such as to whoever is asked to agree to it.
func (d *Partners) showNotice(w http.ResponseWriter, r *http.Request) error {
	s, to, err := d.partner(r.PathValue("key"))
	if err != nil {
		return err
	}
	ctx, v := r.Context(), d.noticeView(r, to)
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		n, err := anyNotice(ctx, tx, r.PathValue("id"))
		if err == nil && (n.ID == "" || n.Partner != to.Key) {
			err = loot.Errorf(loot.NotFound, "There is no such announcement.")
		}
		if err != nil {
			return err
		}
		return d.fillNotice(ctx, tx, s, to, web.ActorOf(ctx), n, &v)
	}); err != nil {
		return err
	}
	return noticePage.Render(w, r, http.StatusOK, v)
}

func (d *Partners) noticeView(r *http.Request, to statement.Recipient) noticeView {
	v := noticeView{View: web.ViewOf(r, "What everybody concerned is told"), Key: to.Key}
	v.Crumbs = []web.Crumb{{Label: "Partners", Href: "/console/partners"}, {Label: to.Title, Href: path(to.Key)}}
	return v
}

// fillNotice shows the letter of a notice, which is not kept yet if it has no id.
func (d *Partners) fillNotice(ctx context.Context, tx *store.Tx, s *statement.Statement, to statement.Recipient, by loot.Actor, n notice, v *noticeView) error {
	letter := letterOf(s, to, n, s.Front().NoticeDays, d.BaseURL)
	m, err := letter.Message(d.House(), "shown", "")
	if err != nil {
		return err
	}
	v.Subject, v.Letter = letter.Subject, m.Text
	if n.ID != "" {
		told, err := toldBy(ctx, tx, n.ID)
		if err != nil {
			return err
		}
		state, err := d.noticeState(ctx, tx, n)
		v.Facts = []web.Fact{{Term: "Went to", Value: loot.Plural(told, "customer", "customers")}, {Term: "State", Badge: &state}}
		return err
	}
	whom, err := d.whom(ctx, tx, n)
	if err != nil {
		return err
	}
	v.Facts = []web.Fact{{Term: "Goes to", Value: whom, Note: "As many as there are today; who comes later is told, too."}}
	others, err := d.othersFor(ctx, tx, by, n)
	v.Button = "Tell " + whom
	if n.Kind == succession {
		next := "Nobody else could agree to it, so the letters go at once."
		if others {
			v.Button, next = "Ask a second person to agree", "A second person has to agree before the first letter goes."
		}
		v.Facts = append(v.Facts, web.Fact{Term: "Agreed by", Value: next})
	}
	return err
}

func (d *Partners) endNotice(w http.ResponseWriter, r *http.Request) error {
	return d.done(w, r, "Taken back. Whoever was told gets a letter that says so.", func(ctx context.Context, tx *store.Tx, by loot.Actor) error {
		return d.withdrawNotice(ctx, tx, by, r.PathValue("id"))
	})
}
