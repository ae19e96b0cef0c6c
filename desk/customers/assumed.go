package customers

import (
	"context"
	"errors"
	"slices"
	"time"

	"loot"
	"loot/gate"
	"loot/job"
	"loot/statement"
	"loot/store"
	"loot/vault"
	"loot/web"
)

// assumedPage asks for the next customers to be looked at once a version of the
// statement counts, whose permissions may be assumed in other countries.
type assumedPage struct {
	Hash  string       `json:"hash"`
	After loot.Subject `json:"after"`
	Since int64        `json:"since,omitempty"` // only records changed from then on, microseconds; 0: all
}

// Kind names the job.
func (assumedPage) Kind() string { return "customers.assumed_page" }

// assumedOne asks for one customer's permissions to follow the statement and their
// country.
type assumedOne struct {
	Subject loot.Subject `json:"subject"`
}

// Kind names the job.
func (assumedOne) Kind() string { return "customers.assumed" }

// lastWrites is longer than a transaction takes: what one wrote by the version
// before, and committed when the other counted already, is looked at after it.
const lastWrites = time.Minute

// announced has what is assumed follow an announced version from the moment on
// from which it counts.
func (c *customers) announced(ctx context.Context, hash string) error {
	v, err := c.Gate.Announced(ctx, hash)
	if err != nil {
		return err
	}
	return c.DB.InTx(ctx, func(tx *store.Tx) error {
		if err := c.Jobs.Enqueue(ctx, tx, assumedPage{Hash: hash}, job.At(v.Effective)); err != nil {
			return err
		}
		return c.Jobs.Enqueue(ctx, tx, assumedPage{Hash: hash, Since: v.Effective.Add(-lastWrites).UnixMicro()}, job.At(v.Effective.Add(lastWrites)))
	})
}

// assumedPage enqueues a look at each of the next customers of whom something is or
// may be assumed.
func (c *customers) assumedPage(ctx context.Context, a assumedPage) error {
	if _, err := c.Gate.Announced(ctx, a.Hash); err != nil {
		return err
	}
	return c.DB.InTx(ctx, func(tx *store.Tx) error {
		rows, err := c.Vault.List(ctx, tx, collection, a.After, tellSize)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Erased() || row.Changed.UnixMicro() < a.Since {
				continue
			}
			may, is, err := c.Gate.Undecided(ctx, tx, row.Subject, collection)
			if err != nil {
				return err
			}
			if !may && !is {
				continue
			}
			if err := c.Jobs.Enqueue(ctx, tx, assumedOne{row.Subject}); err != nil {
				return err
			}
		}
		if len(rows) < tellSize {
			return nil
		}
		a.After = rows[len(rows)-1].Subject
		return c.Jobs.Enqueue(ctx, tx, a)
	})
}

// assumedOne looks at the country of one customer, by a decision of its own, and has
// what is assumed of them follow it. Where the statement does not let it be looked
// at, nothing is assumed.
func (c *customers) assumedOne(ctx context.Context, a assumedOne) error {
	s, err := c.inForce()
	if err != nil {
		return err
	}
	err = c.followCountry(ctx, s, a.Subject, true)
	if _, refused := errors.AsType[*gate.Refusal](err); refused {
		err = c.followCountry(ctx, s, a.Subject, false)
	}
	return err
}

func (c *customers) followCountry(ctx context.Context, s *statement.Statement, subject loot.Subject, look bool) error {
	return c.Gate.InTx(ctx, func(tx *store.Tx) error {
		if row, err := c.Vault.Row(ctx, tx, subject, collection); loot.KindOf(err) == loot.NotFound || err == nil && row.Erased() {
			return nil
		} else if err != nil {
			return err
		}
		may, _, err := c.Gate.Undecided(ctx, tx, subject, collection)
		if err != nil {
			return err
		}
		_, leaves, err := findErasure(ctx, tx, subject, "")
		if err != nil {
			return err
		}
		field, country := s.CountryField(collection), ""
		if look && may && !leaves {
			p, err := c.Gate.Decide(ctx, tx, gate.Request{
				Action: loot.Use, Actor: c.actor(), Desk: name, Purpose: s.CountryPurpose(collection), Subject: subject, Collection: collection, Fields: []loot.Field{field},
			})
			if err != nil {
				return err
			}
			values, err := c.Vault.Open(ctx, tx, p)
			if err != nil {
				return err
			}
			if v, held := values[field]; held {
				country = v.Reveal() //nolint:forbidigo // compared with the list of the statement, and kept nowhere
			}
		}
		return c.Gate.Assume(ctx, tx, gate.Residence{Subject: subject, Collection: collection, Desk: name, Country: country})
	})
}

// livesIn opens the name of the country in a person's record, for themself.
func (c *customers) livesIn(ctx context.Context, s *statement.Statement, me loot.Actor) (country string, err error) {
	field := s.CountryField(collection)
	err = c.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := c.Gate.Decide(ctx, tx, own(me, loot.Export, purposeOf(s), []loot.Field{field}))
		if err != nil {
			return err
		}
		var values vault.Values
		if values, err = c.Vault.Open(ctx, tx, p); err != nil {
			return err
		}
		country = statement.CountryInSentence(values[field].Reveal()) //nolint:forbidigo // the person sees their own record
		return nil
	})
	return country, err
}

// The answers about a permission that is assumed in some countries.
const (
	byCountry = "country"
	yesPlease = "yes"
	noThanks  = "no"
)

// offerInput asks for a permission. One that is assumed somewhere tells, before
// anything is sent, where it would be on, and can be refused at once.
func offerInput(s *statement.Statement, o statement.Offer) web.Field {
	f := web.Field{Name: offerPrefix + o.ID, Type: "checkbox", Label: o.Title, Hint: o.Text, Why: offerWhy(s, o), Wide: true, Plain: true}
	if len(o.Assumed) > 0 {
		f.Type, f.Value = "radio", byCountry
		f.Options = []web.Option{
			{Value: byCountry, Label: "As it is where you live", Hint: "On in " + o.AssumedWhere("and") + ", until you switch it off with one click in your portal. Off everywhere else."},
			{Value: yesPlease, Label: "On"},
			{Value: noThanks, Label: "Off, wherever you live"},
		}
	}
	return f
}

// Assumed reports whether one of the permissions is on somewhere without a click.
func (f orderForm) Assumed() bool {
	return slices.ContainsFunc(f.offered, func(o statement.Offer) bool { return len(o.Assumed) > 0 })
}

// readOffers adds what was chosen of the permissions. Whoever chose nothing leaves
// it to their country, if it goes by that.
func (a *answer) readOffers(f *orderForm, typed func(string) string, wrong map[string]string) {
	for _, o := range f.offered {
		field := offerPrefix + o.ID
		value := typed(field)
		switch {
		case value == "":
		case len(o.Assumed) == 0, value == yesPlease:
			a.offers = append(a.offers, o.ID)
		case value == noThanks:
			a.declined = append(a.declined, o.ID)
		case value != byCountry:
			wrong[field] = "Please choose one of those offered."
		}
	}
}

// choices carries out what was chosen on a form.
func (c *customers) choices(ctx context.Context, tx *store.Tx, person loot.Actor, a answer) error {
	for _, one := range []struct {
		offers []string
		do     func(context.Context, *store.Tx, gate.Choice) error
	}{{a.offers, c.Gate.Permit}, {a.declined, c.Gate.Decline}} {
		for _, id := range one.offers {
			if err := one.do(ctx, tx, gate.Choice{Subject: loot.Subject(person.ID), Collection: collection, By: person, Offer: id}); err != nil {
				return err
			}
		}
	}
	return nil
}

// followsCountry says what else another country changes; empty: nothing.
func followsCountry(s *statement.Statement, d statement.FieldDecl) string {
	if d.ID != s.CountryField(collection) {
		return ""
	}
	text := ""
	for _, o := range offers(s) {
		if len(o.Assumed) > 0 {
			text += " “" + o.Title + "” is on in " + o.AssumedWhere("and") + " and off elsewhere, unless you chose by yourself."
		}
	}
	return text
}
