package gate

import (
	"context"
	"maps"
	"slices"

	"loot"
	"loot/statement"
	"loot/store"
)

// The notes of what the statement switches on and off by itself, and of a no to
// what was never given.
const (
	notedAssumed  = "permission.assumed"
	notedEnded    = "permission.ended"
	notedDeclined = "permission.declined"
)

// A Residence is in which country somebody lives, as their record says.
type Residence struct {
	Subject    loot.Subject
	Collection loot.Collection
	Desk       string // the part of the program that learned it
	Country    string // ISO 3166-1 alpha-2; empty: not known
}

// Residence returns where the person of the grant lives, as it was given with it.
func (g Grant) Residence(country string) Residence {
	return Residence{Subject: g.Subject, Collection: g.Collection, Desk: g.desk, Country: country}
}

// Assume has what the statement in force assumes follow where a person lives, from
// the moment tx commits: a permission is on in a country (ISO 3166-1 alpha-2) of
// its list and ends by itself elsewhere, or where no country is known. Whoever ever
// gave, refused or withdrew it, or objects to its purpose, chose, and keeps what
// they chose. The country itself is kept nowhere. The vault calls it whenever a
// country is given, changed or removed; each change is an entry about the person,
// by the part of the program in which that happened.
func (g *Gate) Assume(ctx context.Context, tx *store.Tx, r Residence) error {
	s, c := r.Subject, r.Collection
	v, ok := g.at(g.Now())
	if !ok {
		return loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	p, err := g.held(ctx, tx, s, false)
	if err != nil {
		return err
	}
	on, off := p.assumes(v.Statement, c, r.Country)
	if len(on)+len(off) == 0 {
		return nil
	}
	if err := g.change(ctx, tx, s, func(p *personState) {
		p.Assumed = slices.DeleteFunc(slices.Clone(p.Assumed), func(x loot.Purpose) bool { return slices.Contains(off, x) })
		for _, x := range off {
			p.forbid(self, x)
		}
		for _, o := range on {
			p.permit(self, o.Purpose)
			p.Assumed = append(p.Assumed, o.Purpose)
		}
	}); err != nil {
		return err
	}
	program := loot.Actor{Kind: loot.Desk, ID: r.Desk}
	for _, o := range on {
		if err := g.noteAbout(ctx, tx, v, s, c, program, notedAssumed, o.Clause, o.Purpose, self); err != nil {
			return err
		}
	}
	for _, x := range off {
		var clause loot.Clause // none: it is not offered any longer
		for _, o := range v.Statement.Offers() {
			if o.Purpose == x && o.Recipient == self {
				clause = o.Clause
				break
			}
		}
		if err := g.noteAbout(ctx, tx, v, s, c, program, notedEnded, clause, x, self); err != nil {
			return err
		}
	}
	return nil
}

// self is the recipient of what the company itself may do.
const self = "self"

// assumes returns what a statement begins to assume of a person in a country, and
// the purposes for which it assumes something no longer.
func (p personState) assumes(s *statement.Statement, c loot.Collection, country string) (on []statement.Offer, off []loot.Purpose) {
	stays := map[loot.Purpose]bool{}
	decl, _ := s.Collection(c)
	for _, o := range s.Offers() {
		switch {
		case !o.AssumedIn(country) || o.Recipient != self || !slices.Contains(decl.Purposes, o.Purpose) || stays[o.Purpose]:
		case slices.Contains(p.Assumed, o.Purpose):
			stays[o.Purpose] = true
		case !p.chose(o.Purpose):
			stays[o.Purpose] = true
			on = append(on, o)
		}
	}
	for _, x := range p.Assumed {
		if !stays[x] {
			off = append(off, x)
		}
	}
	return on, off
}

// chose reports whether the person ever decided about a purpose of the company's
// own by themself.
func (p personState) chose(x loot.Purpose) bool {
	_, withdrew := p.Withdrawn[x]
	return withdrew || slices.Contains(p.Declined, x) || slices.Contains(p.Objected, x) ||
		slices.Contains(p.Permissions[self], x) && !slices.Contains(p.Assumed, x)
}

// given returns what the person permits by themself: for what is only assumed of
// them nothing is kept.
func (p personState) given() map[string][]loot.Purpose {
	if len(p.Assumed) == 0 {
		return p.Permissions
	}
	left := personState{Permissions: maps.Clone(p.Permissions)}
	left.Permissions[self] = slices.Clone(left.Permissions[self])
	for _, x := range p.Assumed {
		left.forbid(self, x)
	}
	return left.Permissions
}

// permit gives a purpose to a recipient.
func (p *personState) permit(recipient string, x loot.Purpose) {
	if p.Permissions == nil {
		p.Permissions = map[string][]loot.Purpose{}
	}
	if !slices.Contains(p.Permissions[recipient], x) {
		p.Permissions[recipient] = append(p.Permissions[recipient], x)
	}
}

// forbid takes a purpose from a recipient.
func (p *personState) forbid(recipient string, x loot.Purpose) {
	left := slices.DeleteFunc(p.Permissions[recipient], func(y loot.Purpose) bool { return y == x })
	if len(left) == 0 {
		delete(p.Permissions, recipient)
	} else {
		p.Permissions[recipient] = left
	}
}

// settle notes that the person chose by themself.
func (p *personState) settle(o statement.Offer) {
	if o.Recipient == self {
		p.Assumed = slices.DeleteFunc(slices.Clone(p.Assumed), func(x loot.Purpose) bool { return x == o.Purpose })
	}
}

// Assumes reports whether the statement, and not the person, has a permission
// stand.
func (v PersonView) Assumes(o statement.Offer) bool {
	return o.Recipient == self && slices.Contains(v.Assumed, o.Purpose)
}

// Undecided reports whether the statement in force may assume something of a
// person, who never chose, or has done so: what it assumes may have to follow their
// country.
func (g *Gate) Undecided(ctx context.Context, tx *store.Tx, s loot.Subject, c loot.Collection) (assumable, assumed bool, err error) {
	v, ok := g.at(g.Now())
	if !ok {
		return false, false, loot.Errorf(loot.Unavailable, "No statement is in force yet.")
	}
	p, _, err := g.person(ctx, tx, s, "")
	if err != nil {
		return false, false, err
	}
	decl, _ := v.Statement.Collection(c)
	assumable = slices.ContainsFunc(v.Statement.Offers(), func(o statement.Offer) bool {
		return len(o.Assumed) > 0 && slices.Contains(decl.Purposes, o.Purpose) && !p.chose(o.Purpose)
	})
	return assumable, len(p.Assumed) > 0, nil
}
