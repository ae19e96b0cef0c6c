package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
	"loot/vault"
)

// The kernel's proofs go through the real gate and the real vault of a world,
// as whoever the statement in force knows.

// customer is the collection of those who order.
const customer loot.Collection = "customer"

// kernelProofs are those of the clauses that gate and vault keep by
// themselves. What the world writes to the disk is under dir.
func kernelProofs(dir string) []desk.Proof {
	return []desk.Proof{
		{Clause: "security.levels", Name: "nothing of what somebody gave lies readable on the disk", Run: func(ctx context.Context, w *desk.World) (string, error) {
			return sealedOnDisk(ctx, w, dir)
		}},
		{Clause: "security.levels", Name: "staff see each detail as its level says, or not at all", Run: shownByLevel},
		{Clause: "network.purpose", Name: "no detail opens for a purpose that it was not given for", Run: openedForItsPurposes},
		{Clause: "network.reuse", Name: "what an applicant gave opens for no customer's purpose", Run: applicationStaysShut},
		{Clause: "network.reuse", Name: "whoever is known in one drawer is unknown in the others", Run: drawersApart},
		{Clause: "disclosure.partners", Name: "without an agreement in force, nothing goes to a partner", Run: agreementFirst},
		{Clause: "disclosure.partners", Name: "cooperation waits for the notice and stops at an objection", Run: cooperationAnnounced},
		{Clause: "disclosure.permission", Name: "what was not ordered, obliged or switched on opens for nobody", Run: nothingUnasked},
	}
}

// A scene is a person with a record in a world, and the statement in force.
type scene struct {
	w       *desk.World
	s       *statement.Statement
	subject loot.Subject
}

func stage(ctx context.Context, w *desk.World) (scene, error) {
	v, ok := w.Gate.InForce()
	if !ok {
		return scene{}, errors.New("no statement is in force")
	}
	subject, err := w.NewPerson(ctx)
	if err != nil {
		return scene{}, fmt.Errorf("nobody could be registered: %w", err)
	}
	return scene{w, v.Statement, subject}, nil
}

// open decides r and opens what the permit names. The refusal is nil if it was
// permitted.
func (c scene) open(ctx context.Context, r gate.Request) (out vault.Values, refusal *gate.Refusal, err error) {
	err = c.w.Gate.InTx(ctx, func(tx *store.Tx) error {
		permit, err := c.w.Gate.Decide(ctx, tx, r)
		if err != nil {
			return err
		}
		out, err = c.w.Vault.Open(ctx, tx, permit)
		return err
	})
	if r, ok := errors.AsType[*gate.Refusal](err); ok {
		return nil, r, nil
	}
	return out, nil, err
}

// expect opens r and complains if it was not decided as wanted.
func (c scene) expect(ctx context.Context, permitted bool, when string, r gate.Request) error {
	values, refusal, err := c.open(ctx, r)
	switch {
	case err != nil:
		return err
	case permitted && refusal != nil:
		return fmt.Errorf("%s it was refused: %w", when, refusal)
	case !permitted && refusal == nil:
		return fmt.Errorf("%s it opened", when)
	case permitted && len(values) == 0:
		return fmt.Errorf("%s it was permitted and nothing opened", when)
	}
	return nil
}

func (c scene) person() loot.Actor { return loot.Actor{Kind: loot.Person, ID: string(c.subject)} }

// request is a use of the person's record as a customer.
func (c scene) request(a loot.Actor, p loot.Purpose, fields ...loot.Field) gate.Request {
	return gate.Request{
		Action: loot.Use, Actor: a, Desk: "proof", Purpose: p, Subject: c.subject, Collection: customer, Fields: fields, Reason: "Tried for the proof.",
	}
}

// own is the person's look at their own record.
func (c scene) own(fields ...loot.Field) gate.Request {
	r := c.request(c.person(), "", fields...)
	r.Action, r.Reason = loot.Export, ""
	for _, p := range c.s.Purposes() {
		r.Purpose = p.ID
		break
	}
	return r
}

// users returns everybody whom the statement lets use records: each part of
// the program, and a member of staff in each role.
func (c scene) users(ctx context.Context) ([]user, error) {
	var out []user
	for _, d := range c.s.Desks() {
		out = append(out, user{loot.Actor{Kind: loot.Desk, ID: d.Name}, d.Purposes, d.Title, declaredBy(c.s, "desks", d.Name)})
	}
	for _, r := range c.s.Roles() {
		a, err := c.w.NewStaff(ctx, true, r.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, user{a, r.Purposes, r.Title, declaredBy(c.s, "roles", string(r.ID))})
	}
	return out, nil
}

type user struct {
	loot.Actor
	purposes []loot.Purpose
	title    string
	clause   loot.Clause // that declares it
}

func declaredBy(s *statement.Statement, table, id string) loot.Clause {
	list := s.Declarations()
	i := slices.IndexFunc(list, func(d statement.Declaration) bool { return d.Table == table && d.ID == id })
	if i < 0 {
		return ""
	}
	return list[i].Clause
}

// cites reports whether a clause is among those that refused.
func cites(r *gate.Refusal, c loot.Clause) bool { return r.Clause == c || slices.Contains(r.Others, c) }

// unpermitted reports whether nothing forbade the request, and yet nothing
// permitted it.
func unpermitted(r *gate.Refusal) bool { return r.Clause == r.Nearest && len(r.Others) == 0 }

func fieldsOf(s *statement.Statement, c loot.Collection) []loot.Field {
	var out []loot.Field
	for _, f := range s.Fields(c) {
		out = append(out, f.ID)
	}
	return out
}

// sealedOnDisk looks for what a person gave in every file of the world.
func sealedOnDisk(ctx context.Context, w *desk.World, dir string) (string, error) {
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	values, refusal, err := c.open(ctx, c.own(fieldsOf(c.s, customer)...))
	if err != nil {
		return "", err
	}
	if refusal != nil {
		return "", fmt.Errorf("the person could not see their own record: %w", refusal)
	}
	var given [][]byte
	for _, v := range values {
		if text := v.Reveal(); len(text) > 12 { //nolint:forbidigo // a made-up person's, to look for it
			given = append(given, []byte(text))
		}
	}
	if len(given) == 0 {
		return "", errors.New("nothing was given that could be looked for")
	}
	if err := w.Drain(ctx); err != nil {
		return "", err
	}
	files := 0
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return skipGone(err)
		}
		b, err := os.ReadFile(path) //nolint:gosec // within the world's own folder
		if err != nil {
			return skipGone(err)
		}
		files++
		for _, text := range given {
			if bytes.Contains(b, text) {
				return fmt.Errorf("a detail lies readable in %s", filepath.Base(path))
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if files == 0 {
		return "", errors.New("there was no file to look at")
	}
	return fmt.Sprintf("%d details looked for in %d files, databases and logs; none found", len(given), files), nil
}

// skipGone passes over a file that was removed while the folder was read.
func skipGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// shownByLevel opens each detail in each role and compares what was shown with
// the detail's level.
func shownByLevel(ctx context.Context, w *desk.World) (string, error) {
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	users, err := c.users(ctx)
	if err != nil {
		return "", err
	}
	covered, shut, plain := 0, 0, 0
	for _, u := range users {
		if u.Kind != loot.Staff {
			continue
		}
		for _, p := range u.purposes {
			for _, f := range c.s.Fields(customer) {
				level := levelOf(c.s, f)
				values, refusal, err := c.open(ctx, c.request(u.Actor, p, f.ID))
				if err != nil {
					return "", err
				}
				v, held := values[f.ID]
				switch {
				case refusal != nil && refusal.Approvals > 0:
					shut++
				case refusal != nil || !held:
				case level.Approvals > 0:
					return "", fmt.Errorf("%s opened “%s” alone, which is of the level “%s”", u.title, f.Title, level.Title)
				case level.Mask != "none" && !v.Masked:
					return "", fmt.Errorf("%s saw “%s” uncovered at once, which is of the level “%s”", u.title, f.Title, level.Title)
				case v.Masked:
					covered++
				default:
					plain++
				}
			}
		}
	}
	if covered+shut+plain == 0 {
		return "", errors.New("no role opened anything, so nothing was proved")
	}
	return fmt.Sprintf("%d details covered, %d shut until others agree, %d shown", covered, shut, plain), nil
}

func levelOf(s *statement.Statement, f statement.FieldDecl) statement.Level {
	c, _ := s.Category(f.Category)
	l, _ := s.Level(c.Level)
	return l
}

// openedForItsPurposes tries every field for every purpose, as everybody who
// has the purpose.
func openedForItsPurposes(ctx context.Context, w *desk.World) (string, error) {
	const clause = "network.purpose"
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	// Everything is switched on, so that it is the purpose that counts.
	if err := c.switchOn(ctx); err != nil {
		return "", err
	}
	users, err := c.users(ctx)
	if err != nil {
		return "", err
	}
	yes, no := 0, 0
	for _, f := range c.s.Fields(customer) {
		for _, u := range users {
			for _, p := range u.purposes {
				_, refusal, err := c.open(ctx, c.request(u.Actor, p, f.ID))
				if err != nil {
					return "", err
				}
				_, given := f.Needed[p]
				switch {
				case refusal == nil && !given:
					return "", fmt.Errorf("%s opened “%s” for “%s”, which it was not given for", u.title, f.Title, p)
				case refusal == nil:
					yes++
				case given && u.clause == clause && unpermitted(refusal):
					return "", fmt.Errorf("%s is there for “%s”, and nothing lets it open “%s” for that", u.title, p, f.Title)
				case !given && !cites(refusal, clause):
					return "", fmt.Errorf("%s was refused “%s” for “%s”, but not by this clause", u.title, f.Title, p)
				default:
					no++
				}
			}
		}
	}
	if yes == 0 {
		return "", errors.New("nothing opened for anything, so nothing was proved")
	}
	return fmt.Sprintf("%d openings permitted, each for what it was given for; %d refused", yes, no), nil
}

// switchOn gives every permission that is offered.
func (c scene) switchOn(ctx context.Context) error {
	return c.w.Gate.InTx(ctx, func(tx *store.Tx) error {
		for _, o := range c.s.Offers() {
			if err := c.w.Gate.Permit(ctx, tx, gate.Choice{Subject: c.subject, Collection: customer, By: c.person(), Offer: o.ID}); err != nil {
				return err
			}
		}
		return nil
	})
}

// applied makes a record of each way in that is for applying.
func applied(ctx context.Context, w *desk.World, s *statement.Statement) ([]scene, []loot.Collection, error) {
	var out []scene
	var ways []loot.Collection
	for _, decl := range s.Collections() {
		var fields []statement.FieldDecl
		for _, f := range s.Fields(decl.ID) {
			if _, ok := f.Needed[firstPurpose(decl)]; ok && f.Identifying {
				fields = append(fields, f)
			}
		}
		if decl.Way != "apply" || len(fields) == 0 {
			continue
		}
		c := scene{w, s, loot.NewSubject()}
		if err := w.Keyring.Create(ctx, c.subject, decl.ID); err != nil {
			return nil, nil, err
		}
		given := map[loot.Field]string{}
		for _, f := range fields {
			given[f.ID] = example(f, c.subject)
		}
		err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
			r := c.request(c.person(), firstPurpose(decl), fieldIDs(fields)...)
			r.Action, r.Collection = loot.Collect, decl.ID
			p, err := w.Gate.Decide(ctx, tx, r)
			if err != nil {
				return err
			}
			return w.Vault.Create(ctx, tx, p, given, "made up")
		})
		if err != nil {
			return nil, nil, fmt.Errorf("“%s” could not be given: %w", decl.Title, err)
		}
		out, ways = append(out, c), append(ways, decl.ID)
	}
	return out, ways, nil
}

func firstPurpose(d statement.CollectionDecl) loot.Purpose {
	if len(d.Purposes) == 0 {
		return ""
	}
	return d.Purposes[0]
}

func fieldIDs(fields []statement.FieldDecl) []loot.Field {
	out := make([]loot.Field, len(fields))
	for i, f := range fields {
		out[i] = f.ID
	}
	return out
}

// example is an answer to a field that nobody could take for somebody's.
func example(f statement.FieldDecl, s loot.Subject) string {
	switch f.Type {
	case "email":
		return string(s) + "@applicant.example"
	case "tel":
		return "+3535550100"
	case "country":
		return "IE"
	case "vat":
		return "IE1234567T"
	}
	value := []rune("Example " + string(s))
	if f.Max > 0 && len(value) > f.Max {
		value = value[:f.Max]
	}
	return strings.TrimSpace(string(value))
}

func applicationStaysShut(ctx context.Context, w *desk.World) (string, error) {
	const clause = "network.reuse"
	v, ok := w.Gate.InForce()
	if !ok {
		return "", errors.New("no statement is in force")
	}
	made, ways, err := applied(ctx, w, v.Statement)
	if err != nil {
		return "", err
	}
	refused := 0
	for i, c := range made {
		decl, _ := c.s.Collection(ways[i])
		fields := fieldsOf(c.s, ways[i])
		own := c.own(fields...)
		own.Collection = ways[i]
		if err := c.expect(ctx, true, "for the applicant", own); err != nil {
			return "", err
		}
		users, err := c.users(ctx)
		if err != nil {
			return "", err
		}
		for _, u := range users {
			for _, p := range c.s.Purposes() {
				if slices.Contains(decl.Purposes, p.ID) {
					continue
				}
				r := c.request(u.Actor, p.ID, fields[0])
				r.Collection = ways[i]
				_, refusal, err := c.open(ctx, r)
				switch {
				case err != nil:
					return "", err
				case refusal == nil:
					return "", fmt.Errorf("%s opened it for “%s”", u.title, p.Title)
				case !cites(refusal, clause):
					return "", fmt.Errorf("%s was refused for “%s”, but not by this clause", u.title, p.Title)
				}
				refused++
			}
		}
	}
	if refused == 0 {
		return "", errors.New("the statement declares no way to apply, so nothing was proved")
	}
	return fmt.Sprintf("%d openings for another purpose refused; the applicant saw their own", refused), nil
}

// drawersApart opens and looks up an applicant as a customer.
func drawersApart(ctx context.Context, w *desk.World) (string, error) {
	v, ok := w.Gate.InForce()
	if !ok {
		return "", errors.New("no statement is in force")
	}
	made, ways, err := applied(ctx, w, v.Statement)
	if err != nil {
		return "", err
	}
	if len(made) == 0 {
		return "", errors.New("the statement declares no way to apply, so nothing was proved")
	}
	looked := 0
	for i, c := range made {
		values, refusal, err := c.open(ctx, c.own(fieldsOf(c.s, customer)...))
		if refusal != nil {
			return "", refusal
		}
		if loot.KindOf(err) != loot.NotFound && err == nil || len(values) > 0 {
			return "", fmt.Errorf("the record of “%s” opened as a customer's", ways[i])
		}
		for _, f := range c.s.Fields(customer) {
			if !f.Index || f.Type != "email" {
				continue
			}
			for _, given := range c.s.Fields(ways[i]) {
				if given.Type != "email" {
					continue
				}
				found, err := c.find(ctx, f.ID, example(given, c.subject))
				if err != nil {
					return "", err
				}
				if found > 0 {
					return "", fmt.Errorf("an address given in “%s” was found among the customers", ways[i])
				}
				looked++
			}
		}
	}
	return fmt.Sprintf("%d records opened with no key of another drawer; %d searches found nobody there", len(made), looked), nil
}

// find looks somebody up among the customers as a part of the program that may.
func (c scene) find(ctx context.Context, f loot.Field, value string) (int, error) {
	for _, d := range c.s.Desks() {
		for _, p := range d.Purposes {
			var n int
			err := c.w.Gate.InTx(ctx, func(tx *store.Tx) error {
				permit, err := c.w.Gate.Decide(ctx, tx, gate.Request{
					Action: loot.Find, Actor: loot.Actor{Kind: loot.Desk, ID: d.Name}, Desk: "proof", Purpose: p, Collection: customer, Fields: []loot.Field{f},
				})
				if err != nil {
					return err
				}
				found, err := c.w.Vault.Find(ctx, tx, permit, f, value)
				n = len(found)
				return err
			})
			if _, refused := errors.AsType[*gate.Refusal](err); !refused {
				return n, err
			}
		}
	}
	return 0, errors.New("no part of the program may look anybody up")
}

// A transfer is something that a partner could receive.
type transfer struct {
	to      statement.Recipient
	purpose loot.Purpose
	field   loot.Field
}

// transfers returns what could go to each partner for the purposes that it
// cooperates in or that a permission is offered for.
func transfers(s *statement.Statement) (cooperation, permitted []transfer) {
	decl, _ := s.Collection(customer)
	add := func(list []transfer, to statement.Recipient, p loot.Purpose) []transfer {
		if to.Kind != "partner" || !slices.Contains(decl.Purposes, p) {
			return list
		}
		for _, f := range s.Fields(customer) {
			if _, ok := f.Needed[p]; ok && len(f.Services) > 0 {
				return append(list, transfer{to, p, f.ID})
			}
		}
		return list
	}
	for _, to := range s.Recipients() {
		for _, p := range to.Cooperation {
			cooperation = add(cooperation, to, p)
		}
	}
	for _, o := range s.Offers() {
		if to, ok := s.Recipient(o.Recipient); ok {
			permitted = add(permitted, to, o.Purpose)
		}
	}
	return cooperation, permitted
}

func (c scene) send(t transfer) gate.Request {
	r := c.request(loot.Actor{Kind: loot.Partner, ID: t.to.Key}, t.purpose, t.field)
	r.Action, r.By, r.Entered = loot.Transfer, loot.Actor{Kind: loot.Desk, ID: "customers"}, true
	return r
}

// sign makes an agreement; change makes it unlike one that holds.
func (c scene) sign(ctx context.Context, t transfer, change func(*gate.Agreement)) error {
	now := c.w.Now()
	a := gate.Agreement{
		Partner: t.to.Key, Signed: now.AddDate(0, -2, 0), Ends: now.AddDate(1, 0, 0), Purposes: []loot.Purpose{t.purpose},
		Announced: now.AddDate(0, 0, -31), Due: now.AddDate(0, 0, -1),
	}
	if change != nil {
		change(&a)
	}
	return c.w.Gate.InTx(ctx, func(tx *store.Tx) error {
		return c.w.Gate.SetAgreement(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "customers"}, a)
	})
}

func (c scene) revoke(ctx context.Context, t transfer) error {
	return c.w.Gate.InTx(ctx, func(tx *store.Tx) error {
		return c.w.Gate.RevokeAgreement(ctx, tx, loot.Actor{Kind: loot.Desk, ID: "customers"}, t.to.Key)
	})
}

func agreementFirst(ctx context.Context, w *desk.World) (string, error) {
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	if err := c.switchOn(ctx); err != nil {
		return "", err
	}
	cooperation, permitted := transfers(c.s)
	all := slices.Concat(cooperation, permitted)
	for _, t := range all {
		now := w.Now()
		steps := []struct {
			when      string
			permitted bool
			change    func(*gate.Agreement)
		}{
			{"before the agreement is signed", false, func(a *gate.Agreement) { a.Signed = now.Add(time.Hour) }},
			{"with an agreement for another purpose", false, func(a *gate.Agreement) { a.Purposes = nil }},
			{"on the day after the agreement", false, func(a *gate.Agreement) { a.Ends = now }},
			{"with an agreement in force", true, nil},
		}
		// An agreement of another proof may stand in this world.
		if err := c.revoke(ctx, t); err != nil && loot.KindOf(err) != loot.Conflict {
			return "", err
		}
		if err := c.expect(ctx, false, t.to.Title+": without an agreement", c.send(t)); err != nil {
			return "", err
		}
		for _, step := range steps {
			if err := c.sign(ctx, t, step.change); err != nil {
				return "", err
			}
			if err := c.expect(ctx, step.permitted, t.to.Title+": "+step.when, c.send(t)); err != nil {
				return "", err
			}
		}
		if err := c.revoke(ctx, t); err != nil {
			return "", err
		}
		if err := c.expect(ctx, false, t.to.Title+": right after the agreement was ended", c.send(t)); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d transfers to partners: refused before, outside and after the agreement, and in the instant it was ended", len(all)), nil
}

func cooperationAnnounced(ctx context.Context, w *desk.World) (string, error) {
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	cooperation, _ := transfers(c.s)
	now := w.Now()
	for _, t := range cooperation {
		for _, step := range []struct {
			when      string
			permitted bool
			change    func(*gate.Agreement)
		}{
			{"before anybody was told", false, func(a *gate.Agreement) { a.Announced, a.Due = time.Time{}, time.Time{} }},
			{"while the time to object runs", false, func(a *gate.Agreement) { a.Due = now.Add(time.Hour) }},
			{"after the notice", true, nil},
		} {
			if err := c.sign(ctx, t, step.change); err != nil {
				return "", err
			}
			if err := c.expect(ctx, step.permitted, t.to.Title+": "+step.when, c.send(t)); err != nil {
				return "", err
			}
		}
		if err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
			return w.Gate.Object(ctx, tx, c.subject, customer, c.person(), t.purpose, true)
		}); err != nil {
			return "", err
		}
		if err := c.expect(ctx, false, t.to.Title+": against the person's objection", c.send(t)); err != nil {
			return "", err
		}
		if err := c.revoke(ctx, t); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d cooperations: refused before the notice was due and against an objection, permitted in between", len(cooperation)), nil
}

// nothingUnasked tries every purpose of everybody: what the person neither
// ordered nor owes nor switched on has to stay shut.
func nothingUnasked(ctx context.Context, w *desk.World) (string, error) {
	c, err := stage(ctx, w)
	if err != nil {
		return "", err
	}
	users, err := c.users(ctx)
	if err != nil {
		return "", err
	}
	var stands gate.PersonView
	if err := w.DB.ReadTx(ctx, func(tx *store.Tx) error {
		stands, err = w.Gate.Person(ctx, tx, c.subject)
		return err
	}); err != nil {
		return "", err
	}
	yes, no := 0, 0
	for _, u := range users {
		for _, p := range u.purposes {
			for _, f := range c.s.Fields(customer) {
				if _, ok := f.Needed[p]; !ok {
					continue
				}
				_, refusal, err := c.open(ctx, c.request(u.Actor, p, f.ID))
				if err != nil {
					return "", err
				}
				asked := slices.Contains(stands.Ordered, p) || slices.Contains(stands.Duties, p)
				switch {
				case refusal == nil && !asked:
					return "", fmt.Errorf("%s opened “%s” for “%s”, which nobody asked for", u.title, f.Title, p)
				case refusal == nil:
					yes++
				default:
					no++
				}
			}
		}
	}
	if yes == 0 {
		return "", errors.New("not even what was ordered opened, so nothing was proved")
	}
	return fmt.Sprintf("%d openings permitted for what was ordered or a law obliges to; %d refused", yes, no), nil
}
