package gate

import (
	"context"
	"fmt"
	"strings"

	"loot"
	"loot/ledger"
	"loot/statement"
	"loot/store"
)

// A Refusal is a no, with the clause that decided and what would be needed,
// in words for the person who asked.
type Refusal struct {
	Clause  loot.Clause // that forbids, or whose permit came nearest
	Title   string      // of that clause
	Needed  []string    // the conditions that failed, in plain words
	Nearest loot.Clause // the permit that came nearest, when another clause forbids
	Others  []loot.Clause
	// Approvals is how many other people would have to approve for a yes; zero
	// when approval does not help.
	Approvals int
	Awaited   *loot.Awaited // approval of exactly this that was asked for; nil: none
	Entry     string        // of the ledger, once recorded
	NoCase    bool          // a case was named, and none that is open has this number

	unsigned bool
	request  Request
	record   *ledger.Entry
}

// Kind returns [loot.Denied].
func (r *Refusal) Kind() loot.Kind { return loot.Denied }

// Refused returns the clause that decided, its title, and what would be
// needed, for the page.
func (r *Refusal) Refused() (clause loot.Clause, title string, needed []string) {
	return r.Clause, r.Title, r.Needed
}

// Awaits returns the approval that was asked for; nil if none was.
func (r *Refusal) Awaits() *loot.Awaited { return r.Awaited }

// NeedsUndertaking reports whether whoever asked is of the staff and has not
// signed the undertaking.
func (r *Refusal) NeedsUndertaking() bool { return r.unsigned }

// Request returns what was asked, so that approval can be asked for it.
func (r *Refusal) Request() Request { return r.request }

func (r *Refusal) Error() string {
	if a := r.Awaited; a != nil {
		return fmt.Sprintf("This needs the approval of %s (clause %s). It was asked for; %d of %d agreed.", people(r.Approvals), r.Clause, a.Agreed, a.Needed)
	}
	if r.Approvals > 0 {
		return fmt.Sprintf("This needs the approval of %s (clause %s).", people(r.Approvals), r.Clause)
	}
	if len(r.Needed) == 0 {
		return fmt.Sprintf("No clause of the statement permits this; the nearest is %s.", r.Clause)
	}
	return fmt.Sprintf("Clause %s does not permit this. Needed: %s.", r.Clause, strings.Join(r.Needed, "; "))
}

func people(n int) string {
	if n == 1 {
		return "one other person"
	}
	return fmt.Sprintf("%d other people", n)
}

func (g *Gate) refuse(ctx context.Context, tx *store.Tx, s *statement.Statement, r Request, in statement.Input, records []statement.Record, v statement.Verdict) error {
	if len(v.Errors) > 0 {
		g.Log.ErrorContext(ctx, "a rule could not be evaluated; refused", "action", r.Action, "errors", v.Errors)
	}
	g.refused.Add(1)
	why := s.Explain(&in)
	clauses := v.Clauses
	if len(clauses) == 0 {
		clauses = []loot.Clause{why.Clause}
	}
	e := g.entry(s, r, in, records, clauses, "refused")
	e.Gag = later(r.gag(in.Context.Now), r.Hidden)
	if in.Context.Hold {
		// An erasure waits without showing why.
		state, err := g.held(ctx, tx, r.Subject, false)
		if err != nil {
			return err
		}
		e.Gag = later(e.Gag, state.heldUntil())
	}
	// What is hidden is never counted with what is shown.
	e.Repeat = digestKey(string(r.Action), r.by().ID, string(r.Actor.Kind), r.Actor.ID, string(r.Purpose), string(r.Subject), string(r.Collection), fmt.Sprint(r.Fields), fmt.Sprint(clauses), fmt.Sprint(e.Gag.UnixMicro()))
	out := &Refusal{
		Clause: why.Clause, Title: why.Title, Needed: why.Needed, Nearest: why.Nearest, Others: why.Others,
		unsigned: r.Actor.Kind == loot.Staff && in.Actor.Undertaking.IsZero(), NoCase: r.Case != "" && in.Context.Case == "",
		request: r, record: &e,
	}
	for _, rec := range records {
		in.Record = rec
		n, helps := s.ApprovalsNeeded(&in)
		if !helps {
			out.Approvals = 0
			break
		}
		out.Approvals = max(out.Approvals, n)
	}
	if out.Approvals > 0 {
		e.Facts.Note = Unagreed
		var err error
		if out.Awaited, err = g.Awaited(ctx, tx, r); err != nil {
			return err
		}
	}
	return out
}
