package customers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

// assumedProofs are those of what is on in some countries without a click: it is
// the clause about suggestions that lets the statement say so.
func (c *customers) assumedProofs() []desk.Proof {
	return []desk.Proof{desk.ProofUnder("collection.recommendation", "a permission is on without a click in the countries of its list and nowhere else, one click ends it, and a choice survives a move",
		func(ctx context.Context, w *desk.World, s *statement.Statement) (string, error) {
			var out []string
			for _, o := range offers(s) {
				said, err := TryAssumed(ctx, w, s, o)
				if err != nil {
					return "", fmt.Errorf("“%s”: %w", o.Title, err)
				}
				if len(o.Assumed) > 0 {
					out = append(out, said)
				}
			}
			if len(out) == 0 {
				return fmt.Sprintf("on without a click nowhere: %s off for a new customer", loot.Plural(len(offers(s)), "permission is", "permissions are")), nil
			}
			return strings.Join(out, "; "), nil
		})}
}

// TryAssumed tries in a world what the statement s promises of a permission where it
// is assumed: on the pages that customers use, and by a decision where a part of the
// program goes by it.
func TryAssumed(ctx context.Context, w *desk.World, s *statement.Statement, o statement.Offer) (string, error) {
	t := assumedTrial{w: w, s: s, o: o}
	i := slices.IndexFunc(statement.Countries(), func(c statement.Country) bool { return !o.AssumedIn(c.Code) })
	if i < 0 {
		return "", errors.New("it is assumed in every country there is")
	}
	away := statement.Countries()[i].Code
	if err := t.register(ctx, away); err != nil {
		return "", err
	}
	if err := t.expect(ctx, false, "for a new customer in "+away); err != nil || len(o.Assumed) == 0 {
		return "off for a new customer", err
	}
	home := o.Assumed[0]
	for _, step := range []struct {
		do   func() error
		on   bool
		when string
	}{
		{func() error { return t.move(ctx, home) }, true, "after a move to " + home},
		{func() error { return t.move(ctx, away) }, false, "after a move away again"},
		{func() error { return t.register(ctx, home) }, true, "for a new customer in " + home},
		{func() error { return t.click(ctx, "no") }, false, "after one click"},
		{func() error { return t.move(ctx, away) }, false, "after that click and a move away"},
		{func() error { return t.move(ctx, home) }, false, "after that click and a move back"},
		{func() error { return t.click(ctx, "yes") }, true, "after it was given"},
		{func() error { return t.move(ctx, away) }, true, "after it was given and a move away"},
		{func() error { return t.register(ctx, home, noThanks) }, false, "for whoever refused it on the form"},
	} {
		if err := step.do(); err != nil {
			return "", fmt.Errorf("%s: %w", step.when, err)
		}
		if err := t.expect(ctx, step.on, step.when); err != nil {
			return "", err
		}
	}
	for _, country := range o.Assumed[1:] {
		if err := t.register(ctx, country); err != nil {
			return "", err
		}
		if err := t.expect(ctx, true, "for a new customer in "+country); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("“%s” on in %s until one click, off elsewhere; what was chosen stayed wherever they moved", o.Title, o.AssumedWhere("and")), nil
}

// An assumedTrial is a customer whose permission is looked at.
type assumedTrial struct {
	w   *desk.World
	s   *statement.Statement
	o   statement.Offer
	who loot.Subject
}

func (t *assumedTrial) browser() desk.Browser {
	return desk.Browser{World: t.w, Who: loot.Actor{Kind: loot.Person, ID: string(t.who)}}
}

// register makes a new customer in a country, who chooses an answer on the form or
// none.
func (t *assumedTrial) register(ctx context.Context, country string, answer ...string) (err error) {
	v, _ := t.w.Gate.InForce()
	form := draw(v.Statement, v.Statement.Services()[0], nil, nil)
	filled := form.filled(true)
	filled.Set(string(t.s.CountryField(collection)), country)
	filled[offerPrefix+t.o.ID] = answer
	t.who, err = registerBy(ctx, t.w, v.Statement, v.Statement.Services()[0].ID, filled)
	return err
}

func (t *assumedTrial) click(ctx context.Context, give string) error {
	a, err := t.browser().Post(ctx, "/portal/permissions/"+url.PathEscape(t.o.ID), url.Values{"give": {give}})
	if err == nil && a.Status != http.StatusSeeOther {
		err = fmt.Errorf("the switch was answered with %d", a.Status)
	}
	return err
}

var recordVersion = regexp.MustCompile(`name="version" value="([^"]*)"`)

// move has the customer correct their country.
func (t *assumedTrial) move(ctx context.Context, country string) error {
	field := string(t.s.CountryField(collection))
	path := "/portal/correct/" + url.PathEscape(field)
	a, err := t.browser().Get(ctx, path)
	if err != nil {
		return err
	}
	m := recordVersion.FindStringSubmatch(a.Body.String())
	if m == nil {
		return fmt.Errorf("the form to correct the country was answered with %d", a.Status)
	}
	if a, err = t.browser().Post(ctx, path, url.Values{field: {country}, "version": {m[1]}}); err == nil && a.Status != http.StatusSeeOther {
		err = fmt.Errorf("another country was answered with %d", a.Status)
	}
	return err
}

// expect looks at the switch, and whether the first part of the program that goes by
// it may.
func (t *assumedTrial) expect(ctx context.Context, on bool, when string) error {
	var p gate.PersonView
	if err := t.w.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		p, err = t.w.Gate.Person(ctx, tx, t.who)
		return err
	}); err != nil {
		return err
	}
	if p.Permits(t.o) != on {
		return fmt.Errorf("%s, it was on: %v; it should be: %v", when, !on, on)
	}
	if uses := deskUses(t.s, t.who, func(d statement.Purpose) bool { return d.ID == t.o.Purpose }); len(uses) > 0 && t.o.Recipient == self {
		no, err := decides(ctx, t.w, uses[0])
		if err != nil {
			return err
		}
		if (no == nil) != on {
			return fmt.Errorf("%s, the program was permitted to go by it: %v; it should be: %v", when, !on, on)
		}
	}
	a, err := t.browser().Get(ctx, "/portal/permissions")
	if err != nil {
		return err
	}
	switch shown := a.Body.String(); {
	case a.Status != http.StatusOK || !strings.Contains(shown, t.o.Title):
		return fmt.Errorf("%s, the page of permissions was answered with %d and does not show it", when, a.Status)
	case strings.Contains(shown, "On because you live in") != p.Assumes(t.o) && !slices.ContainsFunc(offers(t.s), func(o statement.Offer) bool { return o.ID != t.o.ID && p.Assumes(o) }):
		return fmt.Errorf("%s, the page of permissions does not say why it is on", when)
	}
	return nil
}
