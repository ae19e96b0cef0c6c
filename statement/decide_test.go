package statement

import (
	"encoding/json"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
	"github.com/cedar-policy/cedar-go/x/exp/schema/resolved"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"loot"
)

func TestDecide(t *testing.T) {
	s := load(t, "full.md")
	tests := []struct {
		name string
		from func() *Input
		make func(in *Input)
		want string // the clauses that decide, or what cannot be decided
		ok   bool
	}{
		{"support opens what runs the service", opening, nil, "security.staff", true},
		{"not before the undertaking", opening, func(in *Input) { in.Actor.Undertaking = time.Time{} }, "security.staff", false},
		{"not with an undertaking from tomorrow", opening, func(in *Input) { in.Actor.Undertaking = noon.AddDate(0, 0, 1) }, "security.staff", false},
		{"not without an order", opening, func(in *Input) { in.Person.Ordered = nil }, "disclosure.permission", false},
		{"not for another role's purpose", opening, func(in *Input) {
			in.Context.Purpose, in.Person.Ordered = "invoice", purposes("invoice")
		}, "", false},
		{"a recommendation by permission", opening, func(in *Input) {
			in.Context.Purpose, in.Person.Permissions = "recommendation", map[string][]loot.Purpose{"self": purposes("recommendation")}
		}, "security.staff", true},
		{"not with a permission to somebody else", opening, func(in *Input) {
			in.Context.Purpose, in.Person.Permissions = "recommendation", map[string][]loot.Purpose{"acme": purposes("recommendation")}
		}, "disclosure.permission", false},
		{"nobody without a role", opening, func(in *Input) { in.Actor.Roles = nil }, "", false},
		{"a role that the statement no longer has opens nothing", opening, func(in *Input) { in.Actor.Roles = []loot.Role{"gone"} }, "", false},
		{"not what the collection is not for", opening, func(in *Input) {
			in.Context.Purpose, in.Person.Ordered = "event", purposes("event")
		}, "collection.compulsory", false},
		{"confidential data needs approval", opening, func(in *Input) {
			in.Actor.Roles, in.Context.Purpose, in.Person.Duties = []loot.Role{"accounts"}, "invoice", purposes("invoice")
			in.Record.Category, in.Record.Level = "payment", 3
		}, "security.levels", false},
		{"and has it", opening, func(in *Input) {
			in.Actor.Roles, in.Context.Purpose, in.Person.Duties = []loot.Role{"accounts"}, "invoice", purposes("invoice")
			in.Record.Category, in.Record.Level, in.Context.Approvals = "payment", 3, 1
		}, "security.staff", true},
		{"a desk for its purpose", opening, func(in *Input) {
			in.Actor, in.Context.Purpose = Actor{Kind: loot.Desk, Desk: "billing"}, "invoice"
			in.Person.Ordered = purposes("invoice")
		}, "security.staff", true},
		{"a desk not for another's", opening, func(in *Input) {
			in.Actor, in.Context.Purpose = Actor{Kind: loot.Desk, Desk: "recommender"}, "invoice"
			in.Person.Ordered = purposes("invoice")
		}, "", false},
		{"an applicant's record is not there yet", opening, func(in *Input) {
			in.Actor.Roles, in.Context.Purpose, in.Person.Ordered = []loot.Role{"recruiter"}, "recruitment", purposes("recruitment")
			in.Record.Collection, in.Record.Category, in.Record.Purposes = "applicant", "application", purposes("recruitment")
		}, "", false},
		{"a partner with agreement and permission", transfer, nil, "disclosure.permission", true},
		{"not without the agreement", transfer, func(in *Input) { in.Actor.Agreement = nil }, "disclosure.partners", false},
		{"not on the day the agreement ends", transfer, func(in *Input) { in.Actor.Agreement.Ends = noon }, "disclosure.partners", false},
		{"not for a purpose outside it", transfer, func(in *Input) { in.Actor.Agreement.Purposes = purposes("service") }, "disclosure.partners", false},
		{"not after the permission is withdrawn", transfer, func(in *Input) { in.Person.Permissions = nil }, "", false},
		{"cooperation after notice", transfer, func(in *Input) {
			in.Context.Purpose, in.Person.Permissions = "service", nil
			in.Context.Announced, in.Context.Due = noon.AddDate(0, -2, 0), noon.AddDate(0, -1, 0)
		}, "disclosure.partners", true},
		{"not before the notice is over", transfer, func(in *Input) {
			in.Context.Purpose, in.Person.Permissions = "service", nil
			in.Context.Announced, in.Context.Due = noon.AddDate(0, -2, 0), noon.AddDate(0, 0, 1)
		}, "", false},
		{"not after an objection", transfer, func(in *Input) {
			in.Context.Purpose, in.Person.Permissions, in.Person.Objected = "service", nil, purposes("service")
			in.Context.Announced, in.Context.Due = noon.AddDate(0, -2, 0), noon.AddDate(0, -1, 0)
		}, "", false},
		{"an authority with two approvals", answer, nil, "disclosure.authorities", true},
		{"not with one", answer, func(in *Input) { in.Context.Approvals = 1 }, "", false},
		{"not outside the scope", answer, func(in *Input) { in.Context.Request.Scope = []loot.Category{"payment"} }, "", false},
		{"not when not entered", answer, func(in *Input) { in.Context.Entered = false }, "disclosure.authorities", false},
		{"not what nobody asked", answer, func(in *Input) { in.Context.Request = nil }, "what was asked is missing", false},
		{"a cookie with consent", cookie, nil, "cookies.register", true},
		{"not one that is not declared", cookie, func(in *Input) { in.Item.Declared = false }, "cookies.register", false},
		{"nor one without a purpose", cookie, func(in *Input) { in.Item.Declared, in.Item.Purpose = false, "" }, "cookies.register", false},
		{"not after the statement changed", cookie, func(in *Input) { in.Context.Statement = "next" }, "cookies.register", false},
		{"not against a signal that is honoured there", cookie, func(in *Input) { in.Actor.Signals = []string{"gpc"} }, "cookies.signals", false},
		{"but where it is not", cookie, func(in *Input) { in.Actor.Signals, in.Actor.Region = []string{"gpc"}, "ca" }, "cookies.register", true},
		{"one's own record", opening, func(in *Input) {
			in.Action, in.Actor = loot.Export, Actor{Kind: loot.Person, Own: true}
		}, "adequacy.visible", true},
		{"not another's", opening, func(in *Input) {
			in.Action, in.Actor = loot.Export, Actor{Kind: loot.Person}
		}, "", false},
		{"an unknown purpose", opening, func(in *Input) { in.Context.Purpose = "curiosity" }, `the purpose "curiosity" is not in the statement`, false},
		{"the purpose of what is not declared", opening, func(in *Input) { in.Context.Purpose = undeclared }, "the purpose is missing", false},
		{"an unknown desk", opening, func(in *Input) { in.Actor = Actor{Kind: loot.Desk, Desk: "attic"} }, `the desk "attic" is not in the statement`, false},
		{"an unknown partner", transfer, func(in *Input) { in.Actor.Key = "other" }, `the partner "other" is not in the statement`, false},
		{"a sponsor as a partner", transfer, func(in *Input) { in.Actor.Key = "fair" }, `the partner "fair" is not in the statement`, false},
		{"a level that is not the category's", opening, func(in *Input) { in.Record.Level = 1 }, "the level 1 is not that of the category contact", false},
		{"an actor who cannot do this", opening, func(in *Input) { in.Actor = Actor{Kind: loot.Court} }, "is not valid for", false},
		{"an unknown action", opening, func(in *Input) { in.Action = "peek" }, `the action "peek" is not known`, false},
		{"an action that is none of its own", opening, func(in *Input) { in.Action = "disclose" }, `the action "disclose" is not known`, false},
		{"a time that is none", opening, func(in *Input) { in.Context.Now = time.Date(20260, 1, 1, 0, 0, 0, 0, time.UTC) }, "the time is out of range", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := test.from()
			if test.make != nil {
				test.make(in)
			}
			v := s.Decide(in)
			got := strings.Join(append(ids(v.Clauses, func(c loot.Clause) string { return string(c) }), v.Errors...), " ")
			if v.Allowed != test.ok || !strings.Contains(got, test.want) || test.want == "" && got != "" {
				t.Errorf("allowed %v by %q, want %v by %q", v.Allowed, got, test.ok, test.want)
			}
		})
	}
}

func TestObligationsAddUp(t *testing.T) {
	s := load(t, "full.md")
	in := opening()
	if got, want := s.Decide(in).Obligations, (Obligations{}); !cmp.Equal(got, want) {
		t.Errorf("opening: got %+v, want %+v", got, want)
	}
	if got, want := s.Decide(answer()).Obligations, (Obligations{Notify: []string{"regulator", "subject"}, Approvals: 2, DelayGag: true}); !cmp.Equal(got, want) {
		t.Errorf("answer: got %+v, want %+v", got, want)
	}
	in.Actor.Roles, in.Context.Purpose, in.Person.Duties = []loot.Role{"accounts"}, "invoice", purposes("invoice")
	in.Record.Category, in.Record.Level, in.Context.Approvals = "payment", 3, 3
	if got, want := s.Decide(in).Obligations, (Obligations{Approvals: 1}); !cmp.Equal(got, want) {
		t.Errorf("confidential: got %+v, want %+v", got, want)
	}
	var o Obligations
	for _, a := range []obligationsOf{{mask: "partly"}, {mask: "fully", notify: []string{"subject"}}, {mask: "none", approvals: 1}, {mask: "partly", approvals: 2, delay: true, notify: []string{"everyone", "subject"}}} {
		o.add(a)
	}
	if want := (Obligations{Notify: []string{"everyone", "subject"}, Approvals: 2, Mask: "fully", DelayGag: true}); !cmp.Equal(o, want) {
		t.Errorf("union: got %+v, want %+v", o, want)
	}
	if o := s.Decide(transferWithout()).Obligations; !cmp.Equal(o, Obligations{}, cmpopts.EquateEmpty()) {
		t.Errorf("a refusal obliges to %+v", o)
	}
}

func transferWithout() *Input {
	in := transfer()
	in.Actor.Agreement = nil
	return in
}

func TestApprovalsNeeded(t *testing.T) {
	s := load(t, "full.md")
	in := answer()
	in.Context.Approvals = 0
	if n, ok := s.ApprovalsNeeded(in); n != 2 || !ok {
		t.Errorf("answer: got %d, %v; want 2", n, ok)
	}
	in.Context.Request.Valid = false
	if n, ok := s.ApprovalsNeeded(in); ok {
		t.Errorf("invalid request: got %d, want never", n)
	}
	if n, ok := s.ApprovalsNeeded(opening()); n != 0 || !ok {
		t.Errorf("permitted: got %d, %v; want 0", n, ok)
	}
}

// witnesses are inputs that the rules of full.md decide, with every clause in force.
func witnesses(t *testing.T) (*Statement, []*Input) {
	t.Helper()
	s := inForce(t, "full.md", read1(t, "full.md"))
	var out []*Input
	for _, r := range s.rules {
		in, ok := s.witness(r)
		if !ok {
			t.Errorf("no witness of %s", r.ID)
			continue
		}
		out = append(out, in)
	}
	return s, out
}

// Cedar skips a rule that errs, a forbid too. So a request that lacks anything
// must be refused before the rules are asked, and if it were asked all the same
// the error must refuse it.
func TestEachMissingAttributeRefuses(t *testing.T) {
	s, inputs := witnesses(t)
	removed := map[string]bool{}
	for _, in := range inputs {
		if !s.Decide(in).Allowed {
			continue
		}
		check := func(what string, make func(w *world)) {
			t.Helper()
			w, err := s.build(in)
			if err != nil {
				t.Fatal(err)
			}
			make(w)
			w.checked = [4]bool{} // the entity is not the one that was kept
			if err := s.conform(w); err == nil {
				t.Errorf("%s %s: without %s it still conforms", in.Action, in.Actor.Kind, what)
			}
			if v := s.decide(w, in); v.Allowed && len(v.Errors) > 0 {
				t.Errorf("%s %s: without %s it errs (%v) and is permitted", in.Action, in.Actor.Kind, what, v.Errors)
			}
			removed[what] = true
		}
		w, err := s.build(in)
		if err != nil {
			t.Fatal(err)
		}
		shape := s.vocab.schema.Actions[w.request.Action].AppliesTo.Context
		for path := range required(w.request.Context, shape) {
			check("context."+strings.Join(path, "."), func(w *world) { w.request.Context = drop(w.request.Context, path) })
		}
		for i := range w.n {
			e := w.entities[i]
			if e.UID.Type == "Action" {
				continue
			}
			for path := range required(e.Attributes, s.vocab.schema.Entities[e.UID.Type].Shape) {
				check(string(e.UID.Type)+"."+strings.Join(path, "."), func(w *world) { w.entities[i].Attributes = drop(e.Attributes, path) })
			}
			check(string(e.UID.Type), func(w *world) { w.entities[i].UID = types.NewEntityUID("Person", "else") })
			if e.UID.Type == "Record" {
				check("Record in a collection", func(w *world) { w.entities[i].Parents = types.EntityUIDSet{} })
			}
		}
		check("an action", func(w *world) { w.entities[0].UID.ID = "else" })
	}
	for _, want := range []string{"context.purpose", "context.now", "context.approvals", "context.request.until", "context.group", "Record.level", "Record.subject", "Person.ordered", "Staff.roles", "Partner.agreement.ends", "Visitor.consent.statement", "Tag.declared", "StorageItem.kind", "Sponsor.key", "Person", "Record"} {
		if !removed[want] {
			t.Errorf("%s was never removed", want)
		}
	}
}

// required yields the paths of the attributes that a record has and must have.
func required(r types.Record, shape resolved.RecordType) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for name, attr := range shape {
			v, ok := r.Get(name)
			if !ok {
				continue
			}
			if !attr.Optional && !yield([]string{string(name)}) {
				return
			}
			if inner, ok := attr.Type.(resolved.RecordType); ok {
				for path := range required(v.(types.Record), inner) {
					if !yield(append([]string{string(name)}, path...)) {
						return
					}
				}
			}
		}
	}
}

func drop(r types.Record, path []string) types.Record {
	m := r.Map()
	if len(path) == 1 {
		delete(m, types.String(path[0]))
	} else {
		m[types.String(path[0])] = drop(m[types.String(path[0])].(types.Record), path[1:])
	}
	return types.NewRecord(m)
}

// Every single field of an input that is emptied leads to a refusal or to the
// same or a narrower permission; none of them makes anything possible.
func TestEmptyingAFieldNeverPermits(t *testing.T) {
	s, inputs := witnesses(t)
	lifts := []string{ // facts that stand in the way: whoever leaves them out must not exist
		"Record.Identifying", "Record.Disputed", "Record.Since", "Person.Objected", "Person.Cancelled", "Person.Restricted", "Person.Ordered", "Person.Topics",
		"Actor.Signals", "Actor.OptedOut", "Actor.Consent", "Context.Demanded", "Context.FullAddr", "Context.Sent", "Context.Hold", "Item.Third",
		"Record.Verified", "Person.Confirmed", "Record.Purposes", "Context.Request",
	}
	for _, in := range inputs {
		if s.Decide(in).Allowed {
			continue
		}
		for part := range 5 {
			v := reflect.ValueOf(in).Elem().Field(part)
			if v.Kind() != reflect.Struct {
				continue
			}
			for i := range v.NumField() {
				name := reflect.TypeOf(*in).Field(part).Name + "." + v.Type().Field(i).Name
				changed := *in
				reflect.ValueOf(&changed).Elem().Field(part).Field(i).SetZero()
				if s.Decide(&changed).Allowed && !slices.Contains(lifts, name) {
					t.Errorf("%s by %s: permitted without %s\n%+v", in.Action, in.Actor.Kind, name, in)
				}
			}
		}
	}
}

// all is a policy set in no order of ours: the language's own way to ask.
func all(s *Statement) *cedar.PolicySet {
	set := cedar.NewPolicySet()
	for _, r := range s.rules {
		if !r.planned || r.Forbid {
			set.Add(r.key, policyOf(r.ast))
		}
	}
	return set
}

// The index leaves out rules whose head cannot match and the heads themselves;
// the language's own evaluation of all rules must say the same.
func TestIndexDecidesAsTheWholeSet(t *testing.T) {
	for _, name := range []string{"full.md", "small.md"} {
		s := load(t, name)
		set := all(s)
		next := randomInputs(s, 2)
		for range 5000 {
			in := next()
			w, err := s.build(in)
			if err != nil {
				t.Fatal(err)
			}
			decision, why := cedar.Authorize(set, w, w.request)
			var rules []string
			for _, r := range why.Reasons {
				rules = append(rules, string(r.PolicyID))
			}
			slices.Sort(rules)
			v := s.Decide(in)
			if v.Allowed != (decision == cedar.Allow) || !slices.Equal(rules, slices.Sorted(slices.Values(v.Rules))) || len(why.Errors) > 0 {
				t.Fatalf("%s: got %+v, want %v by %v (%v)\n%+v", name, v, decision, rules, why.Errors, in)
			}
		}
	}
}

// What was built before is found again only for the very same facts.
func TestWhatIsKeptIsWhatWouldBeBuilt(t *testing.T) {
	s := inForce(t, "full.md", read1(t, "full.md"))
	next := randomInputs(s, 8)
	kept := 0
	for range 20000 {
		in := next()
		w, err := s.build(in)
		if err != nil {
			t.Fatal(err)
		}
		b := &builder{s: s, in: in}
		for i := range w.n {
			if w.checked[i] {
				kept++
			}
			var anew types.Entity
			switch w.entities[i].UID {
			case recordUID:
				anew = b.record()
			case subjectUID:
				anew = b.person()
			case itemUID, tagUID:
				anew = b.item()
			case w.request.Principal:
				if in.Actor.Kind == loot.Person {
					continue
				}
				fresh := &world{}
				other := *in
				other.Actor.Own = true                                           // which says nothing of these actors,
				other.Actor.Roles = append(slices.Clone(in.Actor.Roles), "gone") // and a role that the statement has not
				(&builder{s: s, in: &other}).principal(fresh)
				anew = fresh.entities[0]
			default:
				continue
			}
			if got := w.entities[i]; !got.Attributes.Equal(anew.Attributes) || !got.Tags.Equal(anew.Tags) || !got.Parents.Equal(anew.Parents) || got.UID != anew.UID {
				t.Fatalf("kept %v, would be %v\n%+v", got, anew, in)
			}
		}
	}
	if kept < 1000 {
		t.Errorf("only %d were found again", kept)
	}
}

// Many decide at once, and each gets the answer that it would get alone.
func TestManyDecideAtOnce(t *testing.T) {
	alone, together := inForce(t, "full.md", read1(t, "full.md")), inForce(t, "full.md", read1(t, "full.md"))
	next := randomInputs(alone, 10)
	ins, want := make([]*Input, 500), make([]Verdict, 500)
	for i := range ins {
		ins[i] = next()
		want[i] = alone.Decide(ins[i])
	}
	var wait sync.WaitGroup
	for n := range 8 {
		wait.Go(func() {
			for i := range ins {
				k := (i*7 + n*61) % len(ins)
				if got := together.Decide(ins[k]); !cmp.Equal(got, want[k]) {
					t.Errorf("got %+v, want %+v", got, want[k])
				}
				if e := together.Explain(ins[k]); want[k].Allowed != (e.Clause == "") {
					t.Errorf("got %+v for %+v", e, want[k])
				}
			}
		})
	}
	wait.Wait()
}

// An input is kept with the ledger's facts and decided again: nothing may get
// lost on the way through JSON.
func TestInputSurvivesJSON(t *testing.T) {
	s := load(t, "full.md")
	next := randomInputs(s, 3)
	for range 2000 {
		in := next()
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var back Input
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if got, want := s.Decide(&back), s.Decide(in); !cmp.Equal(got, want) {
			t.Fatalf("got %+v, want %+v\n%s", got, want, text)
		}
	}
}

// Nobody may draw a conclusion from the order in which facts were listed.
func TestOrderOfFactsIsNothing(t *testing.T) {
	s := load(t, "full.md")
	next := randomInputs(s, 4)
	rnd := rand.New(rand.NewPCG(5, 5))
	for range 2000 {
		in := next()
		changed := *in
		changed.Record.Purposes = append(slices.Clone(in.Record.Purposes), in.Record.Purposes...)
		changed.Person.Ordered = slices.Clone(in.Person.Ordered)
		rnd.Shuffle(len(changed.Person.Ordered), func(i, j int) {
			o := changed.Person.Ordered
			o[i], o[j] = o[j], o[i]
		})
		if got, want := s.Decide(&changed), s.Decide(in); !cmp.Equal(got, want) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	}
}
