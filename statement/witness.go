package statement

import (
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"

	"loot"
)

// How long a witness is looked for: at least so many fresh starts, so many
// steps each.
const (
	witnessStarts = 90
	witnessSteps  = 150
)

// witnessNow is the time of every witness; the dates of a witness lie about it.
var witnessNow = time.Date(2030, 1, 15, 12, 0, 0, 0, time.UTC)

// Witnesses looks for an input that this rule alone decides: without a permit
// it would be refused, without a forbid it would be permitted. It is a search
// and no proof: false means that none was found. A rule of a planned clause is
// looked at as if every clause were in force.
func (s *Statement) Witnesses(ruleID string) (*Input, bool) {
	r, ok := s.byID[types.PolicyID(ruleID)]
	if !ok {
		return nil, false
	}
	if r.planned {
		full, err := s.recompile(without{inForce: true})
		if err != nil {
			return nil, false
		}
		return full.witness(full.byID[r.key])
	}
	return s.witness(r)
}

// Learn makes checks of s begin where those of another version ended: a rule
// that both have is tried first with what it decided there. Call it before s is
// used by anybody else.
func (s *Statement) Learn(from *Statement) { s.found = from.found }

// witness returns an input that the rule alone decides: one that is known from
// another version, if it still does, or one that is found.
func (s *Statement) witness(r *rule) (*Input, bool) {
	name := string(r.Clause) + " " + r.Text
	if known, ok := s.found.Load(name); ok {
		in := *known.(*Input)
		if c, ok := s.Category(in.Record.Category); ok {
			in.Record.Level = c.Level
		}
		if g := (&guess{s: s, r: r, way: way{permit: r}, in: &in, trees: trees{}}); g.score() == 0 {
			return &in, true
		}
	}
	in, ok := s.search(r)
	if ok {
		s.found.Store(name, in)
	}
	return in, ok
}

// search climbs from random inputs towards one that the rule alone decides.
func (s *Statement) search(r *rule) (*Input, bool) {
	h := fnv.New64a()
	h.Write([]byte(r.ID))
	rnd := rand.New(rand.NewPCG(h.Sum64(), 1)) //nolint:gosec // the same witness every time is the point
	ways, ts := s.ways(r), trees{}
	rnd.Shuffle(len(ways), func(i, j int) { ways[i], ways[j] = ways[j], ways[i] })
	for n := 0; n < max(witnessStarts, 3*len(ways)) && len(ways) > 0; n++ {
		w := ways[n%len(ways)]
		g := newGuess(s, r, rnd, w, ts)
		best := g.score()
		for range witnessSteps {
			if best == 0 {
				return g.in, true
			}
			old := *g.in
			g.step()
			if now := g.score(); now <= best {
				best = now
			} else {
				*g.in = old
			}
		}
	}
	return nil, false
}

// A way is a kind of request that a rule may decide. A forbid decides only what
// a permit would let through, so each permit that it may meet is a way.
type way struct {
	slot
	permit *rule
}

func (s *Statement) ways(r *rule) []way {
	var out []way
	seen := map[way]bool{}
	for _, at := range s.slots(r) {
		permits := []*rule{r}
		if r.Forbid {
			permits = slices.DeleteFunc(slices.Clone(s.index[at]), func(o *rule) bool { return o.Forbid })
		}
		for _, o := range permits {
			w := way{slot: slot{action: at.action, kind: at.kind}, permit: o}
			if !seen[w] {
				seen[w] = true
				out = append(out, w)
			}
		}
	}
	return out
}

// A guess is an input on its way to become a witness. Its steps replace parts
// and never change one in place, so that a copy of the input is a way back.
type guess struct {
	s     *Statement
	r     *rule
	way   way
	rnd   *rand.Rand
	in    *Input
	steps []func()
	hints map[string][]string // table to the names that the rule and its permit speak of
	trees trees
}

func newGuess(s *Statement, r *rule, rnd *rand.Rand, w way, ts trees) *guess {
	a, k := w.action, w.kind
	g := &guess{s: s, r: r, way: w, rnd: rnd, trees: ts, hints: map[string][]string{}}
	g.in = &Input{Action: a, Actor: Actor{Kind: k}, Context: Context{Now: witnessNow}}
	for _, from := range []*rule{r, w.permit} {
		for _, l := range from.literal {
			g.hints[l.table] = append(g.hints[l.table], l.name)
		}
	}
	g.actorSteps(k)
	g.contextSteps(a)
	switch a {
	case loot.Store, loot.Load:
		g.itemSteps(a)
	case loot.Contact:
		g.personSteps()
	default:
		g.recordSteps()
		g.personSteps()
	}
	for _, step := range g.steps {
		step()
	}
	return g
}

func (g *guess) step() { g.steps[g.rnd.IntN(len(g.steps))]() }

// score is zero for a witness. It counts how much is in the way of what must
// match and of what must not. A permit that obliges decides as well when
// another permits the same and obliges to less.
func (g *guess) score() int {
	w, err := g.s.build(g.in)
	if err != nil {
		return 1000
	}
	_, why := cedar.Authorize(allReasons{g.s.index[slotOf(g.in)]}, w, w.request)
	if len(why.Errors) > 0 {
		return 1000
	}
	score := 0
	var others Obligations
	fires, permits := false, 0
	for _, reason := range why.Reasons {
		o := g.s.byID[reason.PolicyID]
		switch {
		case o == g.r:
			fires = true
		case o.Forbid:
			score += g.trees.toMiss(o, w)
		default:
			permits++
			others.add(o.about)
		}
	}
	if !fires {
		score += max(g.trees.toMatch(g.r, w), 1)
	}
	switch {
	case !g.r.Forbid:
		if with := others; permits > 0 {
			if with.add(g.r.about); with.equal(others) {
				score += permits
			}
		}
	case permits == 0:
		score += max(g.trees.toMatch(g.way.permit, w), 1)
	}
	return score
}

// allReasons asks the rules as if each were a permit, so that permits are
// named beside the forbids.
type allReasons struct{ rules []*rule }

// All yields the rules, each with the effect of a permit.
func (l allReasons) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, r := range l.rules {
			if !yield(r.key, r.matches) {
				return
			}
		}
	}
}

// of picks a declared name, often one that the rule speaks of.
func of[T any](g *guess, table string, list []T, name func(T) string) T {
	if hints := g.hints[table]; len(hints) > 0 && g.yes() {
		want := hints[g.rnd.IntN(len(hints))]
		if v, ok := lookup(list, func(v T) bool { return name(v) == want }); ok {
			return v
		}
	}
	return one(g, list)
}

func (g *guess) onePurpose() loot.Purpose {
	return of(g, "purposes", g.s.d.purposes, func(p Purpose) string { return string(p.ID) }).ID
}

func one[T any](g *guess, list []T) T {
	var none T
	if len(list) == 0 {
		return none
	}
	return list[g.rnd.IntN(len(list))]
}

func (g *guess) yes() bool { return g.rnd.IntN(2) == 0 }

func (g *guess) add(steps ...func()) { g.steps = append(g.steps, steps...) }

// flip adds steps that set boolean facts.
func (g *guess) flip(facts ...*bool) {
	for _, f := range facts {
		g.add(func() { *f = g.yes() })
	}
}

// purpose is what the request or the item is for.
func (g *guess) purpose() loot.Purpose {
	if g.in.Action == loot.Store || g.in.Action == loot.Load {
		return g.in.Item.Purpose
	}
	return g.in.Context.Purpose
}

// purposes is a set that often holds the purpose of the request.
// categories are all that there are, as often as not, or one of them.
func (g *guess) categories() []loot.Category {
	if g.yes() {
		return []loot.Category{of(g, "categories", g.s.d.categories, func(c Category) string { return string(c.ID) }).ID}
	}
	out := make([]loot.Category, len(g.s.d.categories))
	for i, c := range g.s.d.categories {
		out[i] = c.ID
	}
	return out
}

func (g *guess) purposes() []loot.Purpose {
	var out []loot.Purpose
	if g.yes() {
		out = append(out, g.purpose())
	}
	if g.rnd.IntN(3) == 0 {
		if p := g.onePurpose(); !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// retarget changes the purpose and, half of the time, what was said about the
// old one as well, since most rules compare the two.
func (g *guess) retarget(at *loot.Purpose, to loot.Purpose) {
	from := *at
	*at = to
	if g.yes() {
		return
	}
	move := func(list []loot.Purpose) []loot.Purpose {
		if !slices.Contains(list, from) || slices.Contains(list, to) {
			return list
		}
		list = slices.Clone(list)
		list[slices.Index(list, from)] = to
		return list
	}
	g.in.Record.Purposes = move(g.in.Record.Purposes)
	p := &g.in.Person
	p.Ordered, p.Duties, p.Objected = move(p.Ordered), move(p.Duties), move(p.Objected)
	for key, list := range p.Permissions {
		p.Permissions = map[string][]loot.Purpose{key: move(list)} // it has one key at most
	}
	if a := g.in.Actor.Agreement; a != nil {
		g.in.Actor.Agreement = &Agreement{Signed: a.Signed, Ends: a.Ends, Purposes: move(a.Purposes), Categories: a.Categories}
	}
	if c := g.in.Actor.Consent; c != nil {
		g.in.Actor.Consent = &Consent{Statement: c.Statement, Purposes: move(c.Purposes)}
	}
}

// day is a date before, at or after now, or none if it may be missing.
func (g *guess) day(optional bool) time.Time {
	days := []int{-30, -1, 0, 1, 30}
	if optional && g.rnd.IntN(3) == 0 {
		return time.Time{}
	}
	return witnessNow.AddDate(0, 0, one(g, days))
}

func (g *guess) actorSteps(k loot.ActorKind) {
	a := &g.in.Actor
	switch k {
	case loot.Staff:
		g.add(func() {
			a.Roles = []loot.Role{of(g, "roles", g.s.d.roles, func(r RoleDecl) string { return string(r.ID) }).ID}
		}, func() { a.Undertaking = g.day(true) })
	case loot.Desk:
		g.add(func() { a.Desk = of(g, "desks", g.s.d.desks, func(d DeskDecl) string { return d.Name }).Name })
	case loot.Person:
		g.flip(&a.Own)
	case loot.Partner:
		g.add(func() { a.Key = g.recipient("partner") }, func() {
			a.Agreement = nil
			if g.rnd.IntN(4) > 0 {
				a.Agreement = &Agreement{Signed: g.day(false), Ends: g.day(false), Purposes: g.purposes(), Categories: g.categories()}
			}
		}, func() {
			if old := a.Agreement; old != nil {
				a.Agreement = &Agreement{Signed: old.Signed, Ends: old.Ends, Purposes: g.purposes(), Categories: g.categories()}
			}
		}, func() {
			if old := a.Agreement; old != nil {
				a.Agreement = &Agreement{Signed: g.day(false), Ends: g.day(false), Purposes: old.Purposes, Categories: old.Categories}
			}
		})
		g.flip(&a.Successor)
	case loot.Sponsorer:
		g.add(func() { a.Key = g.recipient("sponsor") })
	case loot.Visitor:
		g.add(func() { a.Region = of(g, "regions", g.s.parsed.front.Regions, func(r string) string { return r }) }, func() {
			a.Consent = nil
			if g.rnd.IntN(4) > 0 {
				a.Consent = &Consent{Purposes: g.purposes(), Statement: one(g, []string{"this", "another"})}
			}
		}, func() {
			a.Signals = nil
			if g.yes() {
				a.Signals = []string{of(g, "signals", signalNames, func(n string) string { return n })}
			}
		})
		g.flip(&a.OptedOut)
	}
}

func (g *guess) recipient(kind string) string {
	var keys []string
	for _, r := range g.s.d.recipients {
		if r.Kind == kind {
			keys = append(keys, r.Key)
		}
	}
	return one(g, keys)
}

func (g *guess) recordSteps() {
	r := &g.in.Record
	g.add(
		func() {
			r.Collection = of(g, "collections", g.s.d.collections, func(c CollectionDecl) string { return string(c.ID) }).ID
		},
		func() {
			c := of(g, "categories", g.s.d.categories, func(c Category) string { return string(c.ID) })
			r.Category, r.Level = c.ID, c.Level
		},
		func() { r.Purposes = g.purposes() },
		func() { r.Since = g.day(true) },
		func() {
			r.Sponsors = nil
			if g.yes() {
				r.Sponsors = []string{g.recipient("sponsor")}
			}
		},
	)
	g.flip(&r.Identifying, &r.Verified, &r.Disputed)
}

func (g *guess) personSteps() {
	p := &g.in.Person
	g.add(
		func() { p.Ordered = g.purposes() },
		func() { p.Duties = g.purposes() },
		func() { p.Objected = g.purposes() },
		func() {
			p.Permissions = nil
			if key := one(g, append(ids(g.s.d.recipients, func(r Recipient) string { return r.Key }), "self", g.in.Actor.Key)); key != "" && g.yes() {
				p.Permissions = map[string][]loot.Purpose{key: g.purposes()}
			}
		},
		func() {
			p.Cancelled = nil
			if g.yes() {
				p.Cancelled = []string{one(g, g.s.d.senders).Key}
			}
		},
		func() {
			p.Topics = nil
			if g.yes() {
				p.Topics = []string{one(g, g.s.d.topics).ID}
			}
		},
	)
	g.flip(&p.Confirmed, &p.Restricted)
}

func (g *guess) itemSteps(a loot.Action) {
	i := &g.in.Item
	g.add(func() { g.retarget(&i.Purpose, g.onePurpose()) })
	g.flip(&i.Declared, &i.Third)
	if a == loot.Load {
		i.Kind = "tag"
		return
	}
	g.add(func() { i.Kind = of(g, "kinds", itemKinds, func(k string) string { return k }) })
}

func (g *guess) contextSteps(a loot.Action) {
	c := &g.in.Context
	if a != loot.Store && a != loot.Load {
		set := func() { g.retarget(&c.Purpose, g.onePurpose()) }
		set()
		g.add(set, set, func() { c.Approvals = one(g, []int{0, 0, 1, 2, 3, 9}) })
	}
	switch a {
	case loot.Collect:
		g.flip(&c.Demanded, &c.FullAddr)
	case loot.Use, loot.Find:
		g.add(func() { c.Case = one(g, append([]string{"", ""}, g.s.cases...)) })
	case loot.Analyse:
		g.add(func() { c.Group = one(g, []int{0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 20, 50, 100, 1000}) })
	case loot.Transfer:
		g.flip(&c.Entered)
		g.add(func() { c.Announced, c.Due = g.day(true), g.day(true) })
	case loot.Sponsor:
		g.flip(&c.Entered, &c.Agreed, &c.Sent)
	case loot.Answer:
		g.flip(&c.Entered)
		g.add(func() {
			c.Request = &Asked{Basis: "law", Valid: g.yes(), Until: g.day(false), Gag: g.day(true)}
			if g.rnd.IntN(4) > 0 {
				c.Request.Scope = []loot.Category{g.in.Record.Category}
			}
		})
	case loot.Contact:
		g.add(
			func() { c.Topic = of(g, "topics", g.s.d.topics, func(d TopicDecl) string { return d.ID }).ID },
			func() { c.Sender = one(g, g.s.d.senders).Key },
			func() { c.Region = of(g, "regions", g.s.parsed.front.Regions, func(r string) string { return r }) },
		)
	case loot.Store:
		c.Statement = "this"
	case loot.Load:
		c.Statement = "this"
		g.flip(&c.Contextual)
	case loot.Export, loot.Erase:
		g.flip(&c.Hold)
	}
}

// undeclaredPasses looks for an item that is not declared and that the permit
// lets through.
func (s *Statement) undeclaredPasses(r *rule, a loot.Action) (*Input, bool) {
	rnd := rand.New(rand.NewPCG(7, 7)) //nolint:gosec // the same answer every time is the point
	ts := trees{}
	for range 40 {
		g := newGuess(s, r, rnd, way{slot: slot{action: a, kind: loot.Visitor}, permit: r}, ts)
		for range 200 {
			g.in.Item.Declared = false
			if s.Decide(g.in).Allowed {
				return g.in, true
			}
			old, before := *g.in, g.score()
			g.step()
			g.in.Item.Declared = false
			if g.score() > before {
				*g.in = old
			}
		}
	}
	return nil, false
}
