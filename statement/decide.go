package statement

import (
	"iter"
	"slices"

	"github.com/cedar-policy/cedar-go"

	"loot"
)

// A Verdict is what the statement says about an [Input].
type Verdict struct {
	Allowed     bool          `json:"allowed"`
	Clauses     []loot.Clause `json:"clauses,omitempty"` // that decided, in statement order; none: nothing permits it
	Rules       []string      `json:"rules,omitempty"`   // that decided, in statement order
	Obligations Obligations   `json:"obligations,omitzero"`
	Errors      []string      `json:"errors,omitempty"` // why the input could not be decided; it is then refused
}

// Obligations are what a permit asks to be done. Several permits add up; the
// strictest of each counts.
type Obligations struct {
	Notify    []string `json:"notify,omitempty"`    // of the [Audiences]
	Approvals int      `json:"approvals,omitempty"` // people who had to approve, and did
	Mask      string   `json:"mask,omitempty"`      // that a rule asks for: "partly" or "fully"; a level's own mask is read from [Statement.Level]
	DelayGag  bool     `json:"delay_gag,omitempty"` // notices wait until the secrecy order ends
}

// ruleList lets Cedar ask the rules of one slot in statement order.
type ruleList []*rule

// All yields the rules with their ids.
func (l ruleList) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, r := range l {
			if !yield(r.key, r.policy) {
				return
			}
		}
	}
}

// Decide says whether the statement permits what the input describes. Nothing
// is permitted that no rule permits; a forbid wins; and whatever cannot be
// evaluated to the end is refused.
func (s *Statement) Decide(in *Input) Verdict {
	w, err := s.build(in)
	if err != nil {
		return Verdict{Errors: []string{err.Error()}}
	}
	return s.decide(w, in)
}

// decide asks the rules about a world that conforms.
func (s *Statement) decide(w *world, in *Input) Verdict {
	decision, why := cedar.Authorize(ruleList(s.index[slotOf(in)]), w, w.request)
	v := Verdict{Allowed: decision == cedar.Allow && len(why.Errors) == 0}
	for _, e := range why.Errors {
		v.Errors = append(v.Errors, string(e.PolicyID)+": "+e.Message)
	}
	if !v.Allowed && decision == cedar.Allow {
		return v // a rule could not be evaluated: it might have forbidden this
	}
	v.Rules = make([]string, len(why.Reasons))
	for i, reason := range why.Reasons {
		r := s.byID[reason.PolicyID]
		v.Rules[i] = r.ID
		if !slices.Contains(v.Clauses, r.Clause) {
			v.Clauses = append(v.Clauses, r.Clause)
		}
		if v.Allowed {
			v.Obligations.add(r.about)
		}
	}
	if v.Allowed && in.Action == loot.Use && in.Actor.Kind == loot.Staff {
		if l, ok := s.Level(in.Record.Level); ok {
			v.Obligations.add(obligationsOf{approvals: l.Approvals}) // its mask is the gate's, which lifts it field by field
		}
	}
	return v
}

func (o *Obligations) add(a obligationsOf) {
	for _, who := range a.notify {
		if !slices.Contains(o.Notify, who) {
			o.Notify = slices.Sorted(slices.Values(append(slices.Clone(o.Notify), who)))
		}
	}
	o.Approvals = max(o.Approvals, a.approvals)
	if slices.Index(masks, a.mask) > max(slices.Index(masks, o.Mask), 0) {
		o.Mask = a.mask
	}
	o.DelayGag = o.DelayGag || a.delay
}

func (o Obligations) equal(p Obligations) bool {
	return slices.Equal(o.Notify, p.Notify) && o.Approvals == p.Approvals && o.Mask == p.Mask && o.DelayGag == p.DelayGag
}

// mostApprovals is how many a level or a rule can ask for.
const mostApprovals = 9

// ApprovalsNeeded returns how many approvals would turn a refusal of the input
// into a permission; false if approvals alone do not help.
func (s *Statement) ApprovalsNeeded(in *Input) (int, bool) {
	try := *in
	for n := in.Context.Approvals; n <= mostApprovals; n++ {
		try.Context.Approvals = n
		if s.Decide(&try).Allowed {
			return n, true
		}
	}
	return 0, false
}
