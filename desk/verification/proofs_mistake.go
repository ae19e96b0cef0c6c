package verification

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"loot"
	"loot/desk"
	"loot/gate"
	"loot/statement"
	"loot/store"
)

const mistakes loot.Clause = "adequacy.mistakes"

func (v *Verification) mistakeProofs() []desk.Proof {
	return []desk.Proof{
		{Clause: mistakes, Name: "nothing is decided by a detail that somebody says is wrong until they have an answer", Run: v.provesDispute},
		{Clause: mistakes, Name: "a record that is frozen is kept and left alone", Run: v.provesFrost},
	}
}

// A tryOut is a use of one detail by a part of the program.
type tryOut struct {
	desk    string
	purpose loot.Purpose
	field   loot.Field
}

// uses returns which uses of details the statement lets the program make of a
// customer, and of them those that it refuses by the clause about mistakes.
func (v *Verification) uses(ctx context.Context, s *statement.Statement, subject loot.Subject, fields ...loot.Field) (permitted, kept []tryOut, err error) {
	for _, k := range s.Desks() {
		for _, p := range k.Purposes {
			for _, f := range fields {
				err := v.Gate.InTx(ctx, func(tx *store.Tx) error {
					_, err := v.Gate.Decide(ctx, tx, gate.Request{
						Action: loot.Use, Actor: loot.Actor{Kind: loot.Desk, ID: k.Name}, Desk: k.Name, Purpose: p, Subject: subject, Collection: collection, Fields: []loot.Field{f},
					})
					return err
				})
				t := tryOut{k.Name, p, f}
				refusal, refused := errors.AsType[*gate.Refusal](err)
				switch {
				case err == nil:
					permitted = append(permitted, t)
				case !refused:
					return nil, nil, err
				case refusal.Clause == mistakes:
					kept = append(kept, t)
				}
			}
		}
	}
	return permitted, kept, nil
}

func (v *Verification) provesDispute(ctx context.Context, w *desk.World) (string, error) {
	subject, s, st, err := v.tried(ctx, w)
	if err != nil {
		return "", err
	}
	var about loot.Field // that is used for most
	var before []tryOut
	for _, d := range checked(s) {
		if _, held := st.held[d.ID]; !held || secondNeeded(s, d.ID) {
			continue
		}
		permitted, _, err := v.uses(ctx, s, subject, d.ID)
		if err != nil {
			return "", err
		}
		if d.ID != s.AddressField(collection) && len(permitted) > len(before) {
			about, before = d.ID, permitted
		}
	}
	if about == "" {
		return "", errors.New("nothing that is checked is used for anything")
	}
	me := desk.Browser{World: w, Who: loot.Actor{Kind: loot.Person, ID: string(subject)}}
	a, err := me.Post(ctx, "/portal/checks/wrong", url.Values{"field": {string(about)}, "text": {"This is not ours."}})
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusSeeOther {
		return "", fmt.Errorf("the report was answered with %d", a.Status)
	}
	open, closed, err := v.uses(ctx, s, subject, about)
	closed = among(closed, before)
	switch {
	case err != nil:
		return "", err
	case len(closed) == 0:
		return "", fmt.Errorf("“%s” is said to be wrong, and is used as before", titleOf(s, about))
	case !slices.ContainsFunc(open, func(t tryOut) bool { return t.purpose == purpose }):
		return "", fmt.Errorf("“%s” is said to be wrong, and nobody can check it", titleOf(s, about))
	}
	who, err := checker(ctx, w, s)
	if err != nil {
		return "", err
	}
	if st, err = v.standing(ctx, subject); err != nil {
		return "", err
	}
	i := slices.IndexFunc(st.cases, func(m matter) bool { return m.Kind == kindMistake && m.Closed.IsZero() })
	if i < 0 {
		return "", errors.New("the report is no case")
	}
	m := st.cases[i]
	a, err = desk.Browser{World: w, Who: who}.Post(ctx, "/console/checks/"+m.ID, url.Values{
		"version": {strconv.FormatInt(m.Version, 10)}, "decision": {"refused"}, "reason": {"It stands so in the register."},
	})
	if err != nil {
		return "", err
	}
	if a.Status != http.StatusSeeOther {
		return "", fmt.Errorf("the answer to the report was answered with %d", a.Status)
	}
	after, closed2, err := v.uses(ctx, s, subject, about)
	if err != nil {
		return "", err
	}
	if len(closed2) > 0 || !slices.Equal(before, after) {
		return "", fmt.Errorf("answered, “%s” is used for %d things, and before the report for %d", titleOf(s, about), len(after), len(before))
	}
	return fmt.Sprintf("“%s” was refused for %s until it was answered, and opened for %s", titleOf(s, about), purposesOf(s, closed), purposesOf(s, open)), nil
}

func (v *Verification) provesFrost(ctx context.Context, w *desk.World) (string, error) {
	subject, s, st, err := v.tried(ctx, w)
	if err != nil {
		return "", err
	}
	var fields []loot.Field
	for _, d := range s.Fields(collection) {
		if _, held := st.held[d.ID]; held {
			fields = append(fields, d.ID)
		}
	}
	before, _, err := v.uses(ctx, s, subject, fields...)
	if err != nil {
		return "", err
	}
	freeze := func(f func(tx *store.Tx) error) (permitted, kept []tryOut, err error) {
		if err := w.Gate.InTx(ctx, f); err != nil {
			return nil, nil, err
		}
		return v.uses(ctx, s, subject, fields...)
	}
	open, closed, err := freeze(func(tx *store.Tx) error { return w.Gate.Freeze(ctx, tx, subject, "proof") })
	closed = among(closed, before)
	switch {
	case err != nil:
		return "", err
	case len(closed) == 0:
		return "", errors.New("a frozen record is used as before")
	case len(open) == 0:
		return "", errors.New("a frozen record opens for nothing at all, its owner's services among it")
	}
	after, closed2, err := freeze(func(tx *store.Tx) error { return w.Gate.Thaw(ctx, tx, subject, "proof") })
	if err != nil {
		return "", err
	}
	if len(closed2) > 0 || !slices.Equal(before, after) {
		return "", fmt.Errorf("no longer frozen, the record is used for %d things, and before for %d", len(after), len(before))
	}
	return fmt.Sprintf("refused for %s, opened for %s, and as before when it thawed", purposesOf(s, closed), purposesOf(s, open)), nil
}

// among returns those uses that are among others.
func among(list, others []tryOut) []tryOut {
	return slices.DeleteFunc(list, func(t tryOut) bool { return !slices.Contains(others, t) })
}

// purposesOf names the purposes of uses, each once.
func purposesOf(s *statement.Statement, list []tryOut) string {
	out := ""
	var named []loot.Purpose
	for _, t := range list {
		if slices.Contains(named, t.purpose) {
			continue
		}
		named = append(named, t.purpose)
		if p, ok := s.Purpose(t.purpose); ok {
			out += ", " + p.Title
		}
	}
	return out[min(len(out), 2):]
}
