package customers

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/desk"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// A correction is one field that gets another value, or is removed.
type correction struct {
	Field   statement.FieldDecl
	Value   string
	Remove  bool
	Version string // of the record when the form was drawn
}

// given returns the correction as the vault takes it.
func (x correction) given() map[loot.Field]string {
	if x.Remove {
		return map[loot.Field]string{x.Field.ID: ""}
	}
	return map[loot.Field]string{x.Field.ID: x.Value}
}

type correctView struct {
	web.View
	Post     string
	Hidden   []web.Hidden
	Field    web.Field
	Uses     []need
	Wrong    *web.Problems
	Conflict *conflictView
	Remove   bool // there is something that may be removed
	Back     string
}

// A conflictView shows both values when somebody else was quicker.
type conflictView struct {
	Theirs []string // what the record says now
	Since  string
	Source string
	Yours  string
}

var errNoField = loot.Errorf(loot.NotFound, "There is no such field that could be corrected here.")

// fieldOf returns the field that the path or a form names, if people can set it.
func (c *customers) fieldOf(s *statement.Statement, id string) (statement.FieldDecl, error) {
	d, ok := s.Field(loot.Field(id))
	if !ok || !collects(s, d.ID) {
		return d, errNoField
	}
	for _, w := range c.needs.Written {
		if w == d.ID {
			return d, errNoField
		}
	}
	return d, nil
}

// ownField is fieldOf of a person themself. What is gone of a record that waits to be erased
// is not given again.
func (c *customers) ownField(ctx context.Context, s *statement.Statement, me loot.Actor, id string) (statement.FieldDecl, error) {
	d, err := c.fieldOf(s, id)
	if err != nil {
		return d, err
	}
	return d, c.DB.ReadTx(ctx, func(tx *store.Tx) error {
		gone, err := c.gone(ctx, tx, loot.Subject(me.ID))
		if err == nil && slices.Contains(gone, d.ID) {
			return errLeaving
		}
		return err
	})
}

// correctOwnForm shows one field of a person's own record, to be changed.
func (c *customers) correctOwnForm(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	s, err := c.inForce()
	if err != nil {
		return err
	}
	d, err := c.ownField(ctx, s, me, r.PathValue("field"))
	if err != nil {
		return err
	}
	if err := c.needFresh(r, s, d); err != nil {
		return err
	}
	v := correctView{Field: inputOf(d)}
	var rec record
	if err := c.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
		rec, err = c.openOwn(ctx, tx, s, me)
		return err
	}); err != nil {
		return err
	}
	if value, held := rec.Values[d.ID]; held {
		v.Field.Value = value.Reveal() //nolint:forbidigo // the person changes their own record
		v.Remove = !slices.ContainsFunc(rec.running, func(service string) bool { return compulsory(d, service) })
	}
	v.Hidden = []web.Hidden{{Name: "version", Value: rec.Stamp()}}
	return c.showCorrectOwn(w, r, http.StatusOK, s, d, v)
}

func (c *customers) showCorrectOwn(w http.ResponseWriter, r *http.Request, status int, s *statement.Statement, d statement.FieldDecl, v correctView) error {
	held, err := c.heldIn(r.Context(), loot.Subject(web.ActorOf(r.Context()).ID), d.ID)
	if err != nil {
		return err
	}
	title, lead := "Add: "+d.Title, "It counts from now on."
	if held {
		title, lead = "Correct: "+d.Title, "The old value goes into a sealed history; the new one counts from now on."
	}
	v.View = web.ViewOf(r, title)
	v.Lead = c.becomes(s, d, lead+followsCountry(s, d))
	v.Crumbs = []web.Crumb{{Label: "What we hold", Href: "/portal"}}
	v.Post, v.Back = "/portal/correct/"+url.PathEscape(string(d.ID)), "/portal"
	v.Uses = needsOf(s, d, nil, nil)
	v.Field.Plain = true
	return correctPage.Render(w, r, status, v)
}

// heldIn reports whether something is held in a field of somebody, without opening it.
func (c *customers) heldIn(ctx context.Context, subject loot.Subject, f loot.Field) (yes bool, err error) {
	err = c.DB.ReadTx(ctx, func(tx *store.Tx) error {
		held, err := c.Vault.Held(ctx, tx, subject, collection)
		_, yes = held[f]
		return err
	})
	return yes, err
}

// correctOwn changes one field of a person's own record.
func (c *customers) correctOwn(w http.ResponseWriter, r *http.Request) error {
	ctx, me := r.Context(), web.ActorOf(r.Context())
	s, err := c.inForce()
	if err != nil {
		return err
	}
	d, err := c.ownField(ctx, s, me, r.PathValue("field"))
	if err != nil {
		return err
	}
	if err := c.needFresh(r, s, d); err != nil {
		return err
	}
	typed, err := web.Form(r, 0)
	if err != nil {
		return err
	}
	change, err := readCorrection(d, typed)
	change.Remove = change.Remove || change.Value == "" // they saw what was there, and emptied it
	if err == nil {
		err = c.saveOwn(ctx, s, me, change)
	}
	switch {
	case web.Wrong(err) != nil:
		return c.showCorrectOwn(w, r, http.StatusUnprocessableEntity, s, d, wrongCorrection(d, typed, err))
	case loot.KindOf(err) == loot.Conflict:
		v := wrongCorrection(d, typed, nil)
		v.Remove = change.Remove
		if v.Conflict, v.Hidden, err = c.conflictOwn(ctx, s, me, change); err != nil {
			return err
		}
		return c.showCorrectOwn(w, r, http.StatusConflict, s, d, v)
	case err != nil:
		return err
	}
	web.SetFlash(w, r, web.Good, c.saved(s, change, d.Title+": saved."))
	return web.Redirect(w, r, "/portal")
}

func readCorrection(d statement.FieldDecl, typed url.Values) (correction, error) {
	change := correction{Field: d, Version: typed.Get("version"), Remove: typed.Get("remove") != ""}
	if change.Remove {
		return change, nil
	}
	if len(typed[string(d.ID)]) > 1 {
		return change, web.Invalid("", map[string]string{string(d.ID): "This was sent twice. Please fill it in once."})
	}
	var complaint string
	if change.Value, complaint = check(d, typed.Get(string(d.ID))); complaint != "" {
		return change, web.Invalid("", map[string]string{string(d.ID): complaint})
	}
	return change, nil
}

func wrongCorrection(d statement.FieldDecl, typed url.Values, err error) correctView {
	fields := web.Fields{inputOf(d)}.With(typed, err)
	return correctView{Field: fields[0], Wrong: web.ProblemsOf(err, fields), Hidden: []web.Hidden{{Name: "version", Value: typed.Get("version")}}}
}

// saveOwn writes a person's own change.
func (c *customers) saveOwn(ctx context.Context, s *statement.Statement, me loot.Actor, change correction) error {
	return c.Gate.InTx(ctx, func(tx *store.Tx) error {
		req := own(me, loot.Collect, collectFor(s, change.Field, nil), []loot.Field{change.Field.ID})
		return c.write(ctx, tx, s, req, change.Version, change.given(), desk.FromPortal.Of())
	})
}

// needed refuses to remove a field that a running service of somebody hangs on,
// whoever asks for it.
func (c *customers) needed(ctx context.Context, tx *store.Tx, s *statement.Statement, subject loot.Subject, given map[loot.Field]string) error {
	var gone []statement.FieldDecl
	for f, value := range given {
		if d, ok := s.Field(f); ok && value == "" {
			gone = append(gone, d)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	services, err := c.services(ctx, tx, subject)
	if err != nil {
		return err
	}
	wrong := map[string]string{}
	for _, one := range services {
		for _, d := range gone {
			if one.Ended.IsZero() && compulsory(d, one.Service) {
				wrong[string(d.ID)] = one.Title + " cannot run without it. It can be changed, or removed once the service has ended."
			}
		}
	}
	return web.Invalid("", wrong)
}

// collectFor returns the purpose for which a change of a field is collected:
// one of those preferred if the field serves it, else the first it serves.
func collectFor(s *statement.Statement, d statement.FieldDecl, preferred []loot.Purpose) loot.Purpose {
	for _, p := range preferred {
		if _, ok := d.Needed[p]; ok {
			return p
		}
	}
	decl, _ := s.Collection(collection)
	for _, p := range decl.Purposes {
		if _, ok := d.Needed[p]; ok {
			return p
		}
	}
	return ""
}

// stamp reads the version that a form carried. What is no version is none that
// a record has, so that nothing is saved over something unseen.
func stamp(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// conflictOwn gathers both values, and the version to save over when the
// person has made up their mind.
func (c *customers) conflictOwn(ctx context.Context, s *statement.Statement, me loot.Actor, change correction) (*conflictView, []web.Hidden, error) {
	var rec record
	if err := c.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
		rec, err = c.openOwn(ctx, tx, s, me)
		return err
	}); err != nil {
		return nil, nil, err
	}
	return bothValues(change, rec.Values), []web.Hidden{{Name: "version", Value: rec.Stamp()}}, nil
}

func bothValues(change correction, now vault.Values) *conflictView {
	both := &conflictView{Yours: desk.Readable(change.Field, change.Value), Theirs: []string{""}}
	if v, held := now[change.Field.ID]; held {
		//nolint:forbidigo // shown to whoever was refused the change, decided as an opening of its own
		both.Theirs = strings.Split(desk.Readable(change.Field, v.Reveal()), "\n")
		both.Since, both.Source = v.At.UTC().Format("2 Jan 2006, 15:04 MST"), v.Source
	}
	return both
}

// correctForm lets staff correct one field of a record that they opened.
func (c *customers) correctForm(w http.ResponseWriter, r *http.Request) error {
	in, err := c.readAsk(r)
	if err != nil {
		return err
	}
	d, err := c.fieldOf(in.s, in.typed.Get("field"))
	if err != nil {
		return err
	}
	v := correctView{Field: inputOf(d)}
	if v.Remove, err = c.removable(r.Context(), in.s, in.Subject, d); err != nil {
		return err
	}
	return c.showCorrect(w, r, http.StatusOK, in.ask, d, in.typed.Get("version"), v)
}

// removable reports whether something is held in a field and may be removed.
func (c *customers) removable(ctx context.Context, s *statement.Statement, subject loot.Subject, d statement.FieldDecl) (yes bool, err error) {
	err = c.DB.ReadTx(ctx, func(tx *store.Tx) error {
		held, err := c.Vault.Held(ctx, tx, subject, collection)
		if err != nil {
			return err
		}
		_, yes = held[d.ID]
		err = c.needed(ctx, tx, s, subject, map[loot.Field]string{d.ID: ""})
		if web.Wrong(err) != nil {
			yes = false
			return nil
		}
		return err
	})
	return yes, err
}

func (c *customers) showCorrect(w http.ResponseWriter, r *http.Request, status int, a ask, d statement.FieldDecl, version string, v correctView) error {
	base := desk.CustomerPath(a.Subject)
	held, err := c.heldIn(r.Context(), a.Subject, d.ID)
	if err != nil {
		return err
	}
	title, lead := "Add: "+d.Title, "The customer sees that it was added, by which role and what for."
	if held {
		title, lead = "Correct: "+d.Title, "The customer sees that it was changed, by which role and what for. The old value stays in a sealed history."
	}
	v.View, v.Lead = web.ViewOf(r, title), lead
	v.Crumbs = []web.Crumb{{Label: "Customers", Href: "/console/customers"}, {Label: "Customer " + short(a.Subject), Href: base}}
	v.Post, v.Back = base+"/save", base
	v.Hidden = a.hidden("field", string(d.ID), "version", version)
	v.Field.Plain, v.Field.Label = true, "New value"
	return correctPage.Render(w, r, status, v)
}

// save writes a correction by staff.
func (c *customers) save(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	in, err := c.readAsk(r)
	if err != nil {
		return err
	}
	d, err := c.fieldOf(in.s, in.typed.Get("field"))
	if err != nil {
		return err
	}
	change, err := readCorrection(d, in.typed)
	if err == nil && change.Value == "" && !change.Remove {
		return c.unchanged(w, r, in.ask) // what is there was not shown, so that nobody means it by leaving it out
	}
	if err == nil {
		err = c.saveFor(ctx, in.s, in.me, in.ask, change)
	}
	switch {
	case web.Wrong(err) != nil:
		return c.showCorrect(w, r, http.StatusUnprocessableEntity, in.ask, d, change.Version, wrongCorrection(d, in.typed, err))
	case loot.KindOf(err) == loot.Conflict:
		v := wrongCorrection(d, in.typed, nil)
		v.Remove = change.Remove
		version, both, err := c.conflictFor(ctx, in.me, in.ask, change)
		if err != nil {
			return err
		}
		v.Conflict = both
		return c.showCorrect(w, r, http.StatusConflict, in.ask, d, version, v)
	case err != nil:
		return c.refused(w, r, in.ask, in.fields, err)
	}
	web.SetFlash(w, r, web.Good, c.saved(in.s, change, d.Title+": corrected. The customer sees it."))
	return web.Redirect(w, r, desk.CustomerPath(in.Subject))
}

func (c *customers) saveFor(ctx context.Context, s *statement.Statement, me loot.Actor, a ask, change correction) error {
	return c.Gate.InTx(ctx, func(tx *store.Tx) error {
		return c.changeFor(ctx, tx, s, me, a, change.Version, change.given())
	})
}

func (c *customers) unchanged(w http.ResponseWriter, r *http.Request, a ask) error {
	web.SetFlash(w, r, web.Info, "Nothing was entered, so nothing was changed.")
	return web.Redirect(w, r, desk.CustomerPath(a.Subject))
}

// changeFor writes a correction by staff, within tx.
func (c *customers) changeFor(ctx context.Context, tx *store.Tx, s *statement.Statement, me loot.Actor, a ask, version string, given map[loot.Field]string) error {
	req := a.request(me, slices.Sorted(maps.Keys(given)), false)
	req.Action = loot.Collect
	source := desk.FromStaff.Of()
	if p, ok := s.Purpose(a.Purpose); ok {
		source = desk.FromPurpose.Of(loot.LowerFirst(p.Title))
	}
	return c.write(ctx, tx, s, req, version, given, source)
}

// conflictFor opens what the record says now, which is decided and recorded
// like any opening, so that the second person sees both values.
func (c *customers) conflictFor(ctx context.Context, me loot.Actor, a ask, change correction) (version string, both *conflictView, err error) {
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		row, err := c.Vault.Row(ctx, tx, a.Subject, collection)
		if err != nil {
			return err
		}
		p, err := c.Gate.Decide(ctx, tx, a.request(me, []loot.Field{change.Field.ID}, true))
		if err != nil {
			return err
		}
		values, err := c.Vault.Open(ctx, tx, p)
		if err != nil {
			return err
		}
		version, both = row.Stamp(), bothValues(change, values)
		return nil
	})
	return version, both, err
}
