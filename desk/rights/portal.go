package rights

import (
	"context"
	"embed"
	"net/http"
	"net/url"
	"strings"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
	"loot/web"
)

//go:embed pages/*.html
var pageFiles embed.FS

var minePage = web.NewPage[mineView](pageFiles, "pages/mine.html")

type mineView struct {
	web.View
	Copy       web.Action
	Kinds      string // where the kinds of detail are shown
	CanFreeze  bool
	GoesOn     string      // for what a frozen record is used
	Clause     loot.Clause // by which it is left alone
	Frozen     *web.Alert
	Freeze     web.Fields
	Objections []objectionRow // that count
	Object     web.Fields     // empty: there is nothing to object to
	Wrong      *web.Problems
	Asked      []askedRow
}

// An objectionRow is one that counts.
type objectionRow struct {
	Title string
	Back  web.Action
}

// An askedRow is what somebody asked for and what became of it.
type askedRow struct {
	requestRow
	Said, Noted, Reason, Extension string
}

// mine is where people begin who want to use one of their rights.
func (d *Rights) mine(w http.ResponseWriter, r *http.Request) error {
	return d.showMine(w, r, http.StatusOK, "", nil, nil)
}

// freezeForm asks why a record is to be left alone.
func freezeForm() web.Fields {
	options := []web.Option{{Label: "Why?"}}
	for _, g := range grounds {
		options = append(options, web.Option{Value: g.id, Label: g.title})
	}
	return web.Fields{
		{Name: "ground", Label: "Reason", Type: "select", Required: true, Options: options, Form: "freeze"},
		{Name: "text", Label: "What we should know", Type: "textarea", MaxLen: 2000, Rows: 3, Wide: true, Hint: "It is kept sealed. Only a colleague who answers reads it.", Form: "freeze"},
	}
}

// objectForm asks to what somebody objects.
func objectForm(s *statement.Statement, counts func(loot.Purpose) bool) web.Fields {
	options := []web.Option{{Label: "To what?"}}
	for _, p := range objectable(s) {
		if counts(p.ID) {
			continue
		}
		label := p.Title
		if partners := cooperators(s, p.ID); len(partners) > 0 {
			label += ": that " + strings.Join(partners, " and ") + " helps"
		}
		options = append(options, web.Option{Value: string(p.ID), Label: label})
	}
	if len(options) == 1 {
		return nil
	}
	return web.Fields{
		{Name: "purpose", Label: "Use", Type: "select", Required: true, Options: options, Form: "object"},
		{Name: "text", Label: "What is special about your situation", Type: "textarea", MaxLen: 2000, Rows: 3, Wide: true, Hint: "You need not say anything. It is kept sealed.", Form: "object"},
	}
}

func (d *Rights) showMine(w http.ResponseWriter, r *http.Request, status int, form string, typed url.Values, wrong error) error {
	s, err := d.inForce()
	if err != nil {
		return err
	}
	ctx, me := r.Context(), loot.Subject(web.ActorOf(r.Context()).ID)
	v := mineView{View: web.ViewOf(r, "Your rights"), Freeze: freezeForm(), Kinds: categoriesPath}
	v.Clause, v.GoesOn = frozen(s, d.Now())
	v.CanFreeze = v.Clause != ""
	v.Lead = "What the law and our statement let you ask for. Most of it is done at once; for the rest you see by when it is."
	v.Again = web.SignInAgain(r, d.Now(), "Taking a copy")
	v.Copy = web.Action{Label: "Take a copy", Icon: "download", Href: "/portal/rights/copy", Post: true, Primary: true}
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		v.Objections, v.Asked, v.Frozen = nil, nil, nil
		person, err := d.Gate.Person(ctx, tx, me)
		if err != nil {
			return err
		}
		objected := map[loot.Purpose]bool{}
		for _, p := range person.Objected {
			objected[p] = true
			title := string(p)
			if decl, ok := s.Purpose(p); ok {
				title = decl.Title
			}
			v.Objections = append(v.Objections, objectionRow{title, web.Action{
				Label: "Take back", Icon: "undo-2", Href: "/portal/rights/objection/" + url.PathEscape(string(p)) + "/end", Post: true, Small: true,
			}})
		}
		v.Object = objectForm(s, func(p loot.Purpose) bool { return objected[p] })
		all, err := requestsOf(ctx, tx, me)
		if err != nil {
			return err
		}
		for _, one := range all {
			if one.Kind == restriction && one.Ended.IsZero() && one.proved() {
				since := "."
				if one.Way == "" { // else it counts from when they confirmed it
					since = " since " + one.Opened.UTC().Format("2 January 2006") + "."
				}
				v.Frozen = &web.Alert{
					Tone: web.Info, Title: "Your record is frozen" + since, Text: v.GoesOn,
					Actions: []web.Action{{Label: "The clause", Icon: "scroll-text", Href: "/statement#" + string(v.Clause), Small: true}, {Label: "End it", Icon: "lock-open", Href: "/portal/rights/restriction/end", Post: true, Small: true}},
				}
			}
			notes, err := d.notes.Of(ctx, tx, one.ID)
			if err != nil {
				return err
			}
			row := askedRow{requestRow: d.row(s, one), Said: desk.LatestNote(notes, "asked"), Noted: noted(one, notes), Extension: desk.LatestNote(notes, "extension")}
			if !one.Closed.IsZero() {
				row.Reason = desk.LatestNote(notes, "reason")
			}
			v.Asked = append(v.Asked, row)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, f := range []*web.Fields{&v.Freeze, &v.Object} {
		if typed != nil && len(*f) > 0 && (*f)[0].Form == form {
			*f = f.With(typed, wrong)
			v.Wrong = web.ProblemsOf(wrong, *f)
		}
	}
	return minePage.Render(w, r, status, v)
}

// askRestriction has the record of whoever asks left alone.
func (d *Rights) askRestriction(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	if err := freezeForm().Check(typed); err != nil {
		return d.showMine(w, r, http.StatusUnprocessableEntity, "freeze", typed, err)
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	return d.asked(w, r, "Your record is frozen from this moment on.", func(ctx context.Context, tx *store.Tx, me loot.Actor) (request, error) {
		return d.restrict(ctx, tx, s, me, typed.Get("ground"), typed.Get("text"))
	})
}

// askObjection ends a use of the record of whoever asks.
func (d *Rights) askObjection(w http.ResponseWriter, r *http.Request) error {
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	s, err := d.inForce()
	if err != nil {
		return err
	}
	form := objectForm(s, func(loot.Purpose) bool { return false })
	if len(form) == 0 {
		return loot.Errorf(loot.NotFound, "The statement in force has no purpose that one could object to.")
	}
	if err := form.Check(typed); err != nil {
		return d.showMine(w, r, http.StatusUnprocessableEntity, "object", typed, err)
	}
	return d.asked(w, r, "Your objection counts from this moment on.", func(ctx context.Context, tx *store.Tx, me loot.Actor) (request, error) {
		return d.object(ctx, tx, s, me, loot.Purpose(typed.Get("purpose")), typed.Get("text"))
	})
}

func (d *Rights) asked(w http.ResponseWriter, r *http.Request, said string, do func(context.Context, *store.Tx, loot.Actor) (request, error)) error {
	var made request
	if err := d.DB.InTx(r.Context(), func(tx *store.Tx) (err error) {
		made, err = do(r.Context(), tx, web.ActorOf(r.Context()))
		return err
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, said+" A colleague answers by "+made.Due.Format("2 January 2006")+", here and by mail.")
	return web.Redirect(w, r, "/portal/rights")
}

// endRestriction ends it at the wish of whoever asked for it.
func (d *Rights) endRestriction(w http.ResponseWriter, r *http.Request) error {
	return d.back(w, r, restriction, "", "Your record is no longer frozen.")
}

// endObjection takes an objection back.
func (d *Rights) endObjection(w http.ResponseWriter, r *http.Request) error {
	return d.back(w, r, objection, loot.Purpose(r.PathValue("purpose")), "Your objection is taken back.")
}

func (d *Rights) back(w http.ResponseWriter, r *http.Request, kind string, p loot.Purpose, said string) error {
	if err := d.DB.InTx(r.Context(), func(tx *store.Tx) error {
		return d.takeBack(r.Context(), tx, web.ActorOf(r.Context()), kind, p)
	}); err != nil {
		return err
	}
	web.SetFlash(w, r, web.Good, said)
	return web.Redirect(w, r, "/portal/rights")
}
