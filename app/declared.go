package app

import (
	"context"
	"errors"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"loot"
	"loot/desk"
	"loot/desk/verification"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// An effect tries in a world what a declaration of the statement s promises.
// What is expected comes from s alone, never from what is in force in the
// world: there the declaration may be gone. It returns errIdle if the program
// does nothing by the declaration.
type effect func(ctx context.Context, w *desk.World, s *statement.Statement, id string) (outcome string, err error)

// errIdle says that nothing in the program goes by a declaration.
var errIdle = errors.New("no part of the program goes by it yet")

// A kind is what is known of the declarations of one table.
type kind struct {
	one string // "service"
	try effect // nil: no part of the program goes by the table yet
}

// kinds are the tables that a statement can have.
var kinds = map[string]kind{
	"purposes":    {"purpose", usedFor},
	"categories":  {"kind of detail", treatedAlike},
	"levels":      {"level", treatedByLevel},
	"collections": {"way in", letIn},
	"fields":      {"detail", askedFor},
	"checks":      {"look at a kind of detail again", lookedAtAgain},
	"permissions": {"permission", givenAndTaken},
	"recipients":  {"recipient", received},
	"roles":       {"role", employed},
	"desks":       {"part of the program", putToWork},
	"services":    {"service", ordered},
	"topics":      {one: "topic"},
	"senders":     {one: "sender"},
	"items":       {one: "stored item"},
	"tags":        {one: "tag"},
	"signals":     {one: "signal"},
}

// declaredOnly is how a declaration stands that nothing in the program goes by:
// all that it promises is to be read. That is no proof of its clause.
type declaredOnly struct {
	lost error // it cannot be read either; nil: it can
}

func (d *declaredOnly) Error() string {
	if d.lost != nil {
		return "declared only: " + d.lost.Error()
	}
	return "declared only: readers of the statement see it, and " + errIdle.Error()
}

// declarationProof tries what a declaration of s promises.
func declarationProof(s *statement.Statement, d statement.Declaration) proof {
	k, ok := kinds[d.Table]
	if !ok {
		panic("app: nothing is known of the table " + d.Table)
	}
	return proof{of: d.Table + " " + d.ID, Proof: desk.Proof{
		Clause: d.Clause, Name: fmt.Sprintf("what the %s “%s” promises", k.one, d.ID),
		Run: func(ctx context.Context, w *desk.World) (string, error) {
			if k.try != nil {
				outcome, err := k.try(ctx, w, s, d.ID)
				if !errors.Is(err, errIdle) {
					return outcome, err
				}
			}
			return "", &declaredOnly{readable(ctx, w, s, d)}
		},
	}}
}

// readable looks for a declaration on the page that visitors read.
func readable(ctx context.Context, w *desk.World, s *statement.Statement, d statement.Declaration) error {
	a, err := desk.Browser{World: w}.Get(ctx, "/statement")
	if err != nil {
		return err
	}
	page := html.UnescapeString(a.Body.String())
	for _, part := range s.Parts(d.Clause, "") {
		for _, t := range part.Tables {
			for _, row := range t.Rows {
				if t.Kind != d.Table || !strings.HasSuffix(row.Anchor, "/"+d.ID) {
					continue
				}
				if !strings.Contains(page, `id="`+row.Anchor+`"><th scope="row">`+row.Title) {
					return fmt.Errorf("“%s” is not on the page that visitors read", row.Title)
				}
				return nil
			}
		}
	}
	return fmt.Errorf("the statement has no words for %s %s", d.Table, d.ID)
}

// errUndone ends a transaction that was only a try.
var errUndone = errors.New("tried")

// taken has one detail given by somebody new, for a purpose, and undoes it. Where
// a way in tells nobody who they are, it is a visitor's.
func taken(ctx context.Context, w *desk.World, s *statement.Statement, c loot.Collection, f loot.Field, p loot.Purpose) (*gate.Refusal, error) {
	subject := loot.NewSubject()
	r := gate.Request{
		Action: loot.Collect, Actor: loot.Actor{Kind: loot.Person, ID: string(subject)}, Desk: "proof", Purpose: p,
		Subject: subject, Collection: c, Fields: []loot.Field{f},
	}
	if way, ok := s.Collection(c); ok && !way.Identifying {
		r.Actor, r.Visitor, r.Subject = loot.Actor{Kind: loot.Visitor}, statement.Actor{Region: s.Front().Regions[0]}, ""
	}
	err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
		if _, err := w.Gate.Decide(ctx, tx, r); err != nil {
			return err
		}
		return errUndone
	})
	if refusal, ok := errors.AsType[*gate.Refusal](err); ok {
		return refusal, nil
	}
	if errors.Is(err, errUndone) {
		return nil, nil
	}
	return nil, err
}

// A given detail is one that s asks for in a way in, for a purpose of that.
type given struct {
	in    loot.Collection
	field statement.FieldDecl
	p     statement.Purpose
}

// gifts returns every detail that s asks for.
func gifts(s *statement.Statement, of func(given) bool) []given {
	var out []given
	for _, decl := range s.Collections() {
		for _, f := range s.Fields(decl.ID) {
			if !inForce(s, declaredBy(s, "fields", string(f.ID))) {
				continue
			}
			for _, p := range s.Purposes() {
				g := given{decl.ID, f, p}
				if _, needed := f.Needed[p.ID]; needed && slices.Contains(decl.Purposes, p.ID) && of(g) {
					out = append(out, g)
				}
			}
		}
	}
	return out
}

// give has each of the details given.
func give(ctx context.Context, w *desk.World, s *statement.Statement, list []given) error {
	for _, g := range list {
		refusal, err := taken(ctx, w, s, g.in, g.field.ID, g.p.ID)
		if err != nil {
			return err
		}
		if refusal != nil {
			return fmt.Errorf("“%s” was refused for “%s”, which it is needed for: %w", g.field.Title, g.p.Title, refusal)
		}
	}
	return nil
}

// askedFor has a detail given for each purpose that it is needed for, in each
// way in that asks for it, and for those that it is not needed for; and sees
// that the services which cannot do without it ask for it.
func askedFor(ctx context.Context, w *desk.World, s *statement.Statement, id string) (string, error) {
	f, _ := s.Field(loot.Field(id))
	list := gifts(s, func(g given) bool { return g.field.ID == f.ID })
	if err := give(ctx, w, s, list); err != nil {
		return "", err
	}
	left, forms := 0, 0
	for _, in := range f.Collections {
		for _, p := range s.Purposes() {
			if slices.ContainsFunc(list, func(g given) bool { return g.in == in && g.p.ID == p.ID }) {
				continue
			}
			switch refusal, err := taken(ctx, w, s, in, f.ID, p.ID); {
			case err != nil:
				return "", err
			case refusal == nil:
				return "", fmt.Errorf("it was taken for “%s”, which it is not needed for", p.Title)
			}
			left++
		}
	}
	for _, service := range s.Services() {
		if !slices.Contains(f.Collections, customer) || !slices.Contains(f.Services, "*") && !slices.Contains(f.Services, service.ID) {
			continue
		}
		a, err := desk.Browser{World: w}.Get(ctx, "/order/"+url.PathEscape(service.ID))
		if err != nil {
			return "", err
		}
		if !strings.Contains(a.Body.String(), `name="`+html.EscapeString(id)+`"`) {
			return "", fmt.Errorf("the form of “%s” does not ask for it, and the service cannot be ordered without it", service.Title)
		}
		forms++
	}
	if len(list)+forms == 0 {
		return "", errIdle
	}
	outcome := fmt.Sprintf("taken for %s that it is needed for, refused for %s", loot.Plural(len(list), "purpose", "purposes"), loot.Plural(left, "other", "others"))
	if forms > 0 {
		outcome += "; asked in " + loot.Plural(forms, "form that cannot do without it", "forms that cannot do without it")
	}
	return outcome, nil
}

// letIn has every detail of a way in given there.
func letIn(ctx context.Context, w *desk.World, s *statement.Statement, id string) (string, error) {
	list := gifts(s, func(g given) bool { return g.in == loot.Collection(id) })
	if len(list) == 0 {
		return "", errIdle
	}
	return loot.Plural(len(list), "pair of detail and purpose", "pairs of detail and purpose") + " taken there", give(ctx, w, s, list)
}

// usedFor has details given for a purpose and opened for it.
func usedFor(ctx context.Context, w *desk.World, s *statement.Statement, id string) (string, error) {
	list := gifts(s, func(g given) bool { return g.p.ID == loot.Purpose(id) })
	uses := openings(s, w, func(o opening) bool { return o.purpose == loot.Purpose(id) })
	if len(list)+len(uses) == 0 {
		return "", errIdle
	}
	if err := give(ctx, w, s, list); err != nil {
		return "", err
	}
	opened, err := tryOpenings(ctx, w, s, uses)
	if err != nil {
		return "", err
	}
	return loot.Plural(len(list), "detail", "details") + " taken for it; " + opened, nil
}

// treatedAlike opens the details of a kind as everybody who may.
func treatedAlike(ctx context.Context, w *desk.World, s *statement.Statement, id string) (string, error) {
	return treated(ctx, w, s, func(c statement.Category) bool { return c.ID == loot.Category(id) })
}

// treatedByLevel opens the details of a level as everybody who may.
func treatedByLevel(ctx context.Context, w *desk.World, s *statement.Statement, id string) (string, error) {
	return treated(ctx, w, s, func(c statement.Category) bool { return strconv.Itoa(c.Level) == id })
}

func treated(ctx context.Context, w *desk.World, s *statement.Statement, of func(statement.Category) bool) (string, error) {
	is := func(f statement.FieldDecl) bool { c, ok := s.Category(f.Category); return ok && of(c) }
	if uses := openings(s, w, func(o opening) bool { return is(o.field) }); len(uses) > 0 {
		return tryOpenings(ctx, w, s, uses)
	}
	list := gifts(s, func(g given) bool { return is(g.field) })
	if len(list) == 0 {
		return "", errIdle
	}
	return loot.Plural(len(list), "pair of detail and purpose", "pairs of detail and purpose") + " taken; nobody opens any yet", give(ctx, w, s, list)
}

// putToWork opens and looks up what a part of the program is there for, and has
// it do what else that is.
func putToWork(ctx context.Context, w *desk.World, s *statement.Statement, id string) (string, error) {
	uses := openings(s, w, func(o opening) bool { return o.by.Kind == loot.Desk && o.by.ID == id })
	if len(uses) > 0 {
		return tryOpenings(ctx, w, s, uses)
	}
	for _, d := range w.Desks {
		if d.Name == id && d.AtWork != nil {
			if outcome, err := d.AtWork(ctx, w, s); outcome != "" || err != nil {
				return outcome, err
			}
		}
	}
	return "", errIdle
}

// employed opens and looks up what a role is there for, and lets it do what its
// office is among colleagues.
func employed(ctx context.Context, w *desk.World, s *statement.Statement, id string) (string, error) {
	role, _ := s.Role(loot.Role(id))
	uses := openings(s, w, func(o opening) bool { return o.by.Kind == loot.Staff && o.by.ID == id })
	if len(uses) == 0 && !role.Administers && !role.Approves {
		return "", errIdle
	}
	outcome, err := tryOpenings(ctx, w, s, uses)
	if err != nil || !role.Administers && !role.Approves {
		return outcome, err
	}
	who, err := w.NewStaff(ctx, true, role.ID)
	if err != nil {
		return "", err
	}
	colleague, err := w.NewStaff(ctx, true)
	if err != nil {
		return "", err
	}
	pages := []string{"/console/staff/" + colleague.ID}
	if role.Administers {
		pages = append(pages, "/console/staff/new")
	}
	for _, path := range pages {
		for _, one := range []struct {
			loot.Actor
			may bool
		}{{who, true}, {loot.Actor{Kind: loot.Staff, ID: loot.NewID("t")}, false}} {
			a, err := desk.Browser{World: w, Who: one.Actor}.Get(ctx, path)
			if err != nil {
				return "", err
			}
			if (a.Status == http.StatusOK) != one.may {
				return "", fmt.Errorf("%s was answered with %d, and the role was held: %v", path[:len("/console/staff")], a.Status, one.may)
			}
		}
	}
	return outcome + "; it reaches colleagues' accounts, and nobody does without a role that may", nil
}

// An opening is one that a statement, asked by itself, lets somebody do with
// the record of a customer who ordered the first service and gave every
// permission.
type opening struct {
	by      user
	action  loot.Action
	purpose loot.Purpose
	field   statement.FieldDecl
	mask    string // how it is shown; empty: as it is
	locked  bool   // until others agreed
}

// openings returns those that s promises at the time of the world.
func openings(s *statement.Statement, w *desk.World, of func(opening) bool) []opening {
	if len(s.Services()) == 0 {
		return nil
	}
	person := statement.Person{Permissions: map[string][]loot.Purpose{}}
	for _, id := range s.Services()[0].Purposes {
		if p, ok := s.Purpose(id); ok && p.Basis == "duty" {
			person.Duties = append(person.Duties, id)
		} else {
			person.Ordered = append(person.Ordered, id)
		}
	}
	for _, o := range s.Offers() {
		person.Permissions[o.Recipient] = append(person.Permissions[o.Recipient], o.Purpose)
	}
	var out []opening
	for _, by := range usersOf(s) {
		for _, p := range by.purposes {
			for _, f := range s.Fields(customer) {
				for _, action := range []loot.Action{loot.Use, loot.Find} {
					o := opening{by: by, action: action, purpose: p, field: f}
					if action == loot.Find && !f.Index || !of(o) {
						continue
					}
					category, _ := s.Category(f.Category)
					level := levelOf(s, f)
					in := statement.Input{
						Action: action, Person: person,
						Actor: statement.Actor{Kind: by.Kind},
						Record: statement.Record{
							Collection: customer, Category: f.Category, Level: category.Level, Purposes: slices.Sorted(maps.Keys(f.Needed)),
							Identifying: f.Identifying, Since: f.Since,
						},
						Context: statement.Context{Purpose: p, Now: w.Now(), Statement: s.Hash()},
					}
					switch by.Kind {
					case loot.Staff:
						in.Actor.Roles, in.Actor.Undertaking = []loot.Role{loot.Role(by.ID)}, w.Now().AddDate(0, 0, -30)
					default:
						in.Actor.Desk = by.ID
					}
					if action == loot.Find {
						in.Person = statement.Person{}
					}
					v := s.Decide(&in)
					if !v.Allowed {
						in.Context.Approvals = level.Approvals
						if level.Approvals == 0 || !s.Decide(&in).Allowed {
							continue
						}
						o.locked = true
					}
					if by.Kind == loot.Staff && level.Mask != "none" {
						o.mask = level.Mask
					}
					out = append(out, o)
				}
			}
		}
	}
	return out
}

// tryOpenings does in a world what a statement promises that can be done.
func tryOpenings(ctx context.Context, w *desk.World, s *statement.Statement, list []opening) (string, error) {
	if len(list) == 0 {
		return "opens no record", nil
	}
	c, err := stageOf(ctx, w, s)
	if err != nil {
		return "", err
	}
	staff := map[string]loot.Actor{}
	covered, locked, found := 0, 0, 0
	for _, o := range list {
		who := o.by.Actor
		if who.Kind == loot.Staff {
			if _, ok := staff[who.ID]; !ok {
				if staff[who.ID], err = w.NewStaff(ctx, true, loot.Role(who.ID)); err != nil {
					return "", err
				}
			}
			who = staff[who.ID]
		}
		r := c.request(who, o.purpose, o.field.ID)
		if r.Action = o.action; o.action == loot.Find {
			r.Subject = ""
		}
		values, refusal, err := c.open(ctx, r)
		if err != nil {
			return "", err
		}
		v, held := values[o.field.ID]
		what := fmt.Sprintf("“%s” for “%s”", o.field.Title, o.purpose)
		switch {
		case o.locked && (refusal == nil || refusal.Approvals == 0):
			return "", fmt.Errorf("%s: %s should wait until others agreed", o.by.title, what)
		case o.locked:
			locked++
		case refusal != nil:
			return "", fmt.Errorf("%s: %s was refused: %w", o.by.title, what, refusal)
		case o.action == loot.Find:
			found++
		case !held:
			return "", fmt.Errorf("%s: %s was permitted and nothing opened", o.by.title, what)
		case o.mask != "" && !v.Masked:
			return "", fmt.Errorf("%s: %s was shown uncovered at once", o.by.title, what)
		case v.Masked:
			covered++
		}
	}
	return fmt.Sprintf("%s as declared: %d covered, %d shut until others agree, %d by search", loot.Plural(len(list), "opening", "openings"), covered, locked, found), nil
}

// lookedAtAgain has details of a kind checked.
func lookedAtAgain(ctx context.Context, w *desk.World, s *statement.Statement, id string) (string, error) {
	outcome, err := verification.TryAgain(ctx, w, s, loot.Category(id))
	if err == nil && outcome == "" {
		return "", errIdle
	}
	return outcome, err
}

// givenAndTaken gives a permission and takes it back.
func givenAndTaken(ctx context.Context, w *desk.World, s *statement.Statement, id string) (string, error) {
	offer, _ := s.Offer(id)
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	choice := gate.Choice{Subject: c.subject, Collection: customer, By: c.person(), Offer: id}
	for _, step := range []struct {
		when string
		do   func(context.Context, *store.Tx, gate.Choice) error
		want bool
	}{{when: "at first"}, {"once given", w.Gate.Permit, true}, {"once taken back", w.Gate.Withdraw, false}} {
		var stands gate.PersonView
		if err := w.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
			if step.do != nil {
				if err := step.do(ctx, tx, choice); err != nil {
					return err
				}
			}
			stands, err = w.Gate.Person(ctx, tx, c.subject)
			return err
		}); err != nil {
			return "", err
		}
		if stands.Permits(offer) != step.want {
			return "", fmt.Errorf("%s, the permission stands: %v", step.when, !step.want)
		}
	}
	return "off at first, on once given, off once taken back", nil
}

// received sends a partner what it may have, by cooperation or permission.
func received(ctx context.Context, w *desk.World, s *statement.Statement, id string) (string, error) {
	cooperation, permitted := transfers(s)
	list := slices.DeleteFunc(slices.Concat(cooperation, permitted), func(t transfer) bool { return t.to.Key != id })
	if len(list) == 0 {
		return "", errIdle
	}
	c, err := stageOf(ctx, w, s)
	if err != nil {
		return "", err
	}
	for _, t := range list {
		if err := c.sign(ctx, t, nil); err != nil {
			return "", err
		}
		if err := c.expect(ctx, true, t.to.Title+": with an agreement in force", c.send(t)); err != nil {
			return "", err
		}
		if err := c.revoke(ctx, t); err != nil {
			return "", err
		}
	}
	return loot.Plural(len(list), "transfer", "transfers") + " went there under an agreement", nil
}

// ordered has a service ordered, and ended.
func ordered(ctx context.Context, w *desk.World, s *statement.Statement, id string) (string, error) {
	service, _ := s.Service(id)
	a, err := desk.Browser{World: w}.Get(ctx, "/order/"+url.PathEscape(id))
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusOK {
		return "", fmt.Errorf("it cannot be ordered: its form was answered with %d", a.Status)
	}
	subject := loot.NewSubject()
	o := gate.Ordered{
		Subject: subject, Collection: customer, By: loot.Actor{Kind: loot.Person, ID: string(subject)}, Reference: loot.NewID("o"), Service: id,
	}
	for _, step := range []struct {
		do   func(context.Context, *store.Tx, gate.Ordered) error
		runs bool
	}{{w.Gate.Order, true}, {w.Gate.EndOrder, false}} {
		var stands gate.PersonView
		if err := w.Gate.InTx(ctx, func(tx *store.Tx) (err error) {
			if err := step.do(ctx, tx, o); err != nil {
				return err
			}
			stands, err = w.Gate.Person(ctx, tx, subject)
			return err
		}); err != nil {
			return "", err
		}
		for _, id := range service.Purposes {
			p, _ := s.Purpose(id)
			if p.Basis == "duty" {
				if !slices.Contains(stands.Duties, id) && p.Retain > 0 {
					return "", fmt.Errorf("the law's purpose “%s” is not kept", p.Title)
				}
				continue
			}
			if slices.Contains(stands.Ordered, id) != step.runs {
				return "", fmt.Errorf("“%s” is permitted: %v, and the service runs: %v", p.Title, !step.runs, step.runs)
			}
		}
	}
	return fmt.Sprintf("its form is there; its %s permitted while it runs; once it ended, only what a law keeps", loot.Plural(len(service.Purposes), "purpose is", "purposes are")), nil
}
