package customers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

func (c *customers) waysProofs() []desk.Proof {
	const clause = "network.ways"
	return []desk.Proof{
		desk.ProofUnder(clause, "what identifies somebody is taken in on the declared ways only", identifyingOnlyOnWays),
		desk.ProofUnder(clause, "each way has purposes of its own, and its records serve no other", ownPurposes),
		desk.ProofUnder(clause, "one changes one's own details, and a colleague whose job serves one", changedByWhom),
		desk.ProofUnder(clause, "looking at public pages makes nobody known", func(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
			count := func() (n int, err error) {
				err = w.DB.ReadTx(ctx, func(tx *store.Tx) error {
					n, err = w.Vault.Count(ctx, tx, collection)
					return err
				})
				return n, err
			}
			before, err := count()
			if err != nil {
				return "", err
			}
			paths := []string{"/", "/statement", "/services"}
			for _, service := range s.Services() {
				paths = append(paths, "/order/"+url.PathEscape(service.ID))
			}
			for _, path := range paths {
				a, err := desk.Browser{World: w}.Get(ctx, path)
				if err != nil {
					return "", err
				}
				if cookies := a.Header().Values("Set-Cookie"); len(cookies) > 0 {
					return "", fmt.Errorf("%s puts something on the visitor's device", path)
				}
			}
			after, err := count()
			if err != nil {
				return "", err
			}
			if after != before {
				return "", fmt.Errorf("%d people became known by looking", after-before)
			}
			return fmt.Sprintf("%s looked at, nobody became known and nothing was stored on the device", loot.Plural(len(paths), "page", "pages")), nil
		}),
		desk.ProofUnder(clause, "ordering is a way in: whoever orders is known by exactly what they gave", func(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
			service := s.Services()[0]
			form := draw(s, service, nil, c.needs.Written)
			given := form.filled(false)
			subject, err := registerBy(ctx, w, s, service.ID, given)
			if err != nil {
				return "", err
			}
			for _, d := range s.Fields(collection) {
				value, err := valueOf(ctx, w, s, subject, d.ID)
				if err != nil {
					return "", err
				}
				want, _ := check(d, given.Get(string(d.ID)))
				if value != want {
					return "", fmt.Errorf("%q is not held as it was given", d.Title)
				}
			}
			return fmt.Sprintf("%s given and held, nothing beside them", loot.Plural(len(form.Must), "field", "fields")), nil
		}),
	}
}

// identifyingOnlyOnWays asks the rules about details that identify, in each
// collection: each way in takes in what it asks, and a collection that is none
// takes in nothing that identifies, by this clause. No form could ask this, so
// the rules are asked.
func identifyingOnlyOnWays(_ context.Context, w *desk.World, s *statement.Statement) (string, error) {
	takes := map[string]bool{} // way in to whether a collection takes in all that it asks
	refused := 0
	for _, decl := range s.Collections() {
		all := true
		for _, d := range s.Fields(decl.ID) {
			in, ok := collectInput(s, d, decl.ID, w.Now())
			if !ok {
				continue
			}
			in.Record.Identifying = true
			v := s.Decide(&in)
			all = all && v.Allowed
			if decl.Identifying {
				continue
			}
			if v.Allowed || !slices.Contains(v.Clauses, "network.ways") {
				return "", fmt.Errorf("a detail that identifies is not kept out of %q by this clause", decl.Title)
			}
			refused++
		}
		if decl.Way != "" {
			takes[decl.Way] = takes[decl.Way] || all
		}
	}
	for way, ok := range takes {
		if !ok {
			return "", fmt.Errorf("nothing takes in what one gives by the way %q", way)
		}
	}
	return fmt.Sprintf("%s; %s refused elsewhere", loot.Plural(len(takes), "way in", "ways in"), loot.Plural(refused, "detail that would identify", "details that would identify")), nil
}

// collectInput is what the rules read when a part of the program takes in a
// field of a collection for a purpose of both.
func collectInput(s *statement.Statement, d statement.FieldDecl, id loot.Collection, now time.Time) (statement.Input, bool) {
	decl, _ := s.Collection(id)
	category, ok := s.Category(d.Category)
	desks := s.Desks()
	if !ok || len(desks) == 0 {
		return statement.Input{}, false
	}
	for _, p := range decl.Purposes {
		if _, needed := d.Needed[p]; needed {
			return statement.Input{
				Action: loot.Collect, Actor: statement.Actor{Kind: loot.Desk, Desk: desks[0].Name},
				Record:  statement.Record{Collection: id, Category: d.Category, Level: category.Level, Purposes: []loot.Purpose{p}, Identifying: d.Identifying},
				Context: statement.Context{Purpose: p, Now: now},
			}, true
		}
	}
	return statement.Input{}, false
}

// ownPurposes asks the rules about each role, each part of the program and each
// purpose that a way in does not have, with everything else in favour.
func ownPurposes(_ context.Context, w *desk.World, s *statement.Statement) (string, error) {
	type user struct {
		title    string
		actor    statement.Actor
		purposes []loot.Purpose
	}
	var users []user
	for _, d := range s.Desks() {
		users = append(users, user{d.Title, statement.Actor{Kind: loot.Desk, Desk: d.Name}, d.Purposes})
	}
	for _, r := range s.Roles() {
		users = append(users, user{r.Title, statement.Actor{Kind: loot.Staff, Roles: []loot.Role{r.ID}, Undertaking: w.Now().AddDate(0, 0, -1)}, r.Purposes})
	}
	refused := 0
	for _, decl := range s.Collections() {
		if decl.Way == "" {
			continue
		}
		for _, d := range s.Fields(decl.ID) {
			category, _ := s.Category(d.Category)
			level, _ := s.Level(category.Level)
			for _, who := range users {
				for _, p := range who.purposes {
					if slices.Contains(decl.Purposes, p) {
						continue
					}
					in := statement.Input{
						Action: loot.Use, Actor: who.actor,
						Record:  statement.Record{Collection: decl.ID, Category: d.Category, Level: category.Level, Purposes: []loot.Purpose{p}, Identifying: d.Identifying, Verified: true},
						Person:  statement.Person{Ordered: []loot.Purpose{p}, Permissions: map[string][]loot.Purpose{self: {p}}, Confirmed: true},
						Context: statement.Context{Purpose: p, Now: w.Now(), Approvals: level.Approvals},
					}
					if s.Decide(&in).Allowed {
						return "", fmt.Errorf("%q used %q of %q for %q, which that way in is not for", who.title, d.Title, decl.Title, p)
					}
					refused++
				}
			}
		}
	}
	return fmt.Sprintf("%s for a purpose of another way in, each refused", loot.Plural(refused, "use", "uses")), nil
}

// changedByWhom checks who changes what somebody gave: they themself, a
// colleague whose job serves them, and nobody else.
func changedByWhom(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
	subject, err := NewPerson(ctx, w)
	if err != nil {
		return "", err
	}
	d, ok := s.Field(addressField(s))
	if !ok {
		return "", errors.New("the statement has no address that one could change")
	}
	change := own(loot.Actor{Kind: loot.Person, ID: string(subject)}, loot.Collect, collectFor(s, d, nil), []loot.Field{d.ID})
	if no, err := decides(ctx, w, change); err != nil {
		return "", err
	} else if no != nil {
		return "", fmt.Errorf("somebody was refused a change of their own %q under %s", d.Title, no.Clause)
	}
	change.Actor = loot.Actor{Kind: loot.Person, ID: string(loot.NewSubject())}
	if no, err := decides(ctx, w, change); err != nil {
		return "", err
	} else if no == nil {
		return "", errors.New("a stranger changed what somebody else gave")
	}
	var may []string
	for _, r := range s.Roles() {
		serves, changes := false, false
		staff, err := w.NewStaff(ctx, true, r.ID)
		if err != nil {
			return "", err
		}
		for _, id := range r.Purposes {
			p, _ := s.Purpose(id)
			f, served := servedBy(s, id)
			if !served || p.Basis != "contract" || !slices.Contains(s.Services()[0].Purposes, id) {
				continue
			}
			serves = true
			no, err := decides(ctx, w, gate.Request{
				Action: loot.Collect, Actor: staff, Desk: name, Purpose: id, Subject: subject, Collection: collection, Fields: []loot.Field{f.ID}, Reason: "to see who may",
			})
			if err != nil {
				return "", err
			}
			changes = changes || no == nil
		}
		if serves && !changes {
			return "", fmt.Errorf("%q serves customers and could change nothing for them", r.Title)
		}
		if changes {
			may = append(may, r.Title)
		}
	}
	return "the person themself may, a stranger may not; among staff: " + list(may), nil
}
