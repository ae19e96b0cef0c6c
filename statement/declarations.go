package statement

import (
	"maps"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v4"

	"loot"
)

// An entry is one line of a table, where it stands and what it mentions.
type entry struct {
	table, id string
	node      *yaml.Node
	at        place
	mentions  []mention
}

// declarations is what the tables of a statement say, in statement order.
type declarations struct {
	purposes    []Purpose
	levels      []Level
	categories  []Category
	collections []CollectionDecl
	fields      []FieldDecl
	checks      []CheckDecl
	offers      []Offer
	recipients  []Recipient
	roles       []RoleDecl
	desks       []DeskDecl
	services    []ServiceDecl
	topics      []TopicDecl
	senders     []SenderDecl
	items       []ItemDecl
	tags        []TagDecl
	signals     []SignalDecl
	names       map[string]map[string]bool // table to what it declares
	broken      map[string][]string        // table to what is declared there wrongly
}

// readBlock checks the declarations of one block. It returns its entries and
// what it says about the clause itself. An entry that is wrong is returned
// without its node, so that what mentions it is not wrong as well.
func (y *yamlReader) readBlock(b block, clause loot.Clause) (entries []entry, about map[string]*yaml.Node) {
	root := y.parseYAML(b, clause)
	if root == nil {
		y.doubts = append(y.doubts, b.text)
		return nil, nil
	}
	y.check(root, blockShape, clause)
	about = map[string]*yaml.Node{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		k, v := root.Content[i], root.Content[i+1]
		m := slices.IndexFunc(blockShape.keys, func(m member) bool { return m.name == k.Value })
		switch {
		case m < 0:
			y.doubt(v)
		case blockShape.keys[m].shape.kind == kindMap:
			entries = append(entries, y.readTable(k.Value, v, blockShape.keys[m].shape, clause)...)
		default:
			about[k.Value] = v
		}
	}
	return entries, about
}

// doubt keeps what stands in a part of a block that is not understood.
func (y *yamlReader) doubt(n *yaml.Node) {
	y.doubts = append(y.doubts, n.Value)
	for _, c := range n.Content {
		y.doubt(c)
	}
}

func (y *yamlReader) readTable(name string, v *yaml.Node, s *shape, clause loot.Clause) (entries []entry) {
	if v.Kind != yaml.MappingNode {
		y.doubt(v)
		return nil
	}
	for j := 0; j+1 < len(v.Content); j += 2 {
		id := v.Content[j]
		e := entry{table: name, id: id.Value, at: place{line: id.Line, col: id.Column, clause: clause}}
		again := &yamlReader{reporter: &reporter{}}
		sound := again.check(id, s.key, clause)
		if again.check(v.Content[j+1], s.of, clause) && sound {
			e.node = v.Content[j+1]
		} else {
			y.doubt(v.Content[j+1])
		}
		e.mentions = again.mentions
		entries = append(entries, e)
	}
	return entries
}

// declare turns entries into declarations and reports what is declared twice
// and what is mentioned but not declared. Lost is what blocks that could not be
// read seem to declare.
func declare(rep *reporter, front *Front, entries []entry, lost map[string][]string) *declarations {
	d := &declarations{names: map[string]map[string]bool{}, broken: map[string][]string{}}
	for _, t := range tables() {
		d.names[t] = map[string]bool{}
	}
	d.names["regions"] = map[string]bool{"other": true}
	for _, r := range front.Regions {
		d.names["regions"][r] = true
	}
	where := map[string]place{}
	for _, e := range entries {
		if old, ok := where[e.table+" "+e.id]; ok {
			rep.add(e.at, "The %s %s is already declared on line %d.", singular[e.table], e.id, old.line)
			continue
		}
		if e.table == "purposes" && e.id == undeclared {
			rep.add(e.at, "The purpose %q is kept for items that stand in no register.", undeclared)
		}
		where[e.table+" "+e.id] = e.at
		d.names[e.table][e.id] = true
		if e.node == nil {
			d.broken[e.table] = append(d.broken[e.table], e.id)
			continue
		}
		if err := d.add(e, front); err != nil {
			rep.add(e.at, "The %s %s cannot be read: %v.", singular[e.table], e.id, err)
		}
	}
	for table, names := range lost {
		for _, id := range names {
			if !d.names[table][id] {
				d.names[table][id] = true
				d.broken[table] = append(d.broken[table], id)
			}
		}
	}
	for _, e := range entries {
		for _, m := range e.mentions {
			if m.table == "regions" && len(front.Regions) == 0 {
				continue // the front matter is wrong, which is said already
			}
			if !d.names[m.table][m.name] {
				rep.add(m.at, "There is no %s %q%s.", singular[m.table], m.name, suggest(m.name, slices.Sorted(maps.Keys(d.names[m.table]))))
			}
		}
	}
	d.consistent(rep, where)
	return d
}

// add decodes one entry, which has the shape of its table.
func (d *declarations) add(e entry, front *Front) error {
	switch e.table {
	case "purposes":
		v := Purpose{ID: loot.Purpose(e.id), Clause: e.at.clause}
		if err := e.node.Decode(&v); err != nil {
			return err
		}
		v.Retain = v.Keep.Duration()
		d.purposes = append(d.purposes, v)
	case "levels":
		n, err := strconv.Atoi(e.id)
		if err != nil {
			return err
		}
		v := Level{Level: n, Mask: "none"}
		if err := e.node.Decode(&v); err != nil {
			return err
		}
		d.levels = append(d.levels, v)
		slices.SortFunc(d.levels, func(a, b Level) int { return a.Level - b.Level })
	case "categories":
		return decode(e, &d.categories, Category{ID: loot.Category(e.id)})
	case "collections":
		return decode(e, &d.collections, CollectionDecl{ID: loot.Collection(e.id)})
	case "fields":
		return decode(e, &d.fields, FieldDecl{ID: loot.Field(e.id), Type: "text"})
	case "checks":
		return decode(e, &d.checks, CheckDecl{ID: loot.Category(e.id)})
	case "permissions":
		return decode(e, &d.offers, Offer{ID: e.id, Clause: e.at.clause})
	case "recipients":
		return decode(e, &d.recipients, Recipient{Key: e.id})
	case "roles":
		return decode(e, &d.roles, RoleDecl{ID: loot.Role(e.id)})
	case "desks":
		return decode(e, &d.desks, DeskDecl{Name: e.id})
	case "services":
		return decode(e, &d.services, ServiceDecl{ID: e.id})
	case "topics":
		return decode(e, &d.topics, TopicDecl{ID: e.id})
	case "senders":
		return decode(e, &d.senders, SenderDecl{Key: e.id})
	case "items":
		return decode(e, &d.items, ItemDecl{ID: e.id, Clause: e.at.clause})
	case "tags":
		return decode(e, &d.tags, TagDecl{ID: e.id, Clause: e.at.clause})
	case "signals":
		v := SignalDecl{ID: e.id, Clause: e.at.clause, Answers: map[string]string{}}
		said := map[string]string{}
		if err := e.node.Decode(&said); err != nil {
			return err
		}
		for _, r := range front.Regions {
			if a, ok := said[r]; ok {
				v.Answers[r] = a
			} else if a, ok := said["other"]; ok {
				v.Answers[r] = a
			}
		}
		d.signals = append(d.signals, v)
	}
	return nil
}

func decode[T any](e entry, into *[]T, v T) error {
	if err := e.node.Decode(&v); err != nil {
		return err
	}
	*into = append(*into, v)
	return nil
}

// consistent reports declarations that contradict each other.
func (d *declarations) consistent(rep *reporter, where map[string]place) {
	at := func(table, id string) place { return where[table+" "+id] }
	for _, p := range d.purposes {
		if p.Basis == "duty" && p.Law == "" {
			rep.add(at("purposes", string(p.ID)), "The purpose %s rests on a duty, so it names the law.", p.ID)
		}
	}
	for _, c := range d.categories {
		if !d.names["levels"][strconv.Itoa(c.Level)] {
			rep.add(at("categories", string(c.ID)), "There is no level %d.", c.Level)
		}
	}
	for _, f := range d.fields {
		for _, id := range f.Collections {
			c, ok := lookup(d.collections, func(c CollectionDecl) bool { return c.ID == id })
			if !ok {
				continue
			}
			if f.Identifying && !c.Identifying {
				rep.add(at("fields", string(f.ID)), "The field %s identifies, but the collection %s does not.", f.ID, c.ID)
			}
			if slices.ContainsFunc(f.Collections, func(id loot.Collection) bool { return slices.Contains(d.broken["collections"], string(id)) }) {
				continue // that one may be for it
			}
			for _, p := range slices.Sorted(maps.Keys(f.Needed)) {
				if !slices.Contains(c.Purposes, p) && d.names["purposes"][string(p)] && !d.servedElsewhere(f, p) {
					rep.add(at("fields", string(f.ID)), "The field %s is needed for %s, which no collection that asks for it is for.", f.ID, p)
				}
			}
		}
		if f.Index && !f.Identifying {
			rep.add(at("fields", string(f.ID)), "The field %s can be looked up, so it identifies: add identifying: true.", f.ID)
		}
	}
	for _, c := range d.checks {
		if c.Again.IsZero() {
			rep.add(at("checks", string(c.ID)), "Details of the category %s cannot be looked at again at once: say after how long, or take the line out.", c.ID)
		}
	}
	for _, r := range d.roles {
		if r.Approves && r.Administers {
			rep.add(at("roles", string(r.ID)), "The role %s administers and approves; nobody may do both.", r.ID)
		}
	}
	for _, r := range d.recipients {
		if len(r.Cooperation) > 0 && r.Kind != "partner" {
			rep.add(at("recipients", r.Key), "Only a partner cooperates; %s is of kind %s.", r.Key, r.Kind)
		}
	}
	for _, o := range d.offers {
		if p, ok := lookup(d.purposes, func(p Purpose) bool { return p.ID == o.Purpose }); ok && p.Basis != "permission" && o.Recipient == "self" {
			rep.add(at("permissions", o.ID), "The purpose %s rests on %s, so it cannot be permitted or not.", p.ID, basisWords[p.Basis])
		}
		d.assumable(rep, at("permissions", o.ID), o)
	}
	for _, s := range d.signals {
		for _, r := range slices.Sorted(maps.Keys(d.names["regions"])) {
			if _, ok := s.Answers[r]; !ok && r != "other" {
				rep.add(at("signals", s.ID), "There is no answer to %s for the region %s; add it, or one for other.", s.ID, r)
			}
		}
	}
}

// servedElsewhere reports whether another collection of the field is for p.
func (d *declarations) servedElsewhere(f FieldDecl, p loot.Purpose) bool {
	return slices.ContainsFunc(d.collections, func(c CollectionDecl) bool {
		return slices.Contains(f.Collections, c.ID) && slices.Contains(c.Purposes, p)
	})
}

var basisWords = map[string]string{
	"contract": "the contract", "duty": "a legal duty", "permission": "permission", "interest": "a legitimate interest",
}

func lookup[T any](list []T, is func(T) bool) (T, bool) {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i], true
	}
	var none T
	return none, false
}
