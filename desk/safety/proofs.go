package safety

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/store"
)

func (d *Safety) proofs() []desk.Proof {
	const clause = "collection.safety"
	return []desk.Proof{
		{Clause: clause, Name: "no detail opens for keeping the network safe or for a dispute unless an open case about its owner is named", Run: d.provesCase},
		{Clause: clause, Name: "a report finds its customer, who is heard and judged with reasons, and somebody else decides the objection", Run: d.provesWalk},
		{Clause: clause, Name: "what somebody gave with a report stays with its case, and goes at their wish", Run: d.provesReporter},
	}
}

// A stage is a customer of a world with an address, and a case about it.
type stage struct {
	w       *desk.World
	subject loot.Subject
	service string
	abuse   loot.Actor
	matter  string
	follow  string // of the reporter
}

// provingAddress is one that is for examples (RFC 5737).
var provingAddress = netip.MustParseAddr("203.0.113.1")

// stage has misuse of a new customer's service reported by the public form.
func (d *Safety) stage(ctx context.Context, w *desk.World) (s stage, err error) {
	s.w = w
	if s.subject, err = w.NewPerson(ctx); err != nil {
		return s, err
	}
	if err := w.Drain(ctx); err != nil {
		return s, err
	}
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		titles, err := d.needs.Services(ctx, tx, s.subject)
		for reference := range titles {
			s.service = reference
		}
		return err
	}); err != nil {
		return s, err
	}
	clerk, err := w.NewStaff(ctx, true, "billing")
	if err != nil {
		return s, err
	}
	if s.abuse, err = w.NewStaff(ctx, true, "abuse"); err != nil {
		return s, err
	}
	address := provingAddress
	for {
		a, err := desk.Browser{World: w, Who: clerk}.Post(ctx, "/console/billing/services/"+url.PathEscape(s.service)+"/addresses", url.Values{"address": {address.String()}})
		if err != nil {
			return s, err
		}
		if a.Status == http.StatusSeeOther {
			break
		}
		if address = address.Next(); address == netip.MustParseAddr("203.0.113.255") {
			return s, fmt.Errorf("no address could be assigned: %d", a.Status)
		}
	}
	a, err := desk.Browser{World: w}.Post(ctx, "/abuse", url.Values{
		"kind": {string(Phishing)}, "addresses": {address.String()}, "text": {"A page that asks for passwords."}, "email": {"proof@reporter.example"},
	})
	if err != nil {
		return s, err
	}
	if a.Status != http.StatusSeeOther {
		return s, fmt.Errorf("a report was answered with %d", a.Status)
	}
	s.follow = a.Header().Get("Location")
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		list, err := cases(ctx, tx, `subject = $1`, s.subject)
		if err == nil && len(list) != 1 {
			err = errors.New("the report did not become a case about the customer who had the address")
		}
		if err == nil {
			s.matter = list[0].ID
		}
		return err
	})
	return s, err
}

// opens reports whether a request is permitted and opens something.
func opens(ctx context.Context, w *desk.World, r gate.Request) (bool, error) {
	err := w.Gate.InTx(ctx, func(tx *store.Tx) error {
		p, err := w.Gate.Decide(ctx, tx, r)
		if err != nil {
			return err
		}
		_, err = w.Vault.Open(ctx, tx, p)
		return err
	})
	if _, no := errors.AsType[*gate.Refusal](err); no {
		return false, nil
	}
	return err == nil, err
}

// provesCase tries to open a customer's address for each purpose of a case, with and
// without one.
func (d *Safety) provesCase(ctx context.Context, w *desk.World) (string, error) {
	s, err := d.stage(ctx, w)
	if err != nil {
		return "", err
	}
	other, err := w.NewPerson(ctx)
	if err != nil {
		return "", err
	}
	me := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(s.subject)}}
	a, err := me.Post(ctx, "/portal/cases", url.Values{"kind": {"service"}, "text": {"It does not run."}})
	if err != nil {
		return "", err
	}
	disputed := strings.TrimPrefix(a.Header().Get("Location"), "/portal/cases/")
	rules, err := w.Statement()
	if err != nil {
		return "", err
	}
	field := rules.AddressField(customer)
	tried := 0
	for _, one := range []struct {
		when    string
		purpose loot.Purpose
		subject loot.Subject
		matter  string
		want    bool
	}{
		{"without a case", forSafety, s.subject, "", false},
		{"for a case that does not exist", forSafety, s.subject, "cnone", false},
		{"for a case about somebody else", forSafety, other, s.matter, false},
		{"for keeping the network safe in a dispute", forSafety, s.subject, disputed, false},
		{"for a dispute without one", forDispute, s.subject, "", false},
		{"for a dispute in a case of misuse", forDispute, s.subject, s.matter, false},
		{"for its case", forSafety, s.subject, s.matter, true},
		{"for its dispute", forDispute, s.subject, disputed, true},
	} {
		got, err := opens(ctx, w, gate.Request{
			Action: loot.Use, Actor: s.abuse, Desk: "proof", Purpose: one.purpose, Subject: one.subject, Collection: customer, Fields: []loot.Field{field}, Case: one.matter, Reason: "Tried for the proof.",
		})
		if err != nil {
			return "", err
		}
		if got != one.want {
			return "", fmt.Errorf("%s the customer's address opened: %t, want %t", one.when, got, one.want)
		}
		tried++
	}
	return fmt.Sprintf("tried in %d ways", tried), nil
}

// deed posts a form and wants it taken.
func (s stage) deed(ctx context.Context, who loot.Actor, step string, pairs ...string) error {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	path := "/console/abuse/" + s.matter + "/" + step
	if who.Kind == loot.Person {
		path = "/portal/cases/" + s.matter
	}
	a, err := desk.Browser{World: s.w, Who: who}.Post(ctx, path, form)
	if err == nil && a.Status != http.StatusSeeOther {
		err = fmt.Errorf("%s was answered with %d", step, a.Status)
	}
	if err != nil {
		return err
	}
	return s.w.Drain(ctx)
}

// provesWalk takes a case from its report to the decision on the objection.
func (d *Safety) provesWalk(ctx context.Context, w *desk.World) (string, error) {
	s, err := d.stage(ctx, w)
	if err != nil {
		return "", err
	}
	second, err := w.NewStaff(ctx, true, "abuse")
	if err != nil {
		return "", err
	}
	me := loot.Actor{Kind: loot.Person, ID: string(s.subject)}
	var letters []string
	told := func(what string, want int, do func() error) error {
		before := w.Sent()
		if err := do(); err != nil {
			return err
		}
		if got := w.Sent() - before; got < want {
			return fmt.Errorf("%s: %s, want %d", what, loot.Plural(got, "letter", "letters"), want)
		}
		letters = append(letters, what)
		return nil
	}
	if err := told("asked", 1, func() error { return s.deed(ctx, s.abuse, "notify", "hours", "24", "text", "Please stop it.") }); err != nil {
		return "", err
	}
	if err := s.deed(ctx, me, "answer", "text", "It is stopped."); err != nil {
		return "", err
	}
	if err := told("judged", 2, func() error {
		return s.deed(ctx, s.abuse, "judge", "outcome", violation, "measure", suspended, "ground", "terms", "rule", "Terms, section 1", "facts", "A page asked for passwords.", "reasons", "It harmed others.")
	}); err != nil {
		return "", err
	}
	a, err := desk.Browser{World: w, Who: me}.Get(ctx, "/portal/cases/"+s.matter)
	if err != nil {
		return "", err
	}
	for _, want := range []string{"Terms, section 1", "A page asked for passwords.", "It harmed others.", "You can object until"} {
		if !strings.Contains(a.Body.String(), want) {
			return "", fmt.Errorf("the judgment does not say %q", want)
		}
	}
	if strings.Contains(a.Body.String(), "proof@reporter.example") {
		return "", errors.New("the customer sees who reported it")
	}
	if err := s.deed(ctx, me, "appeal", "text", "It is wrong."); err != nil {
		return "", err
	}
	if err := s.deed(ctx, s.abuse, "review", "outcome", upheld, "facts", "F", "reasons", "R"); err == nil {
		return "", errors.New("whoever judged decided the objection too")
	}
	if err := told("reviewed", 2, func() error {
		return s.deed(ctx, second, "review", "outcome", reversed, "facts", "Logs.", "reasons", "The customer was the victim.")
	}); err != nil {
		return "", err
	}
	err = d.DB.ReadTx(ctx, func(tx *store.Tx) error {
		c, err := findCase(ctx, tx, s.matter, "")
		if err == nil && (c.Closed.IsZero() || !c.Reversed || c.Measure != "") {
			err = errors.New("the objection was decided and what followed is not undone")
		}
		return err
	})
	return "letters went when it was " + strings.Join(letters, ", "), err
}

// provesReporter looks for what a reporter gave: in the case, outside of it and after they
// wanted it gone.
func (d *Safety) provesReporter(ctx context.Context, w *desk.World) (string, error) {
	s, err := d.stage(ctx, w)
	if err != nil {
		return "", err
	}
	var list []filed
	var held []loot.Field
	if err := d.DB.ReadTx(ctx, func(tx *store.Tx) (err error) {
		if list, err = reportsOf(ctx, tx, s.matter); err != nil {
			return err
		}
		about, err := d.Vault.Held(ctx, tx, list[0].Subject, reporters)
		held = nil
		for f := range about {
			held = append(held, f)
		}
		slices.Sort(held)
		return err
	}); err != nil {
		return "", err
	}
	if len(held) != 2 {
		return "", fmt.Errorf("%s of the reporter are sealed, want their address and their words", loot.Plural(len(held), "detail", "details"))
	}
	for matter, want := range map[string]bool{"": false, s.matter: true} {
		r := readingOf(matterOf(matter), s.abuse, list[0].Subject, held)
		got, err := opens(ctx, w, r)
		if err != nil {
			return "", err
		}
		if got != want {
			return "", fmt.Errorf("with the case %q named it opened: %t, want %t", matter, got, want)
		}
	}
	for _, p := range []loot.Purpose{"mailing", "support", "recommendation"} {
		r := readingOf(matterOf(s.matter), s.abuse, list[0].Subject, held)
		r.Purpose = p
		if got, err := opens(ctx, w, r); err != nil || got {
			return "", fmt.Errorf("it opened for the purpose %s: %w", p, err)
		}
	}
	if a, err := (desk.Browser{World: w}).Post(ctx, s.follow, nil); err != nil || a.Status != http.StatusSeeOther {
		return "", fmt.Errorf("the wish to erase it was not taken: %w", err)
	}
	if got, err := opens(ctx, w, readingOf(matterOf(s.matter), s.abuse, list[0].Subject, held)); err == nil && got {
		return "", errors.New("it opened after it was erased")
	}
	return "two details, sealed, opened for the case alone and erased at their wish", nil
}

func matterOf(id string) matter { return matter{ID: id} }
