package verification

import (
	"context"
	"maps"
	"slices"
	"time"

	"loot"
	"loot/desk"
	"loot/store"
)

// An exported is what this desk keeps about a person, for their copy.
type exported struct {
	Checks   []exportedCheck   `json:"checks"`
	Requests []exportedRequest `json:"requests"`
	Cases    []exportedCase    `json:"cases"`
}

type exportedCheck struct {
	Field   loot.Field `json:"field"`
	Outcome string     `json:"outcome"`
	By      string     `json:"by"` // the checks, in words
	Who     string     `json:"who"`
	At      time.Time  `json:"at"`
	Next    time.Time  `json:"again,omitzero"`
	Result  string     `json:"result,omitempty"`
}

type exportedRequest struct {
	Field    loot.Field `json:"field,omitempty"` // empty: everything
	Asked    time.Time  `json:"asked"`
	Due      time.Time  `json:"answer_by"`
	Answered time.Time  `json:"answered,omitzero"`
	Answer   []answer   `json:"answer,omitempty"`
}

type exportedCase struct {
	Field    loot.Field `json:"field"`
	Kind     string     `json:"kind"`
	Why      string     `json:"why"`
	Invoice  string     `json:"invoice,omitempty"`
	Line     int        `json:"line,omitempty"`
	Opened   time.Time  `json:"opened"`
	Due      time.Time  `json:"answer_by"`
	Closed   time.Time  `json:"closed,omitzero"`
	Decision string     `json:"decision,omitempty"`
	Said     string     `json:"said,omitempty"`
	Reason   string     `json:"reason,omitempty"`
	// Evidence are the files that colleagues attached, or the customer.
	Evidence []exportedFile `json:"evidence,omitempty"`
}

type exportedFile struct {
	At   time.Time `json:"at"`
	From string    `json:"from"` // "you" or "our staff"
	Type string    `json:"type"`
	Size int64     `json:"bytes"`
}

// export returns what this desk keeps about a person.
func (v *Verification) export(ctx context.Context, tx *store.Tx, s loot.Subject) (any, error) {
	var out exported
	st, err := v.inForce()
	if err != nil {
		return nil, err
	}
	looks, err := v.looksAt(ctx, tx, st, s)
	if err != nil {
		return nil, err
	}
	for _, f := range slices.Sorted(maps.Keys(looks)) { // also of what the statement does not have any longer
		l := looks[f]
		out.Checks = append(out.Checks, exportedCheck{f, string(l.Outcome), l.Methods(), l.By, l.At, l.Next, l.Result})
	}
	asked, err := requestsOf(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	for _, r := range asked {
		out.Requests = append(out.Requests, exportedRequest{r.Field, r.Asked, r.Due, r.Answered, r.Answer})
	}
	cases, err := mattersOf(ctx, tx, s)
	if err != nil {
		return nil, err
	}
	files, err := evidenceOf(ctx, tx, "", s)
	if err != nil {
		return nil, err
	}
	for _, m := range cases {
		notes, err := v.notes.Of(ctx, tx, m.ID)
		if err != nil {
			return nil, err
		}
		one := exportedCase{Field: m.Field, Kind: m.Kind, Why: m.Why, Invoice: m.Invoice, Line: m.Line, Opened: m.Opened, Due: m.Due, Closed: m.Closed, Decision: m.Decision, Said: desk.LatestNote(notes, "report")}
		if !m.Closed.IsZero() {
			one.Reason = desk.LatestNote(notes, "reason")
		}
		for _, e := range files {
			if e.Matter == m.ID {
				from := "our staff"
				if e.Author == "" {
					from = "you"
				}
				one.Evidence = append(one.Evidence, exportedFile{e.At, from, e.Kind, e.Size})
			}
		}
		out.Cases = append(out.Cases, one)
	}
	if len(out.Checks)+len(out.Requests)+len(out.Cases) == 0 {
		return nil, nil
	}
	return out, nil
}
