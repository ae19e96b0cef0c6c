package statement

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/cedar-policy/cedar-go/types"

	"loot"
)

// memo keeps the entities that were built last. Few combinations of facts come
// again and again (the same member of staff, the same kind of record, customers
// of the same service), and to build and check an entity costs more than to
// find it. What is kept names nobody, as an input does not.
type memo[K any, P facts[K]] [1024]atomic.Pointer[memorised[K]]

type memorised[K any] struct {
	key    K
	entity types.Entity
}

// facts are a part of an input that one entity is built of.
type facts[K any] interface {
	*K
	hash() uint32
	same(*K) bool
	clone() K
}

// find returns the entity that was built of the same facts.
func (m *memo[K, P]) find(key P) (types.Entity, bool) {
	if e := m[key.hash()%uint32(len(m))].Load(); e != nil && key.same(&e.key) {
		return e.entity, true
	}
	return types.Entity{}, false
}

// keep keeps an entity that was built and conforms.
func (m *memo[K, P]) keep(key P, e types.Entity) {
	m[key.hash()%uint32(len(m))].Store(&memorised[K]{key.clone(), e})
}

// A hash is FNV-1a over parts.
type hash uint32

const newHash hash = 2166136261

func (h hash) text(s string) hash {
	for i := range len(s) {
		h = (h ^ hash(s[i])) * 16777619
	}
	return (h ^ 0xff) * 16777619
}

func (h hash) number(n int64) hash {
	for range 8 {
		h = (h ^ hash(n&0xff)) * 16777619
		n >>= 8
	}
	return h
}

func (h hash) flags(flags ...bool) hash {
	n := int64(0)
	for _, f := range flags {
		n <<= 1
		if f {
			n |= 1
		}
	}
	return h.number(n)
}

func list32[T ~string](h hash, list []T) hash {
	for _, s := range list {
		h = h.text(string(s))
	}
	return h.number(int64(len(list)))
}

func (r *Record) hash() uint32 {
	h := newHash.text(string(r.Collection)).text(string(r.Category)).number(int64(r.Level)).flags(r.Identifying, r.Verified, r.Disputed).number(r.Since.UnixNano())
	return uint32(list32(list32(h, r.Purposes), r.Sponsors))
}

func (r *Record) same(o *Record) bool {
	return r.Collection == o.Collection && r.Category == o.Category && r.Level == o.Level && r.Identifying == o.Identifying &&
		r.Verified == o.Verified && r.Disputed == o.Disputed && r.Since.Equal(o.Since) && slices.Equal(r.Purposes, o.Purposes) && slices.Equal(r.Sponsors, o.Sponsors)
}

func (r *Record) clone() Record {
	c := *r
	c.Purposes, c.Sponsors = slices.Clone(r.Purposes), slices.Clone(r.Sponsors)
	return c
}

func (p *Person) hash() uint32 {
	h := newHash.flags(p.Confirmed, p.Restricted)
	h = list32(list32(list32(list32(list32(h, p.Ordered), p.Duties), p.Objected), p.Cancelled), p.Topics)
	sum := h
	for key, purposes := range p.Permissions { // in no order
		sum += list32(newHash.text(key), purposes)
	}
	return uint32(sum)
}

func (p *Person) same(o *Person) bool {
	return p.Confirmed == o.Confirmed && p.Restricted == o.Restricted && slices.Equal(p.Ordered, o.Ordered) && slices.Equal(p.Duties, o.Duties) &&
		slices.Equal(p.Objected, o.Objected) && slices.Equal(p.Cancelled, o.Cancelled) && slices.Equal(p.Topics, o.Topics) &&
		maps.EqualFunc(p.Permissions, o.Permissions, slices.Equal[[]loot.Purpose])
}

func (p *Person) clone() Person {
	c := *p
	c.Ordered, c.Duties, c.Objected = slices.Clone(p.Ordered), slices.Clone(p.Duties), slices.Clone(p.Objected)
	c.Cancelled, c.Topics = slices.Clone(p.Cancelled), slices.Clone(p.Topics)
	c.Permissions = make(map[string][]loot.Purpose, len(p.Permissions))
	for key, purposes := range p.Permissions {
		c.Permissions[key] = slices.Clone(purposes)
	}
	return c
}

func (a *Actor) hash() uint32 {
	h := newHash.text(string(a.Kind)).text(a.Key).text(a.Region).flags(a.Successor, a.OptedOut, a.Agreement != nil, a.Consent != nil).number(a.Undertaking.UnixNano())
	h = list32(list32(h, a.Roles), a.Signals)
	if g := a.Agreement; g != nil {
		h = list32(list32(h.number(g.Signed.UnixNano()).number(g.Ends.UnixNano()), g.Purposes), g.Categories)
	}
	if c := a.Consent; c != nil {
		h = list32(h.text(c.Statement), c.Purposes)
	}
	return uint32(h)
}

func (a *Actor) same(o *Actor) bool {
	if a.Kind != o.Kind || a.Key != o.Key || a.Region != o.Region || a.Successor != o.Successor || a.OptedOut != o.OptedOut ||
		!a.Undertaking.Equal(o.Undertaking) || !slices.Equal(a.Roles, o.Roles) || !slices.Equal(a.Signals, o.Signals) ||
		(a.Agreement == nil) != (o.Agreement == nil) || (a.Consent == nil) != (o.Consent == nil) {
		return false
	}
	if g, h := a.Agreement, o.Agreement; g != nil && (!g.Signed.Equal(h.Signed) || !g.Ends.Equal(h.Ends) || !slices.Equal(g.Purposes, h.Purposes) || !slices.Equal(g.Categories, h.Categories)) {
		return false
	}
	c, d := a.Consent, o.Consent
	return c == nil || c.Statement == d.Statement && slices.Equal(c.Purposes, d.Purposes)
}

func (a *Actor) clone() Actor {
	c := *a
	c.Roles, c.Signals = slices.Clone(a.Roles), slices.Clone(a.Signals)
	if g := a.Agreement; g != nil {
		c.Agreement = &Agreement{Signed: g.Signed, Ends: g.Ends, Purposes: slices.Clone(g.Purposes), Categories: slices.Clone(g.Categories)}
	}
	if n := a.Consent; n != nil {
		c.Consent = &Consent{Purposes: slices.Clone(n.Purposes), Statement: n.Statement}
	}
	return c
}

func (i *Item) hash() uint32 {
	return uint32(newHash.text(i.Kind).text(string(i.Purpose)).flags(i.Declared, i.Third))
}

func (i *Item) same(o *Item) bool { return *i == *o }

func (i *Item) clone() Item { return *i }
