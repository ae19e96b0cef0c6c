package statement

import (
	"fmt"
	"slices"
	"time"

	"github.com/cedar-policy/cedar-go/types"

	"loot"
)

// The ids of entities say nothing: a decision knows no one.
var (
	subjectUID               = types.NewEntityUID("Person", "subject")
	subjectValue types.Value = subjectUID
	strangerID               = types.NewEntityUID("Person", "stranger")
	recordUID                = types.NewEntityUID("Record", "record")
	itemUID                  = types.NewEntityUID("StorageItem", "item")
	tagUID                   = types.NewEntityUID("Tag", "tag")

	discloseUID = types.NewEntityUID("Action", "disclose")
	disclosures = types.NewEntityUIDSet(discloseUID)
)

// A world is one request with the entities it speaks of, and no others.
type world struct {
	request  types.Request
	entities [4]types.Entity
	checked  [4]bool // it conformed when it was built before
	n        int
}

// Get finds an entity of the world.
func (w *world) Get(uid types.EntityUID) (types.Entity, bool) {
	for i := range w.n {
		if w.entities[i].UID == uid {
			return w.entities[i], true
		}
	}
	return types.Entity{}, false
}

func (w *world) add(e types.Entity) {
	w.entities[w.n] = e
	w.n++
}

func (w *world) addChecked(e types.Entity) {
	w.checked[w.n] = true
	w.add(e)
}

// A builder turns an Input into a world and refuses what the statement does
// not know. What a person or a contract once said in words that this version
// no longer has (a purpose that was dropped) is left out, since it can permit
// nothing; what the request itself names must be known.
type builder struct {
	s   *Statement
	in  *Input
	err error
}

func (b *builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}

func (b *builder) name(l closed, id, what string) types.Value {
	m, ok := b.s.vocab.member(l, id)
	if !ok {
		b.fail("%s %q is not in the statement", what, id)
		return types.False // something, until the failure is seen
	}
	return m.value
}

func (b *builder) time(t time.Time, what string) types.Value {
	if t.IsZero() {
		b.fail("%s is missing", what)
	}
	if y := t.Year(); y < 1 || y > 9999 {
		b.fail("%s is out of range", what)
	}
	return types.NewDatetime(t)
}

func texts(list []string) types.Value {
	if len(list) == 0 {
		return emptySet
	}
	values := make([]types.Value, len(list))
	for i, s := range list {
		values[i] = types.String(s)
	}
	return types.NewSet(values...)
}

// build makes the world of an input.
func (s *Statement) build(in *Input) (*world, error) {
	b := &builder{s: s, in: in}
	w := &world{}
	w.request.Action = actionUID(in.Action)
	act := types.Entity{UID: w.request.Action}
	switch in.Action {
	case loot.Transfer, loot.Sponsor, loot.Answer:
		act.Parents = disclosures
	}
	w.add(act)
	switch in.Action {
	case loot.Contact:
		w.request.Resource = subjectUID
		b.addPerson(w)
	case loot.Store, loot.Load:
		b.addItem(w)
	default:
		w.request.Resource = recordUID
		b.addRecord(w)
		b.addPerson(w)
	}
	b.principal(w)
	w.request.Context = b.context()
	if b.err != nil {
		return nil, b.err
	}
	if err := s.conform(w); err != nil {
		return nil, err
	}
	b.remember(w)
	return w, nil
}

func (b *builder) addRecord(w *world) {
	if e, ok := b.s.records.find(&b.in.Record); ok {
		w.addChecked(e)
		return
	}
	w.add(b.record())
}

// addItem adds the resource of store or load. The kind of an item tells the two
// apart, so that one is never found for the other.
func (b *builder) addItem(w *world) {
	w.request.Resource = itemUID
	if b.in.Action == loot.Load {
		w.request.Resource = tagUID
	}
	if e, ok := b.s.items.find(&b.in.Item); ok && e.UID == w.request.Resource {
		w.addChecked(e)
		return
	}
	w.add(b.item())
}

func (b *builder) addPerson(w *world) {
	if e, ok := b.s.persons.find(&b.in.Person); ok {
		w.addChecked(e)
		return
	}
	w.add(b.person())
}

// remember keeps what was built anew and conforms.
func (b *builder) remember(w *world) {
	for i := range w.n {
		e := w.entities[i]
		if w.checked[i] {
			continue
		}
		switch e.UID {
		case recordUID:
			b.s.records.keep(&b.in.Record, e)
		case subjectUID:
			b.s.persons.keep(&b.in.Person, e)
		case itemUID, tagUID:
			b.s.items.keep(&b.in.Item, e)
		case w.request.Principal:
			if b.in.Actor.Kind != loot.Person {
				b.s.actors.keep(&b.in.Actor, e)
			}
		}
	}
}

// conform checks the world against the schema. Cedar skips a rule that errs, a
// forbid too, so a request that lacks an attribute must never reach the rules.
func (s *Statement) conform(w *world) error {
	if err := s.vocab.check.Request(w.request); err != nil {
		return err
	}
	for i := range w.n {
		if w.checked[i] {
			continue
		}
		if err := s.vocab.check.Entity(w.entities[i]); err != nil {
			return fmt.Errorf("%s: %w", w.entities[i].UID, err)
		}
	}
	for _, uid := range []types.EntityUID{w.request.Principal, w.request.Action, w.request.Resource} {
		if _, ok := w.Get(uid); !ok && uid.Type != "Desk" {
			return fmt.Errorf("%s is not loaded", uid)
		}
	}
	if r, ok := w.Get(recordUID); ok {
		subject, _ := r.Attributes.Get("subject")
		uid, _ := subject.(types.EntityUID)
		if _, ok := w.Get(uid); !ok {
			return fmt.Errorf("%s is not loaded", uid)
		}
		if r.Parents.Len() == 0 {
			return fmt.Errorf("the record is in no collection")
		}
	}
	return nil
}

func (b *builder) principal(w *world) {
	a := &b.in.Actor
	uid := types.NewEntityUID(entityTypes[a.Kind], "actor")
	if a.Kind != loot.Desk && a.Kind != loot.Person {
		if e, ok := b.s.actors.find(a); ok {
			w.request.Principal = e.UID
			w.addChecked(e)
			return
		}
	}
	attrs := make(types.RecordMap, 4)
	switch a.Kind {
	case loot.Staff:
		attrs["roles"] = set(b.s.vocab, roleList, a.Roles)
		if !a.Undertaking.IsZero() {
			attrs["undertaking"] = b.time(a.Undertaking, "the undertaking")
		}
	case loot.Desk:
		m, ok := b.s.vocab.member(deskList, a.Desk)
		if !ok {
			b.fail("the desk %q is not in the statement", a.Desk)
		}
		w.request.Principal = m.uid
		return
	case loot.Person:
		if a.Own {
			w.request.Principal = subjectUID
			return
		}
		w.request.Principal = strangerID
		w.add(types.Entity{UID: strangerID, Attributes: nobody})
		return
	case loot.Partner:
		r, ok := b.s.Recipient(a.Key)
		if !ok || r.Kind != "partner" {
			b.fail("the partner %q is not in the statement", a.Key)
		}
		attrs["key"] = types.String(a.Key)
		attrs["successor"] = types.Boolean(a.Successor)
		attrs["cooperation"] = set(b.s.vocab, purposeList, r.Cooperation)
		if g := a.Agreement; g != nil {
			attrs["agreement"] = types.NewRecord(types.RecordMap{
				"signed":   b.time(g.Signed, "the date of the agreement"),
				"ends":     b.time(g.Ends, "the end of the agreement"),
				"purposes": set(b.s.vocab, purposeList, g.Purposes), "categories": set(b.s.vocab, categoryList, g.Categories),
			})
		}
	case loot.Sponsorer:
		if r, ok := b.s.Recipient(a.Key); !ok || r.Kind != "sponsor" {
			b.fail("the sponsor %q is not in the statement", a.Key)
		}
		attrs["key"] = types.String(a.Key)
	case loot.Authority, loot.Court:
	case loot.Visitor:
		attrs["region"] = b.name(regionList, a.Region, "the region")
		attrs["signals"] = set(b.s.vocab, signalList, a.Signals)
		attrs["optedOut"] = types.Boolean(a.OptedOut)
		if c := a.Consent; c != nil {
			attrs["consent"] = types.NewRecord(types.RecordMap{
				"purposes": set(b.s.vocab, purposeList, c.Purposes), "statement": types.String(c.Statement),
			})
		}
	default:
		b.fail("nobody acts")
	}
	w.request.Principal = uid
	w.add(types.Entity{UID: uid, Attributes: types.NewRecord(attrs)})
}

// nobody is what stands about a person of whom nothing is known.
var nobody = types.NewRecord(types.RecordMap{
	"ordered": emptySet, "duties": emptySet, "objected": emptySet, "cancelled": emptySet, "topics": emptySet,
	"confirmed": types.False, "restricted": types.False,
})

func (b *builder) person() types.Entity {
	p := &b.in.Person
	if len(p.Ordered)+len(p.Duties)+len(p.Permissions)+len(p.Objected)+len(p.Cancelled)+len(p.Topics) == 0 && !p.Confirmed && !p.Restricted {
		return types.Entity{UID: subjectUID, Attributes: nobody}
	}
	var tags types.Record
	if len(p.Permissions) > 0 {
		m := make(types.RecordMap, len(p.Permissions))
		for key, purposes := range p.Permissions {
			m[types.String(key)] = set(b.s.vocab, purposeList, purposes)
		}
		tags = types.NewRecord(m)
	}
	return types.Entity{UID: subjectUID, Tags: tags, Attributes: types.NewRecord(types.RecordMap{
		"ordered":    set(b.s.vocab, purposeList, p.Ordered),
		"duties":     set(b.s.vocab, purposeList, p.Duties),
		"objected":   set(b.s.vocab, purposeList, p.Objected),
		"cancelled":  texts(p.Cancelled),
		"topics":     set(b.s.vocab, topicList, p.Topics),
		"confirmed":  types.Boolean(p.Confirmed),
		"restricted": types.Boolean(p.Restricted),
	})}
}

func (b *builder) record() types.Entity {
	r := &b.in.Record
	category := b.name(categoryList, string(r.Category), "the category")
	b.name(collectionList, string(r.Collection), "the collection")
	if c, ok := b.s.Category(r.Category); ok && c.Level != r.Level {
		b.fail("the level %d is not that of the category %s", r.Level, r.Category)
	}
	attrs := types.RecordMap{
		"subject":     subjectValue,
		"category":    category,
		"level":       types.Long(r.Level),
		"purposes":    set(b.s.vocab, purposeList, r.Purposes),
		"identifying": types.Boolean(r.Identifying),
		"verified":    types.Boolean(r.Verified),
		"disputed":    types.Boolean(r.Disputed),
		"sponsors":    texts(r.Sponsors),
	}
	if !r.Since.IsZero() {
		attrs["since"] = b.time(r.Since, "the date of the field")
	}
	return types.Entity{UID: recordUID, Parents: b.s.parents[r.Collection], Attributes: types.NewRecord(attrs)}
}

func (b *builder) item() types.Entity {
	i := &b.in.Item
	purpose := string(i.Purpose)
	if _, known := b.s.Purpose(i.Purpose); !known && !i.Declared {
		purpose = undeclared
	}
	attrs := types.RecordMap{
		"purpose":  b.name(purposeList, purpose, "the purpose"),
		"declared": types.Boolean(i.Declared),
		"third":    types.Boolean(i.Third),
	}
	if b.in.Action == loot.Load {
		if i.Kind != "tag" {
			b.fail("what is loaded is a tag, not %q", i.Kind)
		}
		return types.Entity{UID: tagUID, Attributes: types.NewRecord(attrs)}
	}
	attrs["kind"] = b.name(itemKindList, i.Kind, "the kind of item")
	return types.Entity{UID: itemUID, Attributes: types.NewRecord(attrs)}
}

func (b *builder) context() types.Record {
	c := &b.in.Context
	m := types.RecordMap{"now": b.time(c.Now, "the time")}
	if b.in.Action != loot.Store && b.in.Action != loot.Load {
		if c.Purpose == undeclared {
			b.fail("the purpose is missing")
		}
		m["purpose"] = b.name(purposeList, string(c.Purpose), "the purpose")
		if c.Approvals < 0 {
			b.fail("fewer than no approvals")
		}
		m["approvals"] = types.Long(c.Approvals)
	}
	optional := func(key types.String, t time.Time) {
		if !t.IsZero() {
			m[key] = b.time(t, string(key))
		}
	}
	switch b.in.Action {
	case loot.Collect:
		m["demanded"], m["fullAddress"] = types.Boolean(c.Demanded), types.Boolean(c.FullAddr)
	case loot.Use, loot.Find:
		if c.Case != "" {
			m["case"] = types.String(c.Case)
		}
	case loot.Analyse:
		m["group"] = types.Long(c.Group)
	case loot.Transfer:
		m["entered"] = types.Boolean(c.Entered)
		optional("announced", c.Announced)
		optional("due", c.Due)
	case loot.Sponsor:
		m["entered"], m["agreed"], m["sent"] = types.Boolean(c.Entered), types.Boolean(c.Agreed), types.Boolean(c.Sent)
	case loot.Answer:
		m["entered"] = types.Boolean(c.Entered)
		m["request"] = b.asked()
	case loot.Contact:
		m["topic"] = b.name(topicList, c.Topic, "the topic")
		m["region"] = b.name(regionList, c.Region, "the region")
		if !slices.ContainsFunc(b.s.d.senders, func(d SenderDecl) bool { return d.Key == c.Sender }) {
			b.fail("the sender %q is not in the statement", c.Sender)
		}
		m["sender"] = types.String(c.Sender)
	case loot.Store:
		m["statement"] = types.String(c.Statement)
	case loot.Load:
		m["statement"], m["contextual"] = types.String(c.Statement), types.Boolean(c.Contextual)
	case loot.Export, loot.Erase:
		m["hold"] = types.Boolean(c.Hold)
	default:
		b.fail("the action %q is not known", b.in.Action)
	}
	return types.NewRecord(m)
}

func (b *builder) asked() types.Value {
	q := b.in.Context.Request
	if q == nil {
		b.fail("what was asked is missing")
		return types.Record{}
	}
	m := types.RecordMap{
		"basis": types.String(q.Basis), "valid": types.Boolean(q.Valid),
		"until": b.time(q.Until, "the end of the request"), "scope": set(b.s.vocab, categoryList, q.Scope),
	}
	if !q.Gag.IsZero() {
		m["gag"] = b.time(q.Gag, "the end of secrecy")
	}
	return types.NewRecord(m)
}
